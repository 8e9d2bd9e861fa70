package bridge_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
)

const consoleToken = "a-token-of-some-length"

func tokenFile(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(consoleToken+"\n"), 0o600))
	return file
}

// look asks the page for something and gives the status, 0 where the handshake
// failed.
func look(t *testing.T, url string, config *tls.Config, token string) (int, string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// A system whose interface goes away is down in the page's stream, by the message
// of the heartbeat that tells of it.
func TestTheConsoleShowsABrokenWire(t *testing.T) {
	var gone *wire.Listener
	e := start(t, setup{config: func(c *bridge.Config) {
		c.Console.Listen = "127.0.0.1:0"
		side := c.Sides["systmone"]
		listener, err := wire.Listen(t.Context(), pairs.EMISWebSystmOne().B.Wire, "127.0.0.1:0", stand(t, "systmone", standin.Options{}).Handle, wire.ListenOptions{})
		require.NoError(t, err)
		gone, side.Address, side.Probe = listener, listener.Addr().String(), 20*time.Millisecond
		c.Sides["systmone"] = side
	}})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.ConsoleURL()+"/events", nil)
	require.NoError(t, err)
	answer, err := transport.RoundTrip(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 4<<20)
	until := func(state status.WireState) (link status.Link) {
		for lines.Scan() {
			if text, is := strings.CutPrefix(lines.Text(), "data: "); is {
				require.NoError(t, json.Unmarshal([]byte(text), &link))
				if link.Systems[1].Wire == state {
					return link
				}
			}
		}
		require.FailNow(t, "the stream ended")
		return link
	}
	until(status.WireUp)
	require.NoError(t, gone.Shutdown(context.Background()))
	link := until(status.WireDown)
	require.Equal(t, status.Down, link.Level)
	require.Contains(t, strings.Join(link.Why, "\n"), "SystmOne does not answer")
	code, _ := look(t, e.ConsoleURL()+"/healthz", nil, "")
	require.Equal(t, 503, code)
}

// An address that is taken ends the start in words that name the setting.
func TestAConsoleWithoutItsAddressDoesNotStart(t *testing.T) {
	e := start(t, setup{config: func(c *bridge.Config) { c.Console.Listen = "127.0.0.1:0" }})
	config := bridge.Config{}
	second := start(t, setup{config: func(c *bridge.Config) { config = *c }})
	require.NoError(t, second.Stop(context.Background()))
	require.Empty(t, second.ConsoleURL())
	config.Data, config.Console.Listen = t.TempDir(), strings.TrimPrefix(e.ConsoleURL(), "http://")
	_, err := bridge.Start(t.Context(), config, bridge.Options{Version: "0.0.1"})
	require.ErrorContains(t, err, "LINKSPAN_CONSOLE_LISTEN: the operations page cannot have its address")
	require.ErrorContains(t, err, "another instance")
}

// Over TLS the page opens by the token, by a certificate, or by either.
func TestWhoMaySeeTheConsole(t *testing.T) {
	area := certstest.New(t, "area")
	own, operator, stranger := area.Issue("linkspan.test"), area.Issue("operator.test"), area.Issue("stranger.test")
	files := area.Files(own, []string{"operator.test"}, operator)
	authorities := x509.NewCertPool()
	authorities.AddCert(area.Cert)
	trusting := func(leaf *certstest.Leaf) *tls.Config {
		c := &tls.Config{RootCAs: authorities, ServerName: "linkspan.test", MinVersion: tls.VersionTLS12}
		if leaf != nil {
			c.Certificates = []tls.Certificate{leaf.TLS()}
		}
		return c
	}
	judged := bridge.ConsoleConfig{Listen: "127.0.0.1:0", Cert: files.Cert, Key: files.Key, CA: files.CA, Names: files.Names, Pins: files.Pins, CRL: files.CRL}
	either := judged
	either.TokenFile = tokenFile(t)
	for name, c := range map[string]struct {
		config                                bridge.ConsoleConfig
		nobody, token, operator, strangerCode int
	}{
		"a token":       {bridge.ConsoleConfig{Listen: "127.0.0.1:0", Cert: files.Cert, Key: files.Key, TokenFile: either.TokenFile}, 401, 200, 401, 401},
		"a certificate": {judged, 0, 0, 200, 0},
		"either":        {either, 401, 200, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, setup{config: func(b *bridge.Config) { b.Console = c.config }})
			at := e.ConsoleURL() + "/status.json"
			require.True(t, strings.HasPrefix(at, "https://"))
			code, _ := look(t, at, trusting(nil), "")
			require.Equal(t, c.nobody, code)
			code, _ = look(t, at, trusting(nil), consoleToken)
			require.Equal(t, c.token, code)
			code, _ = look(t, at, trusting(&operator), "")
			require.Equal(t, c.operator, code)
			code, _ = look(t, at, trusting(&stranger), "")
			require.Equal(t, c.strangerCode, code)
			conn, err := net.Dial("tcp", strings.TrimPrefix(e.ConsoleURL(), "https://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write([]byte("GET /status.json HTTP/1.0\r\nHost: localhost\r\n\r\n"))
			require.NoError(t, err)
			said, _ := io.ReadAll(conn)
			require.NotContains(t, string(said), "economy", "plain text")
		})
	}
}

// What other machines can reach wants TLS and something that says who looks;
// every fault is named at once.
func TestTheConsolesSettings(t *testing.T) {
	token := tokenFile(t)
	for name, c := range map[string]struct {
		set    map[string]string
		faults []string
	}{
		"none":                     {map[string]string{"LISTEN": "off", "CERT": "x"}, nil},
		"on loopback":              {map[string]string{"LISTEN": "localhost:1"}, nil},
		"a token on loopback":      {map[string]string{"LISTEN": "[::1]:1", "TOKEN_FILE": token}, nil},
		"no port":                  {map[string]string{"LISTEN": "127.0.0.1"}, []string{"LISTEN: want"}},
		"everywhere":               {map[string]string{"LISTEN": ":7787"}, []string{"CERT: required", "KEY: required", "TOKEN_FILE: this or"}},
		"elsewhere with a token":   {map[string]string{"LISTEN": "192.0.2.1:1", "TOKEN_FILE": token}, []string{"CERT: required", "KEY: required"}},
		"without who looks":        {map[string]string{"LISTEN": "192.0.2.1:1", "CERT": "x", "KEY": "y"}, []string{"TOKEN_FILE: this or"}},
		"half of who looks":        {map[string]string{"LISTEN": "127.0.0.1:1", "CA": "x"}, []string{"CERT: required", "KEY: required", "NAMES: required", "PINS: required", "CRL: required"}},
		"a certificate, a token":   {map[string]string{"LISTEN": "192.0.2.1:1", "CERT": "x", "KEY": "y", "TOKEN_FILE": token}, nil},
		"a certificate, authority": {map[string]string{"LISTEN": "192.0.2.1:1", "CERT": "x", "KEY": "y", "CA": "z", "NAMES": "n", "PINS": "p", "CRL": "c"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for setting, value := range c.set {
				t.Setenv("LINKSPAN_CONSOLE_"+setting, value)
			}
			_, err := bridge.ReadConfig()
			require.Error(t, err) // of the settings that are not given here
			require.Equal(t, len(c.faults), strings.Count(err.Error(), "LINKSPAN_CONSOLE_")-strings.Count(err.Error(), "this or LINKSPAN_CONSOLE_CA"), err.Error())
			for _, fault := range c.faults {
				require.ErrorContains(t, err, "LINKSPAN_CONSOLE_"+fault)
			}
		})
	}
}
