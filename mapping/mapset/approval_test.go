package mapset_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/linkspan/linkspan/mapping/mapset"
)

func TestApproveWritesWhatIsSigned(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "jane.smith")
	file := write(t, dir, "b.tsv", strict())
	approval, name, faults, err := mapset.Approve(file, mapset.Approving{Key: staff["jane.smith"], Role: "CSO", Words: "hazard 7", At: at})
	require.NoError(t, err)
	require.Empty(t, faults)
	require.Equal(t, file+".jane.smith.note", name)
	facts, faults := mapset.ReadFacts(file)
	require.Empty(t, faults)
	require.Equal(t, approval.Table, facts)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "linkspan table approval 1\ntable: read-allergies\nversion: 1\nsha256: "+facts.SHA256+
		"\nrows: 1\nrows for allergies or medication: 1\nauthor: Ann Author\napprover: jane.smith\nrole: CSO\ndate: 2026-11-22T12:00:00Z\nwords: hazard 7\n\n"), string(text))
}

func TestApproveRefuses(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "jane.smith", "ann-author")
	good := mapset.Approving{Key: staff["jane.smith"], Role: "CSO", Words: "hazard 7", At: at}
	file := write(t, dir, "a.tsv", plain())
	for what, c := range map[string]struct {
		file   string
		change func(*mapset.Approving)
		want   string
	}{
		"no key":       {file, func(a *mapset.Approving) { a.Key = "secret" }, "not a private key"},
		"no role":      {file, func(a *mapset.Approving) { a.Role = " " }, "role"},
		"no words":     {file, func(a *mapset.Approving) { a.Words = "" }, "words"},
		"two lines":    {file, func(a *mapset.Approving) { a.Words = "one\ntwo" }, "words"},
		"the author":   {file, func(a *mapset.Approving) { a.Key = staff["ann-author"] }, "author"},
		"another file": {file, func(a *mapset.Approving) { a.SHA256 = strings.Repeat("0", 64) }, "changed"},
		"no table":     {write(t, dir, "a.txt", plain()), func(*mapset.Approving) {}, ".tsv"},
		"faults":       {write(t, dir, "f.tsv", plain("A1|00|One|XaAA1||Eins|equivalent|any|no||||")), func(*mapset.Approving) {}, "f.tsv:10:"},
		"no author":    {write(t, dir, "n.tsv", strings.Replace(plain(), "# author: Ann Author\n", "", 1)), func(*mapset.Approving) {}, "no header author"},
		"no file":      {dir + "/gone.tsv", func(*mapset.Approving) {}, "cannot be read"},
	} {
		a := good
		c.change(&a)
		_, _, faults, err := mapset.Approve(c.file, a)
		if len(faults) > 0 {
			err = faults[0]
		}
		require.ErrorContains(t, err, c.want, what)
		require.NotContains(t, err.Error(), "secret", what)
	}
	_, _, err := mapset.Key("jane smith")
	require.ErrorContains(t, err, "a name is")
	for _, key := range []string{"", "secret", staff["jane.smith"][:30], "PRIVATE+KEY+a+b+c"} {
		_, err := mapset.Public(key)
		require.Error(t, err)
	}
}

