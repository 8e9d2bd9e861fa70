package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fsnotify/fsnotify"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
	"github.com/linkspan/linkspan/mapping/traffic"
)

// The commands of the scripts about tables:
//
//	narrow                        no line of stdout is wider than 100 columns
//	fields PATH NAME...           stdout is one JSON value, which has exactly these fields at PATH ("." or a.0.b)
//	agreement FILE [KEY=ROLE]...  an agreement that names the owners of these private key files as approvers
//	seen FILE LOOKUP...           a traffic log; a look-up is scheme|code|term code|to|contexts|kind|answer|count
//	rubbish CODE START ARGS...    linkspan exits with CODE, fed from START and then with rubbish without end
//	refuses DRAFTS FOLDER [BUT]   each table of FOLDER, alone among DRAFTS, is refused by check and activate with the line
//	                              its first comment states, and what is active stays; the tables BUT are left out
//	edit FILE OLD NEW             what a person does in an editor: OLD is there once; \t and \n are written so
//	written FILE REGEXP           waits until a running command has written a line that matches into FILE
//	jetstream NAME                starts NATS servers with JetStream; $NAME is their address

func narrow(ts *testscript.TestScript, _ bool, _ []string) {
	lines := strings.Split(ts.ReadFile("stdout"), "\n")
	if len(lines) < 2 {
		ts.Fatalf("no output to measure")
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > terminal {
			ts.Fatalf("%d columns: %s", n, line)
		}
	}
}

func fields(ts *testscript.TestScript, _ bool, args []string) {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var value any
	ts.Check(decoder.Decode(&value))
	if _, err := decoder.Token(); err != io.EOF {
		ts.Fatalf("text after the JSON value")
	}
	if args[0] != "." {
		for step := range strings.SplitSeq(args[0], ".") {
			switch at := value.(type) {
			case map[string]any:
				value = at[step]
			case []any:
				i, err := strconv.Atoi(step)
				ts.Check(err)
				if i >= len(at) {
					ts.Fatalf("%s: only %d", args[0], len(at))
				}
				value = at[i]
			}
		}
	}
	object, ok := value.(map[string]any)
	if !ok {
		ts.Fatalf("no object at %s", args[0])
	}
	if got, want := slices.Sorted(maps.Keys(object)), slices.Sorted(slices.Values(args[1:])); !slices.Equal(got, want) {
		ts.Fatalf("fields %v, want %v", got, want)
	}
}

func agreement(ts *testscript.TestScript, _ bool, args []string) {
	a := governance.Agreement{Economy: "test", Pair: "emisweb-systmone", Enabled: map[string]string{"emisweb": "A", "systmone": "B"},
		Sides: map[string]governance.Side{
			"emisweb":  {Organisations: []governance.Organisation{{ODS: "X99001", Name: "Causeway Medical Centre"}}, Asks: true, Shares: []string{"all"}, ReleaseMarks: []string{}},
			"systmone": {Organisations: []governance.Organisation{{ODS: "X99002", Name: "Harbour Lights Surgery"}}, Shares: []string{"all"}, ReleaseMarks: []string{}},
		}}
	for _, approver := range args[1:] {
		file, role, _ := strings.Cut(approver, "=")
		public, err := mapset.Public(ts.ReadFile(file))
		ts.Check(err)
		a.Approvers = append(a.Approvers, governance.Approver{Key: public, Role: role})
	}
	text, err := json.Marshal(a)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

func seen(ts *testscript.TestScript, _ bool, args []string) {
	var log traffic.Log
	log.SetDay("2026-11-20")
	for _, look := range args[1:] {
		part := strings.Split(look, "|")
		key := traffic.Key{Code: mapping.Code{Scheme: mapping.Scheme(part[0]), Value: part[1], TermCode: part[2]}, To: part[3], Contexts: part[4], Kind: part[5]}
		count, err := strconv.Atoi(part[7])
		ts.Check(err)
		for range count {
			log.Saw(key, mapping.Answer(part[6]))
		}
	}
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o700))
	ts.Check(log.Save(ts.MkAbs(args[0])))
}

