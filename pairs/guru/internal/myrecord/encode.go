package myrecord

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// Fit settles what my-record cannot hold: a code. Every entry that has one
// arrives in its words.
func Fit(rec *record.Record) {
	for _, e := range rec.Entries {
		if e.Outcome != record.Exact && e.Outcome != record.Mapped || e.Code.IsZero() && e.Target.IsZero() {
			continue
		}
		e.Outcome, e.Target = record.Degraded, mapping.Code{}
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
	items["medicalHistory"] = append(items["medicalHistory"], historyItem("Linkspan", "", strings.Join(append(lines(head), patientLines(&rec.Patient)...), "\n")))
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
		access, errored := states(rec, p)
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
		}{access || len(items[p.name]) > 0, errored, len(items[p.name]), data})
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

// states says of a part what its sections' states say: what may not be seen is
// without access, and what is not known whole could not be read, so that an
// empty list is never taken for none.
func states(rec *record.Record, p part) (access, errored bool) {
	sections := []record.Section{p.section}
	if p.section == record.Medication {
		sections = append(sections, record.Issues)
	}
	access = true
	for _, s := range sections {
		if !rec.Asked().Has(s) {
			continue
		}
		switch rec.State(s) {
		case record.Denied, record.Disabled:
			access = false
		case record.Failed, record.Partial:
			errored = true
		case record.NotSupported, record.NotRetrievable:
			errored = errored || s == p.section
		}
	}
	return access, errored
}

