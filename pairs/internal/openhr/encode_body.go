package openhr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// body writes the one body an event has, and gathers what does not fit it.
func (x *encoder) body(w *xmlio.Writer, e *record.Entry, n *extra) {
	name := bodyOf(e)
	switch name {
	case "observation":
		x.observation(w, e, n)
	case "medication":
		x.medication(w, e, n)
	case "medicationIssue":
		x.issue(w, e, n)
	case "diary":
		x.diary(w, e, n)
	case "referral":
		x.referral(w, e, n)
	case "report":
		x.report(w, e, n)
	case "alert":
		x.alert(w, n)
	case "orderHeader":
		x.order(w, n)
	case "allergy":
		x.targetDrug(w, e)
	}
	x.foreign(e, name, n)
}

// foreign gathers the facts that the body an entry has in the end has no
// element for.
func (x *encoder) foreign(e *record.Entry, body string, n *extra) {
	gather := func(f record.Fact) {
		if !held(e, body, f.Field) {
			n.fact(f)
		}
	}
	if body == "observation" || body == "allergy" { // which hold the value
		e.EachBodyFact(gather)
	} else {
		e.EachFact(gather)
	}
}

// held reports a fact that the entry's elements, or the lines written with
// them, hold already.
func held(e *record.Entry, body string, f record.Field) bool {
	switch f.Body() {
	case "Episodicity", "Value":
		return body == "observation" || body == "allergy"
	case "Medication":
		return body == "medication" || body == "medicationIssue"
	case "Diary":
		return body == "diary"
	case "Referral":
		return body == "referral"
	case "Report":
		return body == "report"
	case "Document":
		return e.Kind == record.KindDocument
	case "Problem":
		return e.Kind == record.KindProblem
	}
	switch f {
	case record.FactImmunisationNotGiven:
		return denied(e)
	case record.FactAllergySubstance:
		return body == "allergy" || e.Target.IsZero()
	case record.FactAllergyDetails:
		return body == "allergy"
	case record.FactAllergyType: // the code says so
		shown := e.Target
		if body == "allergy" || e.Target.IsZero() {
			shown = e.Allergy.Substance
		}
		_, kind := allergySubstance(shown.Scheme)
		return kind != "" && e.Allergy.Type.Value == kind
	}
	return false
}

// targetDrug reports an allergy whose drug EMIS coded beside it: the deprecated
// body holds that, and nothing an observation holds but the result status.
func targetDrug(e *record.Entry) bool {
	a, v := e.Allergy, e.Value
	if a == nil || e.Target.IsZero() || e.Code.Scheme != e.Target.Scheme || !e.Episodicity.IsZero() {
		return false
	}
	if v != nil && (v.Number+v.Text+v.Unreadable+v.AbnormalAs != "" || len(v.Ranges) > 0 || !v.Abnormal.IsZero()) {
		return false
	}
	class, _ := allergySubstance(a.Substance.Scheme)
	_, _, ok := writeCode(a.Substance)
	return ok && class != record.AllergyUnclear
}

func (x *encoder) targetDrug(w *xmlio.Writer, e *record.Entry) {
	if v := e.Value; v != nil && v.Status.Value != "" {
		w.Start("allergy", "resultStatus", v.Status.Value)
	} else {
		w.Start("allergy")
	}
	a := e.Allergy
	dtCode(w, "targetDrug", a.Substance, cmp.Or(a.Details, a.Substance.Term))
	w.End()
}

// denied reports an entry that one of its qualifiers denies.
func denied(e *record.Entry) bool {
	return slices.ContainsFunc(e.Qualifiers, func(q record.Qualifier) bool { return q.Meaning == record.Negates })
}

