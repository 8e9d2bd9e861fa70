package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// The test binary is the linkspan of the scripts.
func TestMain(m *testing.M) {
	if os.Getenv("LINKSPAN_CONSOLE_LISTEN") == "" { // two daemons at once must not want one address
		os.Setenv("LINKSPAN_CONSOLE_LISTEN", "off")
	}
	testscript.Main(m, map[string]func(){
		"linkspan": func() { os.Exit(linkspan(os.Args[1:], streams{os.Stdout, os.Stderr})) },
	})
}

// TestScripts runs the command line as its users do. The scripts find the
// project's testdata in $DATA and have these commands beside testscript's own:
//
//	exits CODE ARGS...           linkspan exits with CODE; its output is kept for stdout and stderr
//	start NAME REGEXP ARGS...    starts linkspan, waits for a line that matches and puts its groups into $NAME1, $NAME2 ...;
//	                             ARGS may begin with settings of the form NAME=VALUE
//	finish NAME                  ends it as an operator would; it must exit with 0. Its output is in NAME.out
//	ends NAME                    the same for one that ends by itself
//	ask SYSTEM ADDRESS FILE OUT  sends FILE on the wire of SYSTEM; the answer is in OUT. ! ask wants none that is whole
//	counts REPORT                REPORT has exactly the documented fields, and every section's counts add up
//	nodata REPORT MESSAGE        no text of MESSAGE stands in REPORT
//
// and those of tables_test.go.
func TestScripts(t *testing.T) {
	data, err := filepath.Abs("../../testdata")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", data)
			env.Values["started"] = started{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "start": start, "finish": finish, "ends": ends, "ask": ask, "counts": counts, "nodata": nodata,
			"narrow": narrow, "fields": fields, "agreement": agreement, "seen": seen, "rubbish": rubbish, "refuses": refuses, "edit": edit, "written": written, "jetstream": jetStream,
		},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	var failed *exec.ExitError
	err := ts.Exec("linkspan", args[1:]...)
	switch {
	case errors.As(err, &failed):
		code = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// started are the running commands of a script by name.
type started map[string]*running

type running struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan struct{}
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	name, ready, args := args[0], regexp.MustCompile(args[1]), args[2:]
	r := &running{cmd: exec.Command("linkspan"), ended: make(chan struct{})}
	r.cmd.Dir, r.cmd.Env = ts.MkAbs("."), os.Environ()
	for ; strings.Contains(args[0], "="); args = args[1:] {
		r.cmd.Env = append(r.cmd.Env, args[0])
	}
	r.cmd.Args = append(r.cmd.Args, args...)
	groups := make(chan []string, 1)
	ts.Check(r.start(waiting{ready, groups}))
	ts.Defer(r.kill)
	select {
	case found := <-groups:
		for i, g := range found[1:] {
			ts.Setenv(name+strconv.Itoa(i+1), g)
		}
	case <-r.ended:
		ts.Fatalf("%s ended before it was ready:\n%s", name, r.output.String())
	}
	ts.Value("started").(started)[name] = r
}

// waiting is a test that waits for output, and gets the groups of its first
// match.
type waiting struct {
	pattern *regexp.Regexp
	groups  chan<- []string
}

// start runs the command and keeps its output, which may be looked at once
// ended is closed.
func (r *running) start(waits ...waiting) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	r.cmd.Stdout, r.cmd.Stderr = write, write
	if err := r.cmd.Start(); err != nil {
		return err
	}
	if err := write.Close(); err != nil {
		return err
	}
	go r.read(read, waits)
	return nil
}

func (r *running) read(from io.ReadCloser, waits []waiting) {
	defer close(r.ended)
	defer from.Close()
	block := make([]byte, 4096)
	for {
		n, err := from.Read(block)
		r.output.Write(block[:n])
		waits = slices.DeleteFunc(waits, func(w waiting) bool {
			match := w.pattern.FindStringSubmatch(r.output.String())
			if match != nil {
				w.groups <- match
			}
			return match != nil
		})
		if err != nil {
			return
		}
	}
}

// kill ends what a failed test left running.
func (r *running) kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
	_ = r.cmd.Wait()
}

func finish(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value("started").(started)[args[0]]
	ts.Check(r.cmd.Process.Signal(os.Interrupt))
	ends(ts, false, args)
}

// ends waits for a command that ends by itself: one more signal could reach it when
// it no longer listens to any.
func ends(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value("started").(started)[args[0]]
	<-r.ended
	err := r.cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), r.output.Bytes(), 0o600))
	if err != nil {
		ts.Fatalf("%s: %v\n%s", args[0], err, r.output.String())
	}
}

