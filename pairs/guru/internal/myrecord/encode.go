package myrecord

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Fit settles what my-record cannot hold. It has no codes, so that every entry
// with one arrives in its words, and no part for some kinds, whose entries stand
// among the medical history.
func Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if e.Outcome != record.Exact && e.Outcome != record.Mapped {
			continue
		}
		switch _, own := ownPart(e.Kind); {
		case !own && e.Kind != record.KindDemographics:
			e.Outcome, e.Target = record.Unsupported, mapping.Code{}
		case !e.Code.IsZero() || !e.Target.IsZero():
			e.Outcome, e.Target = record.Degraded, mapping.Code{}
		}
	}
}

// Encode writes my-record: each entry that is shown as one of the part its kind
// has, of the others as one of the medical history. The head of the record is
// the first entry of that.
func Encode(rec *record.Record, head []string) ([]byte, error) {
	rec.Writing()
	for _, e := range rec.Entries {
		if e.Outcome == record.Pending {
			return nil, errors.New("an entry has no outcome")
		}
	}
	items := map[string][]any{}
	items[medicalHistory] = append(items[medicalHistory], historyItem("Linkspan", "", strings.Join(append(lines(head), patientLines(&rec.Patient)...), "\n")))
	rec.Wrote("item", nil)
	for _, e := range rec.Entries {
		if !e.Shown() || e.Kind == record.KindDemographics {
			continue
		}
		name := partOf(e)
		items[name] = append(items[name], itemOf(name, e))
		rec.Wrote("item", e)
	}
	var b strings.Builder
	b.WriteString("{")
	for i, p := range partsOf {
		if i > 0 {
			b.WriteString(",\n ")
		}
		rows := len(items[p.name])
		if p.name == medicalHistory {
			rows-- // the head is none of its own
		}
		access, errored := states(rec, p, rows)
		var data any = orEmpty(items[p.name])
		if p.name == testResults {
			data = struct {
				INR  list `json:"inrResults"`
				Path list `json:"pathResults"`
			}{list{0, []any{}}, list{len(items[p.name]), orEmpty(items[p.name])}}
		}
		text, err := json.Marshal(struct {
			HasAccess  bool `json:"hasAccess"`
			HasErrored bool `json:"hasErrored"`
			Count      int  `json:"count"`
			Data       any  `json:"data"`
		}{access, errored, len(items[p.name]), data})
		if err != nil {
			return nil, err
		}
		b.WriteString(`"` + p.name + `":` + string(text))
	}
	b.WriteString("}\n")
	return []byte(b.String()), nil
}

// list is a list with its count.
type list struct {
	Count int   `json:"count"`
	Data  []any `json:"data"`
}

func orEmpty(all []any) []any {
	if all == nil {
		return []any{}
	}
	return all
}

// states says of a part with so many rows what the states of its sections say. A
// part without rows that was not asked for, or of which the whole is kept back,
// is without access. One that is not known whole has errored, so that neither an
// empty list is taken for none nor a few rows for all of them; it is never
// without access when it has rows, for a reader need not show those.
func states(rec *record.Record, p part, rows int) (access, errored bool) {
	access = true
	for _, s := range sectionsOf(p) {
		own := s == p.section
		if !rec.Asked().Has(s) {
			access = access && !own
			continue
		}
		switch rec.State(s) {
		case record.Failed:
			errored = true
		case record.Partial: // of family history that is said wherever a source has no list of it
			errored = errored || s != record.FamilyHistory
		case record.Denied, record.Disabled:
			access = false
		case record.Withheld, record.Filtered:
			access = access && (rows > 0 || !own)
		case record.NotSupported, record.NotRetrievable:
			errored = errored || own
		}
	}
	if p.name == medicalHistory || rows > 0 { // the head stands there
		return true, errored || !access
	}
	return access, errored
}

// sectionsOf are the sections that a part speaks for, its own first. What else
// stands in the medical history, for want of a part, is not what a reader takes
// it for: of documents or alerts its flags say nothing, and the head does.
func sectionsOf(p part) []record.Section {
	switch p.name {
	case "drugs":
		return []record.Section{record.Medication, record.Issues}
	case medicalHistory:
		return []record.Section{record.Observations, record.FamilyHistory}
	}
	return []record.Section{p.section}
}

