package delimited

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// all reads a text to its end: the rows, and the errors in their order.
func all(t *testing.T, text string, o Options) (rows [][]string, lines []int, faults []*Error) {
	t.Helper()
	r, err := New(strings.NewReader(text), o)
	for err == nil {
		var cells []string
		cells, err = r.Next()
		switch e := (*Error)(nil); {
		case err == nil:
			rows, lines = append(rows, append([]string(nil), cells...)), append(lines, r.Line())
		case errors.As(err, &e) && !e.Fatal:
			faults, err = append(faults, e), nil
		}
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return rows, lines, append(faults, e)
	}
	require.ErrorIs(t, err, io.EOF)
	return rows, lines, faults
}

func TestForms(t *testing.T) {
	want := [][]string{{"2469.", "", "say \"ah\""}, {"G20..", "x", ""}}
	for name, tt := range map[string]struct {
		text string
		o    Options
	}{
		"tab, CRLF, mark":   {"\ufeffCode\tNote\tTerm\r\n2469.\t\tsay \"ah\"\r\nG20..\tx\t\r\n", Options{}},
		"tab, no end":       {"Code\tNote\tTerm\n2469.\t\tsay \"ah\"\nG20..\tx\t", Options{}},
		"bar":               {"Code|Note|Term\n2469.||say \"ah\"\nG20..|x|\n", Options{Comma: '|'}},
		"quoted":            {"\"Code\",\"Note\",Term\n\"2469.\",\"\",\"say \"\"ah\"\"\"\nG20..,\"x\",\n", Options{Comma: ',', Quoted: true}},
		"no header":         {"2469.\t\tsay \"ah\"\nG20..\tx\t\n", Options{NoHeader: true}},
		"trailing tabs":     {"Code\tNote\tTerm\t\n2469.\t\tsay \"ah\"\t\nG20..\tx\t\t\n", Options{}},
		"empty lines after": {"Code\tNote\tTerm\n2469.\t\tsay \"ah\"\nG20..\tx\t\n\n\r\n", Options{}},
	} {
		rows, _, faults := all(t, tt.text, tt.o)
		require.Empty(t, faults, name)
		require.Equal(t, want, rows, name)
	}
}

func TestRowFaultsReadOn(t *testing.T) {
	rows, lines, faults := all(t, "a,b\n1,2\n\"x\ny\",2\n3,\"4\"5\n6\n7,8,9\n\xff,1\nq\"q,1\na\rb,2\n\x01,2\nlast,one\n", Options{Comma: ',', Quoted: true})
	require.Equal(t, [][]string{{"1", "2"}, {"last", "one"}}, rows)
	require.Equal(t, []int{2, 12}, lines)
	var got []string
	for _, f := range faults {
		require.False(t, f.Fatal)
		require.NotEmpty(t, f.Mend)
		got = append(got, f.Error()[:strings.Index(f.Error(), ";")])
	}
	require.Equal(t, []string{
		"line 3: a quote that does not close on its line", "line 4: a quote inside a cell without quotes",
		"line 5: text after a closing quote", "line 6: 1 cells where every row has 2", "line 7: 3 cells where every row has 2",
		"line 8: not UTF-8", "line 9: a quote inside a cell without quotes", "line 10: a carriage return inside a cell",
		"line 11: a control character",
	}, got)
}

func TestComments(t *testing.T) {
	var got []string
	o := Options{Comment: func(line int, text string) { got = append(got, text) }}
	rows, lines, faults := all(t, "# a: b\n#c\nx\ty\n#1\t2\n", o)
	require.Empty(t, faults)
	require.Equal(t, []string{" a: b", "c"}, got)
	require.Equal(t, [][]string{{"#1", "2"}}, rows, "after the header row it is a cell")
	require.Equal(t, []int{4}, lines)
}