func ask(ts *testscript.TestScript, neg bool, args []string) {
	all := pairs.Systems()
	i := slices.IndexFunc(all, func(s system.System) bool { return s.Name == args[0] })
	client := wire.NewClient(all[i].Wire, args[1], wire.ClientOptions{ThrottleDisabled: true})
	defer client.Close()
	answer, err := client.Do(context.Background(), []byte(ts.ReadFile(args[2])), nil)
	if neg {
		if err == nil {
			ts.Fatalf("there was an answer")
		}
		return
	}
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), answer, 0o600))
}

// documented is the report as issue and README state it, written down a second
// time so that a changed field fails.
type documented struct {
	Pair     *string `json:"pair"`
	From     *string `json:"from"`
	To       *string `json:"to"`
	Message  *string `json:"message"`
	Sections []struct {
		Section     *string `json:"section"`
		State       *string `json:"state"`
		Source      *int    `json:"source"`
		Coded       *int    `json:"coded"`
		Degraded    *int    `json:"degraded"`
		Withheld    *int    `json:"withheld"`
		Unsupported *int    `json:"unsupported"`
		Failed      *int    `json:"failed"`
		Duplicate   *int    `json:"duplicate"`
	} `json:"sections"`
	Warnings []map[string]any `json:"warnings"`
	Tables   []struct {
		ID      *string `json:"id"`
		Version *string `json:"version"`
		SHA256  *string `json:"sha256"`
	} `json:"tables"`
	Unmapped []struct {
		Scheme *string `json:"scheme"`
		Code   *string `json:"code"`
		Kind   *string `json:"kind"`
		Count  *int    `json:"count"`
	} `json:"unmapped"`
	MalformedCodes *int `json:"malformed_codes"`
	BytesIn        *int `json:"bytes_in"`
	BytesOut       *int `json:"bytes_out"`
	Micros         *int `json:"micros"`
}

func counts(ts *testscript.TestScript, _ bool, args []string) {
	report := readReport(ts, args[0])
	if name := missing(reflect.ValueOf(report)); name != "" {
		ts.Fatalf("the report has no %s", name)
	}
	for _, s := range report.Sections {
		if sum := *s.Coded + *s.Degraded + *s.Withheld + *s.Unsupported + *s.Failed + *s.Duplicate; sum != *s.Source {
			ts.Fatalf("%s: %d entries became %d", *s.Section, *s.Source, sum)
		}
	}
}

func readReport(ts *testscript.TestScript, file string) documented {
	var report documented
	strict := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
	strict.DisallowUnknownFields()
	ts.Check(strict.Decode(&report))
	return report
}

// missing names the first field that was absent or null.
func missing(v reflect.Value) string {
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		if field.IsNil() {
			return name
		}
		if field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct {
			for j := range field.Len() {
				if inner := missing(field.Index(j)); inner != "" {
					return name + "." + inner
				}
			}
		}
	}
	return ""
}

// nodata looks for every text and attribute of the message in the report, less
// what is the report's own: its keys, the names of systems, sections, states,
// kinds, warnings, schemes and tables, and the unmapped codes it is there to name.
func nodata(ts *testscript.TestScript, _ bool, args []string) {
	report := readReport(ts, args[0])
	text := regexp.MustCompile(`"[a-z_0-9]+":`).ReplaceAllString(ts.ReadFile(args[0]), "")
	own := []string{*report.Pair, *report.From, *report.To, *report.Message}
	for _, s := range report.Sections {
		own = append(own, *s.Section, *s.State)
	}
	for _, w := range report.Warnings {
		own = append(own, w["code"].(string))
	}
	for _, u := range report.Unmapped {
		own = append(own, *u.Scheme, *u.Kind, *u.Code)
	}
	for _, t := range report.Tables {
		own = append(own, *t.ID)
	}
	for _, word := range own {
		text = strings.ReplaceAll(text, `"`+word+`"`, "")
	}
	in := xml.NewDecoder(strings.NewReader(ts.ReadFile(args[1])))
	searched := 0
	for {
		token, err := in.Token()
		if err == io.EOF {
			break
		}
		ts.Check(err)
		var found []string
		switch token := token.(type) {
		case xml.CharData:
			found = append(found, string(token))
		case xml.StartElement:
			for _, a := range token.Attr {
				found = append(found, a.Value)
			}
		}
		for _, words := range found {
			words = strings.TrimSpace(words)
			if len(words) < 5 {
				continue
			}
			searched++
			if strings.Contains(text, words) {
				ts.Fatalf("%s repeats %q of the message", args[0], words)
			}
		}
	}
	if searched == 0 {
		ts.Fatalf("%s has no text to look for", args[1])
	}
}
