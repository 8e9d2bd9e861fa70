package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/secret"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/testdata"
)

type demoCommand struct {
	Pair string `default:"emisweb-systmone" help:"The pair to show."`
	Dir  string `type:"path" help:"Folder for the native messages, the audit log and the daemon's log; default a new temporary one."`
	Keep bool   `help:"Stay up afterwards, to try things by hand."`
}

// demo is the running demonstration.
type demo struct {
	dir      string
	kept     bool // it stays up, with an operations page
	to       streams
	pair     pairs.Pair
	standins map[string]*holder
	bridge   *bridge.Bridge
	outcomes chan bridge.Outcome
}

// holder is a stand-in on its wire, and what it was asked and answered in one
// exchange, in the order it was: a system may be asked in several calls.
type holder struct {
	*standin.Standin
	listener *wire.Listener

	mu              sync.Mutex
	asked, answered [][]byte
}

func (h *holder) handle(ctx context.Context, msg []byte, from wire.Peer) []byte {
	answer := h.Handle(ctx, msg, from)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked, h.answered = append(h.asked, msg), append(h.answered, answer)
	return answer
}

// calls are the messages since fresh, one after the other.
func (h *holder) calls() (asked, answered []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Join(h.asked, []byte("\n")), bytes.Join(h.answered, []byte("\n"))
}

// fresh forgets them.
func (h *holder) fresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked, h.answered = nil, nil
}

// Run runs both stand-ins and the daemon in this process, each on its own real
// wire, and one exchange each way.
func (c demoCommand) Run(ctx context.Context, to streams) error {
	if err := secret.NoCoreDumps(); err != nil {
		return err
	}
	pair, err := pairs.Find(c.Pair)
	if err != nil {
		return usageError{fmt.Errorf("demo: %w", err)}
	}
	d := &demo{dir: c.Dir, kept: c.Keep, to: to, pair: pair, standins: map[string]*holder{}, outcomes: make(chan bridge.Outcome, 16)}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "linkspan-demo-"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	defer d.stop()
	if err := d.start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	for i, a := range demoAskings(d.pair) {
		if err := d.exchange(ctx, i+1, a); err != nil {
			return err
		}
	}
	if err := d.proof(); err != nil {
		return err
	}
	d.printf("\nAll files, with the audit log and the daemon's log, are in\n%s\n", d.dir)
	if c.Keep {
		return d.keep(ctx)
	}
	return nil
}

func (d *demo) printf(format string, a ...any) { fmt.Fprintf(d.to.out, format, a...) }

// start brings up the stand-ins, then the daemon configured as a site would.
func (d *demo) start(ctx context.Context) error {
	patients, err := fs.Sub(testdata.Patients, "patients")
	if err != nil {
		return err
	}
	sides := map[string]bridge.SideConfig{}
	for _, s := range []system.System{d.pair.A, d.pair.B} {
		stand, err := standin.New(s.Name, patients, standin.Options{})
		if err != nil {
			return err
		}
		h := &holder{Standin: stand}
		if h.listener, err = wire.Listen(ctx, s.Wire, "127.0.0.1:0", h.handle, wire.ListenOptions{}); err != nil {
			return err
		}
		d.standins[s.Name] = h
		demo := demoSides()[s.Name]
		sides[s.Name] = bridge.SideConfig{Address: h.listener.Addr().String(), Listen: "127.0.0.1:0", Plaintext: []string{"listen", "address"}, Throttle: demo.throttle, Settings: demo.settings}
	}
	approvers, err := d.approvers()
	if err != nil {
		return err
	}
	agreement, err := d.agreement(approvers)
	if err != nil {
		return err
	}
	tables := filepath.Join(d.dir, "tables")
	if err := os.MkdirAll(tables, 0o700); err != nil {
		return err
	}
	log, err := fileLogger(filepath.Join(d.dir, "linkspan.log"))
	if err != nil {
		return err
	}
	if err := d.settings(agreement, tables); err != nil {
		return err
	}
	page := "off"
	if d.kept {
		page = "127.0.0.1:0"
	}
	started := time.Now()
	d.bridge, err = bridge.Start(ctx, bridge.Config{
		Economy: "demo", Pair: d.pair.Name, Environment: bridge.EnvironmentTest, Instance: "demo",
		Roles: []string{bridge.RoleExchange, d.pair.A.Name, d.pair.B.Name}, Agreement: agreement, Data: d.dir,
		Tables: tables, TablesFrom: bridge.TablesFromDirectory, TableSets: 5,
		RecordLimit: 8 << 20, Deadline: 30 * time.Second, Slots: 16, SenderCodes: "off", Sides: sides, Console: bridge.ConsoleConfig{Listen: page},
	}, bridge.Options{Log: log, Version: version, Observe: d.observe})
	if err != nil {
		return err
	}
	d.printf("Linkspan links %s and %s. Both are stand-ins here, serving invented patients on their systems' own wires.\n", d.pair.A.Title, d.pair.B.Title)
	width := max(len(d.pair.A.Title), len(d.pair.B.Title))
	for _, s := range []system.System{d.pair.A, d.pair.B} {
		d.printf("  %-*s  its records are at %-16s  its requests are taken at %-16s  (%s)\n", width, s.Title,
			d.standins[s.Name].listener.Addr(), d.bridge.Address(s.Name), strings.ToUpper(string(s.Wire.Transport)))
	}
	d.printf("Up in %s.\n%s", time.Since(started).Round(time.Millisecond), legend)
	return nil
}