// observation writes the body most kinds have.
func (x *encoder) observation(w *xmlio.Writer, e *record.Entry, n *extra) {
	v := e.Value
	if v == nil {
		v = &record.Value{}
	}
	// MedicalRecord knows a final result (FR), OpenHR has no value for one.
	if _, known := vocResult.word(v.Status.Value); known {
		w.Start("observation", "resultStatus", v.Status.Value)
	} else {
		w.Start("observation")
		if !v.Status.IsZero() {
			n.facts(e, record.FactValueStatus)
		}
	}
	x.value(w, e, v, n)
	switch {
	case v.Abnormal.Value != "" && v.AbnormalAs != "":
		w.Empty("abnormal", "value", v.Abnormal.Value, "description", v.AbnormalAs)
	case v.Abnormal.Value != "":
		w.Empty("abnormal", "value", v.Abnormal.Value)
	case v.AbnormalAs != "" || !v.Abnormal.IsZero():
		n.facts(e, record.FactValueAbnormal, record.FactValueAbnormalAs)
	}
	x.complexObservation(w, e)
	w.Optional("episodicity", e.Episodicity.Value)
	if e.Kind == record.KindDocument {
		w.Element("referenceDocument", x.documentID(e))
	}
	w.End()
}

// complexObservation points at the parts of a battery, in their order.
func (x *encoder) complexObservation(w *xmlio.Writer, e *record.Entry) {
	parts := x.of(e).children
	if len(parts) == 0 {
		return
	}
	w.Start("complexObservation")
	for _, part := range parts {
		w.Element("childLink", x.of(part).id)
	}
	w.End()
}

// value writes a number or a text, with the ranges that fit.
func (x *encoder) value(w *xmlio.Writer, e *record.Entry, v *record.Value, n *extra) {
	n.say(record.FactValueUnreadable, v.Unreadable)
	numeric := xmlio.Decimal(v.Number) && fits(v.Unit, 50)
	if v.Number != "" && !numeric {
		n.facts(e, record.FactValueNumber)
	}
	if !numeric && v.Text == "" {
		n.facts(e, record.FactValueUnit, record.FactValueComparator, record.FactValueRange)
		return
	}
	var own *record.Range
	w.Start("value")
	for i, g := range v.Ranges {
		switch {
		case !rangeFits(g):
			n.say(record.FactValueRange, g.String())
		case own == nil && !strings.HasPrefix(g.Qualifier, available):
			own = &v.Ranges[i]
		default:
			x.valueRange(w, "availableRange", g)
		}
	}
	if numeric {
		n.say(record.FactValueText, v.Text)
		w.Start("numeric")
		w.Optional("operator", v.Comparator.Value)
		w.Element("value", v.Number)
		w.Optional("units", v.Unit)
		w.Optional("ucumUnits", n.take(ucumUnit, func(s string) bool { return fits(s, 50) }))
	} else {
		n.facts(e, record.FactValueUnit)
		_, text := v.Words(v.Comparator.Value) // the element has no operator: "<" stands before the words
		w.Start("text")
		w.Element("value", text)
	}
	if own != nil {
		x.valueRange(w, "range", *own)
	}
	w.End()
	w.End()
}

// rangeFits reports a range the schema can hold whole.
func rangeFits(g record.Range) bool {
	kind := strings.TrimPrefix(strings.TrimPrefix(g.Qualifier, available), ": ")
	if _, known := vocRange.value(kind); kind != "" && !known {
		return false
	}
	if _, _, ok := appliesTo(g.AppliesTo); !ok {
		return false
	}
	bounds := g.Low != "" || g.High != ""
	if bounds == (g.Words != "") || !fits(g.Words, 50) || !fits(g.Unit, 50) || !fits(g.LowOp, 10) || !fits(g.HighOp, 10) {
		return false
	}
	return numericBounds(g) || g.LowOp == "" && g.HighOp == ""
}

func numericBounds(g record.Range) bool {
	return (g.Low == "" || xmlio.Decimal(g.Low)) && (g.High == "" || xmlio.Decimal(g.High)) && g.Low+g.High != ""
}

func (x *encoder) valueRange(w *xmlio.Writer, name string, g record.Range) {
	kind := strings.TrimPrefix(strings.TrimPrefix(g.Qualifier, available), ": ")
	if q, _ := vocRange.value(kind); q != "" {
		w.Start(name, "qualifier", q)
	} else {
		w.Start(name)
	}
	switch {
	case g.Words != "":
		w.Element("description", g.Words)
	case numericBounds(g):
		w.Start("numericRange")
		bound(w, "low", g.Low, g.LowOp)
		bound(w, "high", g.High, g.HighOp)
		w.End()
	default:
		w.Start("textRange")
		w.Optional("low", g.Low)
		w.Optional("high", g.High)
		w.End()
	}
	w.Optional("units", g.Unit)
	sex, age, _ := appliesTo(g.AppliesTo)
	w.Optional("sex", sex)
	if age[0] != "" {
		w.Start("ageRange")
		w.Empty("low", "unit", age[1], "value", age[0])
		w.Empty("high", "unit", age[3], "value", age[2])
		w.End()
	}
	w.End()
}

