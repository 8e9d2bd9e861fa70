package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the pages of docs/safety anew")

func evidence(t *testing.T) (string, Evidence) {
	t.Helper()
	root, err := top()
	require.NoError(t, err)
	e, err := read(root)
	require.NoError(t, err)
	return root, e
}

// The gate of the hazard log: every row has a control, a test that exists and
// is not skipped, a rating that is the matrix's, and a fault that can be
// planted.
func TestEveryRowHasAControlATestAndARating(t *testing.T) {
	root, e := evidence(t)
	require.Empty(t, check(root, e))
}

func TestPagesAreTheData(t *testing.T) {
	root, e := evidence(t)
	if *update {
		require.NoError(t, writePages(root, e))
	}
	for name, text := range pages(e) {
		written, err := os.ReadFile(filepath.Join(root, "docs/safety", name))
		require.NoError(t, err)
		require.Equal(t, text, string(written), "docs/safety/%s: go run ./scripts/evidence pages", name)
	}
}

// Rows that belong to write-back say so, and no other row does.
func TestRowsOfWriteBack(t *testing.T) {
	_, e := evidence(t)
	var found []string
	for _, r := range e.rows() {
		if r.Until != "" {
			require.Equal(t, "write-back", r.Until, r.ID)
			found = append(found, r.ID)
		}
	}
	require.Equal(t, []string{"H-33", "H-34", "H-35", "T-10", "T-25", "T-32"}, found)
}

// Nothing published names the machine, a registry or a folder outside.
func TestNothingOfTheMachine(t *testing.T) {
	root, _ := evidence(t)
	unwanted := regexp.MustCompile(`/work\b|/home/|/root/|/tmp/|proxy\.golang|registry|` + regexp.QuoteMeta(root))
	files, err := filepath.Glob(filepath.Join(root, "docs/safety/*"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Empty(t, unwanted.FindString(string(text)), filepath.Base(file))
	}
}

// Every fault the check is there for is found.
func TestCheckFinds(t *testing.T) {
	root, whole := evidence(t)
	changes := map[string]struct {
		change func(e *Evidence)
		says   string
	}{
		"a row is gone":                {func(e *Evidence) { e.Hazards.Rows = e.Hazards.Rows[1:] }, "42 rows, not 43"},
		"a row twice":                  {func(e *Evidence) { e.Threats.Rows[3] = e.Threats.Rows[2] }, "not T-04"},
		"no control":                   {func(e *Evidence) { e.Hazards.Rows[0].Controls = Controls{} }, "H-01: no control"},
		"no fault":                     {func(e *Evidence) { e.Hazards.Rows[0].Faults = nil }, "H-01: no fault"},
		"no test":                      {func(e *Evidence) { e.Hazards.Rows[0].Tests = nil }, "H-01: no test"},
		"a test that is not there":     {func(e *Evidence) { e.Hazards.Rows[0].Tests[0].Name = "TestNobodyWrote" }, "there is no test"},
		"a wrong score":                {func(e *Evidence) { e.Threats.Rows[0].Residual.Score = 5 }, "not 5"},
		"no residual rating":           {func(e *Evidence) { e.Threats.Rows[0].Residual = Rating{} }, "not in the matrix"},
		"worse after than before":      {func(e *Evidence) { e.Hazards.Rows[0].Residual = Rating{"Catastrophic", "Very High", 5} }, "above the initial"},
		"a line that is not there":     {func(e *Evidence) { e.Hazards.Rows[0].Faults[0].Line = "nowhere()" }, "stands 0 times"},
		"a line that is not alone":     {func(e *Evidence) { e.Hazards.Rows[0].Faults[0].Line = "}" }, "times in"},
		"a fault that changes nothing": {func(e *Evidence) { e.Hazards.Rows[0].Faults[0].Becomes = e.Hazards.Rows[0].Faults[0].Line }, "changes nothing"},
		"a fault in a test":            {func(e *Evidence) { e.Hazards.Rows[0].Faults[0].File = "all_test.go" }, "planted in the product's Go"},
		"an outage without an end":     {func(e *Evidence) { e.Outages.Components[0].New.Answer = "cannot be recovered" }, "no answer of the matrix"},
		"a refusal without reason":     {func(e *Evidence) { e.Outages.Components[0].New = Cell{Answer: refused} }, "for what reason"},
	}
	require.Empty(t, check(root, whole))
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			_, e := evidence(t)
			c.change(&e)
			require.Contains(t, strings.Join(check(root, e), "\n"), c.says)
		})
	}
}

