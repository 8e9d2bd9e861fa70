//go:build linux

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// has reports a tool that this machine may lack; scripts/package/check.sh, which
// CI runs, installs them all.
func has(tool string) bool {
	_, err := exec.LookPath(tool)
	return err == nil
}

func testRelease(root string) release {
	return release{root: root, version: "9.8.7", commit: "0123abc", time: time.Unix(1_700_000_000, 0)}
}

// tree is a copy of what is packaged, in a folder of its own.
func tree(t *testing.T) string {
	from, err := top()
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), "elsewhere")
	for _, part := range []string{"bridge", "cmd", "docs", "mapping", "pairs", "record", "scripts/evidence", "scripts/package", "testdata", "xmlio"} {
		require.NoError(t, os.CopyFS(filepath.Join(to, part), os.DirFS(filepath.Join(from, part))))
	}
	for _, name := range []string{"go.mod", "go.sum", "README.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, name), text, 0o644))
	}
	return to
}

// The same source in two folders makes the same binary, and it says what it is
// made of.
func TestTwoBuildsAreOne(t *testing.T) {
	var sums [2][32]byte
	for i := range sums {
		root := tree(t)
		binary := filepath.Join(root, "linkspan")
		require.NoError(t, testRelease(root).build(t.Context(), "linux", "amd64", binary))
		data, err := os.ReadFile(binary)
		require.NoError(t, err)
		require.NotContains(t, string(data), root)
		sums[i] = sha256.Sum256(data)
		said, err := output(t.Context(), root, nil, binary, "version")
		require.NoError(t, err)
		require.Contains(t, said, "linkspan 9.8.7\ncommit   0123abc\ngo       go1.")
	}
	require.Equal(t, sums[0], sums[1])
}

// The package is the same from two folders, holds what it should, belongs to
// root, and what is installed starts.
func TestPackage(t *testing.T) {
	if !has("dpkg-deb") {
		return
	}
	var debs [2][]byte
	var deb string
	for i := range debs {
		root := tree(t)
		var err error
		deb, err = testRelease(root).deb(t.Context(), filepath.Join(root, "dist"))
		require.NoError(t, err)
		debs[i], err = os.ReadFile(deb)
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(debs[0], debs[1]), "two packages of the same source differ")

	said, err := output(t.Context(), ".", nil, "dpkg-deb", "--field", deb, "Version")
	require.NoError(t, err)
	require.Equal(t, "9.8.7", strings.TrimSpace(said))
	said, err = output(t.Context(), ".", nil, "dpkg-deb", "--contents", deb)
	require.NoError(t, err)
	for line := range strings.Lines(said) {
		require.Contains(t, line, "root/root", line)
	}
	control := filepath.Join(t.TempDir(), "control")
	_, err = output(t.Context(), ".", nil, "dpkg-deb", "--control", deb, control)
	require.NoError(t, err)
	for name, want := range map[string]string{"conffiles": "/etc/linkspan/linkspan.env\n", "md5sums": "usr/bin/linkspan\n"} {
		text, err := os.ReadFile(filepath.Join(control, name))
		require.NoError(t, err)
		require.Contains(t, string(text), want)
	}
	root := filepath.Join(t.TempDir(), "root")
	_, err = output(t.Context(), ".", nil, "dpkg-deb", "-x", deb, root)
	require.NoError(t, err)
	t.Run("scripts", func(t *testing.T) { maintainerScripts(t, control) })
	t.Run("unit", func(t *testing.T) { unit(t, root) })
	t.Run("manual", func(t *testing.T) { manual(t, root) })
	t.Run("starts", func(t *testing.T) { starts(t, root) })
}

// The scripts start nothing and delete nothing: neither an unedited link nor an
// audit log. There is none for purge.
func maintainerScripts(t *testing.T, control string) {
	require.NoFileExists(t, filepath.Join(control, "postrm"))
	require.NoFileExists(t, filepath.Join(control, "preinst"))
	for _, name := range []string{"postinst", "prerm"} {
		text, err := os.ReadFile(filepath.Join(control, name))
		require.NoError(t, err)
		require.NotRegexp(t, `\b(rm|enable|start|restart|deluser|userdel)\b`, regexp.MustCompile(`(?m)^#.*`).ReplaceAllString(string(text), ""))
		_, err = output(t.Context(), ".", nil, "sh", "-n", filepath.Join(control, name))
		require.NoError(t, err)
	}
}