// Every way in which an approval does not count keeps the set from becoming active.
func TestApprovalsThatDoNotCount(t *testing.T) {
	replace := func(old, new string) func(t *testing.T, file string, staff people) {
		return func(t *testing.T, file string, staff people) {
			text, err := os.ReadFile(file + ".bob.note")
			require.NoError(t, err)
			require.Contains(t, string(text), old)
			require.NoError(t, os.WriteFile(file+".bob.note", []byte(strings.Replace(string(text), old, new, 1)), 0o644))
		}
	}
	for what, c := range map[string]struct {
		break_ func(t *testing.T, file string, staff people)
		policy func(p *mapset.Policy)
		want   string
	}{
		"a byte of the table": {func(t *testing.T, file string, _ people) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), "Eins", "Zwei", 1)), 0o644))
		}, nil, "changed after it was signed"},
		"a word of the note":      {replace("hazard 12", "hazard 13"), nil, "signature does not hold"},
		"another role signed":     {replace("safety officer", "safety 0fficer"), nil, "signature does not hold"},
		"a line of the note":      {replace("\nrole:", "\nrule:"), nil, `no line "role"`},
		"a note cut short":        {replace("\nwords: hazard 12\n", "\n"), nil, "no line"},
		"text after the note":     {replace("hazard 12\n", "hazard 12\nmore\n"), nil, "form"},
		"another kind of note":    {replace("linkspan table approval 1", "go.sum database tree"), nil, "not the approval of a table"},
		"a note without a signer": {replace("\u2014 bob", "\u2014 rob"), nil, "signature does not hold"},
		"an empty note": {func(t *testing.T, file string, _ people) {
			require.NoError(t, os.WriteFile(file+".bob.note", nil, 0o644))
		}, nil, "not the approval of a table"},
		"an endless note": {func(t *testing.T, file string, _ people) {
			require.NoError(t, os.WriteFile(file+".bob.note", make([]byte, 1<<20), 0o644))
		}, nil, "cannot be read"},
		"no note":                    {func(t *testing.T, file string, _ people) { require.NoError(t, os.Remove(file+".bob.note")) }, nil, "not approved;"},
		"a stranger":                 {nil, func(p *mapset.Policy) { *p = hire(t, "eve").policy(t) }, "anybody the agreement names"},
		"a new key of the same name": {nil, func(p *mapset.Policy) { *p = hire(t, "bob").policy(t) }, "signature does not hold"},
		"a new role":                 {nil, func(p *mapset.Policy) { p.Approvers[0].Role = "governor" }, "role is not the one"},
		"a policy with a bad key":    {nil, func(p *mapset.Policy) { p.Approvers[0].Key = "bob" }, "has no valid key"},
		"nobody may approve":         {nil, func(p *mapset.Policy) { p.Approvers = nil }, "approvers in the agreement"},
		"the note of another table": {func(t *testing.T, file string, staff people) {
			other := write(t, t.TempDir(), "a.tsv", plain("A2...|00|One|XaAA1||Eins|equivalent|any|no||||"))
			staff.approve(t, other, "bob")
			require.NoError(t, os.Rename(other+".bob.note", file+".bob.note"))
		}, nil, "changed after it was signed"},
	} {
		dir := t.TempDir()
		staff := hire(t, "bob")
		file := write(t, dir, "a.tsv", plain())
		staff.approve(t, file, "bob")
		policy := staff.policy(t)
		f := mapset.Open(dir)
		require.NoError(t, f.Check(policy, nil).Err(), what)
		if c.break_ != nil {
			c.break_(t, file, staff)
		}
		if c.policy != nil {
			c.policy(&policy)
		}
		require.ErrorContains(t, f.Check(policy, nil).Err(), c.want, what)
		report, err := f.Activate(policy, "tester", at)
		require.NoError(t, err, what)
		require.ErrorContains(t, report.Err(), c.want, what)
		require.Nil(t, report.Set, what)
		_, active, err := f.Active()
		require.NoError(t, err, what)
		require.False(t, active, what)
		sets, err := f.Sets()
		require.NoError(t, err, what)
		require.Empty(t, sets, what)
	}
}

func TestTheAuthorNeverApproves(t *testing.T) {
	for _, author := range []string{"bob", " BOB ", "Bob <bob@example.org>", "Ann, Bob", "Ann and bob", "Ann & Bob;", "ann/bob"} {
		dir := t.TempDir()
		staff := hire(t, "bob")
		// Signed as a tool would that does not look at the author.
		file := write(t, dir, "a.tsv", plain())
		staff.approve(t, file, "bob")
		signed, err := os.ReadFile(file + ".bob.note")
		require.NoError(t, err)
		require.NotEmpty(t, signed)
		write(t, dir, "a.tsv", strings.Replace(plain(), "Ann Author", author, 1))
		_, _, _, err = mapset.Approve(file, mapset.Approving{Key: staff["bob"], Role: "safety officer", Words: "mine", At: at})
		require.ErrorContains(t, err, "author", author)
		require.ErrorContains(t, mapset.Open(dir).Check(staff.policy(t), nil).Err(), "not approved", author)
	}
	for _, author := range []string{"bobby", "rob", "Anders Bob Smith"} {
		dir := t.TempDir()
		staff := hire(t, "bob")
		file := write(t, dir, "a.tsv", strings.Replace(plain(), "Ann Author", author, 1))
		staff.approve(t, file, "bob")
		require.NoError(t, mapset.Open(dir).Check(staff.policy(t), nil).Err(), author)
	}
}

