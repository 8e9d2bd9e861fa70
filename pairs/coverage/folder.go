package coverage

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/traffic"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// kindOnly reports the question what an entry is, which gives it no code.
func kindOnly(k traffic.Key) bool { return k.To == string(pairs.KindScheme) }

// OfFolder translates every response of the direction's holder found in the
// files of a folder and of the folders within, and says what became of their
// coded entries. A file that holds no readable record is counted and listed by
// its base name with a reason; it may name somebody, and so may the list. as
// are the schemes the records are wanted in, empty for the pair's own.
//
// An entry counts once, under the code the tables were asked for: of a drug
// allergy the substance's. Entries that are withheld, say nothing of their own
// or could not be read are not counted, nor are those without a code. The
// direction's own Watch is not called.
//
// The error is that of the folder, of a file that cannot be read from it, or
// of the context.
func OfFolder(ctx context.Context, d *pairs.Direction, as pairs.Schemes, folder fs.FS, o Options) (Traffic, error) {
	files, err := regular(folder)
	if err != nil {
		return Traffic{}, fmt.Errorf("coverage: %w", err)
	}
	f := &translating{tally: newTally(), seen: map[seenKey]*Seen{}}
	watched := *d
	f.direction = &watched
	watched.Watch = pairs.Watch{Looked: f.looked, Translated: f.translated}
	t := Traffic{Files: len(files)}
	for i, file := range files {
		in, err := read(folder, file)
		if err != nil {
			return Traffic{}, fmt.Errorf("coverage: %w", err)
		}
		if reason := f.message(ctx, in, as); reason != "" {
			t.Unreadable = append(t.Unreadable, Unreadable{File: path.Base(file), Reason: reason})
		}
		if err := ctx.Err(); err != nil {
			return Traffic{}, fmt.Errorf("coverage: %w", err)
		}
		if o.Progress != nil {
			o.Progress(i+1, len(files))
		}
	}
	r := f.tally.result(d.Tables, o)
	r.Files, r.Unreadable, r.Records, r.Seen = t.Files, t.Unreadable, &f.tally.all.records, f.list()
	return r, nil
}

// regular lists the regular files of a folder in the order of their names.
func regular(folder fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") {
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// read reads a file as far as the reader of messages would, and a byte more,
// so that it refuses what is longer.
func read(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(xmlio.DefaultLimits().Bytes)+1))
}

// translating is a folder on its way.
type translating struct {
	direction *pairs.Direction
	tally     *tally
	seen      map[seenKey]*Seen
	looks     map[*record.Entry]pairs.Lookup // of the record being translated
}

type seenKey struct {
	traffic.Key
	term string
}

// message translates one message and gives the reason why it could not.
func (f *translating) message(ctx context.Context, in []byte, as pairs.Schemes) string {
	answer, err := f.direction.Holder.Codec.DecodeResponse(ctx, in)
	if err != nil {
		return string(record.ReasonOf(err))
	}
	if failure := answer.Failure(); failure != nil {
		return "holds no record: " + string(failure.Reason)
	}
	f.looks = map[*record.Entry]pairs.Lookup{}
	q := f.direction.Whole(as)
	f.direction.Translate(answer.Record(), &q, &q)
	return ""
}

func (f *translating) looked(l pairs.Lookup) {
	if !l.OfKind() {
		f.looks[l.Entry] = l
	}
}

// crossed is one coded entry of a record.
type crossed struct {
	kind   string
	scheme mapping.Scheme
	out    outcome
}

// translated counts a record once it is settled.
func (f *translating) translated(rec *record.Record) {
	var entries []crossed
	here := map[seenKey]bool{}
	wanted := map[*Unmapped]bool{}
	for _, e := range rec.Entries {
		look, asked := f.looks[e]
		c, counts := f.crossed(e, look, asked)
		if !counts {
			continue
		}
		entries = append(entries, c)
		f.tally.entries(c.kind, c.scheme, c.out, 1)
		if !asked || !nameable(look.Code) {
			continue
		}
		key := seenKey{keyOf(look, c.kind), look.Code.Term}
		s := f.seen[key]
		if s == nil {
			s = &Seen{Key: key.Key, term: key.term}
			f.seen[key] = s
		}
		s.Count++
		if !here[key] {
			here[key] = true
			s.Records++
		}
		answered := outcomeOf(look.Result.Answer, len(look.To))
		f.tally.code(key.Key, answered)
		if !answered.undecided() {
			continue
		}
		u := f.tally.unmapped(key.Key, look.Result.Answer)
		u.Count++
		if !wanted[u] {
			wanted[u] = true
			u.Records++
		}
		if c.out == coded {
			u.BySender++
			f.tally.bySender++
		}
	}
	f.record(entries)
}

// crossed says how one entry crossed, and whether it counts.
func (f *translating) crossed(e *record.Entry, look pairs.Lookup, asked bool) (crossed, bool) {
	c := crossed{kind: e.Kind.String(), scheme: e.Code.Scheme}
	if asked {
		c.scheme = look.Code.Scheme
	}
	_, codes := f.direction.Rules.Kinds[e.Kind]
	switch {
	case e.Outcome == record.WithheldEntry, e.Outcome == record.Duplicate, e.Outcome == record.FailedEntry:
		return c, false
	case (e.Outcome == record.Exact || e.Outcome == record.Mapped) && !e.Target.IsZero():
		c.out = coded
	case e.Malformed:
		c.out = malformed
	case asked:
		if c.out = outcomeOf(look.Result.Answer, len(look.To)); c.out == coded {
			c.out = refused
		}
	case codes && (!e.Code.IsZero() || e.Allergy != nil && !e.Allergy.Substance.IsZero()):
		c.out = refused
	default:
		return c, false
	}
	return c, true
}

func keyOf(l pairs.Lookup, kind string) traffic.Key {
	to := make([]string, len(l.To))
	for i, scheme := range l.To {
		to[i] = string(scheme)
	}
	contexts := make([]string, len(l.Contexts))
	for i, context := range l.Contexts {
		contexts[i] = string(context)
	}
	code := l.Code
	code.Term = ""
	return traffic.Key{Code: code, To: strings.Join(to, " "), Contexts: strings.Join(contexts, " "), Kind: kind}
}

// record counts a record as a whole and for each kind and scheme it has.
func (f *translating) record(entries []crossed) {
	whole := map[*Records]bool{}
	note := func(g *group, out outcome) {
		all, seen := whole[&g.records]
		whole[&g.records] = out == coded && (all || !seen)
	}
	for _, c := range entries {
		note(&f.tally.all, c.out)
		note(groupOf(f.tally.kinds, c.kind), c.out)
		if c.scheme != "" {
			note(f.tally.scheme(c.scheme), c.out)
		}
	}
	for r, all := range whole {
		r.Total++
		if all {
			r.Coded++
		}
	}
}

func (f *translating) list() []Seen {
	list := make([]Seen, 0, len(f.seen))
	for _, s := range f.seen {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Seen) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Code.Key(), b.Code.Key()), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.To, b.To),
			cmp.Compare(a.Contexts, b.Contexts), cmp.Compare(a.term, b.term))
	})
	return list
}
