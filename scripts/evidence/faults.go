package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	faultsAtOnce = 2
	compileTime  = 5 * time.Minute
	testTime     = 5 * time.Minute
)

// planting is one fault of one row, and what came of it.
type planting struct {
	row   Row
	fault Fault
	found error // nil where the test failed
}

// faults plants each row's faults, each in a build of its test of its own, and
// runs the test, which must fail. With ids, only those rows.
func faults(ctx context.Context, root string, e Evidence, ids []string, out io.Writer) error {
	var all []planting
	for _, r := range e.rows() {
		if len(ids) > 0 && !slices.Contains(ids, r.ID) {
			continue
		}
		for _, f := range r.Faults {
			all = append(all, planting{row: r, fault: f})
		}
	}
	work, err := os.MkdirTemp("", "linkspan-faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	next := make(chan int)
	var running sync.WaitGroup
	var printing sync.Mutex
	for range faultsAtOnce {
		running.Go(func() {
			for i := range next {
				p := &all[i]
				started := time.Now()
				p.found = plantAndRun(ctx, root, filepath.Join(work, strconv.Itoa(i)), *p)
				said := "found"
				if p.found != nil {
					said = "NOT FOUND: " + p.found.Error()
				}
				test, _ := p.row.test(p.fault)
				printing.Lock()
				fmt.Fprintf(out, "%s %5.1f s  %s by %s: %s\n", p.row.ID, time.Since(started).Seconds(), p.fault.File, test.Name, said)
				printing.Unlock()
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	running.Wait()
	return tell(all, out)
}

// tell counts the rows of which every fault was found.
func tell(all []planting, out io.Writer) error {
	rows, missed, found := map[string]bool{}, map[string]bool{}, 0
	for _, p := range all {
		rows[p.row.ID] = true
		if p.found != nil {
			missed[p.row.ID] = true
		} else {
			found++
		}
	}
	count := func(ids map[string]bool, letter string) (n int) {
		for id := range ids {
			if strings.HasPrefix(id, letter) {
				n++
			}
		}
		return n
	}
	hazards, threats := count(rows, "H"), count(rows, "T")
	fmt.Fprintf(out, "planted faults %d of %d found: hazards %d of %d, threats %d of %d\n", found, len(all),
		hazards-count(missed, "H"), hazards, threats-count(missed, "T"), threats)
	if found != len(all) {
		return errors.New("a planted fault was not found")
	}
	return nil
}

// plantAndRun is nil when the row's test fails, and only it is the reason: the
// build with the fault compiles, and the test ends by itself.
func plantAndRun(ctx context.Context, root, work string, p planting) error {
	test, ok := p.row.test(p.fault)
	if !ok {
		return errors.New("the row has no test for its fault")
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	overlay, err := overlayOf(root, work, p.fault)
	if err != nil {
		return err
	}
	binary := filepath.Join(work, "planted.test")
	compiling, stop := context.WithTimeout(ctx, compileTime)
	defer stop()
	if said, err := command(compiling, root, nil, "go", "test", "-overlay", overlay, "-c", "-o", binary, test.Package); err != nil {
		return fmt.Errorf("does not compile with the fault: %s", last(said, 3))
	}
	running, stop := context.WithTimeout(ctx, testTime)
	defer stop()
	// What the test builds by itself has the fault too.
	env := []string{"GOFLAGS=-overlay=" + overlay, "TMPDIR=" + work}
	said, err := command(running, filepath.Join(root, test.Package), env, binary, "-test.run", "^"+regexp.QuoteMeta(test.Name)+"$", "-test.timeout", testTime.String())
	switch {
	case running.Err() != nil || strings.Contains(said, "panic: test timed out"):
		return fmt.Errorf("%s did not end", test)
	case err == nil:
		return fmt.Errorf("%s passes", test)
	case !strings.Contains(said, "--- FAIL: "+test.Name) && !strings.Contains(said, "panic: "):
		return fmt.Errorf("%s failed without a failure: %s", test, last(said, 3))
	}
	return nil
}

// overlayOf writes the changed file and the overlay that puts it in the place
// of the tree's own, which is not touched.
func overlayOf(root, work string, f Fault) (string, error) {
	file := filepath.Join(root, f.File)
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	planted, n := plant(string(text), f)
	if n != 1 {
		return "", fmt.Errorf("the line of the fault stands %d times in %s", n, f.File)
	}
	changed := filepath.Join(work, "planted.go")
	if err := os.WriteFile(changed, []byte(planted), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(work, "overlay.json")
	return name, os.WriteFile(name, overlay, 0o600)
}

// command runs a program to its end and returns all it said.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = 5 * time.Second
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// last is the last lines of what a program said.
func last(said string, n int) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