// A person is the author however the header spells the name.
func TestTheAuthorInManySpellings(t *testing.T) {
	spelled := func(name, author string) error {
		dir := t.TempDir()
		staff := hire(t, name)
		file := write(t, dir, "a.tsv", strings.Replace(plain(), "Ann Author", author, 1))
		_, _, faults, err := mapset.Approve(file, mapset.Approving{Key: staff[name], Role: "safety officer", Words: "mine", At: at})
		if len(faults) > 0 {
			return faults[0]
		}
		return err
	}
	for _, author := range []string{"José García", "GARCIA, JOSE", "Dr. Jose Garcia (EMIS)", "jose.garcia@example.org", "Ann Author; jose_garcia",
		"Jose\u0301 Garci\u0301a", "Ann Author, Dr José García"} {
		require.ErrorContains(t, spelled("Jose.Garcia", author), "author of a table cannot approve", author)
	}
	for _, author := range []string{"Jose Gonzalez", "Jose, Garcia-Lorca", "Ann Author", "Garcia Lorca; Jose Martinez"} {
		require.NoError(t, spelled("Jose.Garcia", author), author)
	}
	require.ErrorContains(t, spelled("Jane.Smith", "J\u0430ne Smith"), "another alphabet")
	require.ErrorContains(t, spelled("Jane.Smith", "-"), "no header author")
}

// Notes signed with the right key by another tool than Approve: what they state is held against the table.
func TestForgedApprovals(t *testing.T) {
	for what, c := range map[string]struct{ old, new, want string }{
		"fewer strict rows":  {"medication: 1", "medication: 0", "other facts"},
		"fewer rows":         {"rows: 1", "rows: 0", "other facts"},
		"another table":      {"table: read-allergies", "table: read-plain", "other facts"},
		"another version":    {"version: 1", "version: 2", "other facts"},
		"another author":     {"author: Ann Author", "author: Eve", "other facts"},
		"another role":       {"role: safety officer", "role: chief", "role is not the one"},
		"somebody else":      {"approver: bob", "approver: jane", "signature does not hold"},
		"a stranger":         {"approver: bob", "approver: eve", "anybody the agreement names"},
		"a number padded":    {"rows: 1", "rows: 01", "not in the form"},
		"a date of no time":  {"date: 2026-11-22T12:00:00Z", "date: 2026-11-22", "not in the form"},
		"a field left out":   {"words: hazard 12\n", "", "no line"},
		"a field more":       {"words: hazard 12\n", "words: hazard 12\nalso: x\n", "not in the form"},
		"an unfinished line": {"\nauthor: Ann Author", "", "no line"},
	} {
		dir := t.TempDir()
		staff := hire(t, "bob", "jane")
		file := write(t, dir, "b.tsv", strict())
		staff.approve(t, file, "bob", "jane")
		policy := staff.policy(t)
		require.NoError(t, mapset.Open(dir).Check(policy, nil).Err(), what)
		text, err := os.ReadFile(file + ".bob.note")
		require.NoError(t, err)
		body, _, _ := strings.Cut(string(text), "\n\n")
		require.Contains(t, body+"\n", c.old, what)
		signer, err := note.NewSigner(staff["bob"])
		require.NoError(t, err)
		forged, err := note.Sign(&note.Note{Text: strings.Replace(body+"\n", c.old, c.new, 1)}, signer)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file+".bob.note", forged, 0o644))
		err = mapset.Open(dir).Check(policy, nil).Err()
		require.ErrorContains(t, err, "only by jane", what)
		require.ErrorContains(t, err, c.want, what)
	}
	// The author signs, and states everything else as it is.
	dir := t.TempDir()
	staff := hire(t, "ann.author")
	file := write(t, dir, "a.tsv", plain())
	other := hire(t, "bob")
	other.approve(t, file, "bob")
	text, err := os.ReadFile(file + ".bob.note")
	require.NoError(t, err)
	body, _, _ := strings.Cut(string(text), "\n\n")
	signer, err := note.NewSigner(staff["ann.author"])
	require.NoError(t, err)
	forged, err := note.Sign(&note.Note{Text: strings.Replace(body+"\n", "approver: bob", "approver: ann.author", 1)}, signer)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file+".ann.note", forged, 0o644))
	require.ErrorContains(t, mapset.Open(dir).Check(staff.policy(t), nil).Err(), "its signer is the author of the table")
}

