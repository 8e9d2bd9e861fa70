//go:build linux

package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/pairs"
)

// live is the configuration of a daemon over TLS whose every secret is in a
// file, and the secrets.
func live(t *testing.T) (settings []string, secrets map[string][]byte) {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	d := &demo{dir: t.TempDir(), pair: pair}
	agreement, err := d.agreement(nil)
	require.NoError(t, err)
	area := certstest.New(t, "area")
	own, practice := area.Issue("linkspan.test"), area.Issue("practice.test")
	files := area.Files(own, []string{"practice.test"}, practice)
	secrets = map[string][]byte{
		"LINKSPAN_LINK_KEY":               []byte(strings.Repeat("c0ffee42", 8)),
		"LINKSPAN_PATIENT_KEY":            []byte(strings.Repeat("decade43", 8)),
		"LINKSPAN_OPS_PASSWORD_FILE":      []byte("canary-of-operations"),
		"LINKSPAN_SYSTMONE_SETTINGS_FILE": []byte("api-key: canary-of-systmone\ndevice-id: 5ca1ab1e0ddba115\ndevice-version: Linkspan\n"),
	}
	settings = []string{"LINKSPAN_ECONOMY=demo", "LINKSPAN_PAIR=" + pair.Name, "LINKSPAN_ENVIRONMENT=test", "LINKSPAN_INSTANCE=secrets", "LINKSPAN_AGREEMENT=" + agreement,
		"LINKSPAN_DATA=" + d.dir, "LINKSPAN_NATS_LISTEN=127.0.0.1:0", "LINKSPAN_EMISWEB_SETTINGS=user:linkspan,machine:demo"}
	for name, text := range secrets {
		file := filepath.Join(t.TempDir(), "secret")
		certstest.Write(t, file, text)
		settings = append(settings, name+"="+file)
	}
	for _, side := range []string{"EMISWEB", "SYSTMONE"} {
		settings = append(settings, tlsSettings(side, files)...)
		settings = append(settings, "LINKSPAN_"+side+"_ADDRESS=127.0.0.1:1", "LINKSPAN_"+side+"_LISTEN=127.0.0.1:0")
	}
	secrets["TLS key"] = own.KeyPEM(t)[28:200]
	return append(settings, tlsSettings("NATS", files)...), secrets
}

func tlsSettings(use string, o certs.Options) []string {
	var settings []string
	for name, value := range map[string]string{"CERT": o.Cert, "KEY": o.Key, "CA": o.CA, "NAMES": strings.Join(o.Names, ","), "PINS": o.Pins, "CRL": strings.Join(o.CRL, ",")} {
		settings = append(settings, fmt.Sprintf("LINKSPAN_%s_%s=%s", use, name, value))
	}
	return settings
}

func daemon(settings []string) *running {
	r := &running{cmd: exec.Command("linkspan", "run"), ended: make(chan struct{})}
	r.cmd.Env = append(os.Environ(), settings...)
	return r
}

// T-26: neither the environment nor the arguments of a running daemon, nor its
// log, hold a secret, and a crash of it writes no memory to disk.
func TestARunningDaemonShowsNoSecret(t *testing.T) {
	settings, secrets := live(t)
	r := daemon(settings)
	ready := make(chan []string, 1)
	require.NoError(t, r.start(waiting{regexp.MustCompile(`"msg":"ready"`), ready}))
	defer r.kill()
	select {
	case <-ready:
	case <-r.ended:
		require.FailNow(t, "not started", r.output.String())
	}
	shown := []byte{}
	for _, file := range []string{"environ", "cmdline"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", r.cmd.Process.Pid, file))
		require.NoError(t, err)
		require.NotEmpty(t, text)
		shown = append(shown, text...)
	}
	require.Contains(t, string(shown), "LINKSPAN_LINK_KEY=/", "what was read is the daemon's")
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", r.cmd.Process.Pid))
	require.NoError(t, err)
	require.Regexp(t, `Max core file size +0 +0 `, string(limits))
	r.kill()
	shown = append(shown, r.output.String()...)
	for name, secret := range secrets {
		require.False(t, bytes.Contains(shown, bytes.TrimSpace(secret)), name)
		if raw, err := hex.DecodeString(string(secret)); err == nil {
			require.False(t, bytes.Contains(shown, raw), name)
		}
	}
	require.NotContains(t, string(shown), "canary")
}

// T-26: a key others may read keeps the daemon from starting, whichever it is,
// and the remedy is named.
func TestAnExposedKeyKeepsTheDaemonFromStarting(t *testing.T) {
	settings, _ := live(t)
	for _, name := range []string{"LINKSPAN_LINK_KEY", "LINKSPAN_PATIENT_KEY", "LINKSPAN_OPS_PASSWORD_FILE", "LINKSPAN_SYSTMONE_SETTINGS_FILE", "LINKSPAN_EMISWEB_KEY", "LINKSPAN_EMISWEB_SIGNER"} {
		file := ""
		for _, s := range settings {
			if value, ok := strings.CutPrefix(s, name+"="); ok {
				file = value
			}
		}
		given := settings
		if file == "" {
			file = filepath.Join(t.TempDir(), "signer.pem")
			require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
			given = append(append([]string{}, settings...), name+"="+file)
		}
		require.NoError(t, os.Chmod(file, 0o640))
		r := daemon(given)
		out, err := r.cmd.CombinedOutput()
		require.Error(t, err, name)
		require.Contains(t, string(out), "chmod 600", name)
		require.Contains(t, string(out), file, name)
		require.NotContains(t, string(out), "canary", name)
		require.NoError(t, os.Chmod(file, 0o600))
	}
}

// Secrets in the environment are refused in live, each under its name and
// without its value.
func TestSecretsInTheEnvironmentAreRefusedInLive(t *testing.T) {
	r := daemon([]string{"LINKSPAN_ECONOMY=demo", "LINKSPAN_PAIR=emisweb-systmone", "LINKSPAN_OPS_PASSWORD=canary", "LINKSPAN_NATS_LISTEN=127.0.0.1:0",
		"LINKSPAN_SYSTMONE_SETTINGS=api-key:canary,device-id:x", "LINKSPAN_EMISWEB_ADDRESS=192.0.2.1:80", "LINKSPAN_EMISWEB_LISTEN=0.0.0.0:80", "LINKSPAN_EMISWEB_PLAINTEXT=listen,address,all"})
	out, err := r.cmd.CombinedOutput()
	require.Error(t, err)
	for _, fault := range []string{"LINKSPAN_OPS_PASSWORD: only in test", "LINKSPAN_SYSTMONE_SETTINGS: api-key only in test", "LINKSPAN_EMISWEB_PLAINTEXT: listen: in live only on a loopback address",
		"LINKSPAN_EMISWEB_PLAINTEXT: address: in live only on a loopback address", "LINKSPAN_EMISWEB_PLAINTEXT: want listen, address or both"} {
		require.Contains(t, string(out), fault)
	}
	require.NotContains(t, string(out), "canary")
	require.NotContains(t, string(out), "device-id only")
	r = daemon([]string{"LINKSPAN_ECONOMY=demo", "LINKSPAN_PAIR=emisweb-systmone", "LINKSPAN_NATS_URL=nats://u:canary@192.0.2.1:4222", "LINKSPAN_NATS_PLAINTEXT=true"})
	out, err = r.cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "LINKSPAN_NATS_URL: a user or password only in test")
	require.Contains(t, string(out), "LINKSPAN_NATS_PLAINTEXT: in live only where every server is on a loopback address")
	require.NotContains(t, string(out), "canary")
}
