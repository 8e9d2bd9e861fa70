package wire

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func TestTCPListenerAnswersDocuments(t *testing.T) {
	l := listen(t, tcpWire, echo, ListenOptions{})
	conn := dial(t, l)
	say(t, conn, "\r\n<a>\r\n</a>")
	hear(t, conn, "<echo><a>\r\n</a></echo>\n")
	say(t, conn, "\n<EOF>\x00<b/><c/>") // pipelined
	hear(t, conn, "<echo><b/></echo>\n<echo><c/></echo>\n")
	say(t, conn, "<d")
	say(t, conn, "/>")
	hear(t, conn, "<echo><d/></echo>\n")
	say(t, conn, "\xEF\xBB\xBF<e/><EOF>")
	require.NoError(t, conn.CloseWrite())
	hearEnd(t, conn, "<echo>\xEF\xBB\xBF<e/></echo>\n")
}

func TestTCPListenerAnswersWhatIsNoDocument(t *testing.T) {
	var heard events
	l := listen(t, tcpWire, echo, ListenOptions{Limit: 64, Report: heard.report})
	for sent, answer := range map[string]string{
		"GET / HTTP/1.1\r\n\r\n":              "<echo>GET / HTTP/1.1\r\n\r\n</echo>\n",
		"<!DOCTYPE x>":                        "<echo><!DOCTYPE x></echo>\n",
		"<a/>\nrubbish":                       "<echo><a/></echo>\n<echo>rubbish</echo>\n",
		"<a>" + strings.Repeat("x", 200<<10):  "<error>too-large</error>\n",
		strings.Repeat(" ", 200<<10) + "<a/>": "<echo><a/></echo>\n",
	} {
		conn := dial(t, l)
		say(t, conn, sent)
		if strings.HasSuffix(sent, " <a/>") {
			require.NoError(t, conn.CloseWrite())
		}
		hearEnd(t, conn, answer)
	}
	conn := dial(t, l)
	say(t, conn, "<a><b>")
	require.NoError(t, conn.CloseWrite())
	hearEnd(t, conn, "<echo><a><b></echo>\n")
	require.ElementsMatch(t, []record.Reason{record.ReasonBadMessage, record.ReasonBadMessage, record.ReasonBadMessage,
		record.ReasonBadMessage, record.ReasonTooLarge}, heard.reasons())
}

func TestTCPListenerBoundsTime(t *testing.T) {
	l := listen(t, tcpWire, echo, ListenOptions{ProgressTimeout: 20 * time.Millisecond})
	conn := dial(t, l)
	say(t, conn, "<a>")
	hearEnd(t, conn, "<error>timeout</error>\n")

	l = listen(t, tcpWire, echo, ListenOptions{ReadTimeout: 50 * time.Millisecond})
	conn = dial(t, l)
	say(t, conn, "<a>")
	for range 1000 { // a byte at a time, for ever
		if _, err := io.WriteString(conn, "x"); err != nil {
			break
		}
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			break
		}
	}
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	hearEnd(t, conn, "error>timeout</error>\n")

	l = listen(t, tcpWire, echo, ListenOptions{IdleTimeout: 20 * time.Millisecond})
	hearEnd(t, dial(t, l), "")
	conn = dial(t, l)
	say(t, conn, "\n<EOF>\n")
	hearEnd(t, conn, "")
}

func TestTCPListenerBoundsConnections(t *testing.T) {
	var heard events
	l := listen(t, tcpWire, echo, ListenOptions{MaxConnections: 1, Report: heard.report})
	first := dial(t, l)
	say(t, first, "<a/>")
	hear(t, first, "<echo><a/></echo>\n")
	for range spareOfPeer(1) { // told, one after the other
		hear(t, dial(t, l), "<error>busy</error>\n")
	}
	hearEnd(t, dial(t, l), "") // and no more of one address
	require.Len(t, heard.list(), spareOfPeer(1)+1)
	say(t, first, "<b/>")
	hear(t, first, "<echo><b/></echo>\n")
}

func TestTCPListenerStaysSilentWhenTold(t *testing.T) {
	l := listen(t, tcpWire, func(_ context.Context, msg []byte, _ Peer) []byte {
		if string(msg) == "<silent/>" {
			return nil
		}
		return msg
	}, ListenOptions{})
	conn := dial(t, l)
	say(t, conn, "<silent/><a/>")
	hear(t, conn, "<a/>\n")
}