func bound(w *xmlio.Writer, name, value, operator string) {
	switch {
	case value == "":
	case operator == "":
		w.Empty(name, "value", value)
	default:
		w.Empty(name, "value", value, "operator", operator)
	}
}

// appliesTo reads the words of a range's sex and age back: value, unit, value,
// unit of the age. Other words have no element.
func appliesTo(s string) (sex string, age [4]string, ok bool) {
	for part := range strings.SplitSeq(s, ", ") {
		if part == "" {
			continue
		}
		if v, known := vocSex.value(part); known && sex == "" {
			sex = v
			continue
		}
		f := strings.Fields(part)
		if len(f) != 6 || f[0] != "age" || f[3] != "to" || age[0] != "" {
			return "", age, false
		}
		low, okLow := vocAge.value(f[2])
		high, okHigh := vocAge.value(f[5])
		if !okLow || !okHigh || !number(f[1], 32767) || !number(f[4], 32767) {
			return "", age, false
		}
		age = [4]string{f[1], low, f[4], high}
	}
	return sex, age, true
}

// number reports a whole number up to a limit.
func number(s string, limit int) bool {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || len(s) > 10 {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return s != "" && n <= limit
}

const maxInt = 1<<31 - 1

func (x *encoder) diary(w *xmlio.Writer, e *record.Entry, n *extra) {
	b := e.Diary
	if b == nil {
		b = &record.DiaryBody{}
	}
	n.facts(e, record.FactDiaryType)
	w.Start("diary")
	limited(w, "durationTerm", record.FactDiaryDuration, b.Duration, 50, n)
	if b.Place != "" {
		w.Empty("locationType", "codeSystem", systemUnknown, "displayName", b.Place)
	}
	w.Optional("isComplete", b.Status.Value)
	for _, s := range b.Reminders {
		kind, at, by, ok := reminderOf(s)
		if !ok {
			n.say(record.FactDiaryReminder, s)
			continue
		}
		w.Start("reminder", "updateMode", "add")
		w.Element("reminderType", kind)
		w.Element("reminderTime", at)
		w.Element("userInRole", x.namedPerson(by))
		w.End()
	}
	w.End()
}

// reminderOf reads a reminder's words back into its parts.
func reminderOf(s string) (kind, at, by string, ok bool) {
	words, rest, found := strings.Cut(s, " at ")
	at, by, found2 := strings.Cut(rest, " by ")
	kind, known := vocReminder.value(words)
	d, err := record.ParseISO(at)
	if !found || !found2 || !known || err != nil {
		return "", "", "", false
	}
	at, ok = moment(d)
	return kind, at, by, ok
}

func (x *encoder) referral(w *xmlio.Writer, e *record.Entry, n *extra) {
	f := e.Referral
	if f == nil {
		f = &record.Referral{}
	}
	details := map[string]string{}
	for _, q := range f.Details {
		if _, twice := details[q.Name]; twice || !detailHolds(q) {
			n.line(q.Name, q.Value)
			continue
		}
		details[q.Name] = q.Value
	}
	w.Start("referral")
	x.speciality(w, f, details, n)
	if f.ToPerson != "" {
		w.Element("targetUserInRole", x.namedPerson(f.ToPerson))
	}
	w.Optional("targetOrganisation", x.namedPlace(f.To))
	w.Optional("requestType", f.Request.Value)
	limited(w, "reason", record.FactReferralReason, f.Reason, 255, n)
	w.Optional("community", details["Community"])
	w.Optional("urgency", f.Urgency.Value)
	w.Optional("NHS", opposite(f.Private.Value))
	w.Optional("transport", f.Transport.Value)
	w.Optional("referralRef", details["Reference"])
	w.Optional("direction", f.Direction.Value)
	w.Optional("sourceOrganisation", x.namedPlace(f.From))
	w.Optional("datedReferral", details["Dated"])
	w.Optional("rejectedReason", details["Rejected"])
	w.Optional("referralMode", f.Mode.Value)
	w.Optional("UBRN", f.Reference)
	for s := n.take(relatedEntry, x.isNamed); s != ""; s = n.take(relatedEntry, x.isNamed) {
		w.Element("referralActivity", x.byName[s])
	}
	n.facts(e, record.FactReferralEnded)
	w.End()
}

func (x *encoder) speciality(w *xmlio.Writer, f *record.Referral, details map[string]string, n *extra) {
	national, short := details["National specialty code"], details["Specialty abbreviation"]
	if f.Specialty == "" {
		n.line("National specialty code", national)
		n.line("Specialty abbreviation", short)
		return
	}
	attrs := []string{"codeSystem", systemUnknown, "displayName", f.Specialty}
	if national != "" {
		attrs = append(attrs, "nationalCode", national)
	}
	if short != "" {
		attrs = append(attrs, "specialityAbbreviation", short)
	}
	w.Empty("speciality", attrs...)
}

// detailHolds reports a detail of a referral that has an element able to hold
// it.
func detailHolds(q record.Qualifier) bool {
	switch q.Name {
	case "National specialty code":
		return number(q.Value, maxInt)
	case "Specialty abbreviation":
		return fits(q.Value, 10)
	case "Community":
		return q.Value == "true" || q.Value == "false"
	case "Reference":
		return fits(q.Value, 50)
	case "Dated":
		return isDay(q.Value)
	case "Rejected":
		return fits(q.Value, 200)
	}
	return false
}

func isDay(s string) bool {
	d, err := record.ParseISO(s)
	return err == nil && d.Precision() == record.PrecisionDay && d.Wall() == s
}

func opposite(flag string) string {
	switch flag {
	case "true":
		return "false"
	case "false":
		return "true"
	}
	return ""
}

func isBool(s string) bool { return s == "true" || s == "false" }

// alert writes when a warning is to be shown. One whose source does not say
// is shown when a consultation starts.
func (x *encoder) alert(w *xmlio.Writer, n *extra) {
	flag := func(name, missing string) {
		value := n.take(alertLabel(name), isBool)
		if value == "" {
			value = missing
			n.defaulted(alertLabel(name) + ", " + missing)
		}
		w.Element(name, value)
	}
	w.Start("alert")
	flag("triggerBookSlot", "false")
	flag("triggerAriveSwap", "false")
	flag("showConsultation", "true")
	w.Optional("expires", n.take(alertLabel("expires"), isDay))
	w.End()
}

// order writes what a test request says of itself.
func (x *encoder) order(w *xmlio.Writer, n *extra) {
	w.Start("orderHeader")
	w.Optional("Urgent", n.take(orderLabel("Urgent"), isBool))
	w.Optional("inoculationRisk", n.take(orderLabel("inoculationRisk"), isBool))
	w.Optional("fasted", n.take(orderLabel("fasted"), isBool))
	w.Optional("clinicalDetails", n.take(orderLabel("clinicalDetails"), nil))
	w.Optional("sampleWorkflowTaskId", n.take(orderLabel("sampleWorkflowTaskId"), isUID))
	if by := n.take("Sampled by", nil); by != "" {
		w.Element("sampledByUserInRole", x.namedPerson(by))
	}
	mode, _ := vocRequestMode.value(n.take("Request mode", func(s string) bool { _, ok := vocRequestMode.value(s); return ok }))
	w.Optional("requestMode", mode)
	w.Optional("onlineTrackerGUID", n.take(orderLabel("onlineTrackerGUID"), isUID))
	w.End()
}

// relatedEntry labels what a referral points at, in the words of its name.
const relatedEntry = "Related entry"

// isNamed reports the words of exactly one entry.
func (x *encoder) isNamed(words string) bool {
	if x.byName == nil {
		x.byName = map[string]string{}
		for i, e := range x.rec.Entries {
			id := x.placed[i].id
			if id == "" {
				continue
			}
			if name := e.Name(); !isEvent(e) || x.byName[name] != "" {
				x.byName[name] = ambiguous
			} else {
				x.byName[name] = id
			}
		}
	}
	id := x.byName[words]
	return id != "" && id != ambiguous
}

const ambiguous = "several"
