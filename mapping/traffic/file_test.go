package traffic

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
)

// sample is a log with one of everything.
func sample() *Log {
	l := &Log{Limit: 4}
	l.SetDay("2026-11-22")
	l.Saw(asked(read("G20..", "00"), "problem"), mapping.Unmapped)
	l.Saw(asked(read("G20..", "00"), "problem"), mapping.Mapped)
	l.Saw(asked(mapping.Code{Scheme: mapping.EMISLocal, Value: "^ESCT1270257"}, "observation"), mapping.AnswerNoMap)
	l.Saw(asked(mapping.Code{Scheme: mapping.EMISDrug, Value: "META1787"}, "medication"), mapping.Unmapped)
	l.SetDay("")
	l.Saw(Key{Code: mapping.Code{Scheme: mapping.CTV3, Value: "XE0Uc"}}, mapping.Same)
	l.Saw(asked(read("H33..", "00"), "problem"), mapping.Unmapped)
	l.Saw(asked(read("typed words", "00"), "problem"), mapping.Unmapped)
	return l
}

func TestSavedIsLoaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	l := sample()
	require.NoError(t, l.Save(path))
	require.NoError(t, l.Save(path))
	got, damage, err := Load(path)
	require.NoError(t, err)
	require.Nil(t, damage)
	require.Equal(t, l.Seen(), got.Seen())
	require.Equal(t, l.Others(), got.Others())
	require.Equal(t, l.Malformed(), got.Malformed())
	names, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, names, 1, "no draft stays")
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(text), "typed words")
}

func TestNoFileIsNothingSeen(t *testing.T) {
	l, damage, err := Load(filepath.Join(t.TempDir(), FileName))
	require.NoError(t, err)
	require.Nil(t, damage)
	require.Empty(t, l.Seen())
	l.Saw(asked(read("G20..", "00"), "problem"), mapping.Mapped)
}

func TestSaveReplacesADraftThatACrashLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	require.NoError(t, os.WriteFile(path+".tmp", []byte("half"), 0o644))
	require.NoError(t, sample().Save(path))
	_, damage, err := Load(path)
	require.NoError(t, err)
	require.Nil(t, damage)
}

func TestSaveSaysWhatFails(t *testing.T) {
	require.ErrorContains(t, sample().Save(filepath.Join(t.TempDir(), "no", "such", FileName)), "traffic: save")
}

func TestADamagedFileIsSetAsideAndItsWholeRowsCounted(t *testing.T) {
	var whole bytes.Buffer
	require.NoError(t, sample().encode(&whole))
	text := whole.String()
	lines := strings.SplitAfter(text, "\n")
	for name, c := range map[string]struct {
		text  string
		fault string
		kept  int
	}{
		"cut inside a row":       {text[:strings.Index(text, "META")+3], "cut short", 3},
		"cut between rows":       {strings.Join(lines[:6], ""), "last line is missing", 2},
		"cut in the last line":   {strings.TrimSuffix(text, "\n"), "cut short", 4},
		"a count changed":        {strings.Replace(text, "\t2\t1\t", "\t3\t1\t", 1), "changed", 4},
		"a row twice":            {strings.Join(lines[:5], "") + lines[4] + strings.Join(lines[5:], ""), "does not write", 4},
		"more unmapped than all": {strings.Replace(text, "\t2\t1\t", "\t2\t3\t", 1), "does not write", 3},
		"a typed word":           {strings.Replace(text, "G20..", "Smith", 1), "changed", 4},
		"a sentence":             {strings.Replace(text, "G20..", "seen at home", 1), "does not write", 3},
		"lines after the end":    {text + "more\n", "after the last", 4},
		"a line too long":        {text + strings.Repeat("x", 10_000) + "\n", "a line of more than", 4},
		"zeroes":                 {string(make([]byte, 500)), "cut short", 0},
		"empty":                  {"", "last line is missing", 0},
		"another version":        {strings.Replace(text, "traffic 1", "traffic 2", 1), "version", 4},
		"a wrong total":          {strings.Replace(text, "# malformed: 1", "# malformed: -1", 1), "does not write", 4},
		"a day that is none":     {strings.Replace(text, "2026-11-22", "2026-11-99", 1), "does not write", 3},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))

			l, damage, err := Read(path)
			require.NoError(t, err)
			require.NotNil(t, damage)
			require.Contains(t, damage.Fault, c.fault)
			require.Empty(t, damage.Aside)
			require.FileExists(t, path, "reading alone moves nothing")
			require.Len(t, l.Seen(), c.kept)

			l, damage, err = Load(path)
			require.NoError(t, err)
			require.NotNil(t, damage)
			require.Contains(t, damage.Error(), damage.Aside)
			require.Len(t, l.Seen(), c.kept)
			require.NoFileExists(t, path)
			kept, err := os.ReadFile(filepath.Join(filepath.Dir(path), damage.Aside))
			require.NoError(t, err)
			require.Equal(t, c.text, string(kept))
			require.NotContains(t, damage.Error(), "seen at home")
			require.NoError(t, l.Save(path))
			_, damage, err = Load(path)
			require.NoError(t, err)
			require.Nil(t, damage)
		})
	}
}

// Whatever is counted comes back as it was, and a file cut anywhere is found out.
func TestSavedIsLoadedWhateverWasSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &Log{Limit: rapid.IntRange(1, 20).Draw(t, "limit")}
		for i, s := range sightings(t) {
			l.SetDay([]string{"2026-11-22", "2026-11-21", ""}[i%3])
			l.Saw(s.key, s.answer)
		}
		var out bytes.Buffer
		require.NoError(t, l.encode(&out))
		got, damage, err := parse("f", bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		require.Nil(t, damage)
		require.Equal(t, l.Seen(), got.Seen())
		require.Equal(t, l.Others(), got.Others())
		require.Equal(t, l.Malformed(), got.Malformed())

		cut := rapid.IntRange(0, out.Len()-1).Draw(t, "cut")
		part, damage, err := parse("f", bytes.NewReader(out.Bytes()[:cut]))
		require.NoError(t, err)
		require.NotNil(t, damage)
		all := map[Key]Seen{}
		for _, s := range l.Seen() {
			all[s.Key] = s
		}
		for _, s := range part.Seen() {
			require.Equal(t, all[s.Key], s)
		}
	})
}

func TestSavingGoesOnBesideCounting(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	l := sample()
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 20 {
				l.Saw(asked(read("G20..", "00"), "problem"), mapping.Mapped)
				if err := l.Save(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	got, damage, err := Load(path)
	require.NoError(t, err)
	require.Nil(t, damage)
	require.Equal(t, 82, got.Seen()[0].Count)
}

func FuzzRead(f *testing.F) {
	var whole bytes.Buffer
	require.NoError(f, sample().encode(&whole))
	f.Add(whole.Bytes())
	f.Add([]byte("# linkspan traffic 1\n# end: "))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, damage, err := parse("f", bytes.NewReader(text))
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, l.encode(&out))
		again, none, err := parse("f", bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		require.Nil(t, none)
		require.Equal(t, l.Seen(), again.Seen())
		for _, s := range l.Seen() {
			require.NoError(t, s.Code.Check())
		}
		if damage == nil {
			require.Equal(t, l.Malformed(), again.Malformed())
		}
	})
}
