package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// result is what the receiver gets of an entry, ready for the page.
type result struct {
	// Coded are the table's words for the code that goes out, or the source's
	// where there is none to carry; Own the source's for what is not carried as
	// what it is.
	Coded, Own string
	// Unsafe marks an allergy that may be to a drug and that the receiver's
	// alerts will not know.
	Unsafe bool
	// Target is the code that goes out, nil for none. DegradeCode says that it
	// only marks an entry kept in words.
	Target      *code
	DegradeCode bool
	// How says in a sentence why the entry has this outcome.
	How string
	// Asked is the code no row answers for, and Contexts those it was asked in.
	Asked    *code
	Contexts string
	// Row is the table row that answered, Used whether its code goes out.
	Row  *row
	Used bool
	// Near is the target of a row that may not code.
	Near *code
	// Kind is the row that says the code is one of an allergy.
	Kind *row
	// Facts are what the receiver is told otherwise than the source said it.
	Facts []fact
	Notes []string
}

// row is one row of a table, named so that it can be found.
type row struct {
	Table, Version, Layer, File string
	Line                        int
	Relation, Context           string
	Assured, Test, Superseded   bool
	From, To                    *code
	Reason, Reviewer            string
}

func rowOf(res mapping.Result) *row {
	if res.Table == nil {
		return nil
	}
	r := res.Row()
	context := string(r.Context)
	if context == "" {
		context = "any"
	}
	return &row{Table: visible(res.Table.ID), Version: visible(res.Table.Version), Layer: string(res.Table.Layer), File: visible(res.Table.File),
		Line: res.Line, Relation: string(res.Relation), Context: context, Assured: res.Assured, Test: res.Table.Use == "test", Superseded: res.Superseded,
		From: codeOf(r.Source), To: codeOf(r.Target), Reason: visible(r.Reason), Reviewer: visible(r.Reviewer)}
}

// resultOf renders an entry once the record is settled.
func (p *Page) resultOf(e *record.Entry) result {
	had := p.sources[e]
	r := result{Target: codeOf(e.Target), DegradeCode: e.Outcome == record.Degraded}
	for _, note := range e.Notes {
		if note = visible(note); !slices.Contains(had.Notes, note) {
			r.Notes = append(r.Notes, note)
		}
	}
	for _, f := range facts(e) {
		if !slices.Contains(had.Facts, f) {
			r.Facts = append(r.Facts, f)
		}
	}
	coded := e.Outcome == record.Exact || e.Outcome == record.Mapped
	switch {
	case coded && r.Target != nil:
		r.Coded = r.Target.Term
	case e.Outcome == record.Exact && !had.NoWords:
		r.Coded = had.Words
	case e.Outcome == record.Degraded, e.Outcome == record.Unsupported:
		r.Own = had.Words
	}
	r.Unsafe = !coded && e.Outcome != record.Duplicate && drugAllergy(e)
	look := p.looks[e]
	if look.kind != nil {
		r.Kind = rowOf(look.kind.Result)
	}
	if look.code != nil {
		if r.Row = rowOf(look.code.Result); r.Row == nil && !coded {
			r.Asked, r.Contexts = codeOf(look.code.Code), contexts(look.code.Contexts)
		}
	}
	r.Used = coded && r.Row != nil && look.code.Result.Answer == mapping.Mapped
	if look.code != nil && look.code.Result.Answer == mapping.Inexact {
		r.Near = codeOf(look.code.Result.Code())
	}
	r.How = p.how(e, look.code)
	return r
}

// how says why the entry has its outcome.
func (p *Page) how(e *record.Entry, look *pairs.Lookup) string {
	switch e.Outcome {
	case record.Exact:
		if e.Target.IsZero() {
			return "Crosses as it is. There is no code to carry."
		}
		return "Both systems use this scheme. The code is unchanged."
	case record.Mapped:
		if look != nil && look.Result.Answer == mapping.Mapped {
			return "Coded by a table row."
		}
		return "Coded by the sending system's own translation. No table row answers."
	case record.Duplicate:
		return "Not written: it says nothing another entry does not say, or the source has deleted it."
	case record.FailedEntry:
		return "Could not be read."
	case record.Unsupported:
		return p.Receiver + " has no place for it. It goes out as text."
	}
	return p.why(e, look)
}

// drugAllergy reports an allergy that may be to a drug.
func drugAllergy(e *record.Entry) bool {
	return e.Kind == record.KindAllergy && (e.Allergy == nil || !e.Allergy.Absent && e.Allergy.Class.Drug())
}

// why says why an entry is words alone.
func (p *Page) why(e *record.Entry, look *pairs.Lookup) string {
	if look == nil {
		switch {
		case e.Malformed:
			return "What stands in the place of the code is no code of its scheme."
		case e.Code.IsZero():
			return "The source gives no code."
		case drugAllergy(e):
			return "Only a drug's code makes the receiver's alerts fire, and the source gives none here."
		}
		return "The tables were not asked."
	}
	switch look.Result.Answer {
	case mapping.Mapped, mapping.Same:
		return "A code was found and is not used: in that place or beside these words it would say something else."
	case mapping.Inexact:
		return "A row exists, but what it leads to is not the same: it may not code."
	case mapping.AnswerNoMap:
		return "A row says that there is no map."
	case mapping.Ambiguous:
		return "Several rows could answer: the term code is not stated and its terms have different targets."
	case mapping.Malformed:
		return "What stands in the place of the code is no code of its scheme."
	}
	if len(look.To) == 0 {
		return "The receiver takes no code of this kind in the scheme asked for."
	}
	from, to := schemeTitle(look.Code.Scheme), schemeTitles(look.To)
	for _, scheme := range look.To {
		if p.Tables.Has(look.Code.Scheme, scheme) {
			return fmt.Sprintf("No row for this code in any table from %s to %s.", from, to)
		}
	}
	return fmt.Sprintf("No table leads from %s to %s.", from, to)
}

// contexts are the contexts of a look-up in the order they are tried.
func contexts(list []mapping.Context) string {
	words := make([]string, 0, len(list)+1)
	for _, c := range list {
		words = append(words, string(c))
	}
	return strings.Join(append(words, "any"), ", then ")
}
