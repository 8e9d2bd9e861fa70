package audit

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// memory is a log that is in no file.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func inMemory(b []byte) parts {
	return parts{{name: "one.audit", file: memory{bytes.NewReader(b)}, size: int64(len(b))}}
}

// kept is a log of n records with what was kept of it elsewhere.
type kept struct {
	dir, away string
	lines     [][]byte
	receipts  []Receipt
	evidence  Evidence
}

func keptLog(t testing.TB, n int) kept {
	t.Helper()
	k := kept{dir: t.TempDir(), away: t.TempDir()}
	key, err := LoadSigningKey(filepath.Join(k.dir, "one.key"), "one")
	require.NoError(t, err)
	log, err := OpenWith(k.dir, "one", OpenOptions{Now: noon, Signer: key, Checkpoints: k.away, Every: 1 << 30, Ticks: make(chan time.Time)})
	require.NoError(t, err)
	for i := range n {
		r, err := log.Append(sample(i % 50))
		require.NoError(t, err)
		k.receipts = append(k.receipts, r)
	}
	require.NoError(t, log.Close())
	k.lines = bytes.SplitAfter(content(t, k.dir), []byte{'\n'})[:n]
	text, err := os.ReadFile(filepath.Join(k.away, "one.checkpoint"))
	require.NoError(t, err)
	c, err := ParseCheckpoint(string(text), key.Verifier())
	require.NoError(t, err)
	require.Equal(t, uint64(n), c.Size)
	k.evidence = Evidence{Checkpoints: []Checkpoint{c}, Copies: []string{filepath.Join(k.away, "one.hashes")}}
	return k
}

// rechained is lines with hashes as one who can write the log would make them.
func rechained(lines [][]byte) [][]byte {
	last := genesis("one")
	var all [][]byte
	for _, line := range lines {
		_, body, _ := bytes.Cut(line[:len(line)-tailSize], []byte(`,"entry":`))
		forged, next := appendLine(nil, last, body)
		all, last = append(all, forged), next
	}
	return all
}

// firstBad is the number of the first record that is not what it was.
func (k kept) firstBad(log []byte) uint64 {
	lines := bytes.SplitAfter(log, []byte{'\n'})
	for i, line := range k.lines {
		if i >= len(lines) || !bytes.Equal(line, lines[i]) {
			return uint64(i + 1)
		}
	}
	return uint64(len(k.lines) + 1)
}

func requireDamage(t require.TestingT, err error, seq uint64, what ...any) *Damage {
	var damage *Damage
	require.ErrorAs(t, err, &damage, what...)
	require.Equal(t, seq, damage.Seq, append(what, err.Error())...)
	return damage
}

func TestEveryByteOfASmallLogIsProven(t *testing.T) {
	k := keptLog(t, 5)
	whole := bytes.Join(k.lines, nil)
	v, err := VerifyAgainst(context.Background(), k.dir, "one", k.evidence)
	require.NoError(t, err)
	require.Equal(t, Verdict{Instance: "one", First: 1, Last: k.receipts[4], Held: 1, Proven: 5, Until: sample(4).Time, Events: map[string]int{EventAnswered: 5}}, v)
	require.Zero(t, v.Window())
	for i := range whole {
		for _, bit := range []byte{0x01, 0x20} {
			edited := bytes.Clone(whole)
			edited[i] ^= bit
			_, err := inMemory(edited).against(context.Background(), k.dir, "one", k.evidence)
			damage := requireDamage(t, err, k.firstBad(edited), "byte", i)
			require.Zero(t, damage.Through)
			require.Equal(t, int(damage.Seq), damage.Line)
			require.Equal(t, "one.audit", damage.File)
		}
	}
	for i := range whole { // a tail dropped at any byte
		_, err := inMemory(whole[:i]).against(context.Background(), k.dir, "one", k.evidence)
		requireDamage(t, err, k.firstBad(whole[:i]), "byte", i)
	}
}

