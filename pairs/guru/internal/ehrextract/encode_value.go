package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// numeric reports a result that the value element can hold as a number.
func numeric(v *record.Value) bool {
	_, known := boundOf(v.Comparator.Value)
	return v.Unreadable == "" && xmlio.Decimal(v.Number) && (v.Comparator.IsZero() || known)
}

// textual reports a result in words that the value element holds.
func textual(v *record.Value) bool {
	return v.Unreadable == "" && v.Number == "" && v.Text != "" && v.Comparator.IsZero() && v.Unit == ""
}

// bound is the side of an interval a comparator stands for.
type bound struct {
	side      string
	inclusive string
}

// boundOf is the interval of a comparator: less than five is one that ends
// below five (S §6.1 "Measured supplier differences").
func boundOf(comparator string) (bound, bool) {
	switch comparator {
	case "<":
		return bound{"high", "false"}, true
	case "<=":
		return bound{"high", "true"}, true
	case ">":
		return bound{"low", "false"}, true
	case ">=":
		return bound{"low", "true"}, true
	}
	return bound{}, false
}

// value writes the result of an observation, where the element can hold it.
func (x *encoder) value(v *record.Value) {
	w := x.w
	b, compared := boundOf(v.Comparator.Value)
	switch {
	case numeric(v) && compared:
		w.Start("value", "xsi:type", "IVL_PQ")
		quantity(w, b.side, v.Number, v.Unit, "inclusive", b.inclusive)
		w.End()
	case numeric(v):
		quantity(w, "value", v.Number, v.Unit, "xsi:type", "PQ")
	case textual(v):
		w.Element("value", v.Text, "xsi:type", "ST")
	}
}

// interpretation writes the source's flag: one of the national codes, or its
// words.
func (x *encoder) interpretation(v *record.Value) {
	switch v.AbnormalAs {
	case "":
	case "HI", "LO", "PA":
		x.w.Empty("interpretationCode", "code", v.AbnormalAs, "codeSystem", oidInterpretation)
	default:
		concept(x.w, "interpretationCode", mapping.Code{}, v.AbnormalAs, nil, nil)
	}
}

// ranges writes the ranges that the element can hold whole.
func (x *encoder) ranges(v *record.Value) {
	w := x.w
	for _, g := range v.Ranges {
		w.Start("referenceRange", "typeCode", "REFV")
		w.Start("referenceInterpretationRange", "classCode", "OBS", "moodCode", "EVN.CRT")
		if rangeHolds(g) {
			w.Optional("text", g.Words)
			rangeValue(w, g)
		} else {
			w.Element("text", g.String())
		}
		closing(w, 2)
	}
}

// rangeHolds reports a range of which the elements say everything.
func rangeHolds(g record.Range) bool {
	if g.Qualifier+g.AppliesTo+g.LowOp+g.HighOp != "" {
		return false
	}
	return (g.Low == "" || xmlio.Decimal(g.Low)) && (g.High == "" || xmlio.Decimal(g.High)) && (g.Low+g.High != "" || g.Unit == "")
}

func rangeValue(w *xmlio.Writer, g record.Range) {
	if g.Low+g.High == "" {
		return
	}
	w.Start("value")
	if g.Low != "" {
		quantity(w, "low", g.Low, g.Unit)
	}
	if g.High != "" {
		quantity(w, "high", g.High, g.Unit)
	}
	w.End()
}

// held reports a fact that the elements of an entry's statement hold.
func held(e *record.Entry, f record.Field) bool {
	v := e.Value
	switch f {
	case record.FactValueNumber:
		return numeric(v)
	case record.FactValueText:
		return textual(v)
	case record.FactValueUnreadable: // the clinician's own line says it
		return strings.Contains(texts(e), "Value: "+v.Unreadable)
	case record.FactValueUnit:
		return v.Unreadable != "" && strings.Contains(v.Unreadable, v.Unit)
	case record.FactValueRange, record.FactValueAbnormalAs:
		return true
	case record.FactProblemStatus, record.FactProblemSignificance, record.FactProblemEnd:
		return true
	case record.FactAllergySubstance:
		return substanceHeld(e)
	case record.FactAllergyDetails:
		return substanceHeld(e) && e.Allergy.Details != ""
	case record.FactAllergyEnded: // SystmOne's own words say it
		return endedOn.MatchString(texts(e))
	}
	return false
}

// battery writes an entry with its parts: a report, or a set of readings. What
// it says itself beyond its code stands as the first text in it.
func (x *encoder) battery(e *record.Entry) {
	w := x.w
	class := "BATTERY"
	if e.Kind == record.KindReport || e.Target.IsZero() {
		class = "CLUSTER"
	}
	x.compound(e, class, x.of(e).id)
	var lines []string
	if native(e) {
		texts, more, others := x.sayings(e)
		concept(w, "code", e.Target, e.Text, codedQualifiers(e), others)
		lines = append(texts, more...)
		v := e.Value
		if v != nil {
			lines = append(lines, valueLines(e)...)
		}
	} else {
		concept(w, "code", e.Target, e.Text, nil, nil)
		lines = x.context(x.words(e), e)
	}
	x.times(e)
	if len(lines) > 0 {
		x.open()
		x.narrative(nil, x.derive("battery", x.of(e).id), e.Date, lines)
		w.End()
	}
	for _, c := range x.of(e).children {
		if x.of(c).done {
			continue
		}
		x.component(c)
	}
	x.participant(e)
	x.compounded()
}

// valueLines are the facts of a value that a compound statement, which has no
// value of its own, says in words.
func valueLines(e *record.Entry) []string {
	n := &extra{}
	e.EachFact(func(f record.Fact) {
		if f.Field.Body() == "Value" && held(e, f.Field) {
			n.lines = append(n.lines, f.Line())
		}
	})
	return n.lines
}