func TestATableForApprovalNamesItsAuthor(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "bob")
	write(t, dir, "a.tsv", strings.Replace(plain(), "# author: Ann Author\n", "", 1))
	require.ErrorContains(t, mapset.Open(dir).Check(staff.policy(t), nil).Err(), "no header author")
	require.NoError(t, mapset.Open(dir).Check(test, nil).Err(), "nobody approves in test")
}

func TestTwoKeysOfOnePersonAreOnePerson(t *testing.T) {
	dir := t.TempDir()
	first, second := hire(t, "bob"), hire(t, "BOB")
	file := write(t, dir, "b.tsv", strict())
	first.approve(t, file, "bob")
	second.approve(t, file, "BOB")
	policy := first.policy(t)
	policy.Approvers = append(policy.Approvers, second.policy(t).Approvers...)
	require.ErrorContains(t, mapset.Open(dir).Check(policy, nil).Err(), "second approval of one person")

	staff := hire(t, "jane")
	staff.approve(t, file, "jane")
	policy.Approvers = append(policy.Approvers, staff.policy(t).Approvers...)
	require.NoError(t, mapset.Open(dir).Check(policy, nil).Err())
}

// A kept set is judged by the policy of today, not by that of the day it was activated.
func TestAKeyThatLeavesTheAgreementVoidsWhatItSigned(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "bob", "jane")
	file := write(t, dir, "b.tsv", strict())
	staff.approve(t, file, "bob", "jane")
	f := mapset.Open(dir)
	policy := staff.policy(t)
	activate(t, f, policy)

	left := policy
	left.Approvers = nil
	for _, a := range policy.Approvers {
		if !strings.HasPrefix(a.Key, "jane+") {
			left.Approvers = append(left.Approvers, a)
		}
	}
	refused := f.Current(left)
	require.ErrorContains(t, refused.Err(), "not approved by two different people: only by bob")
	require.Nil(t, refused.Set)

	// Somebody else signs the very same table: the digest is the same, the set is replaced by one with the new note.
	more := hire(t, "kim")
	more.approve(t, file, "kim")
	left.Approvers = append(left.Approvers, more.policy(t).Approvers...)
	report, err := f.Activate(left, "tester", at.Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, report.Err())
	require.False(t, report.Already)
	require.NoError(t, f.Current(left).Err())
	require.Empty(t, report.Pointer.Previous, "a set is not its own predecessor")
}

