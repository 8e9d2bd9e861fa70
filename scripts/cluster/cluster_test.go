package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
)

// The whole profile comes up from the files that are shipped, carries a record
// each way, starts again what was killed, and leaves nothing running.
func TestTheProfileRuns(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cluster")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, write := io.Pipe()
	ended := make(chan struct{})
	var fault error
	go func() {
		defer close(ended)
		fault = run(ctx, []string{"-for", "5m", folder}, write)
		_ = write.CloseWithError(fault)
	}()
	t.Cleanup(func() { cancel(); _ = read.Close(); <-ended }) // also where the test fails: nothing is left running
	var said strings.Builder
	for lines := bufio.NewScanner(read); !strings.HasSuffix(said.String(), "ready\n"); {
		require.True(t, lines.Scan(), "%v", lines.Err())
		said.WriteString(lines.Text() + "\n")
	}
	address := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(said.String())
		require.Len(t, found, 2, said.String())
		return found[1]
	}
	pair := pairs.EMISWebSystmOne()
	for file, c := range map[string]*wire.Client{
		"emisweb-full.xml":    wire.NewClient(pair.A.Wire, address(`emisweb asks at http://([^/]+)/`), wire.ClientOptions{}),
		"systmone-narrow.xml": wire.NewClient(pair.B.Wire, address(`systmone asks at (\S+)`), wire.ClientOptions{}),
	} {
		request, err := os.ReadFile(filepath.Join("..", "..", "testdata", "requests", file))
		require.NoError(t, err)
		answer, err := c.Do(ctx, request, nil)
		c.Close()
		require.NoError(t, err)
		require.Contains(t, string(answer), "Quillfeather", file)
	}
	first, err := os.ReadFile(filepath.Join(folder, "exchange-2.pid"))
	require.NoError(t, err)
	require.NoError(t, process(t, first).Kill())
	require.Eventually(t, func() bool {
		again, err := os.ReadFile(filepath.Join(folder, "exchange-2.pid"))
		return err == nil && !bytes.Equal(again, first)
	}, time.Minute, 50*time.Millisecond)
	cancel()
	<-ended
	require.NoError(t, fault)
	pids, err := filepath.Glob(filepath.Join(folder, "*.pid"))
	require.NoError(t, err)
	require.Len(t, pids, len(nodes)+len(edges)+len(replicas)+2)
	for _, file := range pids {
		pid, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Error(t, process(t, pid).Signal(syscall.Signal(0)), "%s still runs", file)
	}
	for _, log := range []string{"edge-emisweb", "exchange-1"} {
		text, err := os.ReadFile(filepath.Join(folder, log+".log"))
		require.NoError(t, err)
		require.Contains(t, string(text), `"msg":"ready"`)
		require.NotContains(t, string(text), "Quillfeather")
	}
}

// process is the one of a .pid file.
func process(t *testing.T, file []byte) *os.Process {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(string(file)))
	require.NoError(t, err)
	p, err := os.FindProcess(pid)
	require.NoError(t, err)
	return p
}
