package bridge_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// steps are where an exchange can be when the process dies, in their order.
var steps = []string{"decoded", "decided", "asked", "read-back", "answered", "translated", "encoded", "audited", "released"}

// The environment of a daemon of another process: the file of its
// configuration, and where it is to die.
const (
	daemonConfig = "PROOF_DAEMON"
	daemonStep   = "PROOF_DIES_AT"
	daemonTurn   = "PROOF_DIES_ON"
)

// TestDaemon is the daemon that the tests of this file start as a process of
// its own. Where it was not started as one it has nothing to do.
func TestDaemon(t *testing.T) {
	file := os.Getenv(daemonConfig)
	if file == "" {
		return
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var config bridge.Config
	require.NoError(t, json.Unmarshal(text, &config))
	log, err := zap.NewDevelopment()
	require.NoError(t, err)
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	turn, _ := strconv.ParseInt(os.Getenv(daemonTurn), 10, 64)
	var reached atomic.Int64
	dying := func(step string) {
		if step == os.Getenv(daemonStep) && reached.Add(1) >= turn {
			_ = self.Kill() // SIGKILL: nothing is flushed, nothing is closed
			select {}
		}
	}
	b, err := bridge.Start(t.Context(), config, bridge.Stepped(bridge.NoFloor(bridge.Options{Log: log, Version: "0.0.1"}), dying))
	require.NoError(t, err)
	fmt.Println("ready", cmp.Or(b.Address("emisweb"), "-"), cmp.Or(b.Address("systmone"), "-"))
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() { // until the test closes it
		length, err := strconv.ParseUint(orders.Text(), 10, 64)
		require.NoError(t, err)
		require.NoError(t, limitFiles(length))
		fmt.Println("limited")
	}
	require.NoError(t, b.Stop(context.Background()))
}

// daemon is a link of two systems whose bridge runs as a process of its own.
type daemon struct {
	t       *testing.T
	config  string
	data    string
	systems map[string]system.System
	people  []person

	command   *exec.Cmd
	stdin     io.WriteCloser
	told      chan string // lines of its output after it was ready
	stderr    *lockedBuffer
	addresses map[string]string
	ended     chan error

	asked    atomic.Int64
	mu       sync.Mutex
	released []string // SHA-256 of every record an asker received
}

// lockedBuffer is a buffer that a process and a test use at once.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write appends.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// newDaemon prepares a link over the systems' real wires.
func newDaemon(t *testing.T) *daemon {
	t.Helper()
	people := crowd(16)
	return daemonOf(t, people, whole(t, "test", practices(t, people)))
}

// practices serves both systems with the records of some people on their real
// wires.
func practices(t *testing.T, people []person) map[string]bridge.SideConfig {
	t.Helper()
	world := everywhere(people)
	sides := map[string]bridge.SideConfig{}
	for name, native := range bothSystems() {
		listener, err := wire.Listen(t.Context(), native.Wire, "127.0.0.1:0", turns(world.as(name)), wire.ListenOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, listener.Shutdown(context.Background())) })
		sides[name] = bridge.SideConfig{Address: listener.Addr().String(), Listen: "127.0.0.1:0", Plaintext: []string{"listen", "address"}, Throttle: "off", Settings: settings[name]}
	}
	return sides
}

func bothSystems() map[string]system.System {
	pair := pairs.EMISWebSystmOne()
	return map[string]system.System{pair.A.Name: pair.A, pair.B.Name: pair.B}
}

// whole is the configuration of one instance that has every role.
func whole(t *testing.T, economy string, sides map[string]bridge.SideConfig) bridge.Config {
	t.Helper()
	pair := pairs.EMISWebSystmOne()
	a := agreement(pair)
	a.Economy = economy
	text, err := json.Marshal(a)
	require.NoError(t, err)
	terms := filepath.Join(t.TempDir(), "agreement.json")
	require.NoError(t, os.WriteFile(terms, text, 0o600))
	return bridge.Config{Economy: economy, Pair: pair.Name, Environment: bridge.EnvironmentTest, Instance: "one",
		Roles: []string{bridge.RoleExchange, pair.A.Name, pair.B.Name}, Agreement: terms, Data: t.TempDir(), RecordLimit: 8 << 20,
		Deadline: 20 * time.Second, Slots: 16, SenderCodes: "off", Sides: sides}
}

// daemonOf is a daemon with a configuration.
func daemonOf(t *testing.T, people []person, c bridge.Config) *daemon {
	t.Helper()
	d := &daemon{t: t, data: c.Data, people: people, systems: bothSystems(), config: filepath.Join(t.TempDir(), "config.json")}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(d.config, text, 0o600))
	return d
}

// start starts the process and returns when it takes requests. It dies at the
// given step, when an exchange reaches it for the turn-th time; "" is never.
func (d *daemon) start(step string, turn int) {
	d.t.Helper()
	d.command = exec.Command(os.Args[0], "-test.run=^TestDaemon$", "-test.timeout=5m")
	d.command.Env = append(os.Environ(), daemonConfig+"="+d.config, daemonStep+"="+step, daemonTurn+"="+strconv.Itoa(turn))
	d.stderr = &lockedBuffer{}
	d.command.Stderr = d.stderr
	stdin, err := d.command.StdinPipe()
	require.NoError(d.t, err)
	stdout, err := d.command.StdoutPipe()
	require.NoError(d.t, err)
	require.NoError(d.t, d.command.Start())
	d.stdin, d.ended = stdin, make(chan error, 1)
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		require.NoError(d.t, err, "the daemon did not start: %s%s", line, d.stderr.text())
		if words := strings.Fields(line); len(words) == 3 && words[0] == "ready" {
			d.addresses = map[string]string{"emisweb": words[1], "systmone": words[2]}
			break
		}
	}
	command, told, ended := d.command, make(chan string, 16), d.ended
	d.told = told
	go func() {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			select {
			case told <- strings.TrimSpace(line):
			default:
			}
		}
		ended <- command.Wait()
	}()
}

