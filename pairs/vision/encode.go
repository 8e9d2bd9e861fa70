package vision

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// encoder is a patient file being written.
type encoder struct {
	rec    *record.Record
	w      *xmlio.Writer
	placed []placed   // by the place of the entry in the record
	attrs  attributes // of the element being written, as are the lines
	said   []string
}

// placed is what the encoder knows of an entry.
type placed struct {
	id       string
	consult  string          // consult_id, of a consultation and of its items
	headings []string        // that it stands under
	parts    []*record.Entry // written as attributes of it
	within   bool            // written as an attribute, or by being named
}

// of is what is known of an entry; nothing is known of one that is not in the
// record.
func (x *encoder) of(e *record.Entry) *placed {
	if i := x.rec.Place(e); i >= 0 {
		return &x.placed[i]
	}
	return &placed{}
}

// file writes the header with all that is shown (S §5.1).
func (x *encoder) file(head []string, id system.MessageID) error {
	x.rec.Writing()
	if err := x.check(); err != nil {
		return err
	}
	x.plan()
	x.w.Start("header", "created", id.At.Format("2006-01-02T15:04:05"), "pat_id", patientID(&x.rec.Patient))
	x.patient()
	x.note("Linkspan", head)
	x.note("Patient details", patientLines(&x.rec.Patient))
	for _, e := range x.rec.Entries {
		if e.Shown() && e.Kind != record.KindDemographics {
			x.entry(e)
		}
	}
	x.w.End()
	return nil
}

// check refuses what translation must have settled.
func (x *encoder) check() error {
	own := enumerations()
	for _, e := range x.rec.Entries {
		if e.Outcome == record.Pending {
			return errors.New("an entry has no outcome")
		}
		if !native(e) {
			continue
		}
		var wrong error
		e.EachSlot(func(slot record.Slot, c *mapping.Code) {
			if c.Scheme != own[slot] {
				wrong = errors.New("slot " + string(slot) + " holds a value of another system")
			}
		})
		if wrong != nil {
			return wrong
		}
		switch e.Target.Scheme {
		case "", mapping.ReadV2, mapping.VisionDrug, schemeMeasure:
		default:
			return errors.New("a code of scheme " + string(e.Target.Scheme) + " has no place here")
		}
	}
	return nil
}

// native reports an entry that is written as what it is.
func native(e *record.Entry) bool {
	return e.Outcome == record.Exact || e.Outcome == record.Mapped
}

// plan finds which entries are attributes of others, gives every entry an
// identity and every consultation its number.
func (x *encoder) plan() {
	x.placed = make([]placed, len(x.rec.Entries))
	used := map[string]bool{}
	for i, e := range x.rec.Entries {
		if e.ID != "" && len(e.ID) <= 10 && numeric(e.ID) && !used[e.ID] {
			x.placed[i].id, used[e.ID] = e.ID, true
		}
	}
	next := 900000000
	for i, e := range x.rec.Entries {
		of := &x.placed[i]
		for of.id == "" {
			next++
			if id := strconv.Itoa(next); !used[id] {
				of.id = id
			}
		}
		if e.Shown() && partOf(e) {
			whole := x.of(e.Parent)
			whole.parts, of.within = append(whole.parts, e), true
		}
		if c := e.Consultation; c != nil && e.Shown() {
			x.consult(e, c)
		}
	}
}

// numeric reports an identifier of digits alone, or none.
func numeric(s string) bool { return strings.Trim(s, "1234567890") == "" }

// consult numbers a consultation. One that says nothing of its own is no element:
// its entries name it.
func (x *encoder) consult(e *record.Entry, c *record.Consultation) {
	of := x.of(e)
	number, numbered := strings.CutPrefix(e.ID, "consult ")
	if !numbered || !numeric(number) {
		number = of.id
	}
	of.consult = number
	named := false
	for _, item := range c.Items {
		if !item.Entry.Shown() {
			continue
		}
		in := x.of(item.Entry)
		if in.consult == "" {
			in.consult = number
			named = true
		}
		if words := item.Words; words != "" {
			in.headings = append(in.headings, words)
		}
	}
	of.within = named && e.Text == "" && len(x.lines(nil, e, false)) == 0
}

