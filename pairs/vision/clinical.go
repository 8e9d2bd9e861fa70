package vision

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// issueOf is an issue of a repeat that may stand further on.
type issueOf struct {
	entry  *record.Entry
	repeat string
}

// problem reads a problem of a view, or of a patient file that Linkspan wrote.
func (d *decoder) problem(inner bool) {
	path := pathProblem
	if inner {
		path = pathRootProblem
	}
	e, all := d.common(record.KindProblem, path)
	p := &record.Problem{}
	e.Problem = p
	switch group := take(&all, "subgroup_code"); group {
	case groupCurrent:
		p.Status = mapping.Code{Scheme: schemeStatus, Value: group, Term: "Current problem"}
	case groupPast:
		p.Status = mapping.Code{Scheme: schemeStatus, Value: group, Term: "Past problem"}
	case "":
	default:
		e.Notes = append(e.Notes, "Problem group as recorded: "+group)
	}
	if v := take(&all, "priority"); v != "" {
		p.Significance = mapping.Code{Scheme: schemeSignificance, Value: v, Term: "Priority " + v}
	}
	p.End = d.date(e, "End date", take(&all, "enddate"), take(&all, "_enddate"))
	d.rest(e, all)
}

// clinical reads an entry by its type of entity. What a type has beside what is
// read here stays as words.
func (d *decoder) clinical(inner bool) {
	kind, path := record.KindObservation, pathClinical
	entity, group := strings.TrimSpace(d.r.Attr("entity_ty")), strings.TrimSpace(d.r.Attr("subgroup_code"))
	switch {
	case group == groupAllergy:
		kind, path = record.KindAllergy, pathAllergy
	case entity == entityTherapy:
		kind, path = record.KindIssue, pathTherapy
	case entity == entityRepeat:
		kind, path = record.KindMedication, pathRepeat
	case entity == entityReferral:
		kind, path = record.KindReferral, pathReferral
	case entity == entityPressure:
		kind, path = record.KindResult, pathPressure
	case entity == entityWeight:
		kind, path = record.KindResult, pathWeight
	case entity == entityHeight:
		kind, path = record.KindResult, pathHeight
	case entity == entityImmunisation:
		kind, path = record.KindImmunisation, pathImmunisation
	case slices.Contains(investigations, entity):
		kind, path = record.KindResult, pathInvestigation+slices.Index(investigations, entity)
	}
	if inner {
		path = pathRootClinical
		if kind == record.KindObservation && d.drugRow() {
			kind = record.KindMedication
		}
	}
	e, all := d.common(kind, path)
	if e.Kind == record.KindObservation && d.view == viewAllergies {
		e.Kind = record.KindAllergy
	}
	switch e.Kind {
	case record.KindAllergy:
		d.allergy(e, &all)
	case record.KindIssue, record.KindMedication:
		d.therapy(e, &all, entity)
	case record.KindReferral:
		d.referral(e, &all)
	case record.KindImmunisation:
		d.immunisation(e, &all)
	case record.KindResult:
		d.result(e, &all, entity)
	default:
		d.observation(e, &all, entity)
	}
	d.rest(e, all)
	d.consultation(e)
}

// drugRow reports a row of a view that is a drug the patient has or had. A drug
// in the view of allergies is what the patient must not have; elsewhere a drug
// beside a code is that of a drug only if the code is one too, which in Read v2
// begins with a small letter.
func (d *decoder) drugRow() bool {
	code := strings.TrimSpace(d.r.Attr("read_code"))
	switch {
	case strings.TrimSpace(d.r.Attr("drug_term")) == "", d.view == viewAllergies:
		return false
	case d.view == viewMedicines, d.view == viewDrugs, code == "":
		return true
	}
	return len(code) == 7 && 'a' <= code[0] && code[0] <= 'z'
}

// common reads what every entry has, and gives the attributes that are left.
func (d *decoder) common(kind record.Kind, path int) (*record.Entry, []attribute) {
	e := &record.Entry{Kind: kind, Counted: path + 1, At: d.at()}
	d.rec.Add(e)
	all := d.attributes()
	inside := d.r.Words() // S §5.1 has nothing inside an element
	e.ID = take(&all, "identity")
	if e.ID != "" {
		d.twin(e, all, inside)
	}
	if inside != "" {
		e.Texts = append(e.Texts, record.Text{Label: "Unrecognised", Value: inside})
	}
	e.Date = d.date(e, "Date", take(&all, "eventdate"), take(&all, "_eventdate"))
	e.Recorded = d.date(e, "Recorded", take(&all, "sysdate"), "")
	if who := take(&all, "clinician"); who != "" {
		e.Author = d.clinician(who)
	}
	e.Text = take(&all, "read_term")
	d.code(e, take(&all, "read_code"))
	if v := take(&all, "episode"); v != "" {
		e.Episodicity = mapping.Code{Scheme: schemeEpisodicity, Value: v, Term: v}
	}
	if words := take(&all, "text"); words != "" {
		e.Texts = append(e.Texts, record.Text{Value: words})
	}
	if code, term := take(&all, "read_code2"), take(&all, "read_term2"); code+term != "" {
		e.Texts = append(e.Texts, record.Text{Label: "Second code", Value: strings.TrimSpace(code + " " + term)})
	}
	return e, all
}

