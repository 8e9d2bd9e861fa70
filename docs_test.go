//go:build unix

package linkspan_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
)

// notRun are the documented commands that are not run here, each under its
// reason: the blocks marked "sh not-run", by their first line.
var notRun = map[string]string{
	"docs/operations.md: linkspan demo --keep":                                   "it stays up; a script of cmd/linkspan and the browser's test run it",
	"docs/deploy/cluster.md: scripts/cluster.sh":                                 "it stays up; a test of scripts/cluster runs it, and asks",
	"docs/deploy/cluster.md: export LINKSPAN_ECONOMY=estuary":                    "needs the servers and a certificate of operations; bridge's tests ask the same",
	"docs/deploy/one-box.md: sudo apt install":                                   "needs root, the package and systemd; scripts/package builds and unpacks it",
	"docs/deploy/one-box.md: sudo install -d":                                    "needs root and systemd",
	"docs/deploy/one-box.md: sudo unshare":                                       "needs an installation; cmd/linkspan runs the check on the same settings",
	"docs/deploy/one-box.md: sudo systemctl enable":                              "needs root and systemd",
	"docs/deploy/one-box.md: linkspan top":                                       "it stays up; a script of cmd/linkspan runs it once",
	"docs/deploy/leaf.md: nats-server -t -c hub.conf":                            "needs nats-server; a test of bridge starts one in its process with the same file",
	"docs/deploy/leaf.md: export NATS_URL=":                                      "needs the nats command and a hub; a test of bridge does on the wire what it does",
	"docs/check.md: linkspan check":                                              "needs an installation; cmd/linkspan's check.txtar runs it",
	"docs/operations.md: linkspan top":                                           "it stays up, or needs a certificate; a script of cmd/linkspan runs it once",
	"README.md: make test":                                                       "it runs this very test",
	`docs/run.md: export RUN="$(mktemp -d)"`:                                     "the test has built linkspan and made RUN itself",
	"docs/run.md: curl -sf -H 'Content-Type: application/xml' --data-binary":     "needs curl; the test sends the same file on the same wire",
	"docs/run.md: nc -N 127.0.0.1 40701 < testdata/requests/systmone-narrow.xml": "needs nc; the test sends the same file on the same wire",
	`CONTRIBUTING.md: export RUN="$(mktemp -d)"`:                                 "the test has built linkspan and made RUN itself",
	"CONTRIBUTING.md: kill %1":                                                   "the test stops what the blocks started",
	"docs/subjects.md: nats server check connection":                             "needs the nats command; bridge's tests do on the wire what it does",
	"docs/speed.md: make bench":                                                  "a benchmark proves nothing in a test run on a shared machine",
	`docs/run.md: mkdir -p "$RUN/certs"`:                                         "needs openssl",
	"docs/run.md: unset LINKSPAN_EMISWEB_PLAINTEXT":                              "needs the certificates of the block before",
	"docs/run.md: export LINKSPAN_ROLES=exchange":                                "needs NATS servers and the certificates",
	"docs/upgrade.md: make deb":                                                  "scripts/package builds and unpacks it; installing needs root and systemd",
	"docs/upgrade.md: linkspan settings | diff":                                  "needs an installation",
	"docs/upgrade.md: sudo apt install --allow-downgrades":                       "needs an installation",
	"docs/run.md: export LINKSPAN_NATS_URL=nats://127.0.0.1:4222":                "needs an operations listener; cmd/linkspan's control.txtar runs the same commands",
	"docs/run.md: kill $(jobs -p)":                                               "the test stops what the blocks started once it has asked",
}

// block is one fenced block of shell commands.
type block struct {
	page, text string
	marked     bool // as not run
}

var fence = regexp.MustCompile("(?ms)^```sh([^\n]*)\n(.*?)^```$")

func blocks(t *testing.T, page string) []block {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var found []block
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		info := strings.TrimSpace(m[1])
		require.Contains(t, []string{"", "not-run"}, info, "%s: what does this mark mean?", page)
		found = append(found, block{page: filepath.ToSlash(page), text: m[2], marked: info != ""})
	}
	return found
}

