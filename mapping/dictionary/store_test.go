package dictionary

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
)

// numbered is a CTV3 code made of a number.
func numbered(i int) mapping.Code {
	return mapping.Code{Scheme: mapping.CTV3, Value: fmt.Sprintf("X%04x", i/16), TermCode: fmt.Sprintf("T%04x", i%16),
		Term: fmt.Sprintf("The term number %d of a dictionary with very many", i)}
}

// A large dictionary is a few large blocks without pointers: neither a string nor a map entry for each term.
func TestALargeDictionaryIsAFewObjects(t *testing.T) {
	const terms = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := newStore(mapping.CTV3)
	for i := range terms {
		if err := s.add(numbered(i), true, i%16 == 0, published); err != nil {
			t.Fatal(err)
		}
	}
	s.finish()
	runtime.GC()
	runtime.ReadMemStats(&after)
	text := 0
	for i := range terms {
		c := numbered(i)
		text += len(c.Value) + len(c.TermCode) + len(c.Term)
	}
	require.Less(t, int64(after.HeapObjects)-int64(before.HeapObjects), int64(2_000))
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(text+terms*24))
	term, active, found := s.look(&mapping.Code{Scheme: mapping.CTV3, Value: "X30d3", TermCode: "T000f"})
	require.True(t, found && active)
	require.Equal(t, "The term number 199999 of a dictionary with very many", term)
	runtime.KeepAlive(s)
}

func TestLookCostsNothing(t *testing.T) {
	d, _ := load(t, "ctv3")
	hit, miss := mapping.Code{Scheme: mapping.CTV3, Value: "XE0Uc"}, mapping.Code{Scheme: mapping.CTV3, Value: "XE0Ud", TermCode: "Y41Oy"}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		d.Look(hit)
		d.Look(miss)
	}))
}

// Words that were replaced leave no room behind, and no code loses its own.
func TestReplacedWordsAreGivenBack(t *testing.T) {
	s := newStore(mapping.CTV3)
	for i := range 20_000 {
		c := numbered(i)
		c.Term += strings.Repeat(" and on", 20)
		if err := s.add(c, true, false, supplier); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20_000 {
		if err := s.add(numbered(i), true, false, published); err != nil {
			t.Fatal(err)
		}
	}
	s.finish()
	require.Less(t, len(strings.Join(s.full, "")), 20_000*80)
	for i := range 20_000 {
		c := numbered(i)
		if term, _, _ := s.look(&c); term != c.Term {
			t.Fatalf("the words of number %d are lost", i)
		}
	}
}

func TestLongTermsAreKeptWhole(t *testing.T) {
	s := newStore(mapping.CTV3)
	for i := range 40 {
		c := numbered(i)
		c.Term = strings.Repeat("long ", 12_000) + c.Term
		require.NoError(t, s.add(c, true, false, published))
	}
	for i := range 40 {
		c := numbered(i)
		term, _, _ := s.look(&c)
		require.True(t, strings.HasSuffix(term, c.Term))
		require.Len(t, term, 60_000+len(c.Term))
	}
	c := numbered(41)
	c.Term = strings.Repeat("x", maxTerm+1)
	require.ErrorIs(t, s.add(c, true, false, published), errFull)
}

// A store says what a plain map says, whatever comes in whatever order.
func TestTheStoreIsAMap(t *testing.T) {
	type said struct {
		term   string
		active bool
		rank   rank
	}
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(mapping.ReadV2)
		plain := map[[2]string]said{}
		for range rapid.IntRange(0, 200).Draw(t, "rows") {
			c := mapping.Code{Scheme: mapping.ReadV2, Value: rapid.SampledFrom([]string{"A....", "B....", "C1...", "a....", "D2x.."}).Draw(t, "value"),
				TermCode: rapid.SampledFrom([]string{"00", "11", "12"}).Draw(t, "term code"), Term: rapid.StringN(0, 40, -1).Draw(t, "term")}
			active, r := rapid.Bool().Draw(t, "active"), rank(rapid.IntRange(0, 4).Draw(t, "rank"))
			require.NoError(t, s.add(c, active, c.TermCode == "00", r))
			key := [2]string{c.Value, c.TermCode}
			switch had, ok := plain[key]; {
			case !ok || r > had.rank:
				plain[key] = said{c.Term, active, r}
			case r == had.rank:
				plain[key] = said{had.term, had.active || active, r}
			}
		}
		s.finish()
		for key, want := range plain {
			c := mapping.Code{Scheme: mapping.ReadV2, Value: key[0], TermCode: key[1]}
			term, active, found := s.look(&c)
			require.True(t, found)
			require.Equal(t, want.term, term)
			require.Equal(t, want.active, active)
		}
		var keys [][2]string
		s.codes(func(c mapping.Code, active bool) bool {
			keys = append(keys, [2]string{c.Value, c.TermCode})
			require.Equal(t, plain[keys[len(keys)-1]].term, c.Term)
			return true
		})
		require.Len(t, keys, len(plain))
		require.True(t, slices.IsSortedFunc(keys, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }))
	})
}

