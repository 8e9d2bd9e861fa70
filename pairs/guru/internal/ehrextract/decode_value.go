package ehrextract

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// value reads the result of an observation. A number that is none is kept as it
// is written and never structured.
func (d *decoder) value(v *record.Value, e *record.Entry) {
	switch kind := d.typeOf(); kind {
	case "PQ", "INT", "REAL", "MO":
		v.Number, v.Unit = d.quantity()
		if v.Number != "" && !xmlio.Decimal(v.Number) {
			v.Number, v.Unit, v.Unreadable = "", "", strings.TrimSpace(v.Number+" "+v.Unit)
		}
	case "IVL_PQ":
		d.valueRange(v, e)
	case "RTO", "RTO_PQ_PQ", "RTO_MO_PQ", "RTO_QTY_QTY":
		d.ratio(v, e)
	case "CD", "CE", "CV", "CO":
		c := d.concept(false)
		v.Text = c.text()
		e.Others = append(e.Others, c.others...)
		if !c.code.IsZero() {
			e.Notes = append(e.Notes, "Value code: "+record.CodeWords(c.code))
		}
		e.Notes = append(e.Notes, c.notes...)
	default:
		if v.Text = d.words(); v.Text == "" {
			v.Text = strings.TrimSpace(d.r.Attr("value"))
		}
		if v.Text == "" && d.r.Attr("nullFlavor") == "" {
			d.unrecognised(e)
		}
	}
}

// ratio reads one of two quantities, which nothing else has a place for, as words
// (safety §1.6, NIAD-1560).
func (d *decoder) ratio(v *record.Value, e *record.Entry) {
	var parts [2]string
	for name := range d.r.Children(Namespace) {
		switch name {
		case "numerator", "denominator":
			number, unit := d.quantity()
			i := 0
			if name == "denominator" {
				i = 1
			}
			parts[i] = strings.TrimSpace(number + " " + unit)
		default:
			d.unrecognised(e)
		}
	}
	v.Text = record.Join(" / ", parts[0], parts[1])
}

// limit is one side of an interval as it is written.
type limit struct{ number, unit, inclusive string }

// sign is the comparator a limit stands for.
func (l *limit) sign(open, closed string) string {
	if l.inclusive == "false" {
		return open
	}
	return closed
}

// limits reads both sides of an interval, nil for one that is not there.
func (d *decoder) limits(e *record.Entry) (low, high *limit) {
	for name := range d.r.Children(Namespace) {
		if d.again(e, name) {
			continue
		}
		l := &limit{inclusive: d.r.Attr("inclusive")}
		l.number, l.unit = d.quantity()
		switch {
		case name != "low" && name != "high":
			d.unrecognised(e)
		case l.number == "":
		case name == "low":
			low = l
		default:
			high = l
		}
	}
	return low, high
}

// valueRange reads an interval: of one bound it is a comparator; of two it is a
// range, which is shown with both (safety §1.6, PSA QuantityMapper).
func (d *decoder) valueRange(v *record.Value, e *record.Entry) {
	low, high := d.limits(e)
	compared := func(l *limit, sign string) {
		if !xmlio.Decimal(l.number) {
			v.Unreadable = strings.TrimSpace(sign + " " + l.number + " " + l.unit)
			return
		}
		v.Number, v.Unit, v.Comparator = l.number, l.unit, mapping.Code{Scheme: schemeComparator, Value: sign, Term: sign}
	}
	switch {
	case low != nil && high != nil:
		unit := low.unit
		if unit == high.unit {
			unit = ""
		}
		words := strings.TrimSpace(low.number + " " + unit)
		if low.inclusive == "false" {
			words = "> " + words
		}
		words += " - "
		if high.inclusive == "false" {
			words += "< "
		}
		v.Unreadable = strings.TrimSpace(words + high.number + " " + high.unit)
	case low != nil:
		compared(low, low.sign(">", ">="))
	case high != nil:
		compared(high, high.sign("<", "<="))
	}
}

// reference reads a reference range.
func (d *decoder) reference(v *record.Value, e *record.Entry) {
	g := record.Range{}
	var walk func()
	walk = func() {
		for name := range d.r.Children(Namespace) {
			switch name {
			case "referenceInterpretationRange":
				walk()
			case "text":
				g.Words = d.words()
			case "value":
				d.rangeValue(&g, e)
			default:
				d.unrecognised(e)
			}
		}
	}
	walk()
	if g != (record.Range{}) {
		v.Ranges = append(v.Ranges, g)
	}
}

// rangeValue reads the limits of a range. One that is not itself normal has a
// sign, for the number alone would say that it is.
func (d *decoder) rangeValue(g *record.Range, e *record.Entry) {
	low, high := d.limits(e)
	if low != nil {
		g.Low, g.Unit = low.number, low.unit
		if low.inclusive == "false" {
			g.LowOp = ">"
		}
	}
	if high != nil {
		g.High = high.number
		if high.unit != "" {
			g.Unit = high.unit
		}
		if high.inclusive == "false" {
			g.HighOp = "<"
		}
	}
}

// unknownUnit is how SystmOne says that a value has a unit it does not know.
const unknownUnit = "Unk UoM"

// annotated reads the value that SystmOne says in the text of an annotation alone
// (S §6.1), where the statement has none of its own. The words stay as they are,
// and of two values neither is chosen.
func annotated(e *record.Entry) {
	if v := e.Value; v != nil && v.Number+v.Text+v.Unreadable != "" {
		return
	}
	read, ok := record.ParseAnnotatedValue(texts(e))
	if !ok {
		return
	}
	if e.Value == nil {
		e.Value = &record.Value{}
	}
	e.Kind = record.KindResult
	v := e.Value
	if v.Number, v.Unit = read.Number, read.Unit; v.Unit == unknownUnit {
		v.Unit = ""
	}
	switch read.Comparator {
	case "":
	case "~": // which the format has no bound for
		v.Number, v.Unreadable = "", strings.TrimSpace("~ "+read.Number+" "+read.Unit)
	default:
		v.Comparator = mapping.Code{Scheme: schemeComparator, Value: read.Comparator, Term: read.Comparator}
	}
	if words := rangeWords(read.Range); words != "" && len(v.Ranges) == 0 {
		v.Ranges = []record.Range{{Words: words}}
	}
	if flag := strings.TrimSuffix(read.Interpretation, "."); v.AbnormalAs == "" && !strings.EqualFold(flag, "normal") { // which flags nothing
		v.AbnormalAs = flag
	}
}

// rangeWords is a range as the annotation words it.
func rangeWords(g record.Range) string {
	switch {
	case g.Low != "" && g.High != "":
		return g.Low + " - " + g.High
	case g.Low != "":
		return g.LowOp + " " + g.Low
	case g.High != "":
		return g.HighOp + " " + g.High
	}
	return g.Words
}