// ownPart is the part that entries of a kind have.
func ownPart(kind record.Kind) (name string, own bool) {
	if kind == record.KindIssue {
		kind = record.KindMedication
	}
	for _, p := range partsOf {
		if p.kind == kind {
			return p.name, true
		}
	}
	return medicalHistory, false
}

// partOf is the part an entry stands in: that of its kind. What could not be read
// stands in the medical history as the sentence that says so.
func partOf(e *record.Entry) string {
	if e.Outcome == record.FailedEntry {
		return medicalHistory
	}
	name, _ := ownPart(e.Kind)
	return name
}

type allergyItem struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	Start       string `json:"start_date"`
	Description string `json:"description"`
	Severity    string `json:"severity"`
}

type drugItem struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Quantity   string `json:"quantity"`
	Dosage     string `json:"dosage"`
	Status     string `json:"status"`
	Type       string `json:"type"`
	Prescribed string `json:"prescribed_date"`
	First      string `json:"first_prescribed_date"`
	Reason     string `json:"reason"`
}

type vaccinationItem struct {
	Date        string `json:"date"`
	Description string `json:"description"`
	Next        string `json:"nextDate"`
	Status      string `json:"status"`
}

type problemItem struct {
	Start  string `json:"start_date"`
	Finish string `json:"finish_date"`
	Rubric string `json:"rubric"`
}

type resultItem struct {
	Name    string `json:"name"`
	Date    string `json:"recordDate"`
	Status  string `json:"status"`
	Element string `json:"elementName"`
	Value   string `json:"value"`
	Units   string `json:"units"`
}

