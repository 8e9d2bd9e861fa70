package ehrextract

import (
	"errors"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// hl7Time reads 4, 6, 8, 12 or 14 digits, those with a time also with a zone, at
// the precision they have (S §6.1). Nothing is the zero Date.
func hl7Time(s string) (record.Date, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return record.Date{}, nil
	}
	digits, zone := s, ""
	if at := strings.IndexAny(s, "+-"); at > 0 {
		digits, zone = s[:at], s[at:]
		if len(digits) < 12 || len(zone) != 5 || strings.Trim(zone[1:], numerals) != "" { // a date alone has no zone
			return record.Date{}, record.ErrDate
		}
		zone = zone[:3] + ":" + zone[3:]
	}
	digits, _, _ = strings.Cut(digits, ".000")
	if strings.Trim(digits, numerals) != "" {
		return record.Date{}, record.ErrDate
	}
	switch len(digits) {
	case 4:
		return record.ParseISO(digits)
	case 6:
		return record.ParseISO(digits[:4] + "-" + digits[4:])
	case 8:
		return record.ParseISO(digits[:4] + "-" + digits[4:6] + "-" + digits[6:])
	case 12:
		return record.ParseISO(digits[:4] + "-" + digits[4:6] + "-" + digits[6:8] + "T" + digits[8:10] + ":" + digits[10:] + zone)
	case 14:
		return record.ParseISO(digits[:4] + "-" + digits[4:6] + "-" + digits[6:8] + "T" + digits[8:10] + ":" + digits[10:12] + ":" + digits[12:] + zone)
	}
	return record.Date{}, record.ErrDate
}

// time reads a point in time of an entry. One that is none stays as words.
func (d *decoder) time(e *record.Entry, label string) record.Date {
	value := d.r.Attr("value")
	date, err := hl7Time(value)
	if err != nil {
		e.Notes = append(e.Notes, label+" as recorded: "+value)
	}
	return date
}

// interval reads an effectiveTime: its one point, or its beginning and end.
func (d *decoder) interval(e *record.Entry) (center, low, high record.Date) {
	center = d.time(e, "Date")
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		switch name {
		case "center":
			center = d.time(e, "Date")
		case "low":
			low = d.time(e, "From")
		case "high":
			high = d.time(e, "Until")
		default:
			d.unrecognised(e)
		}
	}
	return center, low, high
}

// moment is when a statement was true, and when it was made.
type moment struct {
	center, low, high, available record.Date
	effective, availability      bool // the element is there
}

// read reads an element of time, and reports whether it is one.
func (m *moment) read(d *decoder, name string, e *record.Entry) bool {
	switch name {
	case "effectiveTime":
		m.effective = true
		m.center, m.low, m.high = d.interval(e)
	case "availabilityTime":
		m.availability = true
		label := "Date"
		switch e.Kind {
		case record.KindDiary, record.KindReferral, record.KindProblem, record.KindConsultation:
			label = "Recorded"
		}
		m.available = d.time(e, label)
	default:
		return false
	}
	return true
}

// begin is the point or beginning that effectiveTime states.
func (m *moment) begin() record.Date {
	if m.center.IsZero() {
		return m.low
	}
	return m.center
}

// settle dates a statement: effectiveTime says when it was true, and where it
// says nothing availabilityTime does (S §6.1). Where both do and differ, the
// second is when it was recorded (safety §1.6, G2G 2.0.1).
func (m *moment) settle(d *decoder, e *record.Entry) {
	e.Date = m.begin()
	switch {
	case e.Date.IsZero():
		e.Date = m.available
	case !m.available.IsZero() && m.available != e.Date:
		e.Recorded = m.available
		d.recorded[e] = true
	}
	if !m.center.IsZero() && !m.low.IsZero() && m.low != m.center {
		e.Notes = append(e.Notes, "From: "+m.low.Words())
	}
}

// until keeps the end of what is no problem, drug or allergy as words.
func (m *moment) until(e *record.Entry) {
	if !m.high.IsZero() && m.high != e.Date {
		e.Notes = append(e.Notes, "Until: "+m.high.Words())
	}
}

// coded is a CD: the code, the words it was recorded in, and what stands with
// it.
type coded struct {
	code       mapping.Code
	words      string // originalText
	term       string // displayName
	null       bool
	others     []mapping.Code
	qualifiers []record.Qualifier
	notes      []string // codes that are none
	malformed  bool
}

// text are the words a reader sees: those recorded, else the code's own.
func (c coded) text() string {
	if c.words != "" {
		return c.words
	}
	return c.term
}