// partOf reports a number that Vision has as an attribute of the entry it is
// part of: the readings of a blood pressure, the index beside a weight.
func partOf(e *record.Entry) bool {
	p := e.Parent
	if p == nil || !native(e) || !native(p) || !p.Shown() || attributeOf(e) == "" || !plain(e) || e.Date != p.Date {
		return false
	}
	switch attributeOf(e) {
	case "systolic", "diastolic":
		return entityOf(p) == entityPressure
	case "bmi":
		return entityOf(p) == entityWeight
	}
	return false
}

// attributeOf is the attribute that holds a reading, by its code.
func attributeOf(e *record.Entry) string {
	if e.Target.Scheme == schemeMeasure {
		return e.Target.Value
	}
	if e.Target.Scheme != mapping.ReadV2 || e.Value == nil {
		return ""
	}
	switch e.Target.Value + " " + e.Value.Unit {
	case "2469. mmHg", "2469. mm Hg", "2469. mm[Hg]":
		return "systolic"
	case "246A. mmHg", "246A. mm Hg", "246A. mm[Hg]":
		return "diastolic"
	case "22K.. kg/m2":
		return "bmi"
	}
	return ""
}

// plain reports a reading that says no more than its number: what has a comment
// of its own needs an element of its own.
func plain(e *record.Entry) bool {
	v := e.Value
	if v == nil || !decimal(v.Number) || !v.Comparator.IsZero() || v.Text != "" || v.Unreadable != "" || len(v.Ranges) > 0 || len(e.Texts)+len(e.Qualifiers) > 0 {
		return false
	}
	for _, n := range e.Notes {
		if !strings.HasPrefix(n, "Source code: ") {
			return false
		}
	}
	return e.Code.Is(e.Target) && e.Text == measures[e.Target.Value]
}

// entityOf is the type of entity an entry is written as (S §5.1).
func entityOf(e *record.Entry) string {
	if !native(e) {
		return entityClinical
	}
	switch e.Kind {
	case record.KindMedication:
		if m := e.Medication; m != nil && m.Type.Value == "R" {
			return entityRepeat
		}
		return entityTherapy
	case record.KindIssue:
		return entityTherapy
	case record.KindReferral:
		return entityReferral
	case record.KindImmunisation:
		return entityImmunisation
	case record.KindResult:
		return resultEntity(e)
	}
	return entityClinical
}

func resultEntity(e *record.Entry) string {
	switch v := e.Value; {
	case e.Target.Value == "246.." && v == nil:
		return entityPressure
	case v == nil || !v.Comparator.IsZero() || !decimal(v.Number) || v.Text != "":
	case e.Target.Value == "22A.." && v.Unit == "kg":
		return entityWeight
	case e.Target.Value == "229.." && height(v.Number) != nil && v.Unit == "m" && height(v.Number).Unreadable == "":
		return entityHeight
	}
	return entityClinical
}

// entry writes one entry: an element, or the attributes of another.
func (x *encoder) entry(e *record.Entry) {
	of := x.of(e)
	if of.within {
		x.rec.Within(e)
		return
	}
	element, entity := "clinical", entityOf(e)
	if e.Kind == record.KindProblem && native(e) {
		element = "problems"
	}
	a := &x.attrs
	*a = (*a)[:0]
	a.add("identity", of.id)
	if element == "clinical" {
		a.add("entity_ty", entity)
		a.add("entity_id", of.id)
	}
	a.add("consult_id", of.consult)
	a.add("sysdate", stamp(e.Recorded))
	a.day("eventdate", e.Date)
	if e.Author != nil && numeric(e.Author.ID) {
		a.add("clinician", e.Author.ID)
	}
	if entity != entityTherapy && entity != entityRepeat && e.Target.Scheme == mapping.ReadV2 {
		a.add("read_code", e.Target.Value+e.Target.TermCode)
	}
	if native(e) {
		if entity != entityTherapy && entity != entityRepeat {
			a.add("read_term", e.Text)
		}
		x.slots(a, e, entity)
	} else {
		a.add("read_term", e.Target.Term)
		if e.Kind == record.KindAllergy {
			a.add("subgroup_code", groupAllergy)
		}
	}
	a.add("text", x.text(e))
	x.w.Empty(element, *a...)
	x.rec.Wrote(element, e)
}