// tampered is the log as somebody left it who can write the file and knows its
// form: every way of safety T-12, most with all hashes made anew.
func tampered(r *rand.Rand, lines [][]byte) (string, []byte) {
	lines = slices.Clone(lines)
	n := len(lines)
	at := r.IntN(n)
	edit := func() {
		line := bytes.Clone(lines[at])
		i := bytes.Index(line, []byte(`"u1"`))
		line[i+2] = '2'
		lines[at] = line
	}
	way := []string{"flip", "tail", "middle", "swap", "older", "edit", "rechain edit", "rechain middle", "rechain swap", "insert", "repeat"}[r.IntN(11)]
	switch way {
	case "flip":
		whole := bytes.Join(lines, nil)
		whole[r.IntN(len(whole))] ^= byte(1 << r.IntN(8))
		return way, whole
	case "tail", "older":
		lines = lines[:at]
	case "middle", "rechain middle":
		lines = slices.Delete(lines, at, min(at+1+r.IntN(3), n))
	case "swap", "rechain swap":
		other := (at + 1 + r.IntN(n-1)) % n
		lines[at], lines[other] = lines[other], lines[at]
	case "edit", "rechain edit":
		edit()
	case "insert", "repeat":
		lines = slices.Insert(lines, at, lines[r.IntN(n)])
	}
	if way == "rechain edit" || way == "rechain middle" || way == "rechain swap" || way == "insert" {
		lines = rechained(lines)
	}
	return way, bytes.Join(lines, nil)
}

// Thousands of ways of tampering with a longer log, each named by its first bad
// record; without a copy of the hashes, by a range that holds it.
func TestTamperingIsNamed(t *testing.T) {
	k := keptLog(t, 60)
	whole := bytes.Join(k.lines, nil)
	bare := Evidence{Checkpoints: k.evidence.Checkpoints, Witnesses: []Receipt{{Seq: 20, TreeHead: k.receipts[19].TreeHead}, {Seq: 41, TreeHead: k.receipts[40].TreeHead}}}
	r := rand.New(rand.NewPCG(1, 2))
	ways := map[string]int{}
	trials := 2_000
	if os.Getenv("LINKSPAN_SOAK") != "" {
		trials = 10_000
	}
	for trial := range trials {
		way, log := tampered(r, k.lines)
		if bytes.Equal(log, whole) {
			continue
		}
		ways[way]++
		bad := k.firstBad(log)
		_, err := inMemory(log).against(context.Background(), k.dir, "one", k.evidence)
		if bad > uint64(len(k.lines)) { // the log and a record more, which no evidence is of
			if err != nil {
				requireDamage(t, err, bad, trial, way)
			}
			continue
		}
		damage := requireDamage(t, err, bad, trial, way)
		require.Zero(t, damage.Through, "%d %s", trial, way)
		_, err = inMemory(log).against(context.Background(), k.dir, "one", bare)
		require.ErrorAs(t, err, &damage)
		switch {
		case damage.Through > 0:
			require.LessOrEqual(t, damage.Seq, bad, "%d %s", trial, way)
			require.GreaterOrEqual(t, damage.Through, bad, "%d %s", trial, way)
		case strings.HasPrefix(damage.Fault, "missing"): // up to where the newest witness holds it is the same
			require.LessOrEqual(t, bad, damage.Seq, "%d %s", trial, way)
		default: // one line whose own hash was made anew shows in the next
			require.Contains(t, []uint64{bad, bad + 1}, damage.Seq, "%d %s", trial, way)
		}
	}
	require.Len(t, ways, 11)
	t.Logf("%d logs tampered with, all named: %v", trials, ways)
}

func TestTheHashesBesideTheLogAreCompared(t *testing.T) {
	k := keptLog(t, 5)
	path := filepath.Join(k.dir, "one.hashes")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, whole, int(tlog.StoredHashCount(5)*tlog.HashSize))
	for i := range whole {
		edited := bytes.Clone(whole)
		edited[i] ^= 1
		require.NoError(t, os.WriteFile(path, edited, 0o600))
		v, err := VerifyAgainst(context.Background(), k.dir, "one", k.evidence)
		require.NoError(t, err, "the log itself is proven")
		require.Contains(t, v.Hashes, "differs from the log at record")
	}
	require.NoError(t, os.WriteFile(path, append(bytes.Clone(whole), make([]byte, 32)...), 0o600))
	v, err := VerifyAgainst(context.Background(), k.dir, "one", k.evidence)
	require.NoError(t, err)
	require.Equal(t, "the file of hashes knows of records after 5, the last there is", v.Hashes)

	log, err := openLog(k.dir) // makes it anew
	require.NoError(t, err)
	require.NoError(t, log.Close())
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, whole, again)

	// A tampered copy proves nothing, and is not believed.
	forged := rechained(append(slices.Clone(k.lines[:2]), bytes.Replace(k.lines[2], []byte(`"u1"`), []byte(`"u9"`), 1), k.lines[3], k.lines[4]))
	edited := bytes.Clone(whole)
	edited[0] ^= 1
	require.NoError(t, os.WriteFile(k.evidence.Copies[0], edited, 0o600))
	_, err = inMemory(bytes.Join(forged, nil)).against(context.Background(), k.dir, "one", k.evidence)
	damage := requireDamage(t, err, 1)
	require.Equal(t, uint64(5), damage.Through)
	require.EqualError(t, err, "audit: log of one: one of the records 1 to 5: not what the checkpoint of record 5 proves: the log was written anew")
}