// concept reads the CD the reader stands on. drug says that a SNOMED CT
// identifier in it is one of dm+d.
func (d *decoder) concept(drug bool) coded {
	c := coded{term: strings.TrimSpace(d.r.Attr("displayName")), null: d.r.Attr("nullFlavor") != ""}
	native, system := strings.TrimSpace(d.r.Attr("code")), strings.TrimSpace(d.r.Attr("codeSystem"))
	if native != "" {
		code, err := readCode(system, native, c.term, drug)
		if err != nil {
			c.malformed = true
			c.notes = append(c.notes, strings.TrimSpace("Source code: "+schemeName(system)+" "+native))
		}
		c.code = code
	}
	malformed := len(c.notes)
	for name := range d.r.Children(Namespace) {
		switch name {
		case "originalText":
			if words := d.words(); c.words == "" {
				c.words = words
			} else if words != "" {
				c.notes = append(c.notes, "Also recorded as: "+words)
			}
		case "translation":
			value := strings.TrimSpace(d.r.Attr("code"))
			if other, err := readCode(d.r.Attr("codeSystem"), value, d.r.Attr("displayName"), drug); err == nil {
				c.others = append(c.others, other)
			} else if value != "" {
				c.notes = append(c.notes, strings.TrimSpace("Source code: "+schemeName(d.r.Attr("codeSystem"))+" "+value))
			}
		case "qualifier":
			c.qualifiers = append(c.qualifiers, d.qualifier())
		default:
			c.notes = append(c.notes, unrecognised+": "+d.r.WordsAndAttributes())
		}
	}
	if malformed > 0 && c.term != "" && c.words != "" && c.words != c.term { // else the words are the term
		c.notes[0] += ` "` + c.term + `"`
	}
	return c
}

// words are the text of the element the reader stands on, with what is marked up
// in it.
func (d *decoder) words() string {
	words := strings.TrimSpace(d.r.Text())
	if d.r.Mixed() {
		return d.r.Words()
	}
	return words
}

func (d *decoder) qualifier() record.Qualifier {
	var q record.Qualifier
	var value string
	for name := range d.r.Children(Namespace) {
		code := d.r.Attr("code")
		part := d.concept(false)
		switch {
		case d.r.Repeated():
		case name == "name":
			q.Name, q.NameCode = part.text(), part.code
		case name == "value":
			q.Value, q.ValueCode, value = part.text(), part.code, code
		}
	}
	q.Meaning = record.MeaningOf(q.Name, q.Value, value)
	return q
}

var errSystem = errors.New("a code system nobody knows")

// readCode reads a code by its system (S §6.0). An EMIS code of an allergy that
// names a Read code is that code.
func readCode(system, native, term string, drug bool) (mapping.Code, error) {
	term = strings.TrimSpace(term)
	check := func(scheme mapping.Scheme, value string) (mapping.Code, error) {
		c := mapping.Code{Scheme: scheme, Value: value, Term: term}
		if err := c.Check(); err != nil {
			return mapping.Code{}, err
		}
		return c, nil
	}
	switch system {
	case oidReadV2:
		return mapping.ParseReadV2(native, term)
	case oidCTV3:
		return mapping.ParseCTV3(native, term)
	case oidSNOMED:
		if drug {
			if c, err := check(mapping.DMD, native); err == nil {
				return c, nil
			}
		}
		return check(mapping.SNOMED, native)
	case oidEMIS:
		if c, _, ok := mapping.ParseEMISAllergy(native); ok {
			return check(c.Scheme, c.Value)
		}
		if strings.HasPrefix(native, "ALLERGY-READ2-") {
			return mapping.Code{}, errSystem
		}
		return check(mapping.EMISLocal, native)
	case oidEMISDrug:
		return check(mapping.EMISDrug, native)
	case oidGemscript:
		return check(mapping.Gemscript, native)
	case oidMultilex:
		if seven, err := mapping.MultilexFrom8(native); err == nil {
			native = seven
		}
		return check(mapping.Multilex, native)
	}
	return mapping.Code{}, errSystem
}

// schemeName is what a reader is told a code is of.
func schemeName(system string) string {
	switch system {
	case oidReadV2:
		return "readv2"
	case oidCTV3:
		return "ctv3"
	case oidSNOMED:
		return "snomed"
	case oidEMIS:
		return "emis"
	case oidEMISDrug:
		return "emis-drug"
	case oidMultilex:
		return "multilex"
	case oidGemscript:
		return "gemscript"
	}
	return system
}

// take gives an entry its code and words.
func (c coded) take(e *record.Entry) {
	e.Code, e.Others, e.Text = c.code, c.others, c.text()
	e.Malformed = c.malformed
	e.Qualifiers = append(e.Qualifiers, c.qualifiers...)
	e.Notes = append(e.Notes, c.notes...)
}

// quantity reads a PQ: its number as written, and the unit a clinician reads,
// which stands in the translation (S §6.1).
func (d *decoder) quantity() (number, unit string) {
	number = strings.TrimSpace(d.r.Attr("value"))
	if unit = strings.TrimSpace(d.r.Attr("unit")); unit == "1" {
		unit = ""
	}
	for name := range d.r.Children(Namespace) {
		if name != "translation" || d.r.Repeated() {
			continue
		}
		for part := range d.r.Children(Namespace) {
			if part == "originalText" && !d.r.Repeated() {
				unit = d.words()
			}
		}
	}
	return number, unit
}

const typeSpace = "http://www.w3.org/2001/XMLSchema-instance"

// typeOf is the xsi:type of the current element, without a prefix.
func (d *decoder) typeOf() string {
	for name, value := range d.r.Attrs() {
		if name.Space == typeSpace && name.Local == "type" {
			_, local, prefixed := strings.Cut(value, ":")
			if prefixed {
				return local
			}
			return value
		}
	}
	return ""
}
