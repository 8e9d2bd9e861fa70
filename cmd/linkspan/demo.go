package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/testdata"
)

type demoCommand struct {
	Pair string `default:"emisweb-systmone" help:"The pair to show."`
	Dir  string `type:"path" help:"Folder for the native messages, the audit log and the daemon's log; default a new temporary one."`
	Keep bool   `help:"Stay up afterwards, to try things by hand."`
}

// asking is one exchange of the demonstration: who asks, what, with which
// native request.
type asking struct {
	from, what, request string
}

// demoAskings are the two exchanges of the first pair; the second is narrowed,
// so that the translation of a request shows.
var demoAskings = []asking{
	{from: "emisweb", what: "the whole record", request: "emisweb-full.xml"},
	{from: "systmone", what: "medication and allergies, in dm+d, since 2010", request: "systmone-narrow.xml"},
}

// demoSettings are what the codecs need to make requests of their own.
var demoSettings = map[string]map[string]string{
	"emisweb":  {"user": "linkspan", "machine": "demo"},
	"systmone": {"api-key": "demo-key", "device-id": "5ca1ab1e0ddba115", "device-version": "Linkspan " + version},
}

// demo is the running demonstration.
type demo struct {
	dir      string
	to       streams
	pair     pairs.Pair
	standins map[string]*wire.Listener
	bridge   *bridge.Bridge
	outcomes chan bridge.Outcome
}

// Run runs both stand-ins and the daemon in this process, each on its own real
// wire, and one exchange each way.
func (c demoCommand) Run(ctx context.Context, to streams) error {
	pair, err := pairs.Find(c.Pair)
	if err != nil {
		return err
	}
	d := &demo{dir: c.Dir, to: to, pair: pair, standins: map[string]*wire.Listener{}, outcomes: make(chan bridge.Outcome, 1)}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "linkspan-demo-"); err != nil {
			return err
		}
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	defer d.stop()
	for i, a := range demoAskings {
		if err := d.exchange(ctx, i+1, a); err != nil {
			return err
		}
	}
	d.printf("\nAudit log, daemon log and all messages: %s\n", d.dir)
	if c.Keep {
		d.keep()
		<-ctx.Done()
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
		if d.standins[s.Name], err = wire.Listen(ctx, s.Wire, "127.0.0.1:0", stand.Handle, wire.ListenOptions{}); err != nil {
			return err
		}
		sides[s.Name] = bridge.SideConfig{Address: d.standins[s.Name].Addr().String(), Listen: "127.0.0.1:0", Throttle: "on", Settings: demoSettings[s.Name]}
	}
	agreement, err := d.agreement()
	if err != nil {
		return err
	}
	log, err := fileLogger(filepath.Join(d.dir, "linkspan.log"))
	if err != nil {
		return err
	}
	started := time.Now()
	d.bridge, err = bridge.Start(ctx, bridge.Config{
		Economy: "demo", Pair: d.pair.Name, Environment: bridge.EnvironmentTest, Instance: "demo",
		Roles: []string{bridge.RoleExchange, d.pair.A.Name, d.pair.B.Name}, Agreement: agreement, Data: d.dir,
		RecordLimit: 8 << 20, Deadline: 30 * time.Second, Slots: 16, SenderCodes: "off", Sides: sides,
	}, bridge.Options{Log: log, Version: version, Observe: func(o bridge.Outcome) { d.outcomes <- o }})
	if err != nil {
		return err
	}
	d.printf("Linkspan links %s and %s; up in %s.\n", d.pair.A.Title, d.pair.B.Title, time.Since(started).Round(time.Millisecond))
	for _, s := range []system.System{d.pair.A, d.pair.B} {
		d.printf("  %-9s stand-in on %s, Linkspan listens for its requests on %s (%s)\n", s.Title, d.standins[s.Name].Addr(), d.bridge.Address(s.Name), s.Wire.Transport)
	}
	return nil
}

// agreement writes the sharing agreement both controllers of the demonstration
// have enabled.
func (d *demo) agreement() (string, error) {
	a := governance.Agreement{Economy: "demo", Pair: d.pair.Name,
		Enabled: map[string]string{d.pair.A.Name: "Demonstration controller A", d.pair.B.Name: "Demonstration controller B"},
		Sides: map[string]governance.Side{
			"emisweb": {Organisations: []governance.Organisation{{ODS: "X99001", Name: "Causeway Medical Centre"}}, Asks: true, Shares: []string{"all"},
				ReleaseMarks: []string{"Unrestricted"}},
			"systmone": {Organisations: []governance.Organisation{{ODS: "X99002", Name: "Harbour Lights Surgery"}}, Asks: true, Shares: []string{"all"}, ReleaseMarks: []string{},
				Asserted: &governance.Asserted{User: "hwinterbourne", Role: "General Medical Practitioner", Purpose: "direct care", Consent: "given", Procedure: "asked at the point of care"}},
		}}
	file := filepath.Join(d.dir, "agreement.json")
	return file, writeJSON(file, a)
}