func TestTheWindowIsStated(t *testing.T) {
	k := keptLog(t, 6)
	v, err := VerifyAgainst(context.Background(), k.dir, "one", Evidence{Witnesses: []Receipt{{Seq: 4, TreeHead: k.receipts[3].TreeHead}, {Seq: 2, Hash: k.receipts[1].Hash}}})
	require.NoError(t, err)
	require.Equal(t, 2, v.Held)
	require.Equal(t, uint64(2), v.Window())
	require.Equal(t, sample(4).Time, v.WindowFrom)
	v, err = VerifyAgainst(context.Background(), k.dir, "one", Evidence{})
	require.NoError(t, err)
	require.Equal(t, uint64(6), v.Window())
	require.Equal(t, sample(0).Time, v.WindowFrom)
	for _, wrong := range []Receipt{{Seq: 3, TreeHead: k.receipts[3].TreeHead}, {Seq: 3, Hash: k.receipts[3].Hash}, {Seq: 3}} {
		_, err = VerifyAgainst(context.Background(), k.dir, "one", Evidence{Witnesses: []Receipt{wrong}})
		require.ErrorContains(t, err, "proves: the log was written anew")
	}
	_, err = VerifyAgainst(context.Background(), k.dir, "one", Evidence{Witnesses: []Receipt{{Seq: 9, TreeHead: "x"}}})
	require.EqualError(t, err, "audit: log of one: record 7, line 7 of one.audit: missing: the log ends before it, and a witness of record 9 is kept; nothing proves records 1 to 6 either")
	// What lies beside the log is held against it and closes no window.
	lies := Checkpoint{Instance: "one", Size: 5, Root: k.receipts[4].TreeHead}
	v, err = VerifyAgainst(context.Background(), k.dir, "one", Evidence{Beside: []Checkpoint{lies}, Witnesses: []Receipt{{Seq: 4, TreeHead: k.receipts[3].TreeHead}}})
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 4, 5, 2}, []uint64{uint64(v.Held), v.Proven, v.Beside, v.Window()})
	lies.Root = k.receipts[3].TreeHead
	_, err = VerifyAgainst(context.Background(), k.dir, "one", Evidence{Beside: []Checkpoint{lies}})
	require.ErrorContains(t, err, "not what the checkpoint of record 5 proves")
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = VerifyAgainst(stopped, k.dir, "one", Evidence{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestTreeIsTlogs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var mine tree
		var stored []tlog.Hash
		reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			var found []tlog.Hash
			for _, i := range indexes {
				found = append(found, stored[i])
			}
			return found, nil
		})
		empty, err := tlog.TreeHash(0, reader)
		require.NoError(rt, err)
		require.Equal(rt, empty, mine.head())
		for n, line := range rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 70).Draw(rt, "lines") {
			theirs, err := tlog.StoredHashes(int64(n), line, reader)
			require.NoError(rt, err)
			require.Equal(rt, theirs, mine.add(leafHash(line), nil))
			stored = append(stored, theirs...)
			head, err := tlog.TreeHash(int64(n+1), reader)
			require.NoError(rt, err)
			require.Equal(rt, head, mine.head())
			again, err := treeOf(mine.n, mine.subtrees())
			require.NoError(rt, err)
			require.Equal(rt, head, again.head())
			roots, err := reader.ReadHashes(subtreeIndexes(mine.n))
			require.NoError(rt, err)
			require.Equal(rt, mine.subtrees(), roots)
		}
		_, err = treeOf(mine.n, nil)
		require.Error(rt, err)
	})
}