// endless is the start of a file and then rubbish, line after line.
type endless struct{ line []byte }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.line)
	}
	return n, nil
}

func rubbish(ts *testscript.TestScript, _ bool, args []string) {
	command := exec.Command("linkspan", args[2:]...)
	command.Dir = ts.MkAbs(".")
	command.Stdin = io.MultiReader(strings.NewReader(ts.ReadFile(args[1])), endless{[]byte("rubbish without end, and nothing in it is a table\n")})
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || strconv.Itoa(failed.ExitCode()) != args[0] {
		ts.Fatalf("%v, want exit code %s:\n%s", err, args[0], output.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("rubbish.out"), output.Bytes(), 0o600))
}

func refuses(ts *testscript.TestScript, _ bool, args []string) {
	drafts, folder := ts.MkAbs(args[0]), ts.MkAbs(args[1])
	pointer := filepath.Join(drafts, "sets", "ACTIVE")
	before, err := os.ReadFile(pointer)
	ts.Check(err)
	entries, err := os.ReadDir(folder)
	ts.Check(err)
	tried := 0
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".tsv" || slices.Contains(args[2:], e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		ts.Check(err)
		first, _, _ := strings.Cut(strings.TrimPrefix(string(text), "\ufeff"), "\n")
		want, ok := strings.CutPrefix(strings.TrimSpace(first), "# expect: line ")
		if !ok {
			ts.Fatalf("%s does not say what is expected", e.Name())
		}
		tried++
		bad := filepath.Join(drafts, e.Name())
		ts.Check(os.WriteFile(bad, text, 0o600))
		for _, verb := range []string{"check", "activate"} {
			command := exec.Command("linkspan", "tables", verb, "--dir", args[0], "--pair", "emisweb-systmone", "--environment", "test")
			command.Dir = ts.MkAbs(".")
			output, err := command.CombinedOutput()
			var failed *exec.ExitError
			if !errors.As(err, &failed) || failed.ExitCode() != 1 {
				ts.Fatalf("%s %s: %v, want exit code 1:\n%s", verb, e.Name(), err, output)
			}
			line, what, _ := strings.Cut(want, ": ")
			place := filepath.Join(args[0], e.Name()) + ":" + line + ": "
			if !slices.ContainsFunc(strings.Split(string(output), "\n"), func(said string) bool { return strings.HasPrefix(said, place) && strings.Contains(said, what) }) {
				ts.Fatalf("%s does not say %s%s:\n%s", verb, place, what, output)
			}
		}
		ts.Check(os.Remove(bad))
		if after, err := os.ReadFile(pointer); err != nil || !bytes.Equal(before, after) {
			ts.Fatalf("%s: the active set was touched: %v", e.Name(), err)
		}
	}
	if tried == 0 {
		ts.Fatalf("no tables in %s", args[1])
	}
}

func edit(ts *testscript.TestScript, _ bool, args []string) {
	written := strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\r`, "\r")
	old, new := written.Replace(args[1]), written.Replace(args[2])
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, old); n != 1 {
		ts.Fatalf("%s has this %d times:\n%s", args[0], n, text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, old, new, 1)), 0o600))
}

func written(ts *testscript.TestScript, _ bool, args []string) {
	watch, err := fsnotify.NewWatcher()
	ts.Check(err)
	defer watch.Close()
	ts.Check(watch.Add(ts.MkAbs(args[0])))
	deadline := time.After(20 * time.Second)
	for pattern := regexp.MustCompile(args[1]); !pattern.MatchString(ts.ReadFile(args[0])); {
		select {
		case <-watch.Events:
		case err := <-watch.Errors:
			ts.Check(err)
		case <-deadline:
			ts.Fatalf("%s has no line %s:\n%s", args[0], args[1], ts.ReadFile(args[0]))
		}
	}
}

func jetStream(ts *testscript.TestScript, _ bool, args []string) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: ts.MkAbs("jetstream"), NoLog: true, NoSigs: true})
	ts.Check(err)
	s.Start()
	ts.Defer(func() { s.Shutdown(); s.WaitForShutdown() })
	ts.Setenv(args[0], s.ClientURL())
}
