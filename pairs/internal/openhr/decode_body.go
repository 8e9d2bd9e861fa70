package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// value is the entry's result, made at first use.
func (it *item) value() *record.Value {
	if it.Value == nil {
		it.Value = &record.Value{}
	}
	return it.Value
}

// observation reads the body most events have.
func (d *decoder) observation(it *item) {
	for name, value := range d.r.Attrs() {
		if name.Local != "resultStatus" {
			it.attribute(name, value)
			continue
		}
		it.enumerated(&it.value().Status, schemeResult, vocResult, "Result status", strings.TrimSpace(value))
	}
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		switch name {
		case "value":
			d.observationValue(it)
		case "abnormal":
			v := it.value()
			it.enumerated(&v.Abnormal, schemeAbnormal, vocAbnormal, "Abnormal", d.r.Attr("value"))
			v.AbnormalAs = d.r.Attr("description")
			d.attrs(it, "value", "description")
			d.empty(it)
		case "complexObservation":
			d.complexObservation(it)
		case "episodicity":
			it.enumerated(&it.Episodicity, schemeEpisodicity, vocEpisodicity, "Episodicity", d.token(it))
		case "referenceDocument":
			it.documentID = d.token(it)
		default:
			d.unknown(it)
		}
	}
}

// complexObservation reads the tree of a battery. The deprecated link upward
// says nothing the links downward do not.
func (d *decoder) complexObservation(it *item) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "childLink":
			it.children = append(it.children, d.token(it))
		case "parentLink":
			it.parentID = d.token(it)
		default:
			d.unknown(it)
		}
	}
}

func (d *decoder) observationValue(it *item) {
	v := it.value()
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		switch name {
		case "availableRange":
			d.valueRange(it, available)
		case "numeric":
			d.numeric(it, v)
		case "text":
			d.textValue(it, v)
		default:
			d.unknown(it)
		}
	}
}

// numeric reads a number. One the schema would not take for a decimal, or one
// beside an operator nobody knows, is shown as written and never structured.
func (d *decoder) numeric(it *item, v *record.Value) {
	operator, number, ucum := "", "", ""
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		switch name {
		case "operator":
			operator = d.token(it)
		case "value":
			number = d.token(it)
		case "units":
			v.Unit = d.token(it)
		case "ucumUnits":
			ucum = d.token(it)
		case "range":
			d.valueRange(it, "")
		default:
			d.unknown(it)
		}
	}
	words, known := operatorWords(operator)
	if operator != "" && !known || !xmlio.Decimal(number) {
		v.Unreadable = strings.Join(strings.Fields(operator+" "+number+" "+v.Unit), " ")
	} else {
		v.Number = number
		if known {
			v.Comparator = mapping.Code{Scheme: schemeOperator, Value: operator, Term: words}
		}
	}
	switch {
	case v.Unit == "":
		v.Unit = ucum
	case ucum != v.Unit:
		it.fact(ucumUnit, ucum)
	}
}

const ucumUnit = "UCUM unit"

func (d *decoder) textValue(it *item, v *record.Value) {
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		switch name {
		case "value":
			v.Text = d.leaf(it)
		case "range":
			d.valueRange(it, "")
		default:
			d.unknown(it)
		}
	}
}

// available marks a range that stands beside the value, not in it.
const available = "Available range"

// valueRange reads a range. Whether its bounds belong to it is not stated
// (E §1.5 (5)).
func (d *decoder) valueRange(it *item, kind string) {
	var g record.Range
	if q := d.r.Attr("qualifier"); q != "" {
		g.Qualifier = it.listed(vocRange, "Range", q)
	}
	if kind != "" {
		g.Qualifier = strings.TrimSuffix(kind+": "+g.Qualifier, ": ")
	}
	d.attrs(it, "qualifier")
	for name := range d.r.Children(Namespace) {
		switch name {
		case "description":
			g.Words = d.leaf(it)
		case "numericRange":
			d.bounds(it, &g, true)
		case "textRange":
			d.bounds(it, &g, false)
		case "units":
			g.Unit = d.token(it)
		case "sex":
			g.AppliesTo = strings.TrimPrefix(g.AppliesTo+", "+it.listed(vocSex, "Range sex", d.token(it)), ", ")
		case "ageRange":
			g.AppliesTo = strings.TrimPrefix(g.AppliesTo+", "+d.ageRange(it), ", ")
		default:
			d.unknown(it)
		}
	}
	v := it.value()
	v.Ranges = append(v.Ranges, g)
}

func (d *decoder) bounds(it *item, g *record.Range, numeric bool) {
	bound := func() (string, string) {
		if !numeric {
			return d.leaf(it), ""
		}
		value, operator := strings.TrimSpace(d.r.Attr("value")), strings.TrimSpace(d.r.Attr("operator"))
		d.attrs(it, "value", "operator")
		d.empty(it)
		return value, operator
	}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "low":
			g.Low, g.LowOp = bound()
		case "high":
			g.High, g.HighOp = bound()
		default:
			d.unknown(it)
		}
	}
}

// ageRange reads to whom a range applies, in words that ageOf reads back.
func (d *decoder) ageRange(it *item) string {
	var ends [2]string
	for name := range d.r.Children(Namespace) {
		age := strings.TrimSpace(d.r.Attr("value")) + " " + vocAge.words(d.r.Attr("unit"))
		switch name {
		case "low":
			ends[0] = age
		case "high":
			ends[1] = age
		default:
			d.unknown(it)
			continue
		}
		d.attrs(it, "value", "unit")
		d.empty(it)
	}
	return "age " + ends[0] + " to " + ends[1]
}