// exposure is the most that `systemd-analyze security` may find, in tenths:
// what is left is the network, which is the daemon's work.
const exposure = "15"

func unit(t *testing.T, root string) {
	if !has("systemd-analyze") {
		return
	}
	shipped := filepath.Join(root, "usr/lib/systemd/system/linkspan.service")
	text, err := os.ReadFile(shipped)
	require.NoError(t, err)
	here := filepath.Join(t.TempDir(), "linkspan.service") // with the binary where it is unpacked
	require.NoError(t, os.WriteFile(here, []byte(strings.ReplaceAll(string(text), "=/usr/bin/", "="+root+"/usr/bin/")), 0o600))
	said, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", here).CombinedOutput()
	require.NoError(t, err, string(said))
	require.NotContains(t, string(said), "linkspan.service:", "a line that is ignored")
	said, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+exposure,
		shipped).CombinedOutput()
	require.NoError(t, err, string(said))
}

func manual(t *testing.T, root string) {
	packed, err := os.Open(filepath.Join(root, "usr/share/man/man1/linkspan.1.gz"))
	require.NoError(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	for _, part := range []string{".SH NAME", `\-\-env\-file`, ".SS tables approve", ".B LINKSPAN_ECONOMY", "linkspan 9.8.7"} {
		require.Contains(t, string(text), part)
	}
	page := filepath.Join(t.TempDir(), "linkspan.1")
	require.NoError(t, os.WriteFile(page, text, 0o600))
	for tool, args := range map[string][]string{"mandoc": {"-Tlint", "-Wwarning", page}, "groff": {"-man", "-ww", "-z", "-Tutf8", page}} {
		if has(tool) {
			said, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
			require.NoError(t, err, string(said))
			require.Empty(t, string(said))
		}
	}
}

// starts runs what is installed: not as it came, and in test with both
// stand-ins once the example of its settings is taken.
func starts(t *testing.T, root string) {
	binary, settings := filepath.Join(root, "usr/bin/linkspan"), filepath.Join(root, "etc/linkspan/linkspan.env")
	said, err := exec.CommandContext(t.Context(), binary, "run", "--env-file", settings).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "LINKSPAN_ECONOMY: required")

	text, err := os.ReadFile(settings)
	require.NoError(t, err)
	edited := regexp.MustCompile(`(?m)^#= `).ReplaceAllString(string(text), "")
	edited = strings.NewReplacer("=/etc/", "="+root+"/etc/", "=/var/lib/linkspan", "="+filepath.Join(root, "data")).Replace(edited)
	edited += "\nLINKSPAN_CONSOLE_LISTEN=off\n"
	for _, port := range []string{"18080", "18081", "40700", "40701"} {
		edited = strings.ReplaceAll(edited, "127.0.0.1:"+port, free(t))
	}
	require.NoError(t, os.WriteFile(settings, []byte(edited), 0o600))
	agreement, err := os.ReadFile(filepath.Join(root, "usr/share/doc/linkspan/examples/agreement.json"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/linkspan/agreement.json"), agreement, 0o600))
	data, err := filepath.Abs("../../testdata/patients")
	require.NoError(t, err)
	for _, name := range []string{"emisweb", "systmone"} {
		at := regexp.MustCompile(`(?m)^LINKSPAN_` + strings.ToUpper(name) + `_ADDRESS=(.*)$`).FindStringSubmatch(edited)
		began(t, " stand-in on ", binary, "standin", name, "--files", data, "--listen", at[1])
	}
	daemon := began(t, `"msg":"ready"`, binary, "run", "--env-file", settings)
	require.NoError(t, daemon.Process.Signal(os.Interrupt))
	require.NoError(t, daemon.Wait())
	require.DirExists(t, filepath.Join(root, "data", "audit"))
}

func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// began starts a command and waits for a line with words in it.
func began(t *testing.T, words string, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(t.Context(), name, args...)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	command.Stdout, command.Stderr = write, write
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	require.NoError(t, write.Close())
	lines := bufio.NewScanner(read)
	all := ""
	for lines.Scan() {
		all += lines.Text() + "\n"
		if strings.Contains(lines.Text(), words) {
			go func() { defer read.Close(); _, _ = io.Copy(io.Discard, read) }()
			return command
		}
	}
	require.Fail(t, "it ended", all)
	return nil
}