func pages(t *testing.T) []string {
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	below, err := filepath.Glob("docs/*/*.md")
	require.NoError(t, err)
	return append(append([]string{"README.md", "CONTRIBUTING.md"}, docs...), below...)
}

// The commands that are not run are exactly those listed above.
func TestEveryCommandThatIsNotRunHasAReason(t *testing.T) {
	seen := map[string]bool{}
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if !b.marked {
				continue
			}
			reason := ""
			for start := range notRun {
				if strings.HasPrefix(b.page+": "+b.text, start) {
					reason, seen[start] = notRun[start], true
				}
			}
			require.NotEmpty(t, reason, "%s: no reason why this is not run:\n%s", b.page, b.text)
		}
	}
	for start := range notRun {
		require.True(t, seen[start], "a reason for a block that is not marked: %s", start)
	}
}

// The two commands a fresh machine needs.
func TestREADMEStartsWithTheTwoCommands(t *testing.T) {
	found := blocks(t, "README.md")
	require.GreaterOrEqual(t, len(found), 2)
	require.Equal(t, "go run ./cmd/linkspan demo\n", found[0].text)
	require.Equal(t, "make test\n", found[1].text)
}

// Every other page runs as it stands, in one shell.
func TestDocumentedCommandsRun(t *testing.T) {
	dir := workshop(t)
	for _, page := range pages(t) {
		if page == "docs/run.md" || page == "CONTRIBUTING.md" {
			continue
		}
		t.Run(page, func(t *testing.T) {
			s := run(t, dir, script(t, page))
			s.stop(t)
		})
	}
	for _, file := range []string{"report.json", "systmone.xml"} {
		require.FileExists(t, filepath.Join(dir, file))
	}
}

// docs/run.md starts two stand-ins and the daemon, and the requests it shows
// are answered with a record.
func TestDocumentedDaemonAnswers(t *testing.T) {
	dir := workshop(t)
	text, ports := freePorts(t, script(t, "docs/run.md"))
	s := run(t, dir, text)
	s.wait(t, "EMIS Web stand-in on", "SystmOne stand-in on", `"msg":"ready"`)
	pair := pairs.EMISWebSystmOne()
	answer := ask(t, wire.NewClient(pair.A.Wire, ports["127.0.0.1:18081"], wire.ClientOptions{}), "testdata/requests/emisweb-full.xml")
	require.Contains(t, answer, "<MedicalRecord")
	require.Contains(t, answer, "Quillfeather")
	require.Contains(t, answer, "Harbour Lights Surgery (X99002) in SystmOne")
	answer = ask(t, wire.NewClient(pair.B.Wire, ports["127.0.0.1:40701"], wire.ClientOptions{}), "testdata/requests/systmone-narrow.xml")
	require.Contains(t, answer, "<Surname>Quillfeather</Surname>")
	require.Contains(t, answer, "Causeway Medical Centre (X99001) in EMIS Web")
	require.DirExists(t, filepath.Join(dir, "run", "data", "audit"))
	s.stop(t)
	require.NotContains(t, s.output.String(), "Quillfeather")
	require.NotContains(t, s.output.String(), "9998193036")
}

