//go:build unix

package secret

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// T-26: a file others may read is no place for a key.
func TestOnlyTheOwnerMayReadASecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "link.key")
	require.NoError(t, os.WriteFile(file, []byte("canary"), 0o600))
	for mode, fine := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o700: true, 0o640: false, 0o604: false, 0o660: false, 0o644: false, 0o602: false, 0o610: false, 0o777: false} {
		require.NoError(t, os.Chmod(file, mode))
		text, err := Read(file)
		if fine {
			require.NoError(t, err, mode)
			require.Equal(t, "canary", string(text))
			continue
		}
		require.ErrorIs(t, err, ErrExposed, mode)
		require.ErrorContains(t, err, "chmod 600")
		require.ErrorContains(t, err, file)
		require.NotContains(t, err.Error(), "canary")
	}
}

// A credential of systemd is root's, with a right of its group that stands for
// an access list; a file of anybody else's with that mode is exposed.
func TestACredentialOfTheService(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credential")
	require.NoError(t, os.WriteFile(file, []byte("canary"), 0o440))
	require.NoError(t, os.Chmod(file, 0o440))
	root := os.Geteuid() == 0
	_, err := Read(file)
	require.Equal(t, root, err == nil)
	if root { // only root can give a file to another group
		require.NoError(t, os.Chown(file, 0, 65534))
		_, err = Read(file)
		require.ErrorIs(t, err, ErrExposed)
	}
}

// A link counts as what it names.
func TestALinkIsJudgedByWhatItNames(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte("canary"), 0o644))
	require.NoError(t, os.Symlink(file, link))
	_, err := Read(link)
	require.ErrorIs(t, err, ErrExposed)
	require.NoError(t, os.Chmod(file, 0o600))
	_, err = Read(link)
	require.NoError(t, err)
}

// What is no regular file is refused at once, a pipe without waiting for its
// writer; so are files that are gone or too long, and those of other users.
func TestWhatIsNoKeyFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Read(dir)
	require.ErrorIs(t, err, ErrExposed)
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err = Read(pipe)
	require.ErrorIs(t, err, ErrExposed)
	_, err = Read(filepath.Join(dir, "gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
	long := filepath.Join(dir, "long")
	require.NoError(t, os.WriteFile(long, make([]byte, limit+1), 0o600))
	_, err = Read(long)
	require.ErrorContains(t, err, "longer")
	if os.Geteuid() == 0 { // only root can give a file away
		require.NoError(t, os.WriteFile(filepath.Join(dir, "theirs"), []byte("x"), 0o600))
		require.NoError(t, os.Chown(filepath.Join(dir, "theirs"), 65534, 65534))
		_, err = Read(filepath.Join(dir, "theirs"))
		require.ErrorIs(t, err, ErrExposed)
	}
}

// T-26: a crash writes no memory. A child of this test, in which dumps were
// allowed, turns them off and reads the limit back.
func TestNoCoreDumps(t *testing.T) {
	if os.Getenv("SECRET_TEST_CHILD") != "" {
		require.NoError(t, NoCoreDumps())
		var limit unix.Rlimit
		require.NoError(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
		require.Equal(t, unix.Rlimit{}, limit)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestNoCoreDumps$", "-test.v")
	child.Env = append(os.Environ(), "SECRET_TEST_CHILD=1")
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: TestNoCoreDumps")
}
