//go:build unix

package bridge_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// limitFiles lets this process make no file longer than length; what it writes
// beyond that fails, as on a disk that is full.
func limitFiles(length uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = length
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// TestAuditDiskFull takes away the room for the audit log under a running
// daemon: everybody is refused natively for that reason, nothing is released,
// and with room again and a new start requests are served (safety IG-13, T-13).
func TestAuditDiskFull(t *testing.T) {
	d := newDaemon(t)
	d.start("", 0)
	d.takes()
	logs, err := filepath.Glob(filepath.Join(d.data, "audit", "*.audit"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	info, err := os.Stat(logs[0])
	require.NoError(t, err)
	_, err = fmt.Fprintln(d.stdin, info.Size()+700) // room for less than one more record
	require.NoError(t, err)
	require.Equal(t, "limited", <-d.told)
	before := len(d.released)
	for range 3 {
		for _, from := range []string{"emisweb", "systmone"} {
			answer, released := d.answer(from, d.people[0])
			require.False(t, released, "a record was released that nobody could audit")
			refusedNatively(t, from, answer)
			require.Contains(t, string(answer), record.ReasonAudit.Words())
		}
	}
	require.Len(t, d.released, before)
	require.NoError(t, d.stdin.Close())
	<-d.ended // it says that it could not record its own stop
	d.start("", 0)
	d.takes()
	d.stop()
	d.proven()
}
