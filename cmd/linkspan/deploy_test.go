package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// The settings of docs/deploy/systmone-desktop.md are settings, those of the
// one edge, and open no port but loopback ones.
func TestTheDesktopsSettings(t *testing.T) {
	page, err := os.ReadFile("../../docs/deploy/systmone-desktop.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```ini\n")
	require.True(t, found)
	text, _, _ := strings.Cut(rest, "```")
	set, err := readEnvFile(text)
	require.NoError(t, err)
	all, err := bridge.Settings()
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range all {
		known[s.Name] = s.System == "" || s.System == "systmone"
		if s.Required {
			require.NotEmpty(t, set[s.Name], s.Name)
		}
	}
	require.Equal(t, "systmone", set["LINKSPAN_ROLES"])
	for name, value := range set {
		require.True(t, known[name], name)
		if strings.HasSuffix(name, "_LISTEN") {
			host, _, err := net.SplitHostPort(value)
			require.NoError(t, err)
			require.True(t, net.ParseIP(host).IsLoopback(), name)
		}
		require.NotContains(t, value, "api-key", name)
	}
	require.True(t, strings.HasPrefix(set["LINKSPAN_NATS_URL"], "tls://"))
	require.True(t, loopback(set["LINKSPAN_SYSTMONE_ADDRESS"]))
}

// Every file of settings that docs/deploy ships names settings that there are,
// and all that are required where it is not an addition to another.
func TestTheShippedSettings(t *testing.T) {
	files, err := filepath.Glob("../../docs/deploy/*/*.env")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 4)
	all, err := bridge.Settings()
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range all {
		known[s.Name] = true
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if filepath.Base(file) == "node.env" {
			continue // of nats-server
		}
		set, err := readEnvFile(string(text))
		require.NoError(t, err, file)
		for name := range set {
			require.True(t, known[name], "%s: %s", file, name)
		}
		for _, s := range all {
			if s.Required && s.System == "" && set["LINKSPAN_PAIR"] != "" {
				require.NotEmpty(t, set[s.Name], "%s: %s", file, s.Name)
			}
		}
	}
}

// The daemon runs with the settings of docs/deploy/one-box.md, on other paths and
// against stand-ins, and carries a record each way: EMIS Web's over TLS.
func TestOneBox(t *testing.T) {
	authority := certstest.New(t, "Estuary")
	own, practice := authority.Issue("link.estuary.example"), authority.Issue("emis.estuary.example")
	etc, pair := t.TempDir(), pairs.EMISWebSystmOne()
	for name, text := range map[string][]byte{"emisweb.pem": own.PEM(), "emisweb.key": own.KeyPEM(t), "emisweb-ca.pem": authority.PEM(), "emisweb.pin": []byte(practice.Pin()),
		"emisweb-crl.pem": authority.List(nil), "systmone.settings": []byte("api-key:demo-key\ndevice-id:5ca1ab1e0ddba115\n")} {
		certstest.Write(t, filepath.Join(etc, name), text)
	}
	for _, name := range []string{"tls", "data"} {
		require.NoError(t, os.Mkdir(filepath.Join(etc, name), 0o700))
	}
	terms, err := os.ReadFile("../../docs/deploy/cluster/agreement.json")
	require.NoError(t, err)
	certstest.Write(t, filepath.Join(etc, "agreement.json"), terms)
	store, err := certs.Open(authority.Files(practice, []string{"link.estuary.example"}, own))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	address, listeners := map[string]string{}, map[string]*wire.Listener{}
	for _, s := range []system.System{pair.A, pair.B} {
		stand, err := standin.New(s.Name, os.DirFS("../../testdata/patients"), standin.Options{})
		require.NoError(t, err)
		options := wire.ListenOptions{}
		if s.Name == "emisweb" {
			options.TLS = store.Server()
		}
		l, err := wire.Listen(t.Context(), s.Wire, "127.0.0.1:0", stand.Handle, options)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Shutdown(context.Background())) })
		address[s.Name], listeners[s.Name] = l.Addr().String(), l
	}
	text, err := os.ReadFile("../../docs/deploy/one-box/linkspan.env")
	require.NoError(t, err)
	set, err := readEnvFile(strings.NewReplacer("/etc/linkspan/tls/", etc+"/", "/etc/linkspan/", etc+"/", "/run/credentials/linkspan.service/", etc+"/",
		"/var/lib/linkspan/tables", "", "/var/lib/linkspan", filepath.Join(etc, "data"), "0.0.0.0:8443", "127.0.0.1:0", "127.0.0.1:40701", "127.0.0.1:0",
		"emis.estuary.example:443", address["emisweb"], "localhost:40700", address["systmone"]).Replace(string(text)))
	require.NoError(t, err)
	set["LINKSPAN_ENVIRONMENT"], set["LINKSPAN_CONSOLE_LISTEN"] = "test", "127.0.0.1:0"
	for name, value := range set {
		t.Setenv(name, value)
	}
	c, err := bridge.ReadConfig()
	require.NoError(t, err)
	b, err := bridge.Start(t.Context(), c, bridge.Options{Version: "0.0.1"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Stop(context.Background())) })
	for file, client := range map[string]*wire.Client{
		"emisweb-full.xml":    wire.NewClient(pair.A.Wire, b.Address("emisweb"), wire.ClientOptions{Secure: func() *tls.Config { return store.Client("") }}),
		"systmone-narrow.xml": wire.NewClient(pair.B.Wire, b.Address("systmone"), wire.ClientOptions{}),
	} {
		request, err := os.ReadFile(filepath.Join("..", "..", "testdata", "requests", file))
		require.NoError(t, err)
		answer, err := client.Do(t.Context(), request, nil)
		client.Close()
		require.NoError(t, err)
		require.Contains(t, string(answer), "Quillfeather", file)
	}

	// top shows it when a system's interface goes, and when it does not come back.
	require.NoError(t, listeners["systmone"].Shutdown(context.Background()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shown := &until{text: "SystmOne     [DOWN]", then: cancel}
	require.NoError(t, topCommand{URL: b.ConsoleURL()}.Run(ctx, streams{out: shown}))
	require.Contains(t, shown.all.String(), shown.text)
}

// until keeps what is written, and does something once a text is in it.
type until struct {
	text string
	then func()
	all  bytes.Buffer
}

// Write keeps p.
func (u *until) Write(p []byte) (int, error) {
	u.all.Write(p)
	if bytes.Contains(u.all.Bytes(), []byte(u.text)) {
		u.then()
	}
	return len(p), nil
}
