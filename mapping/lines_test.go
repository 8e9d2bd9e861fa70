package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every line comes as it is, wherever the blocks of the reading end, and is found again by its number: in memory and in
// the file.
func TestLinesAcrossBlocks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lines")
	rapid.Check(t, func(t *rapid.T) {
		ending := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "ending")
		long := rapid.SampledFrom([]int{1, 40, 900, firstBlock, 2*firstBlock - 1, maxLineBytes - 4}).Draw(t, "about")
		var want []string
		for i := range rapid.IntRange(1, 50).Draw(t, "lines") {
			n := rapid.IntRange(max(0, long-3), long+1).Draw(t, "length")
			letter := rapid.SampledFrom([]string{"x", "ü", "\t"}).Draw(t, "letter")
			want = append(want, (fmt.Sprint(i) + strings.Repeat(letter, n))[:min(n+1, maxLineBytes-1)])
		}
		text := strings.Join(want, ending)
		if rapid.Bool().Draw(t, "ended") {
			text += ending
		}
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		f, err := os.Open(file)
		require.NoError(t, err)
		defer f.Close()
		for _, in := range []*lines{
			newLines(f, f, int64(len(text))),
			newLines(strings.NewReader(text), nil, 0),
			newLines(iotest.HalfReader(strings.NewReader(text)), nil, 0),
			newLines(iotest.DataErrReader(strings.NewReader(text)), nil, 0),
		} {
			for _, line := range want {
				got, ok := in.next()
				require.True(t, ok)
				require.True(t, line == got, "line %d: %d bytes, want %d", in.number, len(got), len(line))
				what, _, _ := unreadableText(got)
				require.True(t, what == "" || !in.plain, "no closer look at line %d", in.number)
			}
			_, ok := in.next()
			require.False(t, ok)
			require.Nil(t, in.fault("t"))
			require.Len(t, in.sum, 64)
			words := in.words()
			again := reading{words: &words}
			for range 40 {
				n := rapid.IntRange(1, len(want)).Draw(t, "again")
				got, ok := again.at(n)
				require.True(t, ok)
				require.True(t, want[n-1] == got, "line %d again", n)
			}
			_, ok = again.at(0)
			require.False(t, ok)
			_, ok = again.at(len(want) + linesPerMark)
			require.False(t, ok)
			in.close()
		}
	})
}

// A line that ends exactly where a block does, one byte before and one after.
func TestRowsAtBorders(t *testing.T) {
	row := "A1...|00|One|XaAA1||One|equivalent|any|no|"
	for _, border := range []int{firstBlock, firstBlock + 2*firstBlock, firstBlock + 2*firstBlock + 4*firstBlock} {
		for shift := -3; shift <= 3; shift++ {
			for _, ending := range []string{"\n", "\r\n"} {
				head := strings.ReplaceAll(tableText(ReadV2, CTV3, LocalLayer), "\n", ending)
				end := strings.ReplaceAll(row, "|", "\t") + ending
				filler := border + shift - len(head) - len(end)
				var remarks strings.Builder
				for filler > 0 {
					n := min(filler, 1000)
					if filler-n < 10 {
						n = filler
					}
					remarks.WriteString("#" + strings.Repeat("x", n-1-len(ending)) + ending)
					filler -= n
				}
				text := remarks.String() + head + end + strings.ReplaceAll(end, "A1...", "A2...")
				table, faults := Parse("t.tsv", strings.NewReader(text), Options{})
				require.Empty(t, faults)
				require.Equal(t, 2, table.Len())
				for r := range table.Rows() {
					require.Equal(t, "One", r.Target.Term)
				}
			}
		}
	}
}

// The limit of a line does not depend on where the blocks end.
func TestLongLines(t *testing.T) {
	for _, before := range []int{0, firstBlock, 40 * firstBlock} {
		text := strings.Repeat("# a remark\n", before/11) + "# " + strings.Repeat("x", maxLineBytes) + "\n" + tableText(ReadV2, CTV3, LocalLayer)
		_, faults := Parse("t.tsv", strings.NewReader(text), Options{})
		require.Len(t, faults, 1)
		require.Equal(t, before/11+1, faults[0].Line)
		require.Contains(t, faults[0].What, "64 KiB")
	}
}

// stalled gives neither bytes nor an error after its text.
type stalled struct{ *strings.Reader }

func (s stalled) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// Readers that stall, break or go on for ever end the reading and leave nothing running (TestMain).
func TestBadReaders(t *testing.T) {
	text := tableText(ReadV2, CTV3, LocalLayer, "A1...|00|One|XaAA1||One|equivalent|any|no|")
	for _, in := range []io.Reader{stalled{strings.NewReader(text)}, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text))),
		iotest.ErrReader(errors.New("gone"))} {
		_, faults := Parse("t.tsv", in, Options{})
		require.Len(t, faults, 1)
		require.Equal(t, "cannot be read", faults[0].What)
	}
	table, faults := Parse("t.tsv", iotest.OneByteReader(strings.NewReader(text)), Options{})
	require.Empty(t, faults)
	require.Equal(t, 1, table.Len())
}

// Rubbish of every sort is bounded: in the comments, as comments, as rows, without end.
func TestEndlessRubbish(t *testing.T) {
	for _, line := range []string{"\x01\n", "# id: x\n", "# remark\n", "\xff\n", "a\tb\n", "\n", "#\r\r\n"} {
		head := ""
		if line == "a\tb\n" || line == "\n" {
			head = tableText(ReadV2, CTV3, LocalLayer)
		}
		_, faults := Parse("rubbish", io.MultiReader(strings.NewReader(head), &repeated{text: line}), Options{})
		require.NotEmpty(t, faults)
		require.LessOrEqual(t, len(faults), maxFaults+10, "%q", line)
		stopped := func(f Fault) bool {
			return strings.Contains(f.What, "reading stopped") || strings.Contains(f.What, "256 MiB")
		}
		require.True(t, slices.ContainsFunc(faults, stopped), "%q", line)
	}
}

// repeated is one text for ever.
type repeated struct{ text, rest string }

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if r.rest == "" {
			r.rest = r.text
			if len(p)-n >= len(r.text)*1000 {
				r.rest = strings.Repeat(r.text, 1000)
			}
		}
		m := copy(p[n:], r.rest)
		n, r.rest = n+m, r.rest[m:]
	}
	return n, nil
}

// A file changed under a table gives no words of another row, and so no answer by them.
func TestWordsOfAnotherRow(t *testing.T) {
	rows := []string{"A1...|00|One|XaAA1||One|equivalent|any|no|", "A1...|11|Two|XaAA2||Two|equivalent|any|no|"}
	text := tableText(ReadV2, CTV3, LocalLayer, rows...)
	table, faults := parse("t.tsv", newLines(strings.NewReader(text), nil, 0), Options{})
	require.Empty(t, faults)
	set, faults := NewSet(table)
	require.Empty(t, faults)
	asked := Code{Scheme: ReadV2, Value: "A1...", Term: "Two"}
	require.Equal(t, "XaAA2", set.Translate(asked, CTV3).Target.Value)
	table.words.text = ""
	swapped := []byte(tableText(ReadV2, CTV3, LocalLayer, rows[1], rows[0]))
	table.words.file = bytes.NewReader(swapped)
	require.Equal(t, Ambiguous, set.Translate(asked, CTV3).Answer)
}
