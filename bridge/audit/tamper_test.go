package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// damaged requires that neither Verify nor Open accepts the log and that both
// name the record.
func damaged(t *testing.T, dir string, seq uint64) {
	t.Helper()
	before := content(t, dir)
	var damage *Damage
	_, err := Verify(dir, "one")
	require.ErrorAs(t, err, &damage)
	require.Equal(t, seq, damage.Seq, err.Error())
	require.NotContains(t, err.Error(), "exchange-")
	_, err = openLog(dir)
	require.ErrorAs(t, err, &damage)
	require.Equal(t, seq, damage.Seq)
	require.Equal(t, before, content(t, dir), "a damaged log is left as it is")
}

func TestEveryEditedByteIsFound(t *testing.T) {
	dir, receipts := filled(t, 3)
	whole := content(t, dir)
	lineOf := func(i int) uint64 { return uint64(bytes.Count(whole[:i], []byte{'\n'})) + 1 }
	for i := range whole {
		edited := bytes.Clone(whole)
		edited[i] ^= 0x20
		if i == len(whole)-1 {
			continue // without its end the last line counts as unfinished, see below
		}
		replace(t, dir, edited)
		_, err := Verify(dir, "one")
		var damage *Damage
		require.ErrorAs(t, err, &damage, "byte %d", i)
		require.Equal(t, lineOf(i), damage.Seq, "byte %d", i)
	}
	replace(t, dir, whole[:len(whole)-1])
	_, err := VerifyTo(dir, "one", receipts[2])
	require.Error(t, err)
	edited := bytes.Clone(whole)
	edited[len(whole)/2] ^= 1
	replace(t, dir, edited)
	damaged(t, dir, 2)
}

func TestDroppedSwappedRepeatedRecords(t *testing.T) {
	dir, _ := filled(t, 5)
	lines := bytes.SplitAfter(content(t, dir), []byte{'\n'})[:5]
	for name, c := range map[string]struct {
		order []int
		bad   uint64
	}{
		"first dropped":    {[]int{1, 2, 3, 4}, 1},
		"middle dropped":   {[]int{0, 1, 3, 4}, 3},
		"two swapped":      {[]int{0, 2, 1, 3, 4}, 2},
		"one repeated":     {[]int{0, 1, 1, 2, 3, 4}, 3},
		"last two swapped": {[]int{0, 1, 2, 4, 3}, 4},
	} {
		var b []byte
		for _, i := range c.order {
			b = append(b, lines[i]...)
		}
		replace(t, dir, b)
		t.Run(name, func(t *testing.T) { damaged(t, dir, c.bad) })
	}
}