func TestTCPListenerHangsUpWhenTold(t *testing.T) {
	l := listen(t, tcpWire, func(_ context.Context, msg []byte, from Peer) []byte {
		from.Hangup()
		return msg[:2]
	}, ListenOptions{})
	conn := dial(t, l)
	say(t, conn, "<a/><b/>")
	hearEnd(t, conn, "<a\n")
}

func TestTCPListenerSurvivesAPanic(t *testing.T) {
	var heard events
	l := listen(t, tcpWire, func(context.Context, []byte, Peer) []byte { panic("secret") }, ListenOptions{Report: heard.report})
	conn := dial(t, l)
	say(t, conn, "<a/>")
	hear(t, conn, "<error>internal</error>\n")
	require.Equal(t, []record.Reason{record.ReasonInternal}, heard.reasons())
	require.NotContains(t, heard.list()[0].Err.Error(), "secret")
}

func TestShutdownFinishesWhatIsInHand(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	l := listen(t, tcpWire, func(ctx context.Context, msg []byte, _ Peer) []byte {
		if string(msg) == "<b/>" {
			close(entered)
			<-finish
		}
		return msg
	}, ListenOptions{})
	t.Cleanup(release)
	idle, busy, partial := dial(t, l), dial(t, l), dial(t, l)
	say(t, idle, "<a/>")
	hear(t, idle, "<a/>\n")
	say(t, partial, "<a/><half>") // read at once
	hear(t, partial, "<a/>\n")
	say(t, busy, "<b/><c/>")
	<-entered
	done := make(chan error, 1)
	go func() { done <- l.Shutdown(soon(t)) }()
	hearEnd(t, idle, "")
	hearEnd(t, partial, "<error>unavailable</error>\n")
	release()
	hearEnd(t, busy, "<b/>\n")
	require.NoError(t, <-done)
}

func TestShutdownIsNotHeldUpByAHandler(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	l, err := Listen(context.Background(), tcpWire, "127.0.0.1:0", func(context.Context, []byte, Peer) []byte {
		close(entered)
		<-finish // whatever its context says
		return nil
	}, ListenOptions{})
	require.NoError(t, err)
	defer close(finish)
	say(t, dial(t, l), "<a/>")
	<-entered
	expired, stop := context.WithCancel(context.Background())
	stop()
	require.ErrorIs(t, l.Shutdown(expired), context.Canceled)
}

func TestShutdownThatCannotWait(t *testing.T) {
	for _, w := range []struct {
		name string
		send func(t *testing.T, l *Listener)
	}{
		{"tcp", func(t *testing.T, l *Listener) { say(t, dial(t, l), "<a/>") }},
		{"http", func(t *testing.T, l *Listener) {
			say(t, dial(t, l), "POST /ITK HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n<a/>")
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			entered := make(chan struct{})
			wire := tcpWire
			if w.name == "http" {
				wire = httpWire
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			l, err := Listen(ctx, wire, "127.0.0.1:0", func(ctx context.Context, _ []byte, _ Peer) []byte {
				close(entered)
				<-ctx.Done()
				return []byte("<late/>")
			}, ListenOptions{})
			require.NoError(t, err)
			w.send(t, l)
			<-entered
			expired, stop := context.WithCancel(context.Background())
			stop()
			require.ErrorIs(t, l.Shutdown(expired), context.Canceled)
		})
	}
}

func TestListenerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l, err := Listen(ctx, tcpWire, "127.0.0.1:0", echo, ListenOptions{})
	require.NoError(t, err)
	conn := dial(t, l)
	say(t, conn, "<a/>")
	hear(t, conn, "<echo><a/></echo>\n")
	cancel()
	_, err = io.ReadAll(conn)
	_ = err // an end or a reset, either way it ends
	require.NoError(t, l.Shutdown(soon(t)))
}

func TestListenRefusesAnUnknownTransport(t *testing.T) {
	w := tcpWire
	w.Transport = "pigeon"
	_, err := Listen(context.Background(), w, "127.0.0.1:0", echo, ListenOptions{})
	require.Error(t, err)
	_, err = Listen(context.Background(), tcpWire, "127.0.0.1:notaport", echo, ListenOptions{})
	require.Error(t, err)
}
