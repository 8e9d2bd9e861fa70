package pairs

import (
	"cmp"
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Translate carries a decoded record to the asker: what was not asked for is
// left out, every enumerated value and every code goes through its table, the
// receiver's codec says what it cannot hold, what is degraded gets its degrade
// code, and every section is settled. ask is the request as the holder got it,
// q the asker's own.
//
// Nothing is dropped, merged or re-worded: each entry ends with one outcome.
func (d *Direction) Translate(rec *record.Record, q, ask *record.Request) Report {
	if d.Watch.Received != nil {
		d.Watch.Received(rec)
	}
	t := d.translation(rec, q)
	rec.Source.MapSet = d.Tables.Digest()[:16]
	rec.Source.Period = q.Effective
	rec.Source.Filter = filterWords(q)
	t.classify() // before narrowing, which would leave out an allergy entered as an ordinary code
	t.narrow(ask)
	t.patient()
	t.remarks() // of what the source says, before any value of it is carried
	for _, e := range rec.Entries {
		t.entry(e)
	}
	t.doses()
	t.assertions()
	d.Consumer.Codec.Fit(rec)
	for _, e := range rec.Entries {
		t.guard(e)
		defaulted(e)
		t.degradeCode(e)
	}
	t.warnUnsafe()
	rec.Settle(q.Sections)
	if d.Watch.Translated != nil {
		d.Watch.Translated(rec)
	}
	return t.report(q)
}

// translation is one record on its way.
type translation struct {
	*Direction
	rec *record.Record
	q   *record.Request
	// clinical, drugs and alerts are the schemes the record is to arrive in:
	// statements, drugs, and drugs somebody is allergic to.
	clinical, drugs, alerts []mapping.Scheme
	unmapped                map[unmappedKey]int
	degrades                map[Degrade]mapping.Code
	malformed               int
	// asText are the entries that stay words, and why.
	asText map[*record.Entry]string
	// allergic are the problems whose code is one of an allergy.
	allergic map[*record.Entry]bool
	// hidden says that an allergy entered as an ordinary code is withheld.
	hidden bool
	// unsafe are the drug allergies that stand outside their section.
	unsafe []*record.Entry
}

type unmappedKey struct {
	scheme mapping.Scheme
	code   string
	kind   record.Kind
}

func (d *Direction) translation(rec *record.Record, q *record.Request) *translation {
	t := &translation{
		Direction: d, rec: rec, q: q,
		clinical: only(d.Consumer.ClinicalSchemes, cmp.Or(q.CodeScheme, d.Rules.Unasked.Codes)),
		drugs:    only(d.Consumer.DrugSchemes, cmp.Or(q.DrugScheme, d.Rules.Unasked.Drugs)),
		unmapped: map[unmappedKey]int{}, degrades: map[Degrade]mapping.Code{}, asText: map[*record.Entry]string{}, allergic: map[*record.Entry]bool{},
	}
	for _, scheme := range t.drugs {
		if slices.Contains(d.Consumer.Alerts, scheme) {
			t.alerts = append(t.alerts, scheme)
		}
	}
	return t
}

// only is the scheme asked for, where the receiver files it, and nothing else:
// who asks for one scheme gets no code of another. With none asked for it is
// all the receiver files.
func only(filed []mapping.Scheme, asked mapping.Scheme) []mapping.Scheme {
	switch {
	case asked == "":
		return filed
	case slices.Contains(filed, asked):
		return []mapping.Scheme{asked}
	}
	return nil
}

func (t *translation) patient() {
	p := &t.rec.Patient
	registration := make([]record.Qualifier, 0, len(p.Registration))
	for _, q := range p.Registration {
		had := t.qualifier(&q)
		registration = append(registration, q)
		for _, line := range sourceCodes(had...) {
			registration = append(registration, record.Qualifier{Name: q.Name + ", source code", Value: line})
		}
	}
	p.Registration = registration
	if p.Sex.IsZero() {
		return
	}
	res := t.Tables.Translate(p.Sex, t.Consumer.Enumerations[record.SlotSex])
	if res.Answer == mapping.Same || res.Answer == mapping.Mapped && res.Relation == mapping.Equivalent {
		p.Sex = res.Code()
		return
	}
	p.Registration = append(p.Registration, record.Qualifier{Name: "Sex", Value: t.words(p.Sex)})
	p.Sex = mapping.Code{}
}

// entry carries one entry's enumerated values and its code.
func (t *translation) entry(e *record.Entry) {
	if e.Malformed {
		t.malformed++
	}
	t.slots(e)
	t.foreign(e)
	if e.Outcome != record.Pending {
		return
	}
	rule, coded := t.Rules.Kinds[e.Kind]
	why, asText := t.asText[e]
	switch {
	case asText:
		e.Outcome = record.Degraded
		e.Notes = append(e.Notes, why)
	case e.Kind == record.KindUnrecognised:
		e.Outcome = record.Unsupported
	case headless(e):
		e.Outcome = record.Degraded
	case e.Kind == record.KindAllergy:
		t.allergy(e)
	case !coded, e.Code.IsZero() && rule.Bare && !e.Malformed:
		e.Outcome = record.Exact
	case e.Code.IsZero():
		e.Outcome = record.Degraded
	case rule.Drug:
		t.code(e, e.Code, t.drugs)
	default:
		t.code(e, e.Code, t.clinical)
	}
}

// headless reports an entry without the part that makes it what it is said to
// be: it is words, and no codec meets it as anything else.
func headless(e *record.Entry) bool {
	switch e.Kind {
	case record.KindProblem:
		return e.Problem == nil
	case record.KindMedication, record.KindIssue:
		return e.Medication == nil
	case record.KindConsultation:
		return e.Consultation == nil
	case record.KindReport:
		return e.Report == nil
	case record.KindImmunisation:
		return e.Immunisation == nil
	case record.KindDiary:
		return e.Diary == nil
	case record.KindReferral:
		return e.Referral == nil
	case record.KindDocument:
		return e.Document == nil
	}
	return false // an allergy was given its part when it was classified
}

// foreign takes the codes of the source's own schemes out of the places the
// receiver might read them in: the words beside them stay, and a code that a
// reader could look up becomes a line (safety §D.1 D-2). Only the entry's own
// code has a table.
func (t *translation) foreign(e *record.Entry) {
	for i := range e.Qualifiers {
		keepCodes(e, "Qualifier code", t.qualifier(&e.Qualifiers[i])...)
	}
	if f := e.Referral; f != nil {
		for i := range f.Details {
			keepCodes(e, "Qualifier code", t.qualifier(&f.Details[i])...)
		}
	}
	if m := e.Medication; m != nil {
		for i := range m.Mixture {
			part := &m.Mixture[i]
			if part.Text == "" {
				part.Text = part.Code.Term
			}
			if !slices.Contains(t.drugs, part.Code.Scheme) {
				keepCodes(e, "Ingredient code", part.Code)
				part.Code = mapping.Code{}
			}
		}
	}
}

// qualifier leaves a qualifier its words alone and gives the codes it had. A
// code of the same scheme is no exception: no table has judged it, and beside
// a translated code it would say something of another term.
func (t *translation) qualifier(q *record.Qualifier) []mapping.Code {
	had := []mapping.Code{q.NameCode, q.ValueCode}
	if q.Name == "" {
		q.Name = t.words(q.NameCode)
	}
	if q.Value == "" {
		q.Value = t.words(q.ValueCode)
	}
	q.NameCode, q.ValueCode = mapping.Code{}, mapping.Code{}
	return had
}

// keepCodes keeps codes as lines of the entry, labelled so that nobody takes
// them for the code of the entry itself.
func keepCodes(e *record.Entry, label string, codes ...mapping.Code) {
	for _, line := range sourceCodes(codes...) {
		e.Notes = append(e.Notes, label+": "+line)
	}
}

// sourceCodes spells codes. An enumerated value has its words already, and
// what is no code is not shown as one.
func sourceCodes(codes ...mapping.Code) []string {
	var lines []string
	for _, c := range codes {
		if c.Scheme.Enumeration() || !c.Valid() {
			continue
		}
		lines = append(lines, record.CodeWords(c))
	}
	return lines
}

// guard is the last look at a code before it goes out, whatever the receiver's
// codec made of the entry: it must not stand beside words that deny or doubt
// it, nor beside a value that could not be read, which would look like a
// result without one.
func (t *translation) guard(e *record.Entry) {
	if e.Outcome != record.Exact && e.Outcome != record.Mapped || e.Target.IsZero() {
		return
	}
	why := ""
	if e.Value != nil && e.Value.Unreadable != "" {
		why = "Not coded: its value could not be read."
	}
	for _, q := range e.Qualifiers {
		if q.Meaning != record.Refines {
			why = "Not coded: the statement is denied or doubted."
		}
	}
	if why != "" {
		e.Outcome = record.Degraded
		e.Notes = append(e.Notes, why)
	}
}

// degradeCode gives a degraded entry the receiver's transfer-degraded code,
// also where the receiver's codec degraded it after it had been coded. No
// other entry shown as text has a code.
func (t *translation) degradeCode(e *record.Entry) {
	switch e.Outcome {
	case record.Exact, record.Mapped:
		return
	case record.Degraded:
		e.Target = t.degraded(t.degrade(e))
		return
	}
	e.Target = mapping.Code{}
}

// degraded is the receiver's code for what is degraded, looked up once.
func (t *translation) degraded(d Degrade) mapping.Code {
	code, known := t.degrades[d]
	if !known {
		res := t.Tables.TranslateAny(mapping.Code{Scheme: DegradeScheme, Value: string(d)}, t.clinical)
		if res.Answer == mapping.Mapped && res.Relation == mapping.Equivalent {
			code = res.Code()
		}
		t.degrades[d] = code
	}
	return code
}

func (t *translation) degrade(e *record.Entry) Degrade {
	switch {
	case e.Kind == record.KindAllergy && e.Allergy != nil && e.Allergy.Absent:
		return DegradeEntry
	case e.Kind == record.KindAllergy && e.Allergy != nil && !e.Allergy.Class.Drug():
		return DegradeNonDrugAllergy
	}
	if rule, ok := t.Rules.Kinds[e.Kind]; ok {
		return rule.Degrade
	}
	return DegradeEntry
}