// A history that leads in a circle ends, and one product split in two has no words.
func TestSuccession(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.xml")
	entry := func(from, to string) string {
		return "<X><IDCURRENT>" + to + "</IDCURRENT><IDPREVIOUS>" + from + "</IDPREVIOUS></X>"
	}
	require.NoError(t, os.WriteFile(path, []byte("<A><B><VMP><VPID>322236009</VPID><NM>One</NM></VMP><VMP><VPID>42109611000001109</VPID><NM>Two</NM></VMP></B><H>"+
		entry("9000011000001106", "9000021000001102")+entry("9000021000001102", "9000011000001106")+
		entry("9000031000001100", "322236009")+entry("9000031000001100", "42109611000001109")+
		entry("9000041000001107", "9000031000001100")+entry("322236009", "42109611000001109")+
		entry("9000051000001105", "not an id")+"</H></A>"), 0o600))
	d, faults := Load(context.Background(), []string{path}, nil)
	require.Len(t, faults, 1)
	require.Equal(t, "a superseded identifier: a SNOMED CT identifier is 6 to 18 digits", faults[0].What)
	require.Equal(t, "unknown", look(d, "dmd|9000011000001106|"))
	require.Equal(t, "retired: ", look(d, "dmd|9000031000001100|"))
	require.Equal(t, "retired: ", look(d, "dmd|9000041000001107|"))
	require.Equal(t, "active: One", look(d, "dmd|322236009|"), "what is listed keeps its own words")
}

// endless is an infinite stream of one text.
type endless struct {
	text string
	at   int
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at]
		e.at = (e.at + 1) % len(e.text)
	}
	e.read += int64(len(p))
	return len(p), nil
}

// Rubbish without end is refused at a limit that was stated.
func TestEndlessRubbish(t *testing.T) {
	for name, c := range map[string]struct {
		start, text string
		most        int64
		what        string
	}{
		"one line":   {"CodeId,Term,DmdProductCodeId\n", "x", 1 << 20, "a line of more than"},
		"one text":   {"<a>", "x", 1 << 20, "a tag or a text of more than"},
		"one tag":    {"<", "x", 1 << 20, "a tag or a text of more than"},
		"depth":      {"<a>", "<a>", 1 << 20, "elements inside each other"},
		"elements":   {"<a>", "<b/>", 2 << 20, "more bytes than any release has"},
		"rows":       {"CodeId,Term,DmdProductCodeId\n", "1,x,322236009\n", 2 << 20, "more bytes than any release has"},
		"no layout":  {"", "x", 1 << 20, "not a dictionary of a known layout"},
		"only zeros": {"", "\x00", 1 << 20, "not a dictionary of a known layout"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoader(context.Background(), nil)
			l.maxBytes = 1 << 20
			rubbish := &endless{text: c.text}
			l.read("f", 0, io.MultiReader(strings.NewReader(c.start), rubbish))
			_, faults := l.finish()
			require.Len(t, faults, 1)
			require.Contains(t, faults[0].What, c.what)
			require.Less(t, rubbish.read, c.most)
		})
	}
}

// Whatever a file holds, Load ends, refuses by line, and holds only codes of their schemes' syntax.
func FuzzLoad(f *testing.F) {
	require.NoError(f, filepath.WalkDir("testdata", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(path, "fuzz") {
			return err
		}
		f.Add(text)
		return err
	}))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := newLoader(context.Background(), nil)
		l.read("f", int64(len(text)), bytes.NewReader(text))
		d, faults := l.finish()
		require.LessOrEqual(t, len(faults), maxListed+2)
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, fault := range faults {
			require.NotEmpty(t, fault.What)
			require.LessOrEqual(t, fault.Line, lines)
		}
		for _, scheme := range d.Schemes() {
			for c, active := range d.Codes(scheme) {
				require.NoError(t, c.Check())
				term, stillActive, found := d.Look(c)
				require.True(t, found)
				require.Equal(t, c.Term, term)
				require.Equal(t, active, stillActive)
			}
		}
	})
}