// diary reads a plan; effectiveTime is when it is due (E §1.3).
func (d *decoder) diary(it *item) {
	b := &record.DiaryBody{}
	it.Diary = b
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		switch name {
		case "durationTerm":
			b.Duration = d.token(it)
		case "locationType":
			b.Place = d.codeWords(it)
		case "isComplete":
			it.enumerated(&b.Status, schemeComplete, vocComplete, "Complete", d.token(it))
		case "reminder":
			if line := d.reminder(it, len(b.Reminders)); line != "" {
				b.Reminders = append(b.Reminders, line)
			}
		default:
			d.unknown(it)
		}
	}
}

// reminder reads one reminder as "kind at time by name", which reminderOf
// reads back.
func (d *decoder) reminder(it *item, i int) string {
	if d.deletedPart() {
		return ""
	}
	kind, at, by := "", "", ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "reminderType":
			kind = it.listed(vocReminder, "Reminder", d.token(it))
		case "reminderTime":
			at = it.moment("Reminder", d.leaf(it)).String()
		case "userInRole":
			by = d.token(it)
		default:
			d.unknown(it)
		}
	}
	d.later = append(d.later, func() { it.Diary.Reminders[i] += d.person(by).Name() })
	return kind + " at " + at + " by "
}

// referral reads a request to another service.
func (d *decoder) referral(it *item) {
	f := &record.Referral{}
	it.Referral = f
	detail := func(label, value string) {
		if value != "" {
			f.Details = append(f.Details, record.Qualifier{Name: label, Value: value})
		}
	}
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		switch name {
		case "speciality":
			c := d.r.Attr("nationalCode")
			short := d.r.Attr("specialityAbbreviation")
			f.Specialty = d.speciality(it)
			detail("National specialty code", c)
			detail("Specialty abbreviation", short)
		case "targetUserInRole":
			id := d.token(it)
			d.later = append(d.later, func() { f.ToPerson = d.person(id).Name() })
		case "targetOrganisation":
			id := d.token(it)
			d.later = append(d.later, func() { f.To = d.place(id).Title() })
		case "sourceOrganisation":
			id := d.token(it)
			d.later = append(d.later, func() { f.From = d.place(id).Title() })
		case "requestType":
			it.enumerated(&f.Request, schemeRequest, vocRequest, "Referral request", d.token(it))
		case "reason":
			f.Reason = d.leaf(it)
		case "community":
			detail("Community", d.token(it))
		case "urgency":
			it.enumerated(&f.Urgency, schemeUrgency, vocUrgency, "Urgency", d.token(it))
		case "NHS":
			d.referralNHS(it, f)
		case "transport":
			it.enumerated(&f.Transport, schemeTransport, vocTransport, "Transport", d.token(it))
		case "referralRef":
			detail("Reference", d.token(it))
		case "direction":
			it.enumerated(&f.Direction, schemeDirection, vocDirection, "Direction", d.token(it))
		case "datedReferral":
			detail("Dated", it.date("Dated", d.leaf(it)).String())
		case "rejectedReason":
			detail("Rejected", d.leaf(it))
		case "referralMode":
			it.enumerated(&f.Mode, schemeMode, vocMode, "Mode", d.token(it))
		case "UBRN":
			f.Reference = d.token(it)
		case "referralActivity":
			it.activities = append(it.activities, d.token(it))
		default:
			d.unknown(it)
		}
	}
}

// referralNHS reads the flag that is the other way round from ours.
func (d *decoder) referralNHS(it *item, f *record.Referral) {
	value := d.token(it)
	switch value {
	case "true":
		value = "false"
	case "false":
		value = "true"
	}
	it.enumerated(&f.Private, schemePrivate, vocPrivate, "NHS", value)
}

// speciality reads a code with the two attributes a specialty has beside it.
func (d *decoder) speciality(it *item) string {
	c := readCode(d.r.Attr("codeSystem"), d.r.Attr("code"), d.r.Attr("displayName"))
	d.attrs(it, "codeSystem", "code", "displayName", "nationalCode", "specialityAbbreviation")
	d.empty(it)
	if c.code == "" {
		return c.display
	}
	return strings.TrimSpace(c.display + " (" + c.raw() + ")")
}

// alert reads when a warning is to be shown. The labels are read back by the
// encoder.
func (d *decoder) alert(it *item) {
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		if label := alertLabel(name); label != "" {
			it.fact(label, d.token(it))
		} else {
			d.unknown(it)
		}
	}
}

func alertLabel(name string) string {
	switch name {
	case "triggerBookSlot":
		return "Warn when booking an appointment"
	case "triggerAriveSwap":
		return "Warn when the patient arrives"
	case "showConsultation":
		return "Warn when starting a consultation"
	case "expires":
		return "Expires"
	}
	return ""
}

// allergyBody reads the deprecated body: the preparation an allergy was first
// recorded against.
func (d *decoder) allergyBody(it *item) {
	it.Allergy = &record.Allergy{}
	for name, value := range d.r.Attrs() {
		if name.Local != "resultStatus" {
			it.attribute(name, value)
			continue
		}
		it.enumerated(&it.value().Status, schemeResult, vocResult, "Result status", strings.TrimSpace(value))
	}
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		if name != "targetDrug" {
			d.unknown(it)
			continue
		}
		c := d.code(it)
		d.empty(it)
		it.Allergy.Details, it.Allergy.Substance = c.display, c.parsed
		if c.malformed {
			it.Malformed = true
			it.note("Source code: " + c.raw())
		}
	}
}
