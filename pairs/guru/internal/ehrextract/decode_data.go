package ehrextract

import (
	"errors"
	"regexp"
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
		if len(zone) == 5 {
			zone = zone[:3] + ":" + zone[3:]
		}
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
		switch name {
		case "center":
			center = d.time(e, "Date")
		case "low":
			low = d.time(e, "From")
		case "high":
			high = d.time(e, "Until")
		}
	}
	return center, low, high
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
	for name := range d.r.Children(Namespace) {
		switch name {
		case "originalText":
			c.words = strings.TrimSpace(d.r.Text())
		case "translation":
			value := strings.TrimSpace(d.r.Attr("code"))
			if other, err := readCode(d.r.Attr("codeSystem"), value, d.r.Attr("displayName"), drug); err == nil {
				c.others = append(c.others, other)
			} else if value != "" {
				c.notes = append(c.notes, strings.TrimSpace("Source code: "+schemeName(d.r.Attr("codeSystem"))+" "+value))
			}
		case "qualifier":
			c.qualifiers = append(c.qualifiers, d.qualifier())
		}
	}
	return c
}

func (d *decoder) qualifier() record.Qualifier {
	var q record.Qualifier
	for name := range d.r.Children(Namespace) {
		part := d.concept(false)
		switch name {
		case "name":
			q.Name, q.NameCode = part.text(), part.code
		case "value":
			q.Value, q.ValueCode = part.text(), part.code
		}
	}
	switch strings.ToLower(q.Value) {
	case "absent", "known absent", "negated", "excluded", "denied":
		q.Meaning = record.Negates
	case "suspected", "possible", "probable", "uncertain", "query":
		q.Meaning = record.Doubts
	}
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
		if read, ok := strings.CutPrefix(native, "ALLERGY-READ2-"); ok {
			return allergyRead(read, term)
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

// allergyRead is the Read code in an EMIS code of an allergy: five characters,
// the dots left out (S §6.0 "12 forms seen"). Which term was meant is not said.
func allergyRead(read, term string) (mapping.Code, error) {
	if read == "" || len(read) > 5 {
		return mapping.Code{}, errSystem
	}
	c := mapping.Code{Scheme: mapping.ReadV2, Value: read + "....."[len(read):], Term: term}
	if err := c.Check(); err != nil {
		return mapping.Code{}, err
	}
	return c, nil
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
		if name != "translation" {
			continue
		}
		for part := range d.r.Children(Namespace) {
			if part == "originalText" {
				unit = strings.TrimSpace(d.r.Text())
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

// value reads the result of an observation.
func (d *decoder) value(v *record.Value, e *record.Entry) {
	switch kind := d.typeOf(); kind {
	case "PQ":
		v.Number, v.Unit = d.quantity()
	case "IVL_PQ":
		d.valueRange(v)
	case "CD", "CE", "CV", "CO":
		c := d.concept(false)
		v.Text = c.text()
		e.Others = append(e.Others, c.others...)
		if !c.code.IsZero() {
			e.Notes = append(e.Notes, "Value code: "+record.CodeWords(c.code))
		}
		e.Notes = append(e.Notes, c.notes...)
	default:
		v.Text = strings.TrimSpace(d.r.Text())
		if v.Text == "" {
			v.Text = strings.TrimSpace(d.r.Attr("value"))
		}
		if v.Text == "" {
			d.unrecognised(e)
		}
	}
}

// valueRange reads an interval: of one bound it is a comparator, of two a range.
func (d *decoder) valueRange(v *record.Value) {
	type bound struct{ number, unit, inclusive string }
	var low, high *bound
	for name := range d.r.Children(Namespace) {
		b := &bound{inclusive: d.r.Attr("inclusive")}
		b.number, b.unit = d.quantity()
		switch {
		case b.number == "":
		case name == "low":
			low = b
		case name == "high":
			high = b
		}
	}
	sign := func(b *bound, open, closed string) string {
		if b.inclusive == "false" {
			return open
		}
		return closed
	}
	compared := func(b *bound, sign string) {
		v.Number, v.Unit, v.Comparator = b.number, b.unit, mapping.Code{Scheme: schemeComparator, Value: sign, Term: sign}
	}
	switch {
	case low != nil && high != nil:
		v.Unreadable = strings.TrimSpace(low.number + " - " + high.number + " " + high.unit)
	case low != nil:
		compared(low, sign(low, ">", ">="))
	case high != nil:
		compared(high, sign(high, "<", "<="))
	}
}

// said is a value that SystmOne says in the text of an annotation alone (S §6.1
// "Value: [~|<|<=|>|>=] <decimal> <unit>").
var said = regexp.MustCompile(`(?m)^Value: (~|<=|>=|<|>)? ?(-?[0-9]+(?:\.[0-9]+)?)(?: (.*))?$`)

// saidRange is the line after it.
var saidRange = regexp.MustCompile(`(?m)^Reference range: (.*?)\.?(?: Interpretation Code: .*)?$`)

// annotated reads the value in an annotation where the statement has none of its
// own. The words stay as they are.
func annotated(e *record.Entry) {
	for _, t := range e.Texts {
		m := said.FindStringSubmatch(t.Value)
		if m == nil || e.Value != nil {
			continue
		}
		v := &record.Value{Number: m[2], Unit: strings.TrimSpace(m[3])}
		switch m[1] {
		case "":
		case "~":
			v.Unreadable = strings.TrimSpace("~ " + m[2] + " " + m[3])
			v.Number = ""
		default:
			v.Comparator = mapping.Code{Scheme: schemeComparator, Value: m[1], Term: m[1]}
		}
		if r := saidRange.FindStringSubmatch(t.Value); r != nil {
			v.Ranges = []record.Range{{Words: r[1]}}
		}
		e.Value = v
		e.Kind = record.KindResult
	}
}