// partOf is the part an entry stands in: that of its kind.
func partOf(e *record.Entry) string {
	kind := e.Kind
	if kind == record.KindIssue {
		kind = record.KindMedication
	}
	for _, p := range partsOf {
		if p.kind == kind && e.Outcome != record.FailedEntry {
			return p.name
		}
	}
	return "medicalHistory"
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

// itemOf writes an entry: what the part has a member for stands there, all of it
// stands in words too where it has none, its own first.
func itemOf(name string, e *record.Entry) any {
	first, more := text(e)
	all := strings.Join(append([]string{first}, more...), "\n")
	on := day(e.Date)
	switch name {
	case "allergies":
		kind := "Drug"
		if a := e.Allergy; a != nil && (a.Class == record.AllergyNonDrug || a.Absent) {
			kind = "Other"
		}
		return allergyItem{ID: e.ID, Type: kind, Start: on, Description: all, Severity: "Not stated"} // a reader drops rows without one (S §4.3)
	case "drugs":
		return drugOf(e, first, more)
	case "vaccinations":
		return vaccinationItem{on, all, "", ""}
	case "medicalProblems":
		finish := ""
		if p := e.Problem; p != nil {
			if finish = day(p.End); finish == "" && p.Status.Value == "active" {
				finish = "Ongoing"
			}
		}
		return problemItem{on, finish, all}
	case testResults:
		r := resultItem{Name: strings.Join(more, "\n"), Date: on, Element: first}
		if v := e.Value; v != nil && v.Comparator.IsZero() && v.Unreadable == "" {
			r.Value, r.Units = v.Number, v.Unit
		}
		return r
	case "recalls":
		return recallItem{Recorded: day(e.Recorded), Name: first, Description: strings.Join(more, "\n"), Next: on}
	case "encounters":
		return encounterItem{on, all}
	case "referral":
		r := referralItem{Recorded: on, Description: all}
		if f := e.Referral; f != nil {
			r.Speciality, r.UBRN = f.Specialty, f.Reference
		}
		return r
	}
	return historyItem(first, on, strings.Join(more, "\n"))
}

func drugOf(e *record.Entry, first string, more []string) any {
	d := drugItem{ID: e.ID, Name: first, Prescribed: day(e.Date), Reason: strings.Join(more, "\n")}
	m := e.Medication
	if m == nil {
		return d
	}
	d.Dosage, d.First = m.Dosage, day(m.FirstIssue)
	if d.Quantity = m.QuantityWords; d.Quantity == "" {
		d.Quantity = strings.TrimSpace(m.Quantity + " " + m.Unit)
	}
	d.Status = map[string]string{"repeat": "Repeat", "acute": "Acute"}[m.Type.Value]
	d.Type = map[string]string{"active": "Current", "ended": "History"}[m.Status.Value]
	return d
}

// day is a date as my-record writes it; one that is not known to the day is in
// the words.
func day(d record.Date) string { return d.Day() }

// text is everything an entry says in lines: its own words, marked with what
// could turn them round, and the rest.
func text(e *record.Entry) (first string, more []string) {
	if e.Outcome == record.FailedEntry {
		return "An entry at " + e.At + " could not be read.", nil
	}
	say := func(label, words string) {
		if words = strings.TrimSpace(words); words != "" {
			more = append(more, strings.TrimPrefix(label+": "+words, ": "))
		}
	}
	first = e.Text
	for _, q := range e.Qualifiers {
		if q.Meaning != record.Refines {
			first = strings.TrimSpace(first + " [" + q.Name + ": " + q.Value + "]")
		}
		say(q.Name, q.Value)
	}
	switch {
	case e.Kind == record.KindFamilyHistory:
		first = strings.TrimSpace(first + " [family history]")
	case e.Immunisation != nil && e.Immunisation.NotGiven:
		first = strings.TrimSpace(first + " [NOT given]")
	case e.Allergy != nil && e.Allergy.Ended:
		first = strings.TrimSpace(first + " [past allergy, ended]")
	case e.Kind == record.KindDocument || e.Kind == record.KindAlert || e.Kind == record.KindRequest || e.Kind == record.KindReport:
		first = strings.TrimSpace(first + " [" + e.Kind.String() + "]")
	case e.Kind == record.KindIssue:
		first = strings.TrimSpace(first + " [issue]")
	}
	for _, t := range e.Texts {
		say(t.Label, t.Value)
	}
	e.EachFact(func(f record.Fact) { more = append(more, f.Line()) })
	if e.Date.Day() == "" || e.Date.Clock() != "" {
		if !e.Date.IsZero() {
			say("Date", e.Date.Words())
		}
	}
	if !e.Recorded.IsZero() && e.Kind != record.KindDiary {
		say("Recorded", e.Recorded.Words())
	}
	if e.Author != nil {
		say("By", e.Author.NameAndRole())
	}
	if e.Place != nil {
		say("At", e.Place.Title())
	}
	if e.Parent.Shown() {
		say("Part of", e.Parent.Name())
	}
	for _, l := range e.Problems {
		if l.Problem.Shown() {
			say("Problem", l.Problem.Name())
		}
	}
	if c := e.Consultation; c != nil {
		for _, i := range c.Items {
			if i.Entry.Shown() {
				say(i.Words, i.Entry.Name())
			}
		}
	}
	more = append(more, e.Notes...)
	if !e.Code.IsZero() {
		more = append(more, record.SourceCode(e.Code))
	}
	for _, c := range e.Others {
		more = append(more, record.SourceCode(c))
	}
	return first, more
}

// patientLines are what is known of the patient: my-record says nothing of who it
// is about.
func patientLines(p *record.Patient) []string {
	var lines []string
	say := func(label, words string) {
		if words = strings.TrimSpace(words); words != "" {
			lines = append(lines, label+": "+words)
		}
	}
	say("Name", strings.Join(strings.Fields(p.Title+" "+p.Forenames+" "+p.Surname), " "))
	if !p.BirthDate.IsZero() {
		say("Date of birth", p.BirthDate.Words())
	}
	if !p.DeathDate.IsZero() {
		say("Date of death", p.DeathDate.Words())
	} else if p.Dead {
		lines = append(lines, "Recorded as deceased")
	}
	say("Sex", record.TermOf(p.Sex))
	for _, a := range p.Addresses {
		say("Address", strings.Join(strings.Fields(strings.Join([]string{a.House, a.Number, a.Street, a.Village, a.Town, a.County, a.Postcode}, " ")), " "))
	}
	for _, c := range p.Contacts {
		say("Contact "+c.Use, c.Value)
	}
	for _, q := range p.Registration {
		say(q.Name, q.Value)
	}
	return lines
}