func TestColumns(t *testing.T) {
	r, err := New(strings.NewReader("MapId\tReadCode\tis_assured\n"), Options{})
	require.NoError(t, err)
	at, err := r.Columns("READCODE", "MAPID", "?TermCode", "ISASSURED|IS_ASSURED")
	require.NoError(t, err)
	require.Equal(t, []int{1, 0, -1, 2}, at)
	_, err = r.Columns("ConceptId", "MAPID", "EffectiveDate")
	require.EqualError(t, err, "line 1: no column ConceptId, EffectiveDate; give the file as it was published, its header row first")

	r, err = New(strings.NewReader("code\tCODE\n"), Options{})
	require.NoError(t, err)
	_, err = r.Columns("Code")
	require.ErrorContains(t, err, "two columns Code")
}

func TestFatal(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":       {"", "line 0: no header row"},
		"utf-16":      {"\xff\xfea\x00", "line 1: UTF-16"},
		"long line":   {"a\tb\n" + strings.Repeat("x", 200) + "\n", "line 2: a line of more than 100 bytes"},
		"many rows":   {"a\tb\n1\t2\n3\t4\n5\t6\n7\t8\n", "line 5: more than 3 rows"},
		"bad header":  {"a\x00\tb\n", "line 1: a control character"},
		"many bytes":  {"a\tb\n" + strings.Repeat(strings.Repeat("x", 90)+"\t1\n", 3), "line 4: more than 200 bytes"},
		"no line end": {strings.Repeat("y", 300), "line 1: a line of more than 100 bytes"},
	} {
		_, _, faults := all(t, tt.text, Options{MaxLine: 100, MaxRows: 3, MaxBytes: 200})
		require.Len(t, faults, 1, name)
		require.ErrorContains(t, faults[0], tt.want, name)
		require.True(t, faults[0].Fatal, name)
	}
}

// TestEndless reads from generators that never end: the limits stop them.
func TestEndless(t *testing.T) {
	for name, gen := range map[string]io.Reader{"no line end": endless("x"), "rows": endless("1\t2\n"), "empty lines": endless("\n")} {
		r, err := New(io.MultiReader(strings.NewReader("a\tb\n"), gen), Options{MaxRows: 1000, MaxBytes: 1 << 20})
		require.NoError(t, err, name)
		for err == nil {
			_, err = r.Next()
		}
		var e *Error
		require.ErrorAs(t, err, &e, name)
		require.True(t, e.Fatal, name)
		require.LessOrEqual(t, r.bytes, int64(1<<20+MaxLine+2), name)
		_, again := r.Next()
		require.Equal(t, err, again, "a fatal error stays")
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func TestReadFails(t *testing.T) {
	r, err := New(io.MultiReader(strings.NewReader("a\tb\n"), iotest.ErrReader(context.Canceled)), Options{})
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, context.Canceled)
}

func TestDetect(t *testing.T) {
	require.Equal(t, byte('\t'), Detect("a\tb,c").Comma)
	require.Equal(t, byte('|'), Detect("a|b|c").Comma)
	require.True(t, Detect(`"a","b"`).Quoted)
	require.Equal(t, byte(','), Detect("a").Comma)
}

// FuzzReader: whatever comes, every row is as wide as the first, holds no control character, and the reading ends.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\"a\",b\r\n\"1\"\"\",2\r\n", "a\tb\n\n1\t\n", "\ufeffa|b\n1|2"} {
		f.Add(seed, byte(','), true)
		f.Add(seed, byte('\t'), false)
	}
	f.Fuzz(func(t *testing.T, text string, comma byte, quoted bool) {
		r, err := New(strings.NewReader(text), Options{Comma: comma, Quoted: quoted, MaxLine: 1000, MaxRows: 1000})
		for err == nil || !fatal(err) {
			var cells []string
			if cells, err = r.Next(); err == nil && len(cells) != len(r.Header()) {
				t.Fatal("a row of another width")
			}
			for _, cell := range cells {
				if strings.ContainsAny(cell, "\r\n\x00") {
					t.Fatal("a control character came through")
				}
			}
		}
	})
}

func fatal(err error) bool {
	var e *Error
	return !errors.As(err, &e) || e.Fatal
}
