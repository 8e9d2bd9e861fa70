package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// notKnown stands in Event@DoneBy and @DoneAt, which must be there, when
// nobody said who or where (safety §D.1 D-6).
const notKnown = "not known"

// The attributes of an Event that the record has only words for.
const (
	qualifierSoftware = "Software"
	qualifierReferral = "Linked referral"
)

// event reads one Event: the consultation, and its children as entries of
// their own in order (S §1.4 "Event attributes", "Event children").
func (d *decoder) event() {
	c := d.entry(record.KindConsultation, pathEvent)
	c.Consultation = &record.Consultation{}
	d.badTime = ""
	d.eventAttributes(c)
	d.coded = d.coded[:0]
	for name := range d.r.Children("") {
		var e *record.Entry
		switch name {
		case "ClinicalCode":
			e = d.clinicalCode()
			d.coded = append(d.coded, e)
		case "Medication":
			e = d.medication(pathMedication)
		case "RepeatMedication":
			e = d.medication(pathRepeat)
		case "DrugSensitivity":
			e = d.sensitivity()
		case "Vaccination":
			e = d.vaccination()
		case "Report":
			e = d.report()
		case "Recall":
			e = d.recall()
		case "Narrative":
			e = d.narrative()
		case "Attachment":
			e = d.attachment()
		case "Letter":
			e = d.letter()
		case "Reminder":
			e = d.words(record.KindUnrecognised, pathReminder)
		case "PatientPlan":
			e = d.words(record.KindUnrecognised, pathPatientPlan)
		case "CarePlan":
			e = d.words(record.KindUnrecognised, pathCarePlan)
		case "Relationship":
			e = d.words(record.KindUnrecognised, pathRelationship)
		case "Activity":
			e = d.words(record.KindUnrecognised, pathActivity)
		case "Referral":
			e = d.words(record.KindUnrecognised, pathReferral)
		case "LinkedProblemUID":
			d.link(c)
			continue
		default:
			e = d.unknown()
		}
		d.place(c, e)
	}
	d.defineProblems()
}

// place puts an entry into its consultation, which says when, by whom and
// where. A recall's own date is when it is due. A time that is none is shown
// on every entry, for each may be read apart from its consultation.
func (d *decoder) place(c, e *record.Entry) {
	if e.Kind == record.KindDiary {
		e.Recorded = c.Date
	} else {
		e.Date = c.Date
	}
	e.Author, e.Place = c.Author, c.Place
	if d.badTime != "" {
		e.Notes = append(e.Notes, d.badTime)
	}
	if c.Consultation.Items == nil {
		c.Consultation.Items = make([]record.Item, 0, 4)
	}
	c.Consultation.Items = append(c.Consultation.Items, record.Item{Entry: e})
}

func (d *decoder) eventAttributes(c *record.Entry) {
	var by author
	for name, value := range d.r.Attrs() {
		local := name.Local
		if name.Space != "" {
			local = ""
		}
		switch local {
		case "DateTime":
			before := len(c.Notes)
			if c.Date = d.eventTime(c, trim(value)); len(c.Notes) > before {
				d.badTime = c.Notes[before]
			}
		case "UserName":
			by.user = trim(value)
		case "DoneBy":
			by.doneBy = trim(value)
		case "DoneAt":
			c.Place = d.doneAt(trim(value))
		case "EventUID":
			d.identify(c, trim(value))
		case "Software":
			if value = trim(value); value != "" {
				c.Qualifiers = append(c.Qualifiers, record.Qualifier{Name: qualifierSoftware, Value: value})
			}
		case "LinkedReferralUID":
			if value = trim(value); value != "" {
				c.Qualifiers = append(c.Qualifiers, record.Qualifier{Name: qualifierReferral, Value: value})
			}
		case "Method":
			d.method(c, trim(value))
		default:
			c.Texts = append(c.Texts, record.Text{Label: "Unrecognised", Value: name.Local + ": " + value})
		}
	}
	c.Author = d.person(by)
}

// eventTime reads Event@DateTime. It is UK wall time, and a Z after it is not
// UTC (S §1.2): digits and zone are kept and nothing is shifted. Midnight to
// the second is how a message that must have a time says it has none; it is
// read, and written, as the day alone.
func (d *decoder) eventTime(c *record.Entry, s string) record.Date {
	var t record.Date
	d.parseDate(c, "Date", s, &t)
	if t.Zone() == "" && t.Clock() == "00:00:00" {
		return t.Truncate(record.PrecisionDay)
	}
	return t
}

func (d *decoder) method(c *record.Entry, s string) {
	if s == "" {
		return
	}
	c.Consultation.TypeText = s
	code, ok := pick(schemeMethod, methods, s)
	if !ok {
		c.Notes = append(c.Notes, "Method as recorded: "+s)
	}
	c.Consultation.Type = code
}

func (d *decoder) doneAt(s string) *record.Organisation {
	if s == "" || s == notKnown {
		return nil
	}
	o := d.places[s]
	if o == nil {
		o = &record.Organisation{Name: s}
		d.places[s] = o
	}
	return o
}

// person reads "SURNAME, First (Role)"; what is not of that form is kept as
// the display alone.
func (d *decoder) person(by author) *record.Person {
	if by.doneBy == notKnown {
		by.doneBy = ""
	}
	if by == (author{}) {
		return nil
	}
	p := d.people[by]
	if p != nil {
		return p
	}
	p = &record.Person{UserName: by.user, Display: by.doneBy}
	name := by.doneBy
	if i := strings.Index(name, " ("); i > 0 && strings.HasSuffix(name, ")") {
		name, p.Role = name[:i], name[i+2:len(name)-1]
	}
	if surname, first, ok := strings.Cut(name, ", "); ok {
		p.Surname, p.Forenames = surname, first
	}
	d.people[by] = p
	return p
}

// link notes a LinkedProblemUID of an entry, or of a whole Event.
func (d *decoder) link(e *record.Entry) {
	d.attributes(e)
	uid := trim(d.r.Text())
	if d.r.Mixed() {
		d.unrecognised(e)
		return
	}
	if uid != "" {
		d.links = append(d.links, link{e, uid})
	}
}

// defineProblems ties each problem of an Event to its plain twin: SystmOne
// shows one code twice, once plain and once with the problem (S §1.4
// "Problems"). The twin is the nearest one before, else after, that no other
// problem has taken. A problem without a twin defines nothing.
func (d *decoder) defineProblems() {
	for i, e := range d.coded {
		if e.Kind == record.KindProblem && !e.Code.IsZero() {
			e.Problem.Defines = d.twin(i)
		}
	}
}

func (d *decoder) twin(i int) *record.Entry {
	for j := i - 1; j >= 0; j-- {
		if d.isTwin(i, j) {
			return d.coded[j]
		}
	}
	for j := i + 1; j < len(d.coded); j++ {
		if d.isTwin(i, j) {
			return d.coded[j]
		}
	}
	return nil
}

func (d *decoder) isTwin(i, j int) bool {
	p, e := d.coded[i], d.coded[j]
	if e.Kind == record.KindProblem || e.Code.Scheme != p.Code.Scheme || e.Code.Value != p.Code.Value {
		return false
	}
	for _, other := range d.coded[:i] {
		if other.Kind == record.KindProblem && other.Problem.Defines == e {
			return false
		}
	}
	return true
}
