package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// check finds every fault of the safety data itself: a row without a control,
// a test that does not exist, a score that is not the matrix's.
func check(root string, e Evidence) []string {
	c := &checker{root: root, tests: map[string]map[string]bool{}}
	c.list("hazards.yaml", e.Hazards, "H", hazardRows)
	c.list("threats.yaml", e.Threats, "T", threatRows)
	c.outages(e.Outages)
	return c.faults
}

type checker struct {
	root   string
	tests  map[string]map[string]bool // package -> name -> whether it may skip itself
	faults []string
}

func (c *checker) fault(where, format string, args ...any) {
	c.faults = append(c.faults, where+": "+fmt.Sprintf(format, args...))
}

func (c *checker) list(file string, l List, letter string, rows int) {
	if l.Title == "" || l.Note == "" {
		c.fault(file, "no title or no note")
	}
	if len(l.Rows) != rows {
		c.fault(file, "%d rows, not %d", len(l.Rows), rows)
	}
	for i, r := range l.Rows {
		if id := fmt.Sprintf("%s-%02d", letter, i+1); r.ID != id {
			c.fault(file, "row %d is %q, not %s", i+1, r.ID, id)
		}
		c.row(r, letter == "T")
	}
}

func (c *checker) row(r Row, threat bool) {
	if r.Title == "" || r.Harm == "" || len(r.Causes) == 0 {
		c.fault(r.ID, "title, harm and causes must be stated")
	}
	if threat == (r.Asset == "" || r.Actor == "") {
		c.fault(r.ID, "asset and actor are stated for threats, and only there")
	}
	c.rating(r.ID, "initial", r.Initial)
	c.rating(r.ID, "residual", r.Residual)
	if r.Residual.Score > r.Initial.Score {
		c.fault(r.ID, "the residual rating is above the initial one")
	}
	if len(r.Controls.Design) == 0 {
		c.fault(r.ID, "no control in the design")
	}
	for _, control := range r.Controls.all() {
		if strings.TrimSpace(control) == "" || strings.Contains(control, "\n") {
			c.fault(r.ID, "a control is one line")
		}
	}
	if len(r.Tests) == 0 {
		c.fault(r.ID, "no test")
	}
	for _, t := range r.Tests {
		c.test(r.ID, t)
	}
	if len(r.Faults) == 0 {
		c.fault(r.ID, "no fault")
	}
	for _, f := range r.Faults {
		if _, ok := r.test(f); !ok {
			c.fault(r.ID, "the fault's test %s is none of the row's", f.Test)
		}
		c.planted(r.ID, f)
	}
}

func (c Controls) all() []string {
	var all []string
	for _, part := range [][]string{c.Design, c.Test, c.Training, c.Process} {
		all = append(all, part...)
	}
	return all
}

func (c *checker) rating(id, which string, r Rating) {
	want, err := score(r)
	if err != nil {
		c.fault(id, "%s rating: %v", which, err)
	} else if r.Score != want {
		c.fault(id, "%s rating: %s by %s is %d, not %d", which, r.Consequence, r.Likelihood, want, r.Score)
	}
}

// planted: the line stands once in its file, which is part of the product.
func (c *checker) planted(id string, f Fault) {
	if strings.HasSuffix(f.File, "_test.go") || filepath.Ext(f.File) != ".go" {
		c.fault(id, "a fault is planted in the product's Go, not in %s", f.File)
	}
	text, err := os.ReadFile(filepath.Join(c.root, f.File))
	if err != nil {
		c.fault(id, "%s does not exist", f.File)
		return
	}
	if _, n := plant(string(text), f); n != 1 {
		c.fault(id, "the line of the fault stands %d times in %s", n, f.File)
	}
	if strings.TrimSpace(f.Line) == strings.TrimSpace(f.Becomes) {
		c.fault(id, "the fault changes nothing")
	}
}

// plant replaces the line of the fault and counts how often it stood there.
func plant(text string, f Fault) (string, int) {
	lines, n := strings.Split(text, "\n"), 0
	for i, line := range lines {
		if strings.TrimSpace(line) == strings.TrimSpace(f.Line) {
			lines[i], n = f.Becomes, n+1
		}
	}
	return strings.Join(lines, "\n"), n
}

// test: the named function exists in a test file of its package and does not
// skip itself.
func (c *checker) test(id string, t Test) {
	tests, ok := c.tests[t.Package]
	if !ok {
		tests = c.parse(id, t.Package)
		c.tests[t.Package] = tests
	}
	skips, ok := tests[t.Name]
	if !ok {
		c.fault(id, "there is no test %s", t)
	}
	if skips {
		c.fault(id, "%s may skip itself", t)
	}
}

func (c *checker) parse(id, folder string) map[string]bool {
	tests := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(c.root, folder, "*_test.go"))
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			c.fault(id, "%s cannot be parsed", filepath.Base(file))
			continue
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				tests[f.Name.Name] = skips(f)
			}
		}
	}
	return tests
}

// skips: whether a test calls Skip, Skipf or SkipNow of what it was given.
func skips(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			of, ok := s.X.(*ast.Ident)
			found = found || ok && (of.Name == "t" || of.Name == "f") && (s.Sel.Name == "Skip" || s.Sel.Name == "Skipf" || s.Sel.Name == "SkipNow")
		}
		return !found
	})
	return found
}

func (c *checker) outages(o Outages) {
	if o.Title == "" || o.Note == "" || len(o.Components) == 0 {
		c.fault("outages.yaml", "no title, note or component")
	}
	for _, component := range o.Components {
		if component.Back == "" {
			c.fault(component.Name, "how the link comes back is not stated")
		}
		for _, cell := range []Cell{component.New, component.InFlight, component.Writes} {
			switch {
			case cell.Answer == refused && cell.Reason == "":
				c.fault(component.Name, "refused, but for what reason?")
			case cell.Answer == recovers && cell.Reason != "":
				c.fault(component.Name, "a reason is stated for what is not refused")
			case cell.Answer != recovers && cell.Answer != refused:
				c.fault(component.Name, "%q is no answer of the matrix", cell.Answer)
			}
			if cell.Says == "" {
				c.fault(component.Name, "what happens is not stated")
			}
			c.test(component.Name, cell.Test)
		}
	}
}
