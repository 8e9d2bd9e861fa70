package bridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// listening is the daemon's log line of a wire it takes requests on.
var listening = regexp.MustCompile(`"msg":"listening","system":"(\w+)","address":"([^"]+)"`)

// TestNoCanaryGetsOutOfTheProcess runs the daemon itself, as it is shipped, at
// debug level with operations listening, through every end an exchange can have,
// and then makes it crash: no canary stands in what it printed, in its
// arguments and environment, in what operations were told, or in any file it
// left (safety SE-05, SE-06, T-15).
func TestNoCanaryGetsOutOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "linkspan")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-o", binary, "../cmd/linkspan")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	f := newFlock(t, false)
	pair := pairs.EMISWebSystmOne()
	terms := agreement(pair)
	breakable(&terms)
	text, err := json.Marshal(terms)
	require.NoError(t, err)
	file := filepath.Join(dir, "agreement.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	left := filepath.Join(dir, "left") // everything the daemon may write
	require.NoError(t, os.MkdirAll(filepath.Join(left, "tmp"), 0o700))
	operations := closedAddress(t)
	daemon := exec.Command(binary, "run")
	daemon.Dir = left
	daemon.Env = append(os.Environ(), "TMPDIR="+filepath.Join(left, "tmp"), "GOTRACEBACK=all", "LINKSPAN_ECONOMY=test", "LINKSPAN_CONSOLE_LISTEN=127.0.0.1:0", "LINKSPAN_PAIR="+pair.Name, "LINKSPAN_ENVIRONMENT=test",
		"LINKSPAN_INSTANCE=one", "LINKSPAN_AGREEMENT="+file, "LINKSPAN_DATA="+filepath.Join(left, "data"), "LINKSPAN_LOG_LEVEL=debug", "LINKSPAN_RECORD_LIMIT=1048576",
		"LINKSPAN_NATS_LISTEN="+operations, "LINKSPAN_OPS_PASSWORD=ferry",
		"LINKSPAN_EMISWEB_SETTINGS=user:linkspan,machine:test", "LINKSPAN_SYSTMONE_SETTINGS=api-key:test-key,device-id:5ca1ab1e0ddba115,device-version:test")
	systems := map[string]system.System{pair.A.Name: pair.A, pair.B.Name: pair.B}
	for name, s := range systems {
		l, err := wire.Listen(t.Context(), s.Wire, "127.0.0.1:0", f.handler(name), wire.ListenOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Shutdown(context.Background())) })
		own := "LINKSPAN_" + strings.ToUpper(name) + "_"
		daemon.Env = append(daemon.Env, own+"ADDRESS="+l.Addr().String(), own+"LISTEN=127.0.0.1:0", own+"PLAINTEXT=listen,address", own+"THROTTLE=off")
	}
	stdout := &lockedBuffer{}
	daemon.Stdout = stdout
	stderr, err := daemon.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, daemon.Start())
	ended := make(chan struct{})
	t.Cleanup(func() { _ = daemon.Process.Kill(); <-ended })
	printed, addresses := &lockedBuffer{}, make(chan [2]string, 2)
	go func() {
		defer close(ended)
		lines := bufio.NewReader(stderr)
		for {
			line, err := lines.ReadString('\n')
			_, _ = printed.Write([]byte(line))
			if m := listening.FindStringSubmatch(line); m != nil {
				addresses <- [2]string{m[1], m[2]}
			}
			if err != nil {
				break
			}
		}
		_ = daemon.Wait()
	}()
	at := map[string]string{}
	for range 2 {
		select {
		case a := <-addresses:
			at[a[0]] = a[1]
		case <-ended:
			t.Fatal("the daemon did not start: " + printed.text())
		}
	}

	nc, err := nats.Connect("nats://"+operations, nats.UserInfo("operations", "ferry"))
	require.NoError(t, err)
	defer nc.Close()
	var mu sync.Mutex
	var told []string
	hear := func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprint(m.Subject, m.Header, string(m.Data)))
	}
	inbox := nats.NewInbox()
	for _, subject := range []string{"linkspan.*.event.>", "linkspan.*.heartbeat.*", inbox} {
		_, err := nc.Subscribe(subject, hear)
		require.NoError(t, err)
	}
	require.NoError(t, nc.Flush())

	f.runs(t, func(from string, native []byte, header map[string]string) []byte {
		options := wire.ClientOptions{ThrottleDisabled: true, Limit: 64 << 20, Headers: http.Header{}}
		for name, value := range header {
			options.Headers.Set(name, value)
		}
		client := wire.NewClient(systems[from].Wire, at[from], options)
		defer client.Close()
		answer, err := client.Do(t.Context(), fresh(native), nil)
		require.NoError(t, err)
		return answer
	})
	for _, subject := range []string{"$SRV.STATS", "$SRV.INFO", "linkspan.test.health", "linkspan.test.metrics", "linkspan.test.tables"} {
		require.NoError(t, nc.PublishRequest(subject, inbox, nil))
	}
	require.NoError(t, nc.Flush())
	for _, name := range []string{"cmdline", "environ"} {
		seen, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", daemon.Process.Pid, name)) // where the system has it
		require.Empty(t, found(string(seen)), name)
	}
	if limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", daemon.Process.Pid)); err == nil {
		require.Regexp(t, `Max core file size\s+0\s`, string(limits))
	}
	if daemon.Process.Signal(syscall.SIGQUIT) != nil { // a crash, with the stacks of all goroutines
		require.NoError(t, daemon.Process.Kill())
	}
	<-ended
	require.Contains(t, printed.text(), "exchange refused")
	require.Empty(t, found(printed.text()+stdout.text()), "the daemon printed a canary")
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, told)
	require.Empty(t, found(strings.Join(told, "\n")), "operations were told a canary")
	files := 0
	require.NoError(t, filepath.WalkDir(left, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		require.Empty(t, found(path+"\n"+string(text)), path)
		return err
	}))
	require.Positive(t, files)
	t.Logf("%d canaries; %d bytes printed, %d messages to operations, %d files: none got out", f.n.Load(), len(printed.text()), len(told), files)
}