func TestDroppedTailIsFoundAgainstAReceipt(t *testing.T) {
	dir, receipts := filled(t, 5)
	whole := content(t, dir)
	for _, r := range receipts {
		last, err := VerifyTo(dir, "one", r)
		require.NoError(t, err)
		require.Equal(t, receipts[4], last)
	}
	_, err := VerifyTo(dir, "one", Receipt{})
	require.NoError(t, err)
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	replace(t, dir, bytes.Join(lines[:3], nil))
	last, err := Verify(dir, "one")
	require.NoError(t, err, "what is left is whole in itself")
	require.Equal(t, receipts[2], last)
	_, err = VerifyTo(dir, "one", receipts[4])
	require.ErrorContains(t, err, "record 4: missing: the receipt is of record 5")

	other, _ := filled(t, 1) // written anew from the first record on
	log, err := openLog(other)
	require.NoError(t, err)
	for range 5 {
		_, err = log.Append(Entry{User: "somebody else"})
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	_, err = VerifyTo(other, "one", receipts[4])
	require.ErrorContains(t, err, "written anew")
	_, err = VerifyTo(other, "one", receipts[0])
	require.NoError(t, err)
}

func TestAnotherInstancesLogIsNotThisOnes(t *testing.T) {
	dir, _ := filled(t, 2)
	require.NoError(t, os.Rename(filepath.Join(dir, "one.audit"), filepath.Join(dir, "two.audit")))
	_, err := Verify(dir, "two")
	var damage *Damage
	require.ErrorAs(t, err, &damage)
	require.Equal(t, uint64(1), damage.Seq)
}

// A process killed at any byte of its last write leaves a log that opens again
// with every acknowledged record and a note of what was set aside.
func TestTornLastLine(t *testing.T) {
	dir, receipts := filled(t, 3)
	whole := content(t, dir)
	start := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := start + 1; cut < len(whole); cut++ {
		if cut > start+3 && cut < len(whole)-3 && cut%23 != 0 {
			continue // every byte is the same to the reader; each costs ten syncs
		}
		dir := t.TempDir()
		replace(t, dir, whole[:cut])
		last, err := Verify(dir, "one")
		require.NoError(t, err, cut)
		require.Equal(t, receipts[1], last, cut)
		log, err := openLog(dir)
		require.NoError(t, err, cut)
		next, err := log.Append(sample(7))
		require.NoError(t, err)
		require.NoError(t, log.Close())
		require.Equal(t, uint64(4), next.Seq)
		var third Entry
		_, err = Read(dir, "one", func(r Receipt, e Entry) error {
			if r.Seq == 3 {
				third = e
			}
			return nil
		})
		require.NoError(t, err)
		_, err = VerifyTo(dir, "one", receipts[1])
		require.NoError(t, err)
		aside, err := filepath.Glob(filepath.Join(dir, "one.audit.torn-*"))
		require.NoError(t, err)
		if cut == len(whole)-1 { // only the line end was missing: the record is kept
			require.Equal(t, "exchange-2", third.Exchange)
			require.Empty(t, aside)
			continue
		}
		require.Equal(t, EventRepaired, third.Event)
		require.Equal(t, cut-start, third.Bytes)
		require.Len(t, aside, 1)
		kept, err := os.ReadFile(aside[0])
		require.NoError(t, err)
		require.Equal(t, whole[start:cut], kept)
	}
}

func TestZerosAtTheEndAreSetAside(t *testing.T) {
	dir, receipts := filled(t, 2)
	replace(t, dir, append(content(t, dir), make([]byte, 4096)...))
	log, err := openLog(dir)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	last, err := VerifyTo(dir, "one", receipts[1])
	require.NoError(t, err)
	require.Equal(t, uint64(3), last.Seq)
}

// A log longer than the window is proven at its end by Open and whole by Verify.
func TestLongLog(t *testing.T) {
	const n = 6000
	dir := t.TempDir()
	var b []byte
	last := genesis("one")
	middle := 0
	for i := range n {
		body := append(append([]byte(`{"time":"2026-11-22T10:00:00Z","user":"`), bytes.Repeat([]byte{'x'}, 1000)...), `"}`...)
		if i == n/10 {
			middle = len(b) + 500
		}
		b, last = appendLine(b, last, body)
	}
	require.Greater(t, len(b), tailWindow+middle)
	replace(t, dir, b)
	log, err := openLog(dir)
	require.NoError(t, err)
	r, err := log.Append(sample(1))
	require.NoError(t, err)
	require.Equal(t, uint64(n+1), r.Seq)
	require.NoError(t, log.Close())
	whole := content(t, dir)
	got, err := Verify(dir, "one")
	require.NoError(t, err)
	require.Equal(t, r, got)

	b = bytes.Clone(whole)
	b[middle] ^= 1
	replace(t, dir, b)
	_, err = Verify(dir, "one")
	var damage *Damage
	require.ErrorAs(t, err, &damage)
	require.Equal(t, uint64(n/10+1), damage.Seq)

	b = bytes.Clone(whole)
	b[len(b)-5000] ^= 1
	replace(t, dir, b)
	_, err = openLog(dir)
	require.ErrorAs(t, err, &damage)

	replace(t, dir, append(bytes.Clone(whole), bytes.Repeat([]byte{'x'}, tailWindow)...))
	_, err = openLog(dir)
	require.ErrorAs(t, err, &damage)
	replace(t, dir, append(append(bytes.Clone(whole), bytes.Repeat([]byte{'x'}, tailWindow-100)...), "\nnot a record\n"...))
	_, err = openLog(dir)
	require.ErrorAs(t, err, &damage)
	replace(t, dir, append(bytes.Clone(whole), bytes.Repeat([]byte{'x'}, maxLine+1)...))
	_, err = Verify(dir, "one")
	require.ErrorContains(t, err, "longer than any record")
}

// FuzzWalk: the reader never fails other than by a Damage, never accepts what it
// would not itself have written, and Open recovers or refuses, never both.
func FuzzWalk(f *testing.F) {
	var whole []byte
	last := genesis("one")
	for range 3 {
		whole, last = appendLine(whole, last, []byte(`{"time":"2026-11-22T10:00:00Z","instance":"one","event":"asked"}`))
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:len(whole)-50])
	f.Add(append(bytes.Clone(whole), 0, 0, 0))
	f.Add([]byte("{}\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		at := genesis("one")
		last, torn, err := walk(bytes.NewReader(b), "one", genesis("one"), 0, func(_ Receipt, _, body []byte) error {
			again, at = appendLine(again, at, body)
			return nil
		})
		require.Equal(t, at, last)
		require.True(t, bytes.HasPrefix(b, again))
		if err != nil {
			var damage *Damage
			require.ErrorAs(t, err, &damage)
			require.Equal(t, last.Seq+1, damage.Seq)
			return
		}
		require.True(t, bytes.Equal(b, append(again, torn...)))
	})
}

func BenchmarkAppend(b *testing.B) {
	log, err := openLog(b.TempDir())
	require.NoError(b, err)
	defer func() { require.NoError(b, log.Close()) }()
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			_, err := log.Append(sample(1))
			require.NoError(b, err)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := log.Append(sample(1)); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