func TestWhichRowsNeedTwoApprovals(t *testing.T) {
	for what, c := range map[string]struct {
		text string
		want int
	}{
		"plain":            {plain(), 0},
		"allergy context":  {strict(), 1},
		"medication":       {plain("A1...|00|One|XaAA1||Eins|equivalent|medication|no||||"), 1},
		"issue":            {plain("A1...|00|One|XaAA1||Eins|equivalent|issue|no||||"), 1},
		"drug scheme":      {hand("d", "multilex", "dmd", "local", "1234567||One|322236009||Eins|equivalent|any|no||||", "1234568||Two||||no-map|any|no|none|||"), 2},
		"allergy slot":     {hand("e", "emisweb.allergy-type", "systmone.sensitivity-type", "local", "2||Drug|Drug||Drug|equivalent|any|no||||"), 1},
		"drug slot":        {hand("e", "emisweb.drug-status", "systmone.drug-state", "local", "A||Active|active||Active|equivalent|any|no||||"), 1},
		"another slot":     {hand("e", "emisweb.sex", "systmone.sex", "local", "M||Male|M||Male|equivalent|any|no||||"), 0},
		"degrade":          {hand("g", "linkspan.degrade", "ctv3", "local", "entry||E|XaLGM||E|equivalent|any|no||||", "drug-allergy||D|XaLGR||D|equivalent|any|no||||", "medication||M|XaLGN||M|equivalent|any|no||||"), 2},
		"kind":             {hand("k", "ctv3", "linkspan.kind", "local", "14L..||x|drug-allergy|||source-is-narrower-than-target|any|no||||", "14M..||x|no-known-allergies|||equivalent|any|no||||"), 2},
		"words":            {plain("A1...|00|ALLERGY to nuts|XaAA1||Allergy to nuts|equivalent|any|no||||", "A2...|00|One|XaAA2||Eins|equivalent|any|no||||"), 1},
		"no words":         {plain("A1...|00||XaAA1|||equivalent|any|no||||", "A2...|00|One|XaAA2|||equivalent|any|no||||"), 1},
		"slot in capitals": {hand("e", "emisweb.status", "systmone.state", "local", "DRUG||x|y||y|equivalent|any|no||||", "Sex||x|z||z|equivalent|any|no||||"), 1},
		"no-map of words":  {plain("A1...|00|H/O: penicillin allergy||||no-map|any|no|none|||"), 1},
		"not yet in force": {plain("A1...|00|One|XaAA1||Eins|equivalent|allergy|no||2030-01-01||", "A2...|00|One|XaAA2||Eins|equivalent|any|no||||"), 1},
	} {
		dir := t.TempDir()
		file := write(t, dir, "x.tsv", c.text)
		facts, faults := mapset.ReadFacts(file)
		require.Empty(t, faults, what)
		require.Equal(t, c.want, facts.Strict, what)
		policy := hire(t, "bob").policy(t)
		policy.Live = false
		report := mapset.Open(dir).Check(policy, nil)
		if c.want > 0 {
			require.ErrorContains(t, report.Err(), "two different people", what)
		} else {
			require.ErrorContains(t, report.Err(), "not approved;", what)
		}
	}
}

// What is not in force today is part of what was signed, and comes into force without another signature.
func TestAnApprovalHoldsOnEveryDay(t *testing.T) {
	dir := t.TempDir()
	staff := hire(t, "bob", "jane")
	file := write(t, dir, "a.tsv", plain("A1...|00|One|XaAA1||Eins|equivalent|any|no|||2026-11-30|",
		"A2...|00|Two|XaAA2||Zwei|equivalent|allergy|no||2026-12-01||"))
	staff.approve(t, file, "bob", "jane")
	f := mapset.Open(dir)
	policy := staff.policy(t)
	report := activate(t, f, policy)
	require.Equal(t, 2, report.Manifest.Tables[0].Rows)
	require.Equal(t, 1, report.Set.Tables()[0].Len())
	require.Equal(t, "2026-12-01", report.Set.Until())
	require.Equal(t, "XaAA1", translate(f.Current(policy).Set, "A1..."))

	policy.Day = "2026-12-01"
	later := f.Current(policy)
	require.NoError(t, later.Err())
	require.Equal(t, report.Manifest, later.Manifest)
	require.Empty(t, translate(later.Set, "A1..."))
	require.Equal(t, "XaAA2", translate(later.Set, "A2...", "allergy"))
	d := mapset.Diff(report.Set, later.Set)
	require.Equal(t, mapset.Counts{Added: 1, Removed: 1}, d.Counts, "a day changes rows in force, not the digest")
	require.Equal(t, d.Old, d.New)
}
