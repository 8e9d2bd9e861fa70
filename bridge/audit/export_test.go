package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func exported(t *testing.T, s *shelf, from, to time.Time) (SegmentHead, []byte) {
	e, err := ReadEvidence(s.dir, "one", s.key.Verifier())
	require.NoError(t, err)
	var b bytes.Buffer
	head, err := Export(context.Background(), &b, s.dir, "one", from, to, e.Checkpoints[len(e.Checkpoints)-1])
	require.NoError(t, err)
	return head, b.Bytes()
}

// A month that was exported proves itself without the log, every byte of it.
func TestAnExportedSegmentProvesItself(t *testing.T) {
	s := newShelf(t, 1<<20)
	s.append(t, 3)
	s.set(s.now().AddDate(0, 1, 0))
	s.append(t, 4)
	s.set(s.now().AddDate(0, 1, 0))
	s.append(t, 2)
	require.NoError(t, s.log.Close())
	december := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	head, segment := exported(t, s, december, december.AddDate(0, 1, 0))
	require.Equal(t, []uint64{4, 7}, []uint64{head.First, head.Last})
	var seqs []uint64
	again, c, err := ReadSegment(bytes.NewReader(segment), s.key.Verifier(), func(r Receipt, e Entry) error {
		seqs = append(seqs, r.Seq)
		require.Equal(t, time.December, e.Time.Month())
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, head, again)
	require.Equal(t, uint64(9), c.Size)
	require.Equal(t, []uint64{4, 5, 6, 7}, seqs)
	_, twice := exported(t, s, december, december.AddDate(0, 1, 0))
	require.Equal(t, segment, twice, "one form")

	body := bytes.IndexByte(segment, '\n') + 1
	for i := range segment {
		edited := bytes.Clone(segment)
		edited[i] ^= 0x01
		_, _, err := ReadSegment(bytes.NewReader(edited), s.key.Verifier(), nil)
		require.Error(t, err, "byte %d", i)
		if i >= body {
			requireDamage(t, err, 4+uint64(bytes.Count(segment[body:i], []byte{'\n'})), "byte", i)
		}
	}
	for _, cut := range []int{0, 10, body, body + 1, len(segment) - 1} {
		_, _, err := ReadSegment(bytes.NewReader(segment[:cut]), s.key.Verifier(), nil)
		require.Error(t, err, cut)
	}

	// Rewritten with all hashes made anew it is not what the checkpoint proves.
	var forged []byte
	before := Receipt{Seq: head.First - 1, Hash: head.Previous}
	_, _, err = walk(bytes.NewReader(segment[body:]), "one", before, 0, func(_ Receipt, _, entry []byte) error {
		forged, before = appendLine(forged, before, bytes.Replace(entry, []byte(`"u1"`), []byte(`"u2"`), 1))
		return nil
	})
	require.NoError(t, err)
	_, _, err = ReadSegment(bytes.NewReader(append(bytes.Clone(segment[:body]), forged...)), s.key.Verifier(), nil)
	damage := requireDamage(t, err, 4)
	require.Equal(t, uint64(7), damage.Through)

	other, err := LoadSigningKey(filepath.Join(t.TempDir(), "k"), "one")
	require.NoError(t, err)
	_, _, err = ReadSegment(bytes.NewReader(segment), other.Verifier(), nil)
	require.Error(t, err)
	all, _ := exported(t, s, time.Time{}, time.Time{})
	require.Equal(t, []uint64{1, 9}, []uint64{all.First, all.Last})
	path := filepath.Join(t.TempDir(), "segment")
	require.NoError(t, os.WriteFile(path, segment, 0o600))
	name, err := SegmentInstance(path)
	require.NoError(t, err)
	require.Equal(t, "one", name)
	require.NoError(t, os.WriteFile(path, segment[body:], 0o600))
	_, err = SegmentInstance(path)
	require.Error(t, err)
}

func TestExportsThatCannotBe(t *testing.T) {
	s := newShelf(t, 1<<20)
	s.append(t, 3)
	text, err := s.log.MakeCheckpoint()
	require.NoError(t, err)
	c, err := ParseCheckpoint(text, s.key.Verifier())
	require.NoError(t, err)
	s.append(t, 2)
	var b bytes.Buffer
	head, err := Export(context.Background(), &b, s.dir, "one", time.Time{}, time.Time{}, c)
	require.NoError(t, err)
	require.Equal(t, uint64(3), head.Last, "as far as the checkpoint reaches")
	_, err = Export(context.Background(), &b, s.dir, "one", noon().AddDate(1, 0, 0), time.Time{}, c)
	require.ErrorIs(t, err, ErrNothing)
	require.NoError(t, s.log.Close())
	require.NoError(t, os.Remove(filepath.Join(s.dir, "one.hashes")))
	_, err = Export(context.Background(), &b, s.dir, "one", time.Time{}, time.Time{}, Checkpoint{Instance: "one", Size: 5, Text: c.Text})
	require.Error(t, err)
	whole := content(t, s.dir)
	whole[5] ^= 1
	replace(t, s.dir, whole)
	_, err = Export(context.Background(), &b, s.dir, "one", time.Time{}, time.Time{}, c)
	requireDamage(t, err, 1)
}

func TestProofs(t *testing.T) {
	s := newShelf(t, 1<<20)
	_, _, err := s.log.Prove([]uint64{1})
	require.ErrorContains(t, err, "no checkpoint")
	var seen []Receipt
	for range 9 {
		seen = append(seen, s.append(t, 1))
	}
	text, proofs, err := s.log.Prove([]uint64{0, 1, 2, 5, 8, 9, 10})
	require.NoError(t, err)
	require.Len(t, proofs, 5, "none of what is not there")
	c, err := ParseCheckpoint(text, s.key.Verifier())
	require.NoError(t, err)
	for _, p := range proofs {
		carried, err := json.Marshal(p)
		require.NoError(t, err)
		var arrived Proof
		require.NoError(t, json.Unmarshal(carried, &arrived))
		require.NoError(t, arrived.Check(c, seen[p.Size-1]))
		wrong := seen[p.Size-1]
		wrong.TreeHead = seen[p.Size%9].TreeHead
		require.ErrorContains(t, p.Check(c, wrong), "written anew")
		wrong.TreeHead = "rubbish"
		require.Error(t, p.Check(c, wrong))
		require.Error(t, p.Check(c, seen[p.Size%9]))
		require.Error(t, p.Check(Checkpoint{Root: "rubbish"}, seen[p.Size-1]))
	}
	require.NoError(t, s.log.Close())
}

func TestFind(t *testing.T) {
	s := newShelf(t, 1<<20)
	sealer := testSealer(t)
	add := func(number, exchange, event, breakGlass string) {
		e := Entry{Instance: "one", Exchange: exchange, Event: event, Time: s.now(), BreakGlass: breakGlass}
		sealer.SealPatient(&e, number)
		if breakGlass != "" {
			sealer.SealBreakGlass(&e, "found in the street")
		}
		_, err := s.log.Append(e)
		require.NoError(t, err)
	}
	const nora, other = "9998193036", "9990000018"
	add(nora, "a", EventAsked, "")
	add(other, "b", EventAsked, "")
	s.set(s.now().AddDate(0, 1, 0))
	add(nora, "c", EventBreakGlass, "unconscious")
	s.set(s.now().AddDate(0, 1, 0))
	add(nora, "d", EventRefused, "")
	moved := Entry{Instance: "one", Exchange: "e", Event: EventAsked, Time: s.now()}
	sealer.SealPatient(&moved, nora)
	moved.Exchange = "f" // as if it were of another exchange
	_, err := s.log.Append(moved)
	require.NoError(t, err)

	page, err := FindAll(context.Background(), s.dir, "one", Query{Ref: sealer.Reference(nora)}, sealer)
	require.NoError(t, err)
	require.Zero(t, page.Foreign)
	found := page.Found
	var exchanges []string
	for _, f := range found {
		exchanges = append(exchanges, f.Entry.Exchange)
		require.Equal(t, f.Entry.Exchange == "f", f.Unopened)
	}
	require.Equal(t, []string{"a", "c", "d", "f"}, exchanges)
	require.Equal(t, "found in the street", found[1].Text)
	require.Equal(t, nora, found[1].Number)
	page, err = FindAll(context.Background(), s.dir, "one", Query{BreakGlass: true, From: noon().AddDate(0, 1, 0), To: noon().AddDate(0, 1, 1)}, sealer)
	require.NoError(t, err)
	require.Len(t, page.Found, 1)
	page, err = FindAll(context.Background(), s.dir, "one", Query{BreakGlass: true, To: noon()}, sealer)
	require.NoError(t, err)
	require.Empty(t, page.Found)
	page, err = Find(context.Background(), s.dir, "one", 1, Query{Ref: sealer.Reference(nora)}, sealer)
	require.NoError(t, err)
	require.Equal(t, 3, page.Files)
	require.Len(t, page.Found, 1)
	page, err = Find(context.Background(), s.dir, "one", 7, Query{}, sealer)
	require.NoError(t, err)
	require.Equal(t, Page{Files: 3}, page)

	// Another key finds nobody, and that is said.
	stranger, err := NewSealer(bytes.Repeat([]byte{9}, 32))
	require.NoError(t, err)
	page, err = FindAll(context.Background(), s.dir, "one", Query{Ref: stranger.Reference(nora)}, stranger)
	require.NoError(t, err)
	require.Equal(t, Page{Files: 3, Foreign: 5}, page)

	require.NoError(t, s.log.Close())
	_, segment := exported(t, s, time.Time{}, time.Time{})
	again, err := FindInSegment(bytes.NewReader(segment), s.key.Verifier(), Query{Ref: sealer.Reference(nora)}, sealer)
	require.NoError(t, err)
	require.Len(t, Once(append(again.Found, again.Found...)), 4)
	again, err = FindInSegment(bytes.NewReader(segment), s.key.Verifier(), Query{Ref: stranger.Reference(nora)}, stranger)
	require.NoError(t, err)
	require.Equal(t, Page{Files: 1, Foreign: 5}, again)
	segment[len(segment)-5] ^= 1
	_, err = FindInSegment(bytes.NewReader(segment), s.key.Verifier(), Query{}, sealer)
	require.Error(t, err)

	whole := content(t, s.dir) // what stands before the damage is still found
	whole[len(whole)-5] ^= 1
	replace(t, s.dir, whole)
	page, err = FindAll(context.Background(), s.dir, "one", Query{Ref: sealer.Reference(nora)}, sealer)
	requireDamage(t, err, 5)
	require.Len(t, page.Found, 3)
	_, err = FindAll(context.Background(), t.TempDir(), "one", Query{}, sealer)
	require.Error(t, err)
}
