package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// codeFields are the children of a ClinicalCode until its kind is known.
type codeFields struct {
	value, units, comparator string
	uid, severity, end       string

	hasUID, hasValue           bool // not blank, as the reader counts them
	allergyElement, allergy    bool
	familyElement, familyEntry bool
}

// clinicalCode reads a ClinicalCode (S §1.4). IsFamilyHistory and IsAllergy
// decide the kind before ProblemUID does: a relative's disease must not become
// the patient's problem, nor an allergy leave the allergies.
func (d *decoder) clinicalCode() *record.Entry {
	e := d.entry(record.KindObservation, pathCode)
	d.attributes(e)
	var f codeFields
	for name := range d.r.Children("") {
		switch name {
		case "Code":
			d.code(e)
		case "Episodicity":
			d.choose(e, "Episodicity", schemeEpisodicity, episodicities, &e.Episodicity)
		case "Value":
			f.hasValue = f.hasValue || trim(d.r.Text()) != ""
			d.token(e, &f.value)
		case "Units":
			d.token(e, &f.units)
		case "Comparator":
			d.token(e, &f.comparator)
		case "ProblemUID":
			f.hasUID = f.hasUID || trim(d.r.Text()) != ""
			d.token(e, &f.uid)
		case "ProblemSeverity":
			d.token(e, &f.severity)
		case "ProblemEndDate":
			d.token(e, &f.end)
		case "FreeText":
			d.comment(e, "")
		case "LinkedProblemUID":
			d.link(e)
		case "IsAllergy":
			f.allergyElement = true
			d.flag(e, "Allergy mark", &f.allergy)
		case "IsFamilyHistory":
			f.familyElement = true
			d.flag(e, "Family history mark", &f.familyEntry)
		default:
			d.unrecognised(e)
		}
	}
	d.settleCode(e, &f)
	return e
}

// settleCode gives a ClinicalCode its kind and what goes with it.
func (d *decoder) settleCode(e *record.Entry, f *codeFields) {
	switch {
	case f.hasUID:
		e.Counted = pathProblem + 1
	case f.allergyElement:
		e.Counted = pathAllergyFlag + 1
	case f.familyElement:
		e.Counted = pathFamilyFlag + 1
	case f.hasValue:
		e.Counted = pathValue + 1
	}
	switch {
	case f.familyEntry:
		e.Kind = record.KindFamilyHistory
	case f.allergy:
		e.Kind = record.KindAllergy
		e.Allergy = &record.Allergy{Class: record.AllergyNonDrug, Absent: record.SaysNoAllergies(e.Text)}
	case f.uid != "":
		e.Kind = record.KindProblem
	case f.value != "", annotated(e, f):
		e.Kind = record.KindResult
	}
	d.settleValue(e, f)
	if e.Kind == record.KindProblem {
		d.settleProblem(e, f)
		return
	}
	for _, field := range [][2]string{{"Problem identifier", f.uid}, {"Problem severity", f.severity}, {"Problem ended", f.end}} {
		if field[1] != "" {
			e.Notes = append(e.Notes, field[0]+" as recorded: "+field[1])
		}
	}
}

func (d *decoder) settleProblem(e *record.Entry, f *codeFields) {
	p := &record.Problem{Status: problemActive}
	e.Problem = p
	d.identify(e, f.uid)
	if d.problems[f.uid] == nil {
		d.problems[f.uid] = e
	}
	if f.severity != "" {
		var ok bool
		if p.Significance, ok = pick(schemeProblemSeverity, severities, f.severity); !ok {
			e.Notes = append(e.Notes, "Problem severity as recorded: "+f.severity)
		}
	}
	if f.end != "" {
		p.Status = problemEnded
		d.parseDate(e, "End date", f.end, &p.End)
	}
}

// annotated reads the result in the free text of an entry without a Value of
// its own, in the line in which SystmOne says it by GP2GP (S §6.1 "numeric
// values"): nothing says that a Value is always there, for it is known from a
// schema alone (S §1.4). The text stays as it is.
func annotated(e *record.Entry, f *codeFields) bool {
	if f.units != "" || f.comparator != "" { // they belong to a number that is not there
		return false
	}
	for _, t := range e.Texts {
		said, ok := record.ParseAnnotatedValue(t.Value)
		if t.Label != "" || !ok {
			continue
		}
		v := &record.Value{Number: said.Number, Unit: said.Unit, AbnormalAs: said.Interpretation}
		for _, c := range comparators {
			if said.Comparator != "" && comparatorSign[c.value] == said.Comparator {
				v.Comparator = mapping.Code{Scheme: schemeComparator, Value: c.value, Term: c.term}
			}
		}
		if said.Comparator != "" && v.Comparator.IsZero() {
			return false // a number is never shown without the sign before it
		}
		if said.Range != (record.Range{}) {
			v.Ranges = []record.Range{said.Range}
		}
		e.Value = v
		return true
	}
	return false
}

// settleValue keeps the number as written. A comparator nobody knows is never
// read as "=": the value is then shown and not structured (S §1.4
// "Comparator").
func (d *decoder) settleValue(e *record.Entry, f *codeFields) {
	if f.value == "" {
		if f.units != "" {
			e.Notes = append(e.Notes, "Units as recorded: "+f.units)
		}
		if f.comparator != "" {
			e.Notes = append(e.Notes, "Comparator as recorded: "+f.comparator)
		}
		return
	}
	v := &record.Value{Unit: f.units}
	e.Value = v
	if f.comparator != "" {
		var ok bool
		if v.Comparator, ok = pick(schemeComparator, comparators, f.comparator); !ok {
			*v = record.Value{Unreadable: strings.TrimSpace(f.value+" "+f.units) + " (comparator as recorded: " + f.comparator + ")"}
			return
		}
	}
	if number(f.value) {
		v.Number = f.value
	} else {
		v.Text = f.value
	}
}

// number reports a plain decimal: sign, digits, point, digits.
func number(s string) bool {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	whole, fraction, point := strings.Cut(s, ".")
	return whole != "" && strings.Trim(whole, "1234567890") == "" &&
		(!point || fraction != "" && strings.Trim(fraction, "1234567890") == "")
}

// code reads the Code of an entry. One that fails its scheme's syntax is shown
// in a note and counted, never filed.
func (d *decoder) code(e *record.Entry) {
	if d.repeated(e) {
		return
	}
	scheme, value, term := d.codeAttributes(e)
	d.leaf(e)
	e.Text = term
	if value == "" {
		return
	}
	var err error
	if e.Code, err = parseCode(scheme, value, term); err != nil {
		e.Malformed = true
		e.Notes = append(e.Notes, record.SourceCode(mapping.Code{Scheme: mapping.Scheme(scheme), Value: value, Term: term}))
	}
}

// choose reads a single-valued enumerated element.
func (d *decoder) choose(e *record.Entry, label string, scheme mapping.Scheme, list []choice, to *mapping.Code) {
	var s string
	if d.token(e, &s); s == "" {
		return
	}
	var ok bool
	if *to, ok = pick(scheme, list, s); !ok {
		e.Notes = append(e.Notes, label+" as recorded: "+s)
	}
}

// comment reads a single-valued free text.
func (d *decoder) comment(e *record.Entry, label string) {
	var s string
	if d.text(e, &s); s != "" {
		e.Texts = append(e.Texts, record.Text{Label: label, Value: s})
	}
}
