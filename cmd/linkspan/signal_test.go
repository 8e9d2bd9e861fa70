//go:build unix

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/testdata"
)

// TestSignalUnderLoad tells the daemon to stop with SIGTERM while askers of both
// systems ask without a pause. Each gets a whole native answer, or its
// connection is refused or cut before its request was taken: every exchange in the
// audit has its end, every such end was received by an asker, byte for byte, and
// every record that was received is there. The process ends with 0 (safety P-18).
func TestSignalUnderLoad(t *testing.T) {
	const askers, before = 8, 12 // answers before the signal
	ctx, pair := t.Context(), pairs.EMISWebSystmOne()
	patients, err := fs.Sub(testdata.Patients, "patients")
	require.NoError(t, err)
	addresses := map[string]string{}
	for _, s := range []system.System{pair.A, pair.B} {
		stand, err := standin.New(s.Name, patients, standin.Options{})
		require.NoError(t, err)
		l, err := wire.Listen(ctx, s.Wire, "127.0.0.1:0", stand.Handle, wire.ListenOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Shutdown(context.Background())) })
		addresses[s.Name] = l.Addr().String()
	}
	d := &demo{dir: t.TempDir(), pair: pair}
	agreement, err := d.agreement(nil)
	require.NoError(t, err)
	daemon := &running{cmd: exec.Command("linkspan", "run"), ended: make(chan struct{})}
	daemon.cmd.Env = append(os.Environ(), "LINKSPAN_ECONOMY=demo", "LINKSPAN_PAIR="+pair.Name, "LINKSPAN_ENVIRONMENT=test", "LINKSPAN_INSTANCE=signal",
		"LINKSPAN_AGREEMENT="+agreement, "LINKSPAN_DATA="+d.dir, "LINKSPAN_CONSOLE_LISTEN=off",
		"LINKSPAN_EMISWEB_ADDRESS="+addresses["emisweb"], "LINKSPAN_EMISWEB_LISTEN=127.0.0.1:0", "LINKSPAN_EMISWEB_SETTINGS=user:linkspan,machine:demo",
		"LINKSPAN_EMISWEB_PLAINTEXT=listen,address", "LINKSPAN_EMISWEB_THROTTLE=off",
		"LINKSPAN_SYSTMONE_ADDRESS="+addresses["systmone"], "LINKSPAN_SYSTMONE_LISTEN=127.0.0.1:0", "LINKSPAN_SYSTMONE_PLAINTEXT=listen,address", "LINKSPAN_SYSTMONE_THROTTLE=off",
		"LINKSPAN_SYSTMONE_SETTINGS=api-key:demo-key,device-id:5ca1ab1e0ddba115,device-version:Linkspan")
	emisweb, systmone := make(chan []string, 1), make(chan []string, 1)
	require.NoError(t, daemon.start(
		waiting{regexp.MustCompile(`"msg":"listening","system":"emisweb","address":"([^"]+)"(?s:.*)"msg":"ready"`), emisweb},
		waiting{regexp.MustCompile(`"msg":"listening","system":"systmone","address":"([^"]+)"(?s:.*)"msg":"ready"`), systmone}))
	defer daemon.kill()
	listens := map[string]string{"emisweb": (<-emisweb)[1], "systmone": (<-systmone)[1]}

	var answered atomic.Int64
	signalled := make(chan struct{})
	var mu sync.Mutex
	received := map[string]int{} // SHA-256 of what was received
	records := map[string]int{}  // and of that, of records
	var working sync.WaitGroup
	for n := range askers {
		asker := pair.A
		file := "emisweb-full.xml"
		if n%2 == 1 {
			asker, file = pair.B, "systmone-whole.xml"
		}
		working.Go(func() {
			for {
				native, err := d.request(context.Background(), asker, file, uuid.NewString())
				if err != nil {
					panic(err)
				}
				client := wire.NewClient(asker.Wire, listens[asker.Name], wire.ClientOptions{ThrottleDisabled: true, Headers: consented})
				got, err := client.Do(context.Background(), native, nil)
				client.Close()
				if err != nil { // the first that is not taken ends this asker
					return
				}
				sum := sha256.Sum256(got)
				mu.Lock()
				received[hex.EncodeToString(sum[:])]++
				if strings.Contains(string(got), "Quillfeather") {
					records[hex.EncodeToString(sum[:])]++
				}
				mu.Unlock()
				if answered.Add(1) == before {
					close(signalled)
				}
			}
		})
	}
	<-signalled
	require.NoError(t, daemon.cmd.Process.Signal(syscall.SIGTERM))
	working.Wait()
	<-daemon.ended
	require.NoError(t, daemon.cmd.Wait(), daemon.output.String())
	require.NotEmpty(t, records)

	ends, asked := map[string]int{}, map[string]int{}
	_, err = audit.Read(filepath.Join(d.dir, "audit"), "signal", func(_ audit.Receipt, e audit.Entry) error {
		switch e.Event {
		case audit.EventAsked:
			asked[e.Exchange]++
		case audit.EventAnswered, audit.EventRefused:
			asked[e.Exchange]--
			ends[e.ContentSHA256]++
		}
		return nil
	})
	require.NoError(t, err)
	for exchange, open := range asked {
		require.Zero(t, open, "exchange %s has no end", exchange)
	}
	for sum, n := range ends {
		require.Equal(t, n, received[sum], "an answer was made that no asker received")
	}
	for sum, n := range records {
		require.GreaterOrEqual(t, ends[sum], n, "a record was received that is not in the audit")
	}
	require.NotContains(t, daemon.output.String(), "Quillfeather")
}