// slots writes what has an attribute of its own.
func (x *encoder) slots(a *attributes, e *record.Entry, entity string) {
	if e.Episodicity.Scheme == schemeEpisodicity {
		a.add("episode", e.Episodicity.Value)
	}
	if p := e.Problem; p != nil && e.Kind == record.KindProblem {
		a.add("subgroup_code", p.Status.Value)
		a.add("priority", p.Significance.Value)
		a.day("enddate", p.End)
	}
	if m := e.Medication; m != nil {
		x.therapy(a, e, m, entity)
	}
	if l := e.Allergy; l != nil && e.Kind == record.KindAllergy {
		a.add("subgroup_code", groupAllergy)
		a.add("drugname", l.Details)
		for _, c := range []mapping.Code{e.Target, l.Substance} {
			if c.Scheme == mapping.VisionDrug {
				a.add("drug_code", c.Value)
				break
			}
		}
	}
	if f := e.Referral; f != nil {
		a.add("source", f.From)
		a.add("organisa", f.To)
		a.add("departmnt", f.Specialty)
	}
	if i := e.Immunisation; i != nil {
		a.add("immstype", i.Name)
		a.add("stage", i.Part.Value)
		a.add("status", given)
		a.add("site", i.Site)
		a.add("method", i.Method)
		a.add("reason", i.Reason)
		a.add("batch", i.Batch)
	}
	switch entity {
	case entityWeight:
		a.add("weightkg", e.Value.Number)
	case entityHeight:
		a.add("heightcm", e.Value.Number)
	}
	for _, part := range x.of(e).parts {
		a.add(attributeOf(part), part.Value.Number)
	}
}

func (x *encoder) therapy(a *attributes, e *record.Entry, m *record.MedicationBody, entity string) {
	a.add("drug_code", e.Target.Value)
	a.add("dosage", m.Dosage)
	a.add("quantity", m.Quantity)
	a.add("packsize", m.Unit)
	a.add("private", m.Private.Value)
	if entity == entityRepeat {
		a.add("drugname", e.Text)
		a.add("repeat_ty", m.Type.Value)
		a.add("max_issues", m.Authorised)
		a.add("num_issues", m.Issued)
		a.add("inactive", m.Status.Value)
		a.day("until_date", m.Expiry)
		return
	}
	a.add("name", e.Text)
	a.add("issue_ty", m.Type.Value)
	if m.Course.Shown() && entityOf(m.Course) == entityRepeat {
		a.add("repeat_id", x.of(m.Course).id)
	}
}

// note writes lines that are no entry of their own.
func (x *encoder) note(name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	x.w.Empty("clinical", "identity", strconv.Itoa(x.noteID(name)), "entity_ty", entityClinical, "read_code", "", "read_term", name, "text", strings.Join(lines, "\n"))
	x.rec.Wrote("clinical", nil)
}

// noteID is an identity beyond those of the entries.
func (x *encoder) noteID(name string) int {
	return 800000000 + slices.Index([]string{"Linkspan", "Patient details"}, name)
}

// attributes are those of an element, by name and value; one without a value is
// left out.
type attributes []string

func (a *attributes) add(name, value string) {
	if strings.TrimSpace(value) != "" && !a.has(name) {
		*a = append(*a, name, value)
	}
}

func (a *attributes) has(name string) bool {
	for i := 0; i < len(*a); i += 2 {
		if (*a)[i] == name {
			return true
		}
	}
	return false
}

// day writes a date with its flag. One that is not known to the day has no
// place, and is a line of the text.
func (a *attributes) day(name string, d record.Date) {
	if value := stamp(d); value != "" {
		a.add(name, value)
		a.add("_"+name, "1")
	}
}

// stamp is a date as Vision writes it, with a time of midnight where none is
// known.
func stamp(d record.Date) string {
	switch d.Precision() {
	case record.PrecisionDay:
		return d.Wall() + "T00:00:00"
	case record.PrecisionMinute:
		return d.Wall() + ":00"
	case record.PrecisionSecond:
		return d.Wall()
	}
	return ""
}
