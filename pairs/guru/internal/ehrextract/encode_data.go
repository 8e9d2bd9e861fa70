package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// digits is a date as HL7 writes it, at its precision: 4, 6, 8, 12 or 14
// digits, and the zone of one that states a time (S §6.1).
func digits(d record.Date) string {
	switch zone := d.Zone(); {
	case d.Precision() < record.PrecisionMinute || zone == "":
		return d.Digits()
	case zone == "Z":
		return d.Digits() + "+0000"
	default:
		return d.Digits() + strings.Replace(zone, ":", "", 1)
	}
}

// stamp writes a point in time, or that it is not known.
func stamp(w *xmlio.Writer, name string, d record.Date) {
	if d.IsZero() {
		w.Empty(name, "nullFlavor", unknown)
		return
	}
	w.Empty(name, "value", digits(d))
}

// The elements that stand in nearly every statement as they are.
var (
	completed  = []byte(`<statusCode code="COMPLETE"/>`)
	noInterval = []byte(`<effectiveTime><center nullFlavor="` + noInformation + `"/></effectiveTime>`)
)

// center writes an interval of one point: the statement's own time where it
// is not the one of availabilityTime, else that nothing is said.
func center(w *xmlio.Writer, d record.Date) {
	if d.IsZero() {
		w.Raw(noInterval)
		return
	}
	w.Start("effectiveTime")
	w.Empty("center", "value", digits(d))
	w.End()
}

// interval writes what began and ended. An end without a beginning has a low
// that is not known, so that no reader takes it for the beginning.
func interval(w *xmlio.Writer, low, high record.Date) {
	if low.IsZero() && high.IsZero() {
		center(w, record.Date{})
		return
	}
	w.Start("effectiveTime")
	stamp(w, "low", low)
	if !high.IsZero() {
		stamp(w, "high", high)
	}
	w.End()
}

const numerals = "1234567890"

// wholeNumber reports a number of digits alone.
func wholeNumber(s string) bool {
	return s != "" && len(s) <= 9 && strings.Trim(s, numerals) == ""
}

// quantity writes a PQ: the unit is always 1, the one a clinician reads stands
// in the translation (S §6.1).
func quantity(w *xmlio.Writer, name, number, unit string, attrs ...string) {
	w.Start(name, append(attrs, "value", number, "unit", "1")...)
	unitOf(w, number, unit)
	w.End()
}

func unitOf(w *xmlio.Writer, number, unit string) {
	if unit == "" {
		return
	}
	w.Start("translation", "value", number)
	w.Element("originalText", unit)
	w.End()
}

// appendCode appends the attributes of a code, or nothing where the format has
// no system for it.
func appendCode(attrs []string, c mapping.Code) []string {
	system, value, ok := wireCode(c)
	if !ok {
		return attrs
	}
	attrs = append(attrs, "code", value, "codeSystem", system)
	if c.Term != "" {
		attrs = append(attrs, "displayName", c.Term)
	}
	return attrs
}

// concept writes a code with the words it was recorded in, its qualifiers and
// its translations. Without a code of the format it is the words alone.
func concept(w *xmlio.Writer, name string, c mapping.Code, words string, qualifiers []record.Qualifier, others []mapping.Code, extra ...string) {
	var usual [8]string
	attrs := append(usual[:0], extra...)
	if hasCode(c) {
		attrs = appendCode(attrs, c)
		if words == c.Term {
			words = ""
		}
	} else {
		attrs = append(attrs, "nullFlavor", unknown)
	}
	if words == "" && len(qualifiers) == 0 && len(others) == 0 {
		w.Empty(name, attrs...)
		return
	}
	w.Start(name, attrs...)
	w.Optional("originalText", words)
	writeQualifiers(w, qualifiers)
	for _, o := range others {
		bareCode(w, "translation", o)
	}
	w.End()
}

func writeQualifiers(w *xmlio.Writer, qualifiers []record.Qualifier) {
	for _, q := range qualifiers {
		w.Start("qualifier", "inverted", "false")
		qualifierPart(w, "name", q.NameCode, q.Name)
		qualifierPart(w, "value", q.ValueCode, q.Value)
		w.End()
	}
}

// qualifierPart writes the name or value of a qualifier where there is one.
func qualifierPart(w *xmlio.Writer, name string, c mapping.Code, words string) {
	if c.IsZero() && words == "" {
		return
	}
	concept(w, name, c, words, nil, nil)
}

// bareCode writes a code alone, without the words it was recorded in.
func bareCode(w *xmlio.Writer, name string, c mapping.Code) {
	var usual [6]string
	w.Empty(name, appendCode(usual[:0], c)...)
}
