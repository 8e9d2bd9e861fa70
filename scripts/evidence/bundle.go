package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// bundle writes the evidence of a release into folder: what a clinical safety
// officer reads and keeps. It names no path, host or registry of the machine
// it was made on.
func bundle(ctx context.Context, root string, e Evidence, folder string, out io.Writer) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := copyPages(root, folder); err != nil {
		return err
	}
	if said, err := command(ctx, root, nil, "go", "mod", "verify"); err != nil {
		return fmt.Errorf("go mod verify: %s", last(said, 3))
	}
	work, err := os.MkdirTemp("", "linkspan-builds")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary, err := twoBuilds(ctx, root, work, filepath.Join(work, "cache"))
	if err != nil {
		return err
	}
	results, err := runTests(ctx, root, e)
	if err != nil {
		return err
	}
	facts, err := factsOf(ctx, root, binary)
	if err != nil {
		return err
	}
	bom, err := sbom(binary)
	if err != nil {
		return err
	}
	written := errors.Join(
		writeJSON(folder, "results.json", resultsByRow(e, results)),
		writeJSON(folder, "facts.json", facts),
		writeJSON(folder, "sbom.cdx.json", bom),
		os.WriteFile(filepath.Join(folder, "skipped.txt"), []byte(skippedList(results)), 0o644),
		writeManifest(folder),
	)
	if written != nil {
		return written
	}
	failed := failedTests(results)
	hazards, threats := passing(e.Hazards, results), passing(e.Threats, results)
	fmt.Fprintf(out, "hazards %d of %d, threats %d of %d\n", hazards, hazardRows, threats, threatRows)
	if len(failed) > 0 {
		return fmt.Errorf("tests that did not pass: %s", strings.Join(failed, ", "))
	}
	if hazards != hazardRows || threats != threatRows {
		return errors.New("a row has a test that was skipped or did not run")
	}
	return nil
}

