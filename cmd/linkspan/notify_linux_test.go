package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// manager is a service manager's socket.
func manager(t *testing.T) *net.UnixConn {
	file := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: file, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", file)
	return socket
}

func heard(t *testing.T, socket *net.UnixConn) string {
	block := make([]byte, 100)
	n, err := socket.Read(block)
	require.NoError(t, err)
	return string(block[:n])
}

// The manager hears when the daemon is ready and when it stops, and the
// daemon's end is the command's.
func TestTheServiceManagerIsTold(t *testing.T) {
	socket := manager(t)
	failed := errors.New("the daemon failed")
	err := supervised(t.Context(), func(_ context.Context, tell func(state)) error {
		tell(ready)
		tell(stopping)
		return failed
	})
	require.ErrorIs(t, err, failed)
	require.Equal(t, "READY=1", heard(t, socket))
	require.Equal(t, "STOPPING=1", heard(t, socket))
}

// A life sign goes out each time the daemon has answered, and none is sent
// while it hangs.
func TestALifeSignNeedsAnAnswer(t *testing.T) {
	socket := manager(t)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	answers := make(chan bool, 2)
	answers <- true
	answers <- true
	stop := watchdog(func() { <-answers })
	require.Equal(t, "WATCHDOG=1", heard(t, socket))
	require.Equal(t, "WATCHDOG=1", heard(t, socket))
	require.NoError(t, notify("it hangs"))
	require.Equal(t, "it hangs", heard(t, socket))
	close(answers)
	stop()
}

// Nobody asked: nobody is told.
func TestNoServiceManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", "1")
	require.NoError(t, notify("READY=1"))
	watchdog(func() { panic("asked") })()
}
