package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// The number of rows each list must have, numbered from 01.
const (
	hazardRows = 43
	threatRows = 37
)

// List is one file of docs/safety: the hazard log or the threat model.
type List struct {
	Title string `yaml:"title"`
	// Note says what the ratings are worth and who may accept them.
	Note string `yaml:"note"`
	Rows []Row  `yaml:"rows"`
}

// Row is one hazard or one threat with what is done about it and the test that
// shows it is done.
type Row struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// Asset and Actor are stated for threats only.
	Asset  string   `yaml:"asset"`
	Actor  string   `yaml:"actor"`
	Harm   string   `yaml:"harm"`
	Causes []string `yaml:"causes"`

	Initial  Rating   `yaml:"initial"`
	Controls Controls `yaml:"controls"`
	Tests    []Test   `yaml:"tests"`
	Faults   []Fault  `yaml:"faults"`
	Residual Rating   `yaml:"residual"`

	// Transferred is what remains for the deploying organisation to do.
	Transferred []string `yaml:"transferred"`
	// Until names the part of the product that does not exist yet and to which
	// the row belongs. Its test shows that the part cannot be reached.
	Until string `yaml:"until"`
}

// Rating is a place in the DCB risk matrix, and the number that stands there.
type Rating struct {
	Consequence string `yaml:"consequence"`
	Likelihood  string `yaml:"likelihood"`
	Score       int    `yaml:"score"`
}

// Controls are the controls of a row, by where they act.
type Controls struct {
	Design   []string `yaml:"design"`
	Test     []string `yaml:"test"`
	Training []string `yaml:"training"`
	Process  []string `yaml:"process"`
}

// Test is one test function. Subtests are named by their parent.
type Test struct {
	Package string `yaml:"package"` // "./bridge"
	Name    string `yaml:"name"`
}

func (t Test) String() string { return t.Package + " " + t.Name }

// Fault is one line of the product replaced by another, under which Test fails.
type Fault struct {
	File    string `yaml:"file"`
	Line    string `yaml:"line"`    // the whole line without the space around it; stands once in the file
	Becomes string `yaml:"becomes"` // may be empty: the line is gone
	// Test is the one of the row's tests that fails; without it, the first. Two
	// of one name are told apart by Package.
	Test    string `yaml:"test"`
	Package string `yaml:"package"`
}

// test is the test of the row that one of its faults must fail.
func (r Row) test(f Fault) (Test, bool) {
	for _, t := range r.Tests {
		if (f.Test == "" || f.Test == t.Name) && (f.Package == "" || f.Package == t.Package) {
			return t, true
		}
	}
	return Test{}, false
}

// matrix is the DCB risk matrix: rows by likelihood, columns by consequence.
var (
	consequences = []string{"Minor", "Significant", "Considerable", "Major", "Catastrophic"}
	likelihoods  = []string{"Very Low", "Low", "Medium", "High", "Very High"}
	matrix       = [][]int{
		{1, 1, 2, 2, 3},
		{1, 2, 2, 3, 4},
		{2, 2, 3, 3, 4},
		{2, 3, 3, 4, 5},
		{3, 4, 4, 5, 5},
	}
)

// score reads the matrix.
func score(r Rating) (int, error) {
	likelihood, consequence := slices.Index(likelihoods, r.Likelihood), slices.Index(consequences, r.Consequence)
	if likelihood < 0 || consequence < 0 {
		return 0, fmt.Errorf("%q by %q is not in the matrix", r.Consequence, r.Likelihood)
	}
	return matrix[likelihood][consequence], nil
}

// Outages is the outage matrix: what a request meets when a component is down.
type Outages struct {
	Title      string      `yaml:"title"`
	Note       string      `yaml:"note"`
	Components []Component `yaml:"components"`
}

// Component is one thing that may be out.
type Component struct {
	Name     string `yaml:"name"`
	New      Cell   `yaml:"new"`
	InFlight Cell   `yaml:"in-flight"`
	Writes   Cell   `yaml:"write-back"`
	Back     string `yaml:"back"` // how the link comes back, and whether somebody must do something
}

// Cell is one place of the outage matrix.
type Cell struct {
	Answer string `yaml:"answer"` // one of the answers below
	Reason string `yaml:"reason"` // the reason of record, where refused
	Says   string `yaml:"says"`
	Test   Test   `yaml:"test"`
}

// The only two things a cell may say; there is no "cannot be recovered".
const (
	recovers = "recovers by itself"
	refused  = "refused with reason"
)

// Evidence is all of docs/safety that is data.
type Evidence struct {
	Hazards, Threats List
	Outages          Outages
}

// read reads docs/safety under the repository's root. A field nobody knows is
// a fault.
func read(root string) (Evidence, error) {
	var e Evidence
	return e, errors.Join(
		decode(filepath.Join(root, "docs/safety/hazards.yaml"), &e.Hazards),
		decode(filepath.Join(root, "docs/safety/threats.yaml"), &e.Threats),
		decode(filepath.Join(root, "docs/safety/outages.yaml"), &e.Outages),
	)
}

func decode(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

// rows are the hazards and then the threats.
func (e Evidence) rows() []Row { return slices.Concat(e.Hazards.Rows, e.Threats.Rows) }