// exchange sends one native request as the asking system would and prints what
// became of it.
func (d *demo) exchange(ctx context.Context, n int, a asking) error {
	native, err := testdata.Requests.ReadFile("requests/" + a.request)
	if err != nil {
		return err
	}
	holder, err := d.pair.Other(a.from)
	if err != nil {
		return err
	}
	asker, err := d.pair.Other(holder.Name)
	if err != nil {
		return err
	}
	client := wire.NewClient(asker.Wire, d.bridge.Address(a.from), wire.ClientOptions{ThrottleDisabled: true})
	defer client.Close()
	started := time.Now()
	answer, err := client.Do(ctx, native, nil)
	if err != nil {
		return err
	}
	took := time.Since(started)
	outcome := <-d.outcomes
	if err := d.save(n, a.from, native, answer, outcome); err != nil {
		return err
	}
	d.printf("\n%d. %s asks %s for %s.\n", n, asker.Title, holder.Title, a.what)
	if outcome.Reason != "" {
		d.printf("   REFUSED: %s\n", outcome.Reason.Words())
		return fmt.Errorf("exchange %d was refused: %s", n, outcome.Reason)
	}
	d.print(asker.Title, outcome, took)
	d.printf("   Native messages: %d-%s-request.xml, %d-%s-response.xml\n", n, a.from, n, a.from)
	return nil
}

func (d *demo) save(n int, from string, request, response []byte, o bridge.Outcome) error {
	name := func(what string) string { return filepath.Join(d.dir, fmt.Sprintf("%d-%s-%s", n, from, what)) }
	if err := os.WriteFile(name("request.xml"), request, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(name("response.xml"), response, 0o600); err != nil {
		return err
	}
	return writeJSON(name("outcome.json"), o)
}

// print says in plain words what crossed.
func (d *demo) print(asker string, o bridge.Outcome, took time.Duration) {
	d.printf("   %-16s %-18s %6s %6s %9s %9s %12s %6s\n", "section", "state", "source", "coded", "degraded", "withheld", "unsupported", "failed")
	for _, s := range o.Report.Sections {
		d.printf("   %-16s %-18s %6d %6d %9d %9d %12d %6d\n", s.Section, s.State, s.Source, s.Coded, s.Degraded, s.Withheld, s.Unsupported, s.Failed)
	}
	for _, w := range o.Report.Warnings {
		d.printf("   WARNING %s (%s%s)\n", w.Code, w.Section, count(w.Count))
	}
	d.printf("   Degraded entries reach %s in their original words with their original code; nothing is dropped.\n", asker)
	codes := make([]string, 0, 5)
	for _, u := range o.Report.Unmapped {
		if len(codes) < cap(codes) {
			codes = append(codes, fmt.Sprintf("%s %s (%s, %d)", u.Scheme, u.Code, u.Kind, u.Count))
		}
	}
	if len(codes) > 0 {
		d.printf("   No table row yet for %d codes, first: %s\n", len(o.Report.Unmapped), strings.Join(codes, "; "))
	}
	micros := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	d.printf("   Time: %s for the asker = %s waiting for the holder's wire + %s decide, translate, audit + %s asker's wire and edge\n",
		took.Round(time.Microsecond), micros(o.HolderMicros), micros(o.Micros-o.HolderMicros), (took - micros(o.Micros)).Round(time.Microsecond))
	d.printf("   Bytes: %d asked, %d answered; map set of %d tables\n", o.BytesIn, o.BytesOut, len(o.Report.Tables))
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d", n)
}

// keep says what to try while everything stays up.
func (d *demo) keep() {
	d.printf(`
Everything stays up until Ctrl-C. To try:
  curl -s -H 'Content-Type: application/xml' --data-binary @%s http://%s%s
  nc %s < %s
  tail -f %s
`, filepath.Join(d.dir, "1-emisweb-request.xml"), d.bridge.Address("emisweb"), d.pair.A.Wire.Path,
		strings.Replace(d.bridge.Address("systmone"), ":", " ", 1), filepath.Join(d.dir, "2-systmone-request.xml"), filepath.Join(d.dir, "linkspan.log"))
}

func (d *demo) stop() {
	bounded, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if d.bridge != nil {
		if err := d.bridge.Stop(bounded); err != nil {
			fmt.Fprintln(d.to.err, "stop:", err)
		}
	}
	for _, l := range d.standins {
		if err := l.Shutdown(bounded); err != nil {
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