// A planted fault its test does not see, one that does not compile and one
// that is seen are told apart.
func TestPlantedFaults(t *testing.T) {
	root, _ := evidence(t)
	test := []Test{{"./scripts/evidence", "TestMatrix"}}
	line := "{1, 2, 2, 3, 4},"
	rows := map[string]struct{ becomes, says string }{
		"T-01": {"{1, 2, 2, 3, 5},", ""},
		"T-02": {"{1, 2, 2, 3, 4}, // the same", "TestMatrix passes"},
		"T-03": {"{1, 2, 2, 3,", "does not compile"},
	}
	for id, r := range rows {
		e := Evidence{Threats: List{Rows: []Row{{ID: id, Tests: test, Faults: []Fault{{File: "scripts/evidence/rows.go", Line: line, Becomes: r.becomes}}}}}}
		var said strings.Builder
		err := faults(t.Context(), root, e, nil, &said)
		if r.says == "" {
			require.NoError(t, err)
			require.Contains(t, said.String(), "planted faults 1 of 1 found: hazards 0 of 0, threats 1 of 1")
			continue
		}
		require.Error(t, err)
		require.Contains(t, said.String(), r.says)
	}
	require.NoError(t, faults(t.Context(), root, Evidence{}, []string{"H-99"}, io.Discard))
}

func TestMatrix(t *testing.T) {
	for _, r := range []Rating{{"Minor", "Very High", 3}, {"Minor", "Low", 1}, {"Considerable", "Very Low", 2}, {"Major", "Very Low", 2},
		{"Major", "Medium", 3}, {"Major", "High", 4}, {"Catastrophic", "Low", 4}, {"Catastrophic", "High", 5}, {"Significant", "High", 3}} {
		got, err := score(r)
		require.NoError(t, err)
		require.Equal(t, r.Score, got, "%s by %s", r.Consequence, r.Likelihood)
	}
}

// Two builds of the product in two folders are the same bytes, and the list of
// what is linked is read from them.
func TestTwoBuildsAreTheSame(t *testing.T) {
	root, _ := evidence(t)
	binary, err := twoBuilds(t.Context(), root, t.TempDir(), "")
	require.NoError(t, err)
	require.NotContains(t, string(binary), root, "the binary says where it was built")
	b, err := sbom(binary)
	require.NoError(t, err)
	require.Equal(t, "github.com/linkspan/linkspan", b.Metadata.Component.Name)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NotEmpty(t, b.Components)
	for _, c := range b.Components {
		if c.Name != "std" {
			require.Len(t, c.Properties, 1, c.Name)
			require.Contains(t, string(sums), c.Name+" "+c.Version+" "+c.Properties[0].Value+"\n", "a module go.sum does not pin")
		}
	}
	said, err := command(t.Context(), root, nil, "go", "mod", "verify")
	require.NoError(t, err, said)
}

func TestEndings(t *testing.T) {
	said := `{"Action":"run","Test":"TestA"}
{"Action":"pass","Test":"TestA/one"}
{"Action":"skip","Test":"TestA/two"}
{"Action":"pass","Test":"TestA"}
{"Action":"fail","Test":"TestB"}
{"Action":"pass"}
not json
`
	require.Equal(t, map[string]string{"TestA": "pass", "TestA/two": "skip", "TestB": "fail"}, endings(said))
	list := skippedList(map[Test]string{{"./x", "TestA/two"}: "skip", {"./x", "TestA"}: "pass"})
	require.Contains(t, list, "./x TestA/two\n")
	require.NotContains(t, list, "TestA\n")
	require.Contains(t, skippedList(nil), "none\n")
}

// Every file of a bundle stands in its manifest with its hash.
func TestManifest(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, writeJSON(folder, "a.json", []string{"a"}))
	require.NoError(t, writeManifest(folder))
	text, err := os.ReadFile(filepath.Join(folder, "MANIFEST.sha256"))
	require.NoError(t, err)
	require.Equal(t, sum([]byte("[\n  \"a\"\n]\n"))+"  a.json\n", string(text))
}
