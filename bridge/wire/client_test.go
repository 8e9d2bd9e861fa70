package wire

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func TestTCPExchange(t *testing.T) {
	l := listen(t, tcpWire, echo, ListenOptions{})
	c := NewClient(tcpWire, l.Addr().String(), ClientOptions{})
	for _, msg := range []string{"<a/>", "<b>\r\n</b>"} {
		answer, err := c.Do(soon(t), []byte(msg), nil)
		require.NoError(t, err)
		require.Equal(t, "<echo>"+msg+"</echo>", string(answer))
	}
}

func TestTCPExchangeSendsTheTerminator(t *testing.T) {
	w := tcpWire
	w.Terminator = "\n\x00"
	address := endpointFunc(t, func(conn *net.TCPConn) {
		got := make([]byte, 6)
		_, _ = io.ReadFull(conn, got)
		_, _ = conn.Write([]byte("<got>" + strings.ReplaceAll(string(got[4:]), "\x00", "NUL") + "</got>"))
	})
	answer, err := NewClient(w, address, ClientOptions{}).Do(soon(t), []byte("<a/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<got>\nNUL</got>", string(answer))
}

func TestTCPAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   string
		reason record.Reason
	}{
		"newline":           {"<a/>\n", "<a/>", ""},
		"no newline":        {"<a>\n</a>", "<a>\n</a>", ""},
		"EOF literal":       {"<a/><EOF>", "<a/>", ""},
		"blank before":      {"\r\n\x00<a/>\r\n\x00", "<a/>", ""},
		"byte order mark":   {"\xEF\xBB\xBF<a/>", "\xEF\xBB\xBF<a/>", ""},
		"closed early":      {"", "", record.ReasonBadAnswer},
		"blank only":        {"\n\n", "", record.ReasonBadAnswer},
		"cut":               {"<a><b/>", "", record.ReasonBadAnswer},
		"not XML":           {"ERROR 7", "", record.ReasonBadAnswer},
		"document type":     {"<!DOCTYPE a><a/>", "", record.ReasonBadAnswer},
		"rubbish after":     {"<a/>x", "", record.ReasonBadAnswer},
		"a second document": {"<a/>\n<b/>", "", record.ReasonBadAnswer},
		"giant":             {"<a>" + strings.Repeat("x", 1<<20) + "</a>", "", record.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			address := endpointFunc(t, func(conn *net.TCPConn) {
				readDocument(conn)
				_, _ = io.WriteString(conn, c.answer)
			})
			answer, err := NewClient(tcpWire, address, ClientOptions{Limit: 1 << 16}).Do(soon(t), []byte("<q/>"), nil)
			require.Equal(t, c.want, string(answer))
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, c.reason, reason(t, err))
		})
	}
}