type recallItem struct {
	Recorded    string `json:"recordDate"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Result      string `json:"result"`
	Next        string `json:"nextDate"`
	Status      string `json:"status"`
}

type referralItem struct {
	Recorded    string `json:"recordDate"`
	Description string `json:"description"`
	Speciality  string `json:"speciality"`
	UBRN        string `json:"ubrn"`
}

type encounterItem struct {
	Date        string `json:"date"`
	Description string `json:"description"`
}

func historyItem(rubric, date, description string) any {
	return struct {
		Start       string `json:"start_date"`
		Rubric      string `json:"rubric"`
		Description string `json:"description"`
	}{date, rubric, description}
}

// itemOf writes an entry: what the part has a member for stands there, and what
// it has none for in words, the entry's own first.
func itemOf(name string, e *record.Entry) any {
	x := &spoken{e: e}
	on := day(e.Date)
	switch name {
	case "allergies":
		a := allergyItem{ID: e.ID, Type: x.allergyType(), Start: on, Severity: x.severity()}
		a.Description = x.all()
		return a
	case "drugs":
		return x.drug(on)
	case "vaccinations":
		v := vaccinationItem{Date: on, Next: x.text("Next"), Status: x.text("Status")}
		v.Description = x.all()
		return v
	case "medicalProblems":
		p := problemItem{Start: on, Finish: x.finish()}
		p.Rubric = x.all()
		return p
	case testResults:
		return x.result(on)
	case "recalls":
		r := recallItem{Recorded: day(e.Recorded), Next: on, Result: x.text("Result"), Status: x.text("Status")}
		r.Name, r.Description = x.apart()
		return r
	case "encounters":
		return encounterItem{on, x.all()}
	case "referral":
		r := referralItem{Recorded: on}
		if f := e.Referral; f != nil {
			r.Speciality, r.UBRN = f.Specialty, f.Reference
			x.says(record.FactReferralSpecialty, record.FactReferralReference)
		}
		r.Description = x.all()
		return r
	}
	rubric, description := x.apart()
	return historyItem(rubric, on, description)
}

// allergyType tells drug allergies from others. One of which it is not known may
// be to a drug, unless the source has a word for it.
func (x *spoken) allergyType() string {
	a := x.e.Allergy
	switch {
	case a == nil:
		return "Drug"
	case a.Class == record.AllergyNonDrug, a.Absent && a.Class != record.AllergyUnclear:
		return "Other"
	case a.Absent:
		return cmp.Or(x.text("Type"), "Other")
	case a.Class != record.AllergyUnclear:
		return "Drug"
	}
	return cmp.Or(x.text("Type"), "Drug")
}

// noSeverity is written where none is known: a reader drops rows without one (S
// §4.3).
const noSeverity = "Not stated"

func (x *spoken) severity() string {
	if words := x.text("Severity"); words != "" {
		return words
	}
	for _, q := range x.e.Qualifiers {
		if strings.EqualFold(q.Name, "Severity") && q.Meaning == record.Refines && q.Value != "" {
			return q.Value
		}
	}
	return noSeverity
}

func (x *spoken) drug(on string) any {
	d := drugItem{ID: x.e.ID, Prescribed: on}
	if m := x.e.Medication; m != nil {
		d.Dosage = m.Dosage
		x.says(record.FactMedicationDosage)
		if d.Quantity = m.QuantityWords; d.Quantity != "" {
			x.says(record.FactMedicationQuantityWords)
		} else {
			d.Quantity = strings.TrimSpace(m.Quantity + " " + m.Unit)
		}
		if d.Quantity == strings.TrimSpace(m.Quantity+" "+m.Unit) {
			x.says(record.FactMedicationQuantity, record.FactMedicationUnit)
		}
		if d.First = dayAlone(m.FirstIssue); d.First != "" {
			x.says(record.FactMedicationFirstIssue)
		}
		d.Status = x.enumerated(m.Type, record.FactMedicationType, map[string]string{"repeat": "Repeat", "acute": "Acute"})
		d.Type = x.enumerated(m.Status, record.FactMedicationStatus, map[string]string{"active": "Current", "ended": "History"})
	}
	reason := x.text("Reason")
	name, more := x.apart()
	d.Name, d.Reason = name, strings.Trim(reason+"\n"+more, "\n")
	return d
}

// enumerated is my-record's spelling of a value of Guru's. Words that say more
// stay a line.
func (x *spoken) enumerated(c mapping.Code, field record.Field, spellings map[string]string) string {
	s := spellings[c.Value]
	if s == "" || !strings.HasPrefix(string(c.Scheme), "guru.") {
		return ""
	}
	if term := record.TermOf(c); strings.EqualFold(term, s) || strings.EqualFold(term, c.Value) {
		x.says(field)
	}
	return s
}

// finish is when a problem ended, "Ongoing" for one that has not, and "" where
// that is not known to the day: such a problem is marked, for it would look open.
func (x *spoken) finish() string {
	p := x.e.Problem
	if p == nil {
		return ""
	}
	plain := slices.Contains([]string{"active", "inactive", "Active problem", "Inactive problem"}, record.TermOf(p.Status))
	if end := dayAlone(p.End); end != "" {
		x.says(record.FactProblemEnd)
		if plain && p.Status.Value == "inactive" {
			x.says(record.FactProblemStatus)
		}
		return end
	}
	switch {
	case p.Status.Value == "active" && p.End.IsZero():
		if plain {
			x.says(record.FactProblemStatus)
		}
		return "Ongoing"
	case !p.End.IsZero():
		x.mark = "[past problem, ended " + p.End.Words() + "]"
	case p.Status.Value == "inactive":
		x.mark = "[past problem, end date not known]"
	}
	return day(p.End)
}

// result is a row of the laboratory's results. What is not a number with a unit
// stands as the value in its words.
func (x *spoken) result(on string) any {
	r := resultItem{Date: on}
	if v := x.e.Value; v != nil && v.Unreadable == "" {
		switch r.Units = v.Unit; {
		case v.Number != "":
			r.Value = strings.TrimSpace(sign(v.Comparator) + " " + v.Number)
			x.says(record.FactValueNumber)
		case v.Text != "":
			r.Value = strings.TrimSpace(sign(v.Comparator) + " " + v.Text)
			x.says(record.FactValueText)
		}
		x.says(record.FactValueUnit)
	}
	if status := x.peek("Status"); status != "AwaitingResults" && status != "ResultsReceived" { // a reader drops such rows (S §4.3)
		r.Status = x.text("Status")
	}
	test := x.text("Test")
	element, more := x.apart()
	r.Element, r.Name = element, strings.Trim(test+"\n"+more, "\n")
	return r
}

// sign is a comparator in front of a number.
func sign(c mapping.Code) string {
	if strings.Trim(c.Value, "<=>~") == "" {
		return c.Value
	}
	return record.TermOf(c)
}

// day is a date as my-record writes it; one that is not known to the day is in
// the words, and so is a time.
func day(d record.Date) string { return d.Day() }

// dayAlone is a date that my-record can say whole.
func dayAlone(d record.Date) string {
	if d.Clock() != "" {
		return ""
	}
	return d.Day()
}