// twin settles an identity that another entry had. Of several views the later
// entry is a duplicate if it says nothing that the one before does not: what one
// view alone says must not be lost.
func (d *decoder) twin(e *record.Entry, all []attribute, inside string) {
	before := d.seen[e.ID]
	said := func(those []attribute) bool {
		return !slices.ContainsFunc(all, func(a attribute) bool { return !slices.Contains(those, a) })
	}
	if d.several && inside == "" && slices.ContainsFunc(before, said) {
		e.Outcome, e.ID = record.Duplicate, ""
		return
	}
	var here []attribute
	if d.several {
		here = slices.Clone(all)
	}
	d.seen[e.ID] = append(before, here)
	if len(before) > 0 {
		e.ID = ""
	}
}

// code reads a Read v2 code of seven characters. Whatever else stands there is
// typed text, of which real files hold plenty (S §5.3).
func (d *decoder) code(e *record.Entry, native string) {
	if native == "" {
		return
	}
	code, err := mapping.ParseReadV2(native, e.Text)
	if err != nil || len(native) != 7 {
		e.Malformed = true
		e.Notes = append(e.Notes, "Source code: vision "+native)
		return
	}
	e.Code = code
}

// drug reads a drug code, whose family no message tells (S §5.1): it is Vision's
// own, never Multilex.
func (d *decoder) drug(e *record.Entry, native string) mapping.Code {
	code := mapping.Code{Scheme: mapping.VisionDrug, Value: native, Term: e.Text}
	switch {
	case native == "":
		return mapping.Code{}
	case !code.Valid():
		e.Malformed = true
		e.Notes = append(e.Notes, "Source code: vision-drug "+native)
		return mapping.Code{}
	}
	return code
}

func (d *decoder) date(e *record.Entry, label, value, flag string) record.Date {
	date, err := day(value, flag)
	if err != nil {
		e.Notes = append(e.Notes, label+" as recorded: "+value)
	}
	return date
}

func (d *decoder) allergy(e *record.Entry, all *[]attribute) {
	take(all, "subgroup_code")
	take(all, "entity_ty")
	a := &record.Allergy{Absent: record.SaysNoAllergies(e.Text)}
	e.Allergy = a
	for _, name := range []string{"drugname", "drug_term"} {
		drug := take(all, name)
		switch {
		case drug == "", drug == a.Details:
		case a.Details == "":
			a.Class, a.Details = record.AllergyDrug, drug
		default:
			e.Texts = append(e.Texts, record.Text{Label: "Drug", Value: drug})
		}
	}
	e.Text = cmp.Or(e.Text, a.Details)
	a.Substance = d.drug(e, take(all, "drug_code"))
	if !a.Substance.IsZero() {
		a.Class, a.Substance.Term = record.AllergyDrug, a.Details
	}
	if end := take(all, "enddate"); end != "" {
		a.Ended, a.End = true, d.date(e, "End date", end, take(all, "_enddate"))
	}
}