func TestTCPAnswerInPieces(t *testing.T) {
	address := endpointFunc(t, func(conn *net.TCPConn) {
		readDocument(conn)
		_ = conn.SetNoDelay(true)
		for _, b := range []byte("<a><b>µ</b><!-- > --></a>") {
			_, _ = conn.Write([]byte{b})
		}
	})
	answer, err := NewClient(tcpWire, address, ClientOptions{}).Do(soon(t), []byte("<q/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<a><b>µ</b><!-- > --></a>", string(answer))
}

func TestTCPSilenceIsATimeout(t *testing.T) {
	for name, first := range map[string]string{"silent": "", "stops": "<a><b>"} {
		t.Run(name, func(t *testing.T) {
			address := endpointFunc(t, func(conn *net.TCPConn) {
				_, _ = io.WriteString(conn, first)
				_, _ = io.Copy(io.Discard, conn)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			_, err := NewClient(tcpWire, address, ClientOptions{}).Do(ctx, []byte("<q/>"), nil)
			require.Equal(t, record.ReasonTimeout, reason(t, err))

			_, err = NewClient(tcpWire, address, ClientOptions{Timeout: 30 * time.Millisecond}).Do(t.Context(), []byte("<q/>"), nil)
			require.Equal(t, record.ReasonTimeout, reason(t, err))
		})
	}
	address := endpointFunc(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "<a>")
		_, _ = io.Copy(io.Discard, conn)
	})
	_, err := NewClient(tcpWire, address, ClientOptions{ProgressTimeout: 20 * time.Millisecond}).Do(soon(t), []byte("<q/>"), nil)
	require.Equal(t, record.ReasonTimeout, reason(t, err))
}

// TestLateAnswerIsNeverTaken: the answer to an exchange that timed out arrives
// while the next one waits, and is not its answer.
func TestLateAnswerIsNeverTaken(t *testing.T) {
	given := make(chan struct{})
	address := endpointFunc(t, func(conn *net.TCPConn) {
		s := &stream{src: conn, limit: 1 << 20, before: func(bool) error { return nil }}
		msg, _ := s.next()
		if string(msg) == "<first/>" {
			<-given
			_, _ = io.WriteString(conn, "<answer-to-first/>")
			return
		}
		close(given)
		_, _ = io.WriteString(conn, "<answer-to-second/>")
	})
	c := NewClient(tcpWire, address, ClientOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, []byte("<first/>"), nil)
	require.Equal(t, record.ReasonTimeout, reason(t, err))
	answer, err := c.Do(soon(t), []byte("<second/>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<answer-to-second/>", string(answer))
}

func TestTCPOneExchangeInFlight(t *testing.T) {
	entered, finish := make(chan struct{}, 2), make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	l := listen(t, tcpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		entered <- struct{}{}
		<-finish
		return msg
	}, ListenOptions{})
	t.Cleanup(release)
	c := NewClient(tcpWire, l.Addr().String(), ClientOptions{})
	done := make(chan error, 1)
	go func() {
		_, err := c.Do(soon(t), []byte("<a/>"), nil)
		done <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, []byte("<b/>"), nil)
	require.Equal(t, record.ReasonBusy, reason(t, err))
	require.Empty(t, entered)
	release()
	require.NoError(t, <-done)
}

func TestUnavailable(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := socket.Addr().String()
	require.NoError(t, socket.Close())
	for _, c := range []*Client{
		NewClient(tcpWire, address, ClientOptions{}),
		NewClient(httpWire, address, ClientOptions{}),
		NewClient(tcpWire, address, ClientOptions{TLS: &tls.Config{}}),
		NewClient(httpWire, "http://["+address, ClientOptions{}),
	} {
		_, err = c.Do(soon(t), []byte("<a/>"), nil)
		require.Equal(t, record.ReasonUnavailable, reason(t, err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = NewClient(tcpWire, address, ClientOptions{}).Do(ctx, []byte("<a/>"), nil)
	require.Equal(t, record.ReasonTimeout, reason(t, err))
}

func TestRefusalBeforeAllIsSent(t *testing.T) {
	l := listen(t, tcpWire, echo, ListenOptions{Limit: 1 << 10})
	answer, err := NewClient(tcpWire, l.Addr().String(), ClientOptions{}).Do(soon(t),
		[]byte("<a>"+strings.Repeat("x", 4<<20)+"</a>"), nil)
	require.NoError(t, err)
	require.Equal(t, "<error>too-large</error>", string(answer))
}

func TestEightMebibytesBothWays(t *testing.T) {
	big := "<a>" + strings.Repeat("0123456789abcdef", (8<<20-16)/16) + "</a>"
	same := func(_ context.Context, msg []byte, _ Peer) []byte { return msg }
	for _, l := range []*Listener{listen(t, tcpWire, same, ListenOptions{}), listen(t, httpWire, same, ListenOptions{})} {
		c := NewClient(l.wire, l.Addr().String(), ClientOptions{})
		answer, err := c.Do(soon(t), []byte(big), nil)
		require.NoError(t, err)
		require.True(t, string(answer) == big)
		c.Close()
	}
}

func TestMutualTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	whoami := func(_ context.Context, _ []byte, from Peer) []byte { return []byte("<cn>" + from.CommonName + "</cn>") }
	for _, w := range []*Listener{
		listen(t, tcpWire, whoami, ListenOptions{TLS: ours.server(t)}),
		listen(t, httpWire, whoami, ListenOptions{TLS: ours.server(t)}),
	} {
		address := w.Addr().String()
		c := NewClient(w.wire, address, ClientOptions{TLS: ours.client(t, "practice one")})
		answer, err := c.Do(soon(t), []byte("<a/>"), nil)
		require.NoError(t, err)
		require.Equal(t, "<cn>practice one</cn>", string(answer))
		c.Close()

		for _, config := range []*tls.Config{
			theirs.client(t, "stranger"), // neither knows the other
			{RootCAs: ours.pool},         // no certificate of its own
		} {
			c := NewClient(w.wire, address, ClientOptions{TLS: config})
			answer, err := c.Do(soon(t), []byte("<a/>"), nil)
			// net/http does not wait for its alert to arrive, so that the reset may.
			require.Contains(t, []record.Reason{record.ReasonUnavailable, record.ReasonBadAnswer}, reason(t, err))
			if w.wire.Transport == tcpWire.Transport {
				require.Equal(t, record.ReasonUnavailable, reason(t, err))
			}
			require.Nil(t, answer)
			c.Close()
		}
		_, err = NewClient(w.wire, address, ClientOptions{}).Do(soon(t), []byte("<a/>"), nil)
		require.Error(t, err, "plain text to a TLS listener")
	}
}

func TestTLSHandshakeIsBounded(t *testing.T) {
	l := listen(t, tcpWire, echo, ListenOptions{TLS: newAuthority(t).server(t), HandshakeTimeout: 20 * time.Millisecond})
	hearEnd(t, dial(t, l), "")
}
