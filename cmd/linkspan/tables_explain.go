package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

type tablesExplain struct {
	tablesSettings
	Set   string         `default:"active" help:"active, drafts, previous, the start of a digest, or a folder."`
	From  mapping.Scheme `help:"The code's scheme, where its spelling fits several: readv2, ctv3, snomed, dmd, emis, emis-drug, multilex, tpp."`
	Into  mapping.Scheme `name:"to" help:"The target scheme; default all that tables lead to."`
	Kind  string         `help:"The kind of entry the code stands in: problem, medication, allergy, result ..."`
	Value bool           `help:"The entry carries a number."`
	Term  string         `help:"The words beside the code in a message."`
	Code  string         `arg:"" help:"The code: as EMIS writes it (G20-1), padded (G20..11, G20../11), CTV3 (XE0Uc, XE0Uc/Y41Oy), SNOMED CT ..."`
}

// clinicalSchemes are those a code without its scheme may be of.
var clinicalSchemes = [...]mapping.Scheme{mapping.ReadV2, mapping.CTV3, mapping.SNOMED, mapping.DMD, mapping.EMISLocal, mapping.EMISDrug, mapping.Multilex, mapping.TPPLocal}

func schemeNames() string {
	var names []string
	for _, scheme := range clinicalSchemes {
		names = append(names, string(scheme))
	}
	return strings.Join(names, ", ")
}

// spelled reads a code of one scheme in the spellings people paste.
func spelled(code string, scheme mapping.Scheme) (mapping.Code, error) {
	value, termCode, stated := strings.Cut(code, "/")
	c := mapping.Code{Scheme: scheme, Value: code}
	switch scheme {
	case mapping.ReadV2:
		switch {
		case stated:
			c.Value, c.TermCode = value, termCode
		case len(code) == 5 && !strings.Contains(code, "-"):
			return mapping.ParseReadV2(code, "")
		default:
			read, err := mapping.ParseEMIS(code, "")
			if err == nil && read.Scheme != mapping.ReadV2 {
				return mapping.ParseReadV2(code, "")
			}
			return read, err
		}
	case mapping.CTV3:
		if stated {
			c.Value, c.TermCode = value, termCode
		}
	case mapping.Multilex:
		if len(code) == 8 {
			id, err := mapping.MultilexFrom8(code)
			c.Value = id
			if err != nil {
				return mapping.Code{}, err
			}
		}
	}
	return c, c.Check()
}

// theCode is the code asked about. Its scheme is guessed only where one spelling fits: a Read v2 code and a CTV3 code
// look alike and mean different things.
func (c tablesExplain) theCode() (mapping.Code, error) {
	if c.From != "" {
		code, err := spelled(c.Code, c.From)
		if err != nil {
			return code, usageError{fmt.Errorf("this is no code of scheme %s: %s", c.From, strings.TrimPrefix(err.Error(), "mapping: "))}
		}
		return code, nil
	}
	var fits []mapping.Code
	var names []string
	for _, scheme := range clinicalSchemes {
		if read, err := mapping.ParseEMIS(c.Code, ""); scheme == mapping.EMISLocal && err == nil && read.Scheme != scheme {
			continue // EMIS itself reads it as a Read code
		}
		if code, err := spelled(c.Code, scheme); err == nil {
			fits = append(fits, code)
			names = append(names, "--from "+string(scheme))
		}
	}
	switch len(fits) {
	case 0:
		return mapping.Code{}, usageError{errors.New("this is no code of any scheme; --from SCHEME says why not of that one")}
	case 1:
		return fits[0], nil
	}
	return mapping.Code{}, usageError{fmt.Errorf("codes of %d schemes are written so: add %s", len(names), strings.Join(names, " or "))}
}

// contexts are those an entry of the kind is looked up in, the most specific first.
func (c tablesExplain) contexts() ([]mapping.Context, error) {
	var contexts []mapping.Context
	if c.Value {
		contexts = append(contexts, mapping.WithValue)
	}
	if c.Kind == "" {
		return contexts, nil
	}
	var names []string
	for _, k := range record.Kinds() {
		names = append(names, k.String())
	}
	if !slices.Contains(names, c.Kind) {
		return nil, usageError{fmt.Errorf("--kind: want one of %s", strings.Join(names, ", "))}
	}
	if c.Kind == record.KindIssue.String() {
		return append(contexts, mapping.MedicationContext), nil
	}
	return append(contexts, mapping.Context(c.Kind)), nil
}

