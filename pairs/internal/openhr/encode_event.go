package openhr

import (
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// extra is what an entry says beyond its elements: its own texts that have not
// found one, and lines the encoder adds.
type extra struct {
	texts []record.Text
	lines []string
}

// gather begins what an entry says beyond its elements, in the memory of the
// entry before it: one entry is written at a time, and nobody keeps its lines.
func (x *encoder) gather(texts []record.Text) *extra {
	n := &x.beyond
	n.texts, n.lines = append(n.texts[:0], texts...), n.lines[:0]
	return n
}

// line adds a labelled line.
func (n *extra) line(label, value string) {
	if value != "" {
		n.lines = append(n.lines, label+": "+value)
	}
}

// defaulted says which value the format forced (safety §D.1 D-7).
func (n *extra) defaulted(what string) {
	n.lines = append(n.lines, "Defaulted to "+what+": not stated at source")
}

// take removes the first text of a label, so that it is written in an element.
// ok judges whether the element can hold it.
func (n *extra) take(label string, ok func(string) bool) string {
	for i, t := range n.texts {
		if t.Label == label {
			if ok != nil && !ok(t.Value) {
				return ""
			}
			n.texts = slices.Delete(n.texts, i, i+1)
			return t.Value
		}
	}
	return ""
}

// entry writes what of an entry is an event: all of it for most, none for a
// consultation or task that is written as such.
func (x *encoder) entry(e *record.Entry) {
	switch {
	case !native(e):
		x.plainEvent(e)
	case e.Kind == record.KindConsultation:
		x.consultationText(e)
	case e.Kind == record.KindAdministration:
	case e.Kind == record.KindProblem:
		if x.defined(e) {
			return
		}
		x.event(e)
	default:
		x.event(e)
	}
}

// bodyOf names the element an entry's event has in the end.
func bodyOf(e *record.Entry) string {
	if !native(e) {
		return "observation"
	}
	switch e.Kind {
	case record.KindMedication:
		return "medication"
	case record.KindIssue:
		return "medicationIssue"
	case record.KindDiary:
		return "diary"
	case record.KindReferral:
		return "referral"
	case record.KindReport:
		return "report"
	case record.KindAlert:
		return "alert"
	case record.KindRequest:
		return "orderHeader"
	case record.KindAllergy:
		if targetDrug(e) {
			return "allergy"
		}
	case record.KindConsultation, record.KindAdministration:
		return ""
	}
	return "observation"
}

// typeOf is the event type of an entry.
func (x *encoder) typeOf(e *record.Entry) string {
	if !native(e) {
		if e.Kind == record.KindAllergy && e.Allergy != nil && !e.Allergy.Ended && e.Outcome == record.Degraded {
			return "ALL" // where a clinician looks for it
		}
		return "OBS"
	}
	switch e.Kind {
	case record.KindResult:
		if v := e.Value; v != nil && (v.Number != "" || v.Text != "" || v.Unreadable != "") || len(x.of(e).children) == 0 {
			return "VAL"
		}
		return "INV"
	case record.KindRequest:
		return "TR"
	case record.KindMedication:
		return "MED"
	case record.KindIssue:
		return "ISS"
	case record.KindAllergy:
		return "ALL"
	case record.KindImmunisation:
		return "IMM"
	case record.KindFamilyHistory:
		return "FH"
	case record.KindDiary:
		return "DRY"
	case record.KindReferral:
		return "REF"
	case record.KindDocument:
		return "ATT"
	case record.KindAlert:
		return "ALT"
	case record.KindReport:
		return "REP"
	}
	return "OBS"
}

// plainEvent writes an entry that the receiver cannot have as what it is: its
// words first, then everything it says, in one text (safety §D.1). A degraded
// one has its degrade code.
func (x *encoder) plainEvent(e *record.Entry) {
	n := x.gather(nil)
	code := mapping.Code{}
	switch e.Outcome {
	case record.FailedEntry:
		n.lines = append(n.lines, "An entry at "+e.At+" could not be read.")
	case record.Degraded:
		n.words(e)
		code = e.Target
	default:
		n.words(e)
	}
	x.missingLinks(e, n)
	w := x.health
	x.eventHead(e, n)
	if system, value, ok := writeCode(code); ok {
		w.Start("code", "codeSystem", system, "displayName", code.Term, "code", value)
		w.End()
		if fits(e.Text, 200) {
			w.Element("displayTerm", e.Text)
		}
	} else {
		w.Element("displayTerm", "")
	}
	x.text(w, "POST", n.lines)
	x.eventTail(e)
	w.Start("observation")
	x.complexObservation(w, e)
	w.End()
	w.End()
}

// eventHead writes the elements every event begins with.
func (x *encoder) eventHead(e *record.Entry, n *extra) {
	w := x.health
	own := e
	if native(e) && e.Kind == record.KindProblem { // its problem element is its own
		own = nil
	}
	x.start(w, "event", own)
	w.Element("id", x.of(e).id)
	w.Element("patient", x.patient)
	w.Element("eventType", x.typeOf(e))
	x.datePart(w, "effectiveTime", e.Date)
	x.recorded(w, e, n)
	w.Optional("authorisingUserInRole", x.person(e.Author))
	w.Optional("enteredByUserInRole", x.person(e.EnteredBy))
}

// recorded writes when the entry was typed in; the element holds no less than
// a day.
func (x *encoder) recorded(w *xmlio.Writer, e *record.Entry, n *extra) {
	if e.Recorded.IsZero() {
		return
	}
	if s, ok := moment(e.Recorded); ok {
		w.Element("availabilityTimeStamp", s)
	} else {
		n.line("Recorded", e.Recorded.Words())
	}
}

func (x *encoder) eventTail(e *record.Entry) {
	w := x.health
	w.Optional("organisation", x.place(e.Place))
	w.Optional("confidentialityPolicy", x.policy(e.Confidential))
}

// event writes an entry as what it is. Its body is written first, aside, for
// what finds no place in it goes into the text before it.
func (x *encoder) event(e *record.Entry) {
	n := x.gather(e.Texts)
	b := &x.aside
	b.Reset()
	x.body(b, e, n)
	x.partLines(e, n)

	w := x.health
	x.eventHead(e, n)
	display, whole := e.Text, ""
	if !fits(display, 200) {
		display, whole = "", e.Text
	}
	code := e.Target
	if code.IsZero() && e.Allergy != nil {
		code = e.Allergy.Substance // an allergy coded only in a drug scheme of EMIS
	}
	others := translations(e, n)
	var before []string
	if system, value, ok := writeCode(code); ok {
		w.Start("code", "codeSystem", system, "displayName", code.Term, "code", value)
		x.codeParts(w, e.Qualifiers, others)
		w.End()
	} else if e.Text != "" && e.Kind != record.KindNote {
		w.Start("code", "codeSystem", systemUnknown, "displayName", e.Text)
		x.codeParts(w, e.Qualifiers, others)
		w.End()
	} else {
		before = qualifierLines(e.Qualifiers)
		for _, c := range others {
			n.lines = append(n.lines, record.SourceCode(c))
		}
	}
	w.Element("displayTerm", display)
	n.lines = append(n.lines, e.Notes...)
	x.texts(w, whole, before, n)
	x.eventTail(e)
	w.Raw(b.Bytes())
	w.End()
}

// partLines gathers what the elements that belong to an event, but stand
// elsewhere, cannot say: its document, and the problems it defines.
func (x *encoder) partLines(e *record.Entry, n *extra) {
	if e.Kind == record.KindDocument {
		x.documentExtra(e, n)
	}
	if e.Kind == record.KindProblem {
		x.problemLines(e, n)
		return
	}
	x.missingLinks(e, n)
	if p := x.of(e).problem; p != nil {
		x.problemLines(p, n)
		n.texts = append(n.texts, p.Texts...)
		n.lines = append(n.lines, p.Notes...)
	}
}

// translations are the codes written beside the entry's own: the sender's,
// where the entry comes from this family of systems. The code a translated
// entry had is a line, with what the sender put beside it (D-2).
func translations(e *record.Entry, n *extra) []mapping.Code {
	same := e.Target.Scheme == e.Code.Scheme || e.Code.IsZero()
	if !same {
		n.lines = append(n.lines, record.SourceCode(e.Code))
	}
	var codes []mapping.Code
	for _, c := range e.Others {
		if _, _, ok := writeCode(c); ok && same {
			codes = append(codes, c)
		} else {
			n.lines = append(n.lines, record.SourceCode(c))
		}
	}
	return codes
}

// codeParts writes the qualifiers and translations of an entry's code.
func (x *encoder) codeParts(w *xmlio.Writer, qualifiers []record.Qualifier, others []mapping.Code) {
	for _, q := range qualifiers {
		w.Start("qualifier")
		dtCode(w, "name", q.NameCode, q.Name)
		dtCode(w, "value", q.ValueCode, q.Value)
		w.End()
	}
	for _, c := range others {
		dtCode(w, "translation", c, c.Term)
	}
}

// dtCode writes a dt.Code; without a code of this format it is words alone.
func dtCode(w *xmlio.Writer, name string, c mapping.Code, words string) {
	if system, value, ok := writeCode(c); ok {
		w.Empty(name, "codeSystem", system, "displayName", words, "code", value)
		return
	}
	w.Empty(name, "codeSystem", systemUnknown, "displayName", words)
}

// textGroup is what stands in one associated text.
type textGroup struct {
	kind   string
	values []string
}

// texts writes the associated texts: the entry's own by their type, and behind
// the plain comment every line without an element. No type stands twice on one
// event, for readers of this format refuse that (E §1.3).
func (x *encoder) texts(w *xmlio.Writer, whole string, before []string, n *extra) {
	x.groups = x.groups[:0]
	if whole != "" {
		x.group("POST", whole)
	}
	x.group("POST", before...)
	var labelled []string
	for _, t := range n.texts {
		if kind, ok := vocText.value(t.Label); ok {
			x.group(kind, t.Value)
		} else {
			labelled = append(labelled, t.Label+": "+t.Value)
		}
	}
	x.group("POST", labelled...)
	x.group("POST", n.lines...)
	for _, g := range x.groups {
		x.text(w, g.kind, g.values)
	}
}

// group puts values into the group of their kind. A new one takes the memory
// of one of the entry before.
func (x *encoder) group(kind string, values ...string) {
	if len(values) == 0 {
		return
	}
	i := slices.IndexFunc(x.groups, func(g textGroup) bool { return g.kind == kind })
	if i < 0 {
		i = len(x.groups)
		x.groups = slices.Grow(x.groups, 1)[:i+1]
		x.groups[i].kind, x.groups[i].values = kind, x.groups[i].values[:0]
	}
	x.groups[i].values = append(x.groups[i].values, values...)
}

// text writes lines as one text, unless they say nothing.
func (x *encoder) text(w *xmlio.Writer, kind string, lines []string) {
	if len(lines) == 0 || len(lines) == 1 && lines[0] == "" {
		return
	}
	w.Start("associatedText", "associatedTextType", kind)
	w.Lines("value", lines)
	w.End()
}

// missingLinks says the links that no element of another entry holds. A link
// to what is withheld is not said.
func (x *encoder) missingLinks(e *record.Entry, n *extra) {
	if written(e.Parent) && !x.parentHolds(e) {
		n.line("Part of", e.Parent.Name())
	}
	for _, l := range e.Problems {
		if written(l.Problem) && !x.linkHolds(e, l) {
			n.line("Linked problem", l.Problem.Name())
		}
	}
}

// datePart writes a date at its precision.
func (x *encoder) datePart(w *xmlio.Writer, name string, d record.Date) {
	switch d.Precision() {
	case record.PrecisionUnknown:
		w.Empty(name, "datepart", "U")
	case record.PrecisionYear:
		w.Empty(name, "datepart", "Y", "value", d.Wall()+"-01-01T00:00:00")
	case record.PrecisionMonth:
		w.Empty(name, "datepart", "YM", "value", d.Wall()+"-01T00:00:00")
	case record.PrecisionDay:
		s, _ := moment(d)
		w.Empty(name, "datepart", "YMD", "value", s)
	default:
		s, _ := moment(d)
		w.Empty(name, "datepart", "YMDT", "value", s)
	}
}

// moment writes a dateTime; a day is written as its midnight, without a zone.
// It reports false for a date that does not state the day.
func moment(d record.Date) (string, bool) {
	if d.Precision() < record.PrecisionDay {
		return "", false
	}
	zone := d.Zone()
	if d.Precision() == record.PrecisionDay || !zoneHolds(zone) {
		zone = ""
	}
	s := d.Digits() + "000000"[len(d.Digits())-len("20060102"):]
	return s[:4] + "-" + s[4:6] + "-" + s[6:8] + "T" + s[8:10] + ":" + s[10:12] + ":" + s[12:] + zone, true
}

// zoneHolds reports a zone as XML Schema writes it.
func zoneHolds(z string) bool {
	if z == "Z" {
		return true
	}
	if len(z) != 6 || z[0] != '+' && z[0] != '-' || z[3] != ':' || strings.Trim(z[1:3]+z[4:], "1234567890") != "" {
		return false
	}
	return z[1:3] < "14" && z[4:] < "60"
}

// date writes an xs:date, or a line where the day is not stated or a time is.
func date(w *xmlio.Writer, name string, f record.Field, d record.Date, n *extra) {
	day := d.Day()
	w.Optional(name, day)
	if !d.IsZero() && (day == "" || d.Clock() != "") {
		n.say(f, d.Words())
	}
}

// limited writes words that fit, else a line.
func limited(w *xmlio.Writer, name string, f record.Field, value string, limit int, n *extra) {
	if fits(value, limit) {
		w.Optional(name, value)
	} else {
		n.say(f, value)
	}
}