// The recipe for a new table, on a running demonstration: what was words is a
// code, in the counts, in the page and in what the daemon uses, and is words
// again once it is undone.
func TestRecipeForATable(t *testing.T) {
	dir := workshop(t)
	s := run(t, dir, script(t, "CONTRIBUTING.md"))
	s.stop(t)
	said := s.output.String()
	for _, words := range []string{
		"linkspan tables approve", // what is missing, as check says
		"signed by first-approver", "activated: set", "rolled back: set",
		"ctv3 XE0Uc is coded in 0 of", "ctv3 XE0Uc is coded in 1 of",
	} {
		require.Contains(t, said, words)
	}
	undone := said[strings.LastIndex(said, "rolled back"):]
	require.Contains(t, undone, "ctv3 XE0Uc is coded in 0 of")
	coded := regexp.MustCompile(`(?m)^codes {20,}\d+ +(\d+)`).FindAllStringSubmatch(said, -1)
	require.Len(t, coded, 2, "coverage before and after")
	require.NotEqual(t, coded[0][1], coded[1][1], "coverage changes")
	page, err := os.ReadFile(filepath.Join(dir, "run", "after.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "ctv3-readv2.local")
	log, err := os.ReadFile(filepath.Join(dir, "run", "demo", "linkspan.log"))
	require.NoError(t, err)
	require.Contains(t, string(log), `"reason":"change"`)
}

func ask(t *testing.T, client *wire.Client, file string) string {
	request, err := os.ReadFile(file)
	require.NoError(t, err)
	defer client.Close()
	answer, err := client.Do(t.Context(), request, nil)
	require.NoError(t, err)
	return string(answer)
}

// workshop is a folder that looks like the repository's root to the commands,
// so that what they write is not left in it, with linkspan built.
func workshop(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"bin", "run", "tmp"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	data, err := filepath.Abs("testdata")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(data, filepath.Join(dir, "testdata")))
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "linkspan"), "./cmd/linkspan").CombinedOutput()
	require.NoError(t, err, string(out))
	return dir
}

// script joins a page's blocks. `go run ./cmd/linkspan` is the binary built
// before: the same program, without the compiler's time.
func script(t *testing.T, page string) string {
	text := ""
	for _, b := range blocks(t, page) {
		if !b.marked {
			text += strings.ReplaceAll(b.text, "go run ./cmd/linkspan", "linkspan")
		}
	}
	return text
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// freePorts puts a free port in the place of each documented one, which may be
// taken on this machine.
func freePorts(t *testing.T, text string) (string, map[string]string) {
	free := map[string]string{}
	for _, documented := range address.FindAllString(text, -1) {
		if free[documented] != "" {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close() // only once all are chosen, so that no two are the same
		free[documented] = l.Addr().String()
	}
	return address.ReplaceAllStringFunc(text, func(documented string) string { return free[documented] }), free
}

// session is a shell and what it left running.
type session struct {
	cmd    *exec.Cmd
	lines  chan string // closed when the last of its processes has ended
	output bytes.Buffer
}

// run runs the script to its end in a process group of its own.
func run(t *testing.T, dir, script string) *session {
	s := &session{cmd: exec.Command("sh", "-eu", "-c", script), lines: make(chan string)}
	s.cmd.Dir = dir
	s.cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"LINKSPAN_CONSOLE_LISTEN=127.0.0.1:0", "RUN="+filepath.Join(dir, "run"), "TMPDIR="+filepath.Join(dir, "tmp"))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write, err := os.Pipe()
	require.NoError(t, err)
	s.cmd.Stdout, s.cmd.Stderr = write, write
	require.NoError(t, s.cmd.Start())
	require.NoError(t, write.Close())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(s.lines)
		defer read.Close()
		for scan := bufio.NewScanner(read); scan.Scan(); {
			select {
			case s.lines <- scan.Text():
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		cancel()
	})
	return s
}

// wait reads until each of the marks has been seen.
func (s *session) wait(t *testing.T, marks ...string) {
	missing := map[string]bool{}
	for _, mark := range marks {
		missing[mark] = true
	}
	for len(missing) > 0 {
		line, ok := <-s.lines
		require.True(t, ok, "ended without %v:\n%s", missing, s.output.String())
		s.output.WriteString(line + "\n")
		for mark := range missing {
			if strings.Contains(line, mark) {
				delete(missing, mark)
			}
		}
	}
}

// stop waits for the shell, which must have succeeded, ends what it left
// running, and reads the rest of the output.
func (s *session) stop(t *testing.T) {
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	for lines := s.lines; ; {
		select {
		case line, ok := <-lines:
			if ok {
				s.output.WriteString(line + "\n")
				continue
			}
			if lines = nil; ended == nil {
				return
			}
		case err := <-ended:
			require.NoError(t, err, s.output.String())
			_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM) // nobody is left of a page that starts nothing
			if ended = nil; lines == nil {
				return
			}
		}
	}
}