type explainJSON struct {
	Set      string              `json:"set"` // digest
	Scheme   mapping.Scheme      `json:"scheme"`
	Code     string              `json:"code"`
	TermCode string              `json:"term_code,omitempty"`
	Term     string              `json:"term,omitempty"` // of a dictionary
	InUse    *bool               `json:"in_use,omitempty"`
	Contexts []mapping.Context   `json:"contexts"`
	Targets  []explainTargetJSON `json:"targets"`
}

type explainTargetJSON struct {
	To         mapping.Scheme   `json:"to"`
	Answer     mapping.Answer   `json:"answer"`
	Reason     string           `json:"reason,omitempty"`
	Code       string           `json:"code,omitempty"`
	TermCode   string           `json:"term_code,omitempty"`
	Term       string           `json:"term,omitempty"`            // of the row
	Dictionary string           `json:"dictionary_term,omitempty"` // of a dictionary
	Superseded string           `json:"superseded_by,omitempty"`   // the code whose rows answer
	Candidates []explainRowJSON `json:"candidates"`
}

type explainRowJSON struct {
	Answers  bool             `json:"answers"`
	Why      string           `json:"why"`
	Layer    mapping.Layer    `json:"layer"`
	Table    string           `json:"table"`
	Version  string           `json:"version"`
	File     string           `json:"file"`
	Line     int              `json:"line"`
	Relation mapping.Relation `json:"relation"`
	Assured  bool             `json:"assured"`
	Context  string           `json:"context"`
	Source   string           `json:"source_code"`
	TermCode string           `json:"source_term_code,omitempty"`
	Term     string           `json:"source_term,omitempty"`
	Target   string           `json:"target_code,omitempty"`
	TargetTC string           `json:"target_term_code,omitempty"`
	Words    string           `json:"target_term,omitempty"`
	Reason   string           `json:"reason,omitempty"`
}

// Run explains a code for every target scheme.
func (c tablesExplain) Run(ctx context.Context, to streams) error {
	code, err := c.theCode()
	if err != nil {
		return err
	}
	code.Term = c.Term
	contexts, err := c.contexts()
	if err != nil {
		return err
	}
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	at, err := d.choose(c.Set)
	if err != nil {
		return err
	}
	result := explainJSON{Set: at.set.Digest(), Scheme: code.Scheme, Code: code.Value, TermCode: code.TermCode, Contexts: append([]mapping.Context{}, contexts...),
		Targets: []explainTargetJSON{}}
	if d.dictionary != nil {
		if term, active, found := d.dictionary.Look(code); found {
			result.Term, result.InUse = term, &active
		}
	}
	for _, target := range targets(at.set, code.Scheme) {
		if c.Into != "" && c.Into != target {
			continue
		}
		e := d.explain(at, code, target, contexts)
		if target.Enumeration() && len(e.Candidates) == 0 && c.Into == "" { // what few codes are besides
			continue
		}
		result.Targets = append(result.Targets, e)
	}
	if len(result.Targets) == 0 {
		reason := "no table leads from " + string(code.Scheme)
		if c.Into != "" {
			reason += " to " + string(c.Into)
		}
		fmt.Fprintf(to.err, "refused: %s in %s\n", reason, at.label)
		return errRefused
	}
	return d.print(result, func(out io.Writer) { d.printExplain(out, at, result) })
}

// targets are the schemes that tables lead to, those of codes before enumerations.
func targets(set *mapping.Set, from mapping.Scheme) []mapping.Scheme {
	var all []mapping.Scheme
	for _, t := range set.Tables() {
		if t.From == from && t.To != from && !slices.Contains(all, t.To) {
			all = append(all, t.To)
		}
	}
	slices.SortStableFunc(all, func(a, b mapping.Scheme) int {
		switch {
		case a.Enumeration() == b.Enumeration():
			return 0
		case b.Enumeration():
			return -1
		}
		return 1
	})
	return all
}