// therapy reads a repeat or an issue (S §5.1 entities 39 and 40), or a drug of a
// view.
func (d *decoder) therapy(e *record.Entry, all *[]attribute, entity string) {
	m := &record.MedicationBody{Dosage: take(all, "dosage"), Quantity: take(all, "quantity"), Unit: take(all, "packsize"),
		Authorised: take(all, "max_issues"), Issued: take(all, "num_issues")}
	e.Medication = m
	for _, name := range []string{"drugname", "name", "drug_term"} {
		if words := take(all, name); e.Text == "" {
			e.Text = words
		} else if words != "" && words != e.Text {
			e.Texts = append(e.Texts, record.Text{Label: "Drug", Value: words})
		}
	}
	if !e.Code.IsZero() { // a Read code of a drug stands beside Vision's own
		e.Others, e.Code = append(e.Others, e.Code), mapping.Code{}
	}
	e.Code = d.drug(e, take(all, "drug_code"))
	kind, repeat := take(all, "issue_ty"), take(all, "repeat_id")
	if entity == entityRepeat {
		kind = take(all, "repeat_ty")
		if id := strings.TrimSpace(d.r.Attr("entity_id")); id != "" && e.Outcome != record.Duplicate {
			if _, taken := d.courses[id]; taken {
				d.courses[id] = nil // of two nobody can tell
			} else {
				d.courses[id] = e
			}
		}
	}
	if words := types[kind]; words != "" {
		m.Type = mapping.Code{Scheme: schemeType, Value: kind, Term: words}
	} else if kind != "" {
		e.Notes = append(e.Notes, "Type as recorded: "+kind)
	}
	switch {
	case entity == entityTherapy && kind == "A": // an acute drug is a course by itself
		e.Kind = record.KindMedication
		if repeat != "" {
			e.Notes = append(e.Notes, "Repeat as recorded: "+repeat)
		}
	case repeat != "":
		d.issues = append(d.issues, issueOf{e, repeat})
	}
	switch inactive := take(all, "inactive"); inactive {
	case "0", "1":
		m.Status = mapping.Code{Scheme: schemeDrugStatus, Value: inactive, Term: map[string]string{"0": "Active", "1": "Inactive"}[inactive]}
	case "":
	default:
		e.Notes = append(e.Notes, "Inactive as recorded: "+inactive)
	}
	switch private := take(all, "private"); private {
	case "0", "1":
		m.Private = mapping.Code{Scheme: schemePrivate, Value: private, Term: map[string]string{"0": "NHS", "1": "Private"}[private]}
	case "":
	default:
		e.Notes = append(e.Notes, "Private as recorded: "+private)
	}
	m.Expiry = d.date(e, "Until", take(all, "until_date"), take(all, "_until_date"))
	m.FirstIssue = d.date(e, "First issue", take(all, "first_prescribed_date"), "")
	m.LastIssue = d.date(e, "Last issue", take(all, "last_prescribed_date"), "")
	m.End = d.date(e, "Ended", take(all, "enddate"), take(all, "_enddate"))
}

// types are the kinds of therapy (S §5.1).
var types = map[string]string{"A": "Acute", "I": "Issue of a repeat", "R": "Repeat"}

func (d *decoder) referral(e *record.Entry, all *[]attribute) {
	f := &record.Referral{From: take(all, "source"), To: take(all, "organisa"), Specialty: take(all, "departmnt")}
	e.Referral = f
	for _, detail := range []attribute{{"urgency", "Urgency"}, {"nhsspec", "NHS specialty"}, {"attendance", "Attendance"}} {
		if v := take(all, detail.name); v != "" {
			f.Details = append(f.Details, record.Qualifier{Name: detail.value, Value: v})
		}
	}
}

// given is the one status of an immunisation that was seen (S §5.1); what others
// mean is not published, so that one of them leaves it in doubt.
const given = "IMM001"

func (d *decoder) immunisation(e *record.Entry, all *[]attribute) {
	i := &record.Immunisation{Name: take(all, "immstype"), Batch: take(all, "batch"), Site: take(all, "site"), Method: take(all, "method"), Reason: take(all, "reason")}
	e.Immunisation = i
	if stage := take(all, "stage"); stage != "" {
		i.Part = mapping.Code{Scheme: schemePart, Value: stage, Term: "Stage " + stage}
	}
	if status := take(all, "status"); status != "" && status != given {
		e.Qualifiers = append(e.Qualifiers, record.Qualifier{Name: "Immunisation status", Value: status, Meaning: record.Doubts})
	}
}

// result reads an entity that holds numbers. Those that stand beside the first
// become entries of their own, part of it.
func (d *decoder) result(e *record.Entry, all *[]attribute, entity string) {
	switch entity {
	case entityPressure:
		for _, name := range []string{"systolic", "diastolic"} {
			d.measure(e, all, name, "mmHg")
		}
	case entityWeight:
		e.Value = number(take(all, "weightkg"), "kg")
		d.measure(e, all, "bmi", "kg/m2")
	case entityHeight:
		e.Value = height(take(all, "heightcm"))
	default:
		v := &record.Value{Number: take(all, "num_result")}
		if v.Number == "" { // an operator and a unit of nothing are words
			e.Kind = record.KindObservation
			break
		}
		v.Unit = take(all, "measure")
		op := take(all, "operator")
		if !decimal(strings.TrimPrefix(v.Number, "-")) {
			v = &record.Value{Unreadable: record.Join(" ", op, v.Number, v.Unit)}
		} else if op != "" {
			v.Comparator = mapping.Code{Scheme: schemeComparator, Value: op, Term: op}
		}
		if words := take(all, "norm_rnge"); words != "" {
			v.Ranges = []record.Range{{Words: words}}
		}
		e.Value = v
	}
}

