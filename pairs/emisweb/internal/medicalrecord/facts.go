package medicalrecord

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// fact is one thing an entry says beside its words and its code, as a reader
// sees it and, where that differs, as the document spells it. A text of the
// clinician's own has no field.
type fact struct {
	field                record.Field
	label, words, native string
	other                *record.Entry
}

type factList []fact

func factOf(f record.Field, words string) fact { return fact{field: f, label: f.Label(), words: words} }

// stamp spells a date for a field without a DatePart: dd/MM/yyyy at its
// precision, with the time after a space.
func stamp(d record.Date) string {
	if clock := d.Clock(); clock != "" {
		return d.DMY() + " " + clock
	}
	return d.DMY()
}

// facts is everything an entry says beside its words, code, dates, people,
// qualifiers and links, the clinician's own text first; the value and the
// episodicity have places of their own. What an element has no field for
// becomes lines of text from here.
func facts(e *record.Entry) factList {
	usual := len(e.Texts)
	if e.Medication != nil {
		usual += 8
	}
	l := make(factList, 0, usual)
	for _, t := range e.Texts {
		if t.Value != "" {
			l = append(l, fact{label: t.Label, words: t.Value})
		}
	}
	if d := e.Document; d != nil && d.Title == e.Text && d.Title != "" {
		title := factOf(record.FactDocumentTitle, "")
		title.native = d.Title
		l = append(l, title)
	}
	e.EachBodyFact(func(f record.Fact) {
		switch f.Field { // the words lead the entry already
		case record.FactDocumentTitle, record.FactConsultationTypeText:
			if f.Words() == e.Text {
				return
			}
		}
		n := fact{f.Field, f.Label, f.Words(), "", f.Other}
		switch {
		case !f.Date.IsZero() && f.Field.Body() != "Allergy":
			n.native = stamp(f.Date)
		case strings.HasPrefix(string(f.Code.Scheme), own):
			n.native = writeSlot(strings.TrimPrefix(string(f.Code.Scheme), own), f.Code.Value)
		}
		if exact(e) {
			l.own(e, n)
		} else {
			l = append(l, n)
		}
	})
	return l
}

// own adds a fact as the elements of this document say it.
func (l *factList) own(e *record.Entry, n fact) {
	m := e.Medication
	switch n.field {
	case record.FactConsultationType:
		return // LocationTypeID
	case record.FactMedicationStart:
		if m.Start == e.Date {
			return // AssignedDate
		}
	case record.FactMedicationQuantity: // three elements
		if m.QuantityWords == n.words {
			*l = append(*l, factOf(record.FactMedicationQuantityWords, n.words))
		}
		*l = append(*l, factOf(record.FactMedicationUnit, m.Unit))
		n.words = m.Quantity
	case record.FactMedicationType:
		if m.Type == repeatDispensed {
			n.words, n.native = "Repeat dispensed", "REPEAT"
			*l = append(*l, n)
			n.label, n.words, n.native = service, "Batch repeat", "A"
		}
	case record.FactMedicationPrivate:
		if m.Private.Value != private.Value {
			return // ServiceType has no word for it
		}
		n.label, n.words, n.native = service, "Private", "X"
		if m.Type == repeatDispensed {
			n.native = "" // ServiceType says one thing only
		}
	case record.FactReportType:
		n.native = writeWords("report-type", n.words)
	case record.FactReportReceived:
		if e.Report.Specimen != "" && e.Parent != nil {
			n.label = "Received by laboratory"
		}
	}
	*l = append(*l, n)
}

// valueLines is a result as text.
func valueLines(v *record.Value) []string {
	var lines []string
	v.EachFact(func(f record.Fact) { lines = append(lines, f.Line()) })
	return lines
}

// bag holds the facts of an entry that have a field of their own in an
// element, by the field's path; the others are lines.
type bag struct {
	fields []record.Text // path and native value
	lines  []string
}

// sort puts facts into the fields of a type of element. A value the schema
// would refuse stays a line, unaltered.
func (b *bag) sort(typ string, l factList) {
	if len(l) == 0 {
		return
	}
	set := labels[typ]
	for _, f := range l {
		if l, ok := set.byName[f.label]; ok && !b.has(l.element) {
			if v := nativeValue(l.form, f); v != "" {
				b.fields = append(b.fields, record.Text{Label: l.element, Value: v})
				continue
			}
		}
		b.line(f.label, f.words)
	}
}

func (b *bag) line(label, words string) {
	switch {
	case words == "":
	case label == "":
		b.lines = append(b.lines, words)
	default:
		b.lines = append(b.lines, label+": "+words)
	}
}

func nativeValue(form string, f fact) string {
	v := f.native
	if v == "" {
		v = f.words
	}
	switch {
	case form == "integer" && !integer(v), form == "float" && !decimal(v), form == "date" && f.native == "":
		return ""
	case form == "datetime":
		if d, err := record.ParseISO(v); err != nil || d.Precision() != record.PrecisionSecond {
			return ""
		}
	case form[0] == '=' && f.native == "":
		return writeWords(form[1:], v)
	case form == "omit" || form == "group" || form == "words":
		return ""
	}
	return v
}

func (b *bag) has(path string) bool {
	for _, f := range b.fields {
		if f.Label == path {
			return true
		}
	}
	return false
}

// text is the lines as one free text.
func (b *bag) text() string { return strings.Join(b.lines, "\n") }
