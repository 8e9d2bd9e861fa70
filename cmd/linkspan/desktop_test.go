package main

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
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