// observe takes what became of an exchange. It never makes an exchange wait.
func (d *demo) observe(o bridge.Outcome) {
	select {
	case d.outcomes <- o:
	default:
	}
}

// demoApprovers may approve mapping tables in the demonstration.
var demoApprovers = []governance.Approver{{Key: "first-approver", Role: "clinical safety officer"}, {Key: "second-approver", Role: "pharmacist"}}

// approvers makes the keys of the approvers, one file each, so that whoever
// tries the demonstration can sign as either. Keys that are there already stay,
// and so does what they signed.
func (d *demo) approvers() ([]governance.Approver, error) {
	approvers := slices.Clone(demoApprovers)
	for i, a := range demoApprovers {
		file := filepath.Join(d.dir, a.Key+".key")
		private, err := os.ReadFile(file)
		if err == nil {
			approvers[i].Key, err = mapset.Public(strings.TrimSpace(string(private)))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			continue
		}
		made, public, err := mapset.Key(a.Key)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, []byte(made+"\n"), 0o600); err != nil {
			return nil, err
		}
		approvers[i].Key = public
	}
	return approvers, nil
}

// settings writes down what the commands for tables need, to be read by a
// shell.
func (d *demo) settings(agreement, tables string) error {
	dir, err := filepath.Abs(d.dir)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, s := range [][2]string{{"PAIR", d.pair.Name}, {"ENVIRONMENT", bridge.EnvironmentTest}, {"AGREEMENT", filepath.Join(dir, filepath.Base(agreement))},
		{"TABLES", filepath.Join(dir, filepath.Base(tables))}, {"DATA", dir}} {
		fmt.Fprintf(&text, "export LINKSPAN_%s='%s'\n", s[0], strings.ReplaceAll(s[1], "'", `'\''`))
	}
	return os.WriteFile(filepath.Join(d.dir, "linkspan.env"), []byte(text.String()), 0o600)
}

// agreement writes the sharing agreement both controllers of the demonstration
// have enabled.
func (d *demo) agreement(approvers []governance.Approver) (string, error) {
	sides := demoSides()
	a := governance.Agreement{Economy: "demo", Pair: d.pair.Name, Approvers: approvers,
		Enabled: map[string]string{d.pair.A.Name: "Demonstration controller A", d.pair.B.Name: "Demonstration controller B"},
		Sides:   map[string]governance.Side{d.pair.A.Name: sides[d.pair.A.Name].agreed(), d.pair.B.Name: sides[d.pair.B.Name].agreed()}}
	file := filepath.Join(d.dir, "agreement.json")
	return file, writeJSON(file, a)
}

// exchange sends one native request as the asking system would and prints what
// became of it.
func (d *demo) exchange(ctx context.Context, n int, a asking) error {
	holder, err := d.pair.Other(a.from)
	if err != nil {
		return err
	}
	asker, err := d.pair.Other(holder.Name)
	if err != nil {
		return err
	}
	native, err := d.request(ctx, asker, a.request, uuid.NewString())
	if err != nil {
		return err
	}
	client := wire.NewClient(asker.Wire, d.bridge.Address(a.from), wire.ClientOptions{ThrottleDisabled: true, Headers: a.beside})
	defer client.Close()
	d.standins[holder.Name].fresh()
	started := time.Now()
	answer, err := client.Do(ctx, native, nil)
	if err != nil {
		return err
	}
	took := time.Since(started)
	var outcome bridge.Outcome
	select {
	case outcome = <-d.outcomes: // it is there before the answer is
	default:
		return fmt.Errorf("exchange %d was refused before it began; %s sent no request Linkspan could read", n, asker.Title)
	}
	d.printf("\n%d. %s asks %s for %s.\n", n, capital(asker.Title), holder.Title, a.what)
	if outcome.Reason != a.refused {
		return fmt.Errorf("exchange %d ended otherwise: %s: %s", n, outcome.Reason, outcome.Reason.Words())
	}
	d.printf("%s\n", wrap("   ", a.becomes))
	from, to := extension(asker), extension(holder)
	files := []saved{{a.from + "-request" + from, "what " + asker.Title + " sent", native}}
	switch {
	case a.refused != "":
		d.printf("%s\n", wrap("   ", "REFUSED, "+string(a.refused)+", in "+asker.Title+"'s own form: "+a.refused.Words()))
	case a.short:
		d.printf("   Released, with the warnings and counts of exchange 1: %d bytes.\n", outcome.BytesOut)
	default:
		d.print(asker.Title, holder.Title, outcome, took)
	}
	if a.refused == "" {
		asked, answered := d.standins[holder.Name].calls()
		files = append(files, saved{holder.Name + "-asked" + to, "what Linkspan asked " + holder.Title, asked},
			saved{holder.Name + "-answered" + to, "what " + holder.Title + " answered", answered})
	}
	return d.save(n, outcome, append(files, saved{a.from + "-response" + from, "what " + asker.Title + " got", answer}))
}

