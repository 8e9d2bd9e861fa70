package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/testdata"
)

// A daemon told to stop while SystmOne has not yet answered takes nothing new,
// waits, and gives EMIS Web its answer before it ends.
func TestRunDrains(t *testing.T) {
	ctx, pair := t.Context(), pairs.EMISWebSystmOne()
	patients, err := fs.Sub(testdata.Patients, "patients")
	require.NoError(t, err)
	stand, err := standin.New("systmone", patients, standin.Options{})
	require.NoError(t, err)
	asked, answer := make(chan struct{}), make(chan struct{})
	holder, err := wire.Listen(ctx, pair.B.Wire, "127.0.0.1:0", func(ctx context.Context, msg []byte, from wire.Peer) []byte {
		close(asked)
		<-answer
		return stand.Handle(ctx, msg, from)
	}, wire.ListenOptions{})
	require.NoError(t, err)

	own, err := standin.New("emisweb", patients, standin.Options{})
	require.NoError(t, err)
	asker, err := wire.Listen(ctx, pair.A.Wire, "127.0.0.1:0", own.Handle, wire.ListenOptions{}) // whose own details are read first
	require.NoError(t, err)

	d := &demo{dir: t.TempDir(), pair: pair}
	agreement, err := d.agreement(nil)
	require.NoError(t, err)
	daemon := &running{cmd: exec.Command("linkspan", "run"), ended: make(chan struct{})}
	daemon.cmd.Env = append(os.Environ(), "LINKSPAN_ECONOMY=demo", "LINKSPAN_PAIR="+pair.Name, "LINKSPAN_ENVIRONMENT=test", "LINKSPAN_INSTANCE=drain",
		"LINKSPAN_AGREEMENT="+agreement, "LINKSPAN_DATA="+d.dir, "LINKSPAN_EMISWEB_ADDRESS="+asker.Addr().String(), "LINKSPAN_EMISWEB_LISTEN=127.0.0.1:0", "LINKSPAN_EMISWEB_SETTINGS=user:linkspan,machine:demo", "LINKSPAN_EMISWEB_PLAINTEXT=listen,address",
		"LINKSPAN_SYSTMONE_ADDRESS="+holder.Addr().String(), "LINKSPAN_SYSTMONE_PLAINTEXT=listen,address",
		"LINKSPAN_SYSTMONE_SETTINGS=api-key:demo-key,device-id:5ca1ab1e0ddba115,device-version:Linkspan")
	address, draining := make(chan []string, 1), make(chan []string, 1)
	require.NoError(t, daemon.start(
		waiting{regexp.MustCompile(`"msg":"listening","system":"emisweb","address":"([^"]+)"(?s:.*)"msg":"ready"`), address},
		waiting{regexp.MustCompile(`"msg":"draining"`), draining}))
	defer daemon.kill()

	request, err := testdata.Requests.ReadFile("requests/emisweb-full.xml")
	require.NoError(t, err)
	client := wire.NewClient(pair.A.Wire, (<-address)[1], wire.ClientOptions{Headers: consented})
	defer client.Close()
	var got []byte
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, failed = client.Do(ctx, request, nil)
	}()
	select {
	case <-asked:
	case <-done:
		daemon.kill()
		require.FailNow(t, "refused", "%s\n%.600s", daemon.output.String(), got)
	}
	require.NoError(t, daemon.cmd.Process.Signal(os.Interrupt))
	<-draining
	close(answer)
	<-done
	require.NoError(t, failed)
	require.Contains(t, string(got), "Quillfeather")
	<-daemon.ended
	require.NoError(t, daemon.cmd.Wait(), daemon.output.String())
	require.NotContains(t, daemon.output.String(), "Quillfeather")
	require.NotContains(t, daemon.output.String(), "9998193036")
	require.NoError(t, holder.Shutdown(ctx))
	require.NoError(t, asker.Shutdown(ctx))
}