func copyPages(root, folder string) error {
	files, err := filepath.Glob(filepath.Join(root, "docs/safety/*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// buildFlags make a build that says nothing of where it was made.
var buildFlags = []string{"build", "-trimpath", "-buildvcs=false"}

// twoBuilds builds the product here, and again in a copy of the tree in
// another folder, with the cache of compiled packages the caller names: an
// empty one makes the second build start from nothing. Both must be the same
// bytes.
func twoBuilds(ctx context.Context, root, work, cache string) ([]byte, error) {
	elsewhere := filepath.Join(work, "elsewhere")
	if err := copyTree(root, elsewhere); err != nil {
		return nil, err
	}
	here, err := build(ctx, root, filepath.Join(work, "first"), "")
	if err != nil {
		return nil, err
	}
	there, err := build(ctx, elsewhere, filepath.Join(work, "second"), cache)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(here, there) {
		return nil, errors.New("two builds of the same source differ")
	}
	return here, nil
}

// build builds the product without cgo, with a cache of compiled packages or,
// where cache is empty, the usual one.
func build(ctx context.Context, dir, into, cache string) ([]byte, error) {
	env := []string{"CGO_ENABLED=0"}
	if cache != "" {
		env = append(env, "GOCACHE="+cache)
	}
	args := append(slices.Clone(buildFlags), "-o", into, "./cmd/linkspan")
	if said, err := command(ctx, dir, env, "go", args...); err != nil {
		return nil, fmt.Errorf("build: %s", last(said, 3))
	}
	return os.ReadFile(into)
}

// copyTree copies what a build needs: Go files, what they embed, go.mod and
// go.sum.
func copyTree(from, to string) error {
	for _, part := range []string{"bridge", "cmd", "mapping", "pairs", "record", "testdata", "xmlio"} {
		if err := os.CopyFS(filepath.Join(to, part), os.DirFS(filepath.Join(from, part))); err != nil {
			return err
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// runTests runs every named test once and keeps how each ended: pass, fail,
// skip, or nothing where it never ran. Packages run one after the other.
func runTests(ctx context.Context, root string, e Evidence) (map[Test]string, error) {
	names := map[string]map[string]bool{}
	add := func(t Test) {
		if names[t.Package] == nil {
			names[t.Package] = map[string]bool{}
		}
		names[t.Package][regexp.QuoteMeta(t.Name)] = true
	}
	for _, r := range e.rows() {
		for _, t := range r.Tests {
			add(t)
		}
	}
	for _, c := range e.Outages.Components {
		add(c.New.Test)
		add(c.InFlight.Test)
		add(c.Writes.Test)
	}
	results := map[Test]string{}
	for _, folder := range slices.Sorted(maps.Keys(names)) {
		pattern := "^(" + strings.Join(slices.Sorted(maps.Keys(names[folder])), "|") + ")$"
		// A test that fails ends in the results, not here.
		said, _ := command(ctx, root, nil, "go", "test", "-json", "-count=1", "-timeout", "30m", "-run", pattern, folder)
		for name, ended := range endings(said) {
			results[Test{Package: folder, Name: name}] = ended
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return results, nil
}

// endings reads the output of `go test -json`: how each test and subtest
// ended. A skipped subtest is kept under its own name.
func endings(said string) map[string]string {
	ended := map[string]string{}
	scan := bufio.NewScanner(strings.NewReader(said))
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var event struct{ Action, Test string }
		if json.Unmarshal(scan.Bytes(), &event) != nil || event.Test == "" {
			continue
		}
		switch event.Action {
		case "pass", "fail", "skip":
			if !strings.Contains(event.Test, "/") || event.Action == "skip" {
				ended[event.Test] = event.Action
			}
		}
	}
	return ended
}

// result is one row of results.json.
type result struct {
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Initial  int               `json:"initial"`
	Residual int               `json:"residual"`
	Until    string            `json:"until,omitempty"`
	Tests    map[string]string `json:"tests"`
}

func resultsByRow(e Evidence, results map[Test]string) []result {
	var all []result
	for _, r := range e.rows() {
		one := result{ID: r.ID, Title: r.Title, Initial: r.Initial.Score, Residual: r.Residual.Score, Until: r.Until, Tests: map[string]string{}}
		for _, t := range r.Tests {
			one.Tests[t.String()] = ended(results, t)
		}
		all = append(all, one)
	}
	return all
}

func ended(results map[Test]string, t Test) string {
	if how := results[t]; how != "" {
		return how
	}
	return "did not run"
}

func passing(l List, results map[Test]string) int {
	n := 0
	for _, r := range l.Rows {
		if !slices.ContainsFunc(r.Tests, func(t Test) bool { return results[t] != "pass" }) {
			n++
		}
	}
	return n
}

func failedTests(results map[Test]string) []string {
	var failed []string
	for t, how := range results {
		if how == "fail" {
			failed = append(failed, t.String())
		}
	}
	slices.Sort(failed)
	return failed
}

func skippedList(results map[Test]string) string {
	var skipped []string
	for t, how := range results {
		if how == "skip" {
			skipped = append(skipped, t.String()+"\n")
		}
	}
	slices.Sort(skipped)
	return "Tests of the hazard log, the threat model and the outage matrix that were skipped in this run:\n" + cmp.Or(strings.Join(skipped, ""), "none\n") +
		"\nNot run here, and run by its own command: the long forms (`make soak`), the W3C suite (`make conformance`).\n"
}

// facts.json: what the release is made of, so that another can say whether it
// is the same.
type facts struct {
	Product      string            `json:"product"`
	Commit       string            `json:"commit,omitempty"`
	Changed      bool              `json:"changed_since_commit"`
	Go           string            `json:"go"`
	Platform     string            `json:"platform"`
	BinarySHA256 string            `json:"binary_sha256"`
	BuildFlags   string            `json:"build"`
	GoSumSHA256  string            `json:"go_sum_sha256"`
	ModVerified  bool              `json:"modules_verified"`
	StarterSet   string            `json:"starter_map_set"`
	Tables       map[string]string `json:"starter_tables_sha256"`
}

func factsOf(ctx context.Context, root string, binary []byte) (facts, error) {
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return facts{}, err
	}
	tables, err := mapping.Starter()
	if err != nil {
		return facts{}, err
	}
	set, problems := mapping.NewSet(tables...)
	if len(problems) > 0 {
		return facts{}, problems[0]
	}
	f := facts{Product: "linkspan", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, BinarySHA256: sum(binary),
		BuildFlags: "CGO_ENABLED=0 go " + strings.Join(buildFlags, " "), GoSumSHA256: sum(sums), ModVerified: true,
		StarterSet: set.Digest(), Tables: map[string]string{}}
	files, err := filepath.Glob(filepath.Join(root, "mapping/tables/*.tsv"))
	if err != nil {
		return facts{}, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return facts{}, err
		}
		f.Tables[filepath.Base(file)] = sum(text)
	}
	if commit, err := command(ctx, root, nil, "git", "rev-parse", "HEAD"); err == nil {
		f.Commit = strings.TrimSpace(commit)
		changed, err := command(ctx, root, nil, "git", "status", "--porcelain", "--untracked-files=no")
		f.Changed = err != nil || strings.TrimSpace(changed) != ""
	}
	return f, nil
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

func writeJSON(folder, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), append(text, '\n'), 0o644)
}

// writeManifest lists every file of the folder with its hash, in the form
// `sha256sum -c` reads. The site signs this file with a key of its own.
func writeManifest(folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum(text), file.Name())
	}
	return os.WriteFile(filepath.Join(folder, "MANIFEST.sha256"), []byte(b.String()), 0o644)
}