// request is one of the synthetic requests to the pair's other organisation, with
// an id of its own, as the system would give it: Linkspan takes every message
// once.
func (d *demo) request(ctx context.Context, asker system.System, file, id string) ([]byte, error) {
	native, err := testdata.Requests.ReadFile("requests/" + file)
	if err != nil {
		return nil, err
	}
	codec, err := asker.New(system.Options{Now: time.Now})
	if err != nil {
		return nil, err
	}
	q, err := codec.DecodeRequest(ctx, native)
	if err != nil {
		return nil, err
	}
	native = bytes.ReplaceAll(native, []byte(q.MessageID), []byte(id))
	if holder, err := d.pair.Other(asker.Name); err == nil && q.Target != "" { // the file names that of another pair
		native = bytes.ReplaceAll(native, []byte(q.Target), []byte(demoSides()[holder.Name].organisation.ODS))
	}
	return native, nil
}

func (d *demo) save(n int, outcome bridge.Outcome, files []saved) error {
	d.printf("   Files, with all counts in %d-outcome.json:\n", n)
	for _, f := range files {
		name := fmt.Sprintf("%d-%s", n, f.name)
		if err := os.WriteFile(filepath.Join(d.dir, name), f.body, 0o600); err != nil {
			return err
		}
		d.printf("     %-24s %s\n", name, f.what)
	}
	return writeJSON(filepath.Join(d.dir, fmt.Sprintf("%d-outcome.json", n)), outcome)
}

// proof reads the audit log back, as anybody with its file can.
func (d *demo) proof() error {
	events := map[string]int{}
	last, err := audit.Read(filepath.Join(d.dir, "audit"), "demo", func(_ audit.Receipt, e audit.Entry) error {
		events[e.Event]++
		return nil
	})
	if err != nil {
		return err
	}
	d.printf("\nThe audit log verifies: %d records, none missing, changed or moved (%d requests, %d answers, %d refusals, %d broken glass).\n",
		last.Seq, events[audit.EventAsked], events[audit.EventAnswered], events[audit.EventRefused], events[audit.EventBreakGlass])
	d.printf("   head of its tree  %s\n", last.TreeHead)
	d.printf("   to see it         . %s/linkspan.env; linkspan audit verify; linkspan audit breakglass --by YOUR-NAME\n", d.dir)
	return nil
}

// saved is one native message of an exchange in a file.
type saved struct {
	name, what string
	body       []byte
}

// keep says what to try, and one line of each exchange that is tried.
func (d *demo) keep(ctx context.Context) error {
	a, b := d.pair.A, d.pair.B
	var tries strings.Builder
	for _, s := range []system.System{a, b} {
		side := demoSides()[s.Name]
		try := side.whole
		if s.Name == b.Name {
			try = side.narrow
		}
		name := "try-" + s.Name + extension(s)
		native, err := d.request(ctx, s, try.file, "NEW-ID")
		if err == nil {
			err = os.WriteFile(filepath.Join(d.dir, name), native, 0o600)
		}
		if err != nil {
			return err
		}
		tries.WriteString(tryLine(s, name, d.bridge.Address(s.Name), try.beside))
	}
	d.printf(keepWords, d.bridge.ConsoleURL(), d.bridge.ConsoleURL(), d.dir, tries.String(), strings.Join(d.standins[a.Name].Patients(), " "))
	for {
		select {
		case o := <-d.outcomes:
			what := "answered"
			if o.Reason != "" {
				what = "refused, " + string(o.Reason)
			}
			d.printf("%s asked %s: %s, %d bytes, %s\n", o.From, o.To, what, o.BytesOut, tenths(micros(o.Micros)))
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *demo) stop() {
	bounded, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if d.bridge != nil {
		if err := d.bridge.Stop(bounded); err != nil {
			fmt.Fprintln(d.to.err, "stop:", err)
		}
	}
	for _, h := range d.standins {
		if err := h.listener.Shutdown(bounded); err != nil {
			fmt.Fprintln(d.to.err, "stop:", err)
		}
	}
}

func fileLogger(file string) (*zap.Logger, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(f), zap.InfoLevel)), nil
}