// measure adds an entry for a number that has no code of its own in the message:
// a table gives it one.
func (d *decoder) measure(parent *record.Entry, all *[]attribute, name, unit string) {
	value := number(take(all, name), unit)
	if value == nil {
		return
	}
	words := measures[name]
	d.rec.Add(&record.Entry{Kind: record.KindResult, At: parent.At, Text: words, Code: mapping.Code{Scheme: schemeMeasure, Value: name, Term: words},
		Date: parent.Date, Recorded: parent.Recorded, Author: parent.Author, Parent: parent, Value: value, Outcome: parent.Outcome})
}

// measures are the words for numbers without a code.
var measures = map[string]string{"systolic": "Systolic blood pressure", "diastolic": "Diastolic blood pressure", "bmi": "Body mass index"}

// number is a value of a known unit, nil where there is none.
func number(text, unit string) *record.Value {
	switch {
	case text == "":
		return nil
	case !decimal(text):
		return &record.Value{Unreadable: text + " " + unit}
	}
	return &record.Value{Number: text, Unit: unit}
}

// decimal reports digits with at most one point between them.
func decimal(s string) bool {
	whole, part, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "1234567890") == "" }
	return digits(whole) && (!point || digits(part))
}

// height reads heightcm, which holds metres in spite of its name (S §5.1:
// "1.52"). What is no height of a person in metres is not guessed at.
func height(text string) *record.Value {
	metres, err := strconv.ParseFloat(text, 64)
	switch {
	case text == "":
		return nil
	case err == nil && decimal(text) && strings.Contains(text, ".") && metres >= 0.3 && metres <= 2.6:
		return &record.Value{Number: text, Unit: "m"}
	}
	return &record.Value{Unreadable: text + " (recorded as heightcm, which holds metres)"}
}

// observation is an entity without a reading of its own: all its attributes are
// words. One about a relative is known by its words.
func (d *decoder) observation(e *record.Entry, all *[]attribute, entity string) {
	if mapping.ClassOf(e.Text) == mapping.FamilyHistory {
		e.Kind = record.KindFamilyHistory
	}
	if e.Code.IsZero() && !e.Malformed && entity == entityClinical {
		e.Kind = record.KindNote
	}
}

// quiet are attributes whose usual value says nothing.
var quiet = map[string]string{"inpractice": "1", "private": "0", "priority": "3"}

// rest keeps every attribute that was not read as words with its name.
func (d *decoder) rest(e *record.Entry, all []attribute) {
	for _, a := range all {
		switch {
		case slices.Contains(internal, a.name), a.name == "entity_ty", a.name == "consult_id", a.name == "category", a.name == "drugsource",
			strings.HasPrefix(a.name, "_") && a.value == "1", quiet[a.name] == a.value:
		default:
			e.Texts = append(e.Texts, record.Text{Label: labels[a.name], Value: a.value})
			if labels[a.name] == "" {
				e.Texts[len(e.Texts)-1].Label = "Vision " + a.name
			}
		}
	}
}

// labels are what a reader calls an attribute.
var labels = map[string]string{"laterality": "Laterality", "posture": "Posture", "cuff": "Cuff", "smoker": "Smoker", "cigarettes": "Cigarettes",
	"drinker": "Drinker", "units": "Units of alcohol", "adequate": "Adequacy", "source": "Source", "due_date": "Due", "review_dat": "Reviewed",
	"next_revie": "Next review", "form": "Form", "bnf_code": "BNF code", "issue_no": "Issue number", "print_date": "Printed", "priority": "Priority",
	"operator": "Operator", "measure": "Measure", "norm_rnge": "Normal range", "inpractice": "In practice", "private": "Private", "repeat_ty": "Repeat type"}

// consultation adds the entry to the consultation its consult_id names, which is
// all a message says of one (S §5.1).
func (d *decoder) consultation(e *record.Entry) {
	id := strings.TrimSpace(d.r.Attr("consult_id"))
	if id == "" || e.Outcome == record.Duplicate {
		return
	}
	c := d.consultations[id]
	if c == nil {
		c = &record.Entry{Kind: record.KindConsultation, ID: "consult " + id, At: e.At, Date: e.Date, Author: e.Author, Consultation: &record.Consultation{}}
		d.consultations[id] = c
		d.rec.Add(c)
	}
	c.Consultation.Items = append(c.Consultation.Items, record.Item{Entry: e})
}