// stop ends the process as an operator does, and waits for it.
func (d *daemon) stop() {
	d.t.Helper()
	require.NoError(d.t, d.stdin.Close())
	require.NoError(d.t, <-d.ended, "%s", d.stderr.text())
}

// ask asks for a patient and keeps the hash of the record, if one is released.
// It reports whether one was.
func (d *daemon) ask(from string, p person) bool {
	_, released := d.answer(from, p)
	return released
}

// answer is ask with what the asker received.
func (d *daemon) answer(from string, p person) (answer []byte, released bool) {
	client := wire.NewClient(d.systems[from].Wire, d.addresses[from], wire.ClientOptions{ThrottleDisabled: true})
	defer client.Close()
	answer, err := client.Do(context.Background(), p.asking(d.t, from, fmt.Sprintf("cmarlow%d", d.asked.Add(1)%97)), nil)
	if err != nil {
		return nil, false // the process has died
	}
	return answer, d.kept(from, answer)
}

// kept reports whether an answer is a record, and keeps its hash.
func (d *daemon) kept(from string, answer []byte) bool {
	if refused, err := isRefusal(from, answer); err != nil || refused {
		return false
	}
	sum := sha256.Sum256(answer)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.released = append(d.released, hex.EncodeToString(sum[:]))
	return true
}

// takes fails unless both systems' requests are answered with records.
func (d *daemon) takes() {
	d.t.Helper()
	for _, from := range []string{"emisweb", "systmone"} {
		require.True(d.t, d.ask(from, d.people[0]), "%s is not served: %s", from, d.stderr.text())
	}
}

// storm has askers ask until the process is dead.
func (d *daemon) storm(askers int) {
	var working sync.WaitGroup
	for n := range askers {
		working.Go(func() {
			for i := 0; i < 50 && len(d.ended) == 0; i++ {
				d.ask(asks(n), d.people[(n+i)%len(d.people)])
			}
		})
	}
	working.Wait()
}

// proven fails unless the chain holds and every record that an asker received
// has its audit record, with the hash of exactly those bytes.
func (d *daemon) proven() {
	d.t.Helper()
	_, err := audit.Verify(filepath.Join(d.data, "audit"), "one")
	require.NoError(d.t, err)
	have := map[string]int{}
	for _, l := range auditOf(d.t, d.data) {
		for _, e := range l.closed {
			if e.Event == audit.EventAnswered {
				have[e.ContentSHA256]++
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, sum := range d.released {
		require.Positive(d.t, have[sum], "a record was released without its audit record")
		have[sum]--
	}
}

// TestKilledAtEveryStep kills the process with SIGKILL at every step of an
// exchange, while others are under way: what an asker received stands in the
// audit log, byte for byte by its hash, the chain holds, and the next start
// takes requests again (safety P-19, IG-11).
func TestKilledAtEveryStep(t *testing.T) {
	times := sized(5, 20)
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			d := newDaemon(t)
			for n := range times {
				d.start(step, 3+n%4) // after the two that show that it takes requests
				d.takes()
				d.storm(4)
				require.Error(t, <-d.ended, "the process did not die at %q", step)
			}
			d.start("", 0)
			d.takes()
			d.proven()
			d.stop()
			d.proven()
			t.Logf("killed %d times when %q: %d records released, each in the audit log", times, step, len(d.released))
		})
	}
}

// TestKilledAtAnyMoment kills the process from outside, wherever it is.
func TestKilledAtAnyMoment(t *testing.T) {
	d := newDaemon(t)
	times := sized(5, 20)
	for n := range times {
		d.start("", 0)
		d.takes()
		var killing sync.WaitGroup
		killing.Go(func() {
			for range 1 + n*3 {
				d.ask(asks(n), d.people[n%len(d.people)])
			}
			_ = d.command.Process.Kill()
		})
		d.storm(6)
		killing.Wait()
		require.Error(t, <-d.ended)
	}
	d.start("", 0)
	d.takes()
	d.stop()
	d.proven()
	t.Logf("killed %d times at any moment: %d records released, each in the audit log", times, len(d.released))
}

// TestTornLineIsRepaired leaves half a record at the end of the log, as a
// machine does that loses its power: the next start sets it aside, says so in
// the log, and goes on.
func TestTornLineIsRepaired(t *testing.T) {
	d := newDaemon(t)
	d.start("audited", 3)
	d.takes()
	d.storm(2)
	require.Error(t, <-d.ended)
	logs, err := filepath.Glob(filepath.Join(d.data, "audit", "*.audit"))
	require.NoError(t, err)
	require.Len(t, logs, 1)
	whole, err := os.ReadFile(logs[0])
	require.NoError(t, err)
	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
	torn := lines[len(lines)-1]
	require.NoError(t, os.WriteFile(logs[0], append(bytes.Clone(whole), torn[:len(torn)/2]...), 0o600))
	d.start("", 0)
	d.takes()
	d.stop()
	d.proven()
	repaired := 0
	_, err = audit.Read(filepath.Join(d.data, "audit"), "one", func(_ audit.Receipt, e audit.Entry) error {
		if e.Event == audit.EventRepaired {
			repaired++
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, repaired)
}
