package bridge

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// leafProfile is the file of docs/deploy/leaf.md.
func leafProfile(t *testing.T) Config {
	t.Helper()
	text, err := os.ReadFile("../docs/deploy/leaf/linkspan.env")
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		name, value, set := strings.Cut(strings.TrimSpace(string(line)), "=")
		if set {
			t.Setenv(strings.TrimPrefix(name, "#"), value)
		}
	}
	c, err := ReadConfig()
	require.ErrorContains(t, err, "LINKSPAN_PAIR", "nothing else is set")
	require.NotContains(t, err.Error(), "LINKSPAN_NATS")
	return c
}

// The settings that the documentation names are settings, and whole.
func TestTheSettingsOfAHub(t *testing.T) {
	c := leafProfile(t)
	require.Equal(t, "tls://hub.region.example:7422", c.NATS.Leaf)
	require.NotEmpty(t, c.NATS.LeafCredentials)
	require.Empty(t, c.checkLeaf())
	require.ErrorContains(t, c.checkLeafFiles(time.Now), "hub credentials")
	require.ErrorContains(t, c.checkLeafFiles(time.Now), "link.pem")
}

// Settings of a hub that contradict each other, or leave the connection open,
// are faults.
func TestFaultsInTheSettingsOfAHub(t *testing.T) {
	whole := leafProfile(t)
	for name, set := range map[string]func(*NATSConfig){
		"LINKSPAN_NATS_LEAF: the embedded server's":                     func(n *NATSConfig) { n.URL = "tls://nats.example" },
		"LINKSPAN_NATS_LEAF_CREDENTIALS: the hub's":                     func(n *NATSConfig) { n.Leaf = "" },
		"LINKSPAN_NATS_LEAF: a server's address":                        func(n *NATSConfig) { n.Leaf = "tls://" },
		"LINKSPAN_NATS_LEAF: a user or password only in test":           func(n *NATSConfig) { n.Leaf = "tls://u:hidden@hub.example" },
		"LINKSPAN_NATS_LEAF_CREDENTIALS: not with a user":               func(n *NATSConfig) { n.Leaf = "tls://u:hidden@hub.example" },
		"LINKSPAN_NATS_LEAF: want addresses such as":                    func(n *NATSConfig) { n.Leaf = "wss://hub.example" },
		"LINKSPAN_NATS_LEAF: tls: not with LINKSPAN_NATS_PLAINTEXT":     func(n *NATSConfig) { n.Plaintext = true },
		"LINKSPAN_NATS_LEAF: without TLS in live only":                  func(n *NATSConfig) { n.Leaf, n.Plaintext = "hub.example:7422", true },
		"LINKSPAN_NATS_LEAF: wants LINKSPAN_NATS_CERT, _KEY, _CA, _NAM": func(n *NATSConfig) { *n = NATSConfig{Leaf: n.Leaf} },
	} {
		c := whole
		set(&c.NATS)
		err := errors.Join(c.checkLeaf()...)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "hidden")
	}
	part := whole
	part.NATS.CRL = nil
	require.Empty(t, part.checkLeaf(), "told of once")
	require.Len(t, part.checkNATS(), 1)
	here := whole
	here.NATS = NATSConfig{Leaf: "nats://127.0.0.1:7422", Plaintext: true}
	require.Empty(t, here.checkLeaf())
}

// Credentials that others may read, or that are none, are found before the start.
func TestCredentialsOfAHub(t *testing.T) {
	c := Config{NATS: NATSConfig{Leaf: "nats://127.0.0.1:7422", Plaintext: true, LeafCredentials: filepath.Join(t.TempDir(), "hub.creds")}}
	require.ErrorContains(t, c.checkLeafFiles(time.Now), "hub credentials")
	require.NoError(t, os.WriteFile(c.NATS.LeafCredentials, []byte("hidden"), 0o600))
	err := c.checkLeafFiles(time.Now)
	require.ErrorContains(t, err, "no token and seed of a user")
	require.NotContains(t, err.Error(), "hidden")
}