func (d *desk) explain(at chosen, code mapping.Code, to mapping.Scheme, contexts []mapping.Context) explainTargetJSON {
	r := at.set.Translate(code, to, contexts...)
	target := r.Code()
	e := explainTargetJSON{To: to, Answer: r.Answer, Reason: r.Reason, Code: target.Value, TermCode: target.TermCode, Term: target.Term, Candidates: []explainRowJSON{}}
	if r.Table != nil {
		row := r.Row()
		e.Reason = whyNot(r, row)
		if r.Superseded {
			e.Superseded = codeText(row.Source.Value, row.Source.TermCode)
		}
	}
	if d.dictionary != nil && !target.IsZero() {
		e.Dictionary, _, _ = d.dictionary.Look(target)
	}
	for _, c := range at.set.Explain(code, to, contexts...) {
		e.Candidates = append(e.Candidates, explainRowJSON{Answers: c.Won, Why: c.Why, Layer: c.Table.Layer, Table: c.Table.ID, Version: c.Table.Version,
			File: at.place(c.Table), Line: c.Row.Line, Relation: c.Row.Relation, Assured: c.Row.Assured, Context: orAny(c.Row.Context),
			Source: c.Row.Source.Value, TermCode: c.Row.Source.TermCode, Term: c.Row.Source.Term,
			Target: c.Row.Target.Value, TargetTC: c.Row.Target.TermCode, Words: c.Row.Target.Term, Reason: c.Row.Reason})
	}
	return e
}

// whyNot says why a row that answers gives no code; of a no-map row it is the row's own reason.
func whyNot(r mapping.Result, row mapping.Row) string {
	switch {
	case r.Answer == mapping.AnswerNoMap:
		return row.Reason
	case r.Answer != mapping.Inexact:
		return ""
	case r.Table.Layer == mapping.DerivedLayer && r.Relation == mapping.Equivalent:
		return "a derived table never codes an allergy or a drug"
	case r.Relation == mapping.Equivalent:
		return "for an allergy or a drug the class of context of both terms must be known"
	case r.Assured:
		return "for an allergy or a drug only an equivalent row codes, assured or not"
	}
	return "the row is " + string(r.Relation) + " and not assured: it does not code, the original words are carried"
}

func (d *desk) printExplain(out io.Writer, at chosen, e explainJSON) {
	coded := 0
	for _, t := range e.Targets {
		if t.Answer == mapping.Mapped {
			coded++
		}
	}
	fmt.Fprintln(out, wrapped("", fmt.Sprintf("%s %s%s is coded in %d of %s, by %s", e.Scheme, codeText(e.Code, e.TermCode), quotedTerm(e.Term), coded,
		plural(len(e.Targets), "target scheme", "target schemes"), at.label)))
	if e.InUse != nil && !*e.InUse {
		fmt.Fprintln(out, "the dictionary says it is no longer in use")
	}
	for _, t := range e.Targets {
		answer := fmt.Sprintf("to %s: %s", t.To, t.Answer)
		if t.Code != "" {
			answer += " " + codeText(t.Code, t.TermCode) + quotedTerm(t.Term)
			if t.Dictionary != "" && t.Dictionary != t.Term {
				answer += ", dictionary" + quotedTerm(t.Dictionary)
			}
		}
		if t.Reason != "" {
			answer += "; " + t.Reason
		}
		fmt.Fprintf(out, "\n%s\n", wrapped("", answer))
		if t.Superseded != "" {
			fmt.Fprintln(out, wrapped("  ", "the code is superseded: the rows are those of "+t.Superseded+", which took its place"))
		}
		for _, c := range t.Candidates {
			mark := "-"
			if c.Answers {
				mark = "*"
			}
			fmt.Fprintln(out, wrapped("  ", fmt.Sprintf("%s %s → %s: %s:%d: %s", mark, codeText(c.Source, c.TermCode), targetText(c), c.File, c.Line, c.Why)))
			says := rowText(mapping.Code{}, c.Relation, c.Assured, c.Reason)
			switch {
			case c.Words != "":
				says = quotedTerm(c.Term) + " →" + quotedTerm(c.Words) + ", " + says
			case c.Term != "":
				says = quotedTerm(c.Term) + ", " + says
			}
			fmt.Fprintln(out, wrapped("      ", fmt.Sprintf("%s; context %s; %s table %s %s", says, c.Context, c.Layer, c.Table, c.Version)))
		}
	}
}

func targetText(c explainRowJSON) string {
	if c.Target == "" {
		return "no map"
	}
	return codeText(c.Target, c.TargetTC)
}
