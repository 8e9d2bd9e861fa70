package openhr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// report writes the heading of a set of results. Its batteries are pointed at
// in their order.
func (x *encoder) report(w *xmlio.Writer, e *record.Entry, n *extra) {
	p := e.Report
	if p == nil {
		p = &record.Report{}
	}
	w.Start("report")
	switch p.Abnormal {
	case vocAbnormal.words("true"):
		w.Element("abnormal", "true")
	case vocAbnormal.words("false"):
		w.Element("abnormal", "false")
	default:
		n.say(record.FactReportAbnormal, p.Abnormal)
	}
	date(w, "issueDate", record.FactReportIssued, p.Issued, n)
	optionalMoment(w, "receivedDate", record.FactReportReceived, p.Received, n)
	kind, known := vocReport.value(p.Type)
	w.Optional("dataType", kind)
	if !known {
		n.say(record.FactReportType, p.Type)
	}
	w.Optional("reportLabId", n.take(reportLabel("reportLabId"), func(s string) bool { return fits(s, 50) }))
	w.Optional("requestLabId", n.take(reportLabel("requestLabId"), func(s string) bool { return fits(s, 50) }))
	x.takeMoment(w, "requestDateTimeLab", reportLabel("requestDateTimeLab"), n)
	w.Optional("serviceOrganisation", x.namedPlace(p.Provider))
	w.Optional("servicePerson", n.take(reportLabel("servicePerson"), func(s string) bool { return fits(s, 50) }))
	w.Optional("messageId", n.take(reportLabel("messageId"), func(s string) bool { return number(s, maxInt) }))
	for _, s := range p.Comments {
		w.Element("reportSummary", s)
	}
	x.specimen(w, e, p, n)
	w.End()
	n.facts(e, record.FactReportResult, record.FactReportStatus, record.FactReportFollowUp)
}

func (x *encoder) specimen(w *xmlio.Writer, e *record.Entry, p *record.Report, n *extra) {
	text := func(name string, limit int) {
		w.Optional(name, n.take(specimenLabel(name), func(s string) bool { return fits(s, limit) }))
	}
	if p.Specimen != "" || !p.Collected.IsZero() {
		w.Start("component")
		w.Start("specimen", "updateMode", "add")
		text("labSpecimenReference", 100)
		limited(w, "specimenType", record.FactReportSpecimen, p.Specimen, 100, n)
		text("fastingStatus", 50)
		w.Optional("volume", n.take(specimenLabel("volume"), xmlio.Decimal))
		text("volumeUnits", 50)
		text("collectionProcedure", 50)
		text("anatomicalOrigin", 50)
		optionalMoment(w, "sampleDateTime", record.FactReportCollected, p.Collected, n)
		for _, name := range []string{"collectionStartDate", "collectionEndDate", "dateTimeReceivedByLab"} {
			x.takeMoment(w, name, specimenLabel(name), n)
		}
		for s := n.take(specimenLabel("comment"), nil); s != ""; s = n.take(specimenLabel("comment"), nil) {
			w.Element("comment", s)
		}
		w.End()
		w.End()
	}
	for _, part := range x.of(e).children {
		w.Start("component")
		w.Element("battery", x.of(part).id)
		w.End()
	}
}

// optionalMoment writes a dateTime, or a line where the day is not stated.
func optionalMoment(w *xmlio.Writer, name string, f record.Field, d record.Date, n *extra) {
	if d.IsZero() {
		return
	}
	if s, ok := moment(d); ok {
		w.Element(name, s)
	} else {
		n.say(f, d.Words())
	}
}

// takeMoment writes a text that is a date in a dateTime element.
func (x *encoder) takeMoment(w *xmlio.Writer, name, label string, n *extra) {
	if s := n.take(label, isMoment); s != "" {
		d, _ := record.ParseISO(s)
		s, _ = moment(d)
		w.Element(name, s)
	}
}

// encounter writes a consultation with its lines in order.
func (x *encoder) encounter(e *record.Entry) {
	w, c := x.health, e.Consultation
	if c == nil {
		c = &record.Consultation{}
	}
	of := x.of(e)
	of.extra = x.consultationExtra(e)
	if c.Open {
		x.start(w, "encounter", e, "complete", "false")
	} else {
		x.start(w, "encounter", e)
	}
	w.Element("id", x.of(e).id)
	w.Element("patient", x.patient)
	x.datePart(w, "effectiveTime", e.Date)
	if s, ok := moment(e.Recorded); ok {
		w.Element("availabilityTimeStamp", s)
	}
	w.Optional("authorisingUserInRole", x.person(e.Author))
	w.Optional("enteredByUserInRole", x.person(e.EnteredBy))
	w.Optional("organisation", x.place(e.Place))
	w.Optional("confidentialityPolicy", x.policy(e.Confidential))
	w.Optional("consultationType", listedType(e))
	w.Optional("location", x.namedPlace(c.Place))
	openCode(w, "locationType", c.Type, c.TypeText)
	for _, name := range also(e) {
		w.Element("accompanyingHCP", x.namedPerson(name))
	}
	writeDuration(w, "duration", c.Duration)
	writeDuration(w, "travelTime", c.Travel)
	if len(of.extra) > 0 {
		x.component(w, x.derive("consultation", of.id, ""), "0", mapping.Code{}, "Additional")
	}
	for _, item := range c.Items {
		if id := x.of(item.Entry).id; item.Entry != nil && id != "" && isEvent(item.Entry) {
			x.component(w, id, item.Page, item.Heading, item.Words)
		}
	}
	w.Optional("externalConsulter", c.External)
	w.End()
}

func (x *encoder) component(w *xmlio.Writer, event, page string, heading mapping.Code, words string) {
	w.Start("component", "updateMode", "add")
	w.Element("event", event)
	if number(page, 255) {
		w.Element("problemPage", page)
	}
	openCode(w, "heading", heading, words)
	w.End()
}

// openCode writes a value of an open list: a SNOMED CT code, or words with an
// empty code as EMIS writes them.
func openCode(w *xmlio.Writer, name string, c mapping.Code, words string) {
	if words == "" {
		words = c.Term
	}
	if words == "" && c.Value == "" {
		return
	}
	switch snomed := (mapping.Code{Scheme: mapping.SNOMED, Value: c.Value}); {
	case snomed.Valid():
		w.Empty(name, "codeSystem", systemSNOMED, "displayName", words, "code", c.Value)
	default:
		w.Empty(name, "codeSystem", systemSNOMED, "displayName", cmp.Or(words, c.Value), "code", "")
	}
}

// listedType is the deprecated consultation type, where it is in its list.
func listedType(e *record.Entry) string {
	for _, t := range e.Texts {
		if t.Label == consultationType {
			value, _ := vocConsultation.value(t.Value)
			return value
		}
	}
	if c := e.Consultation; c != nil && c.Type.Value != "" {
		if _, listed := vocConsultation.word(c.Type.Value); listed {
			return c.Type.Value
		}
	}
	return ""
}

// also are the people present beside the author.
func also(e *record.Entry) []string {
	var names []string
	for _, t := range e.Texts {
		if t.Label == "Also present" {
			names = append(names, t.Value)
		}
	}
	return names
}

// durationOf reads a duration's words back: "10 minutes".
func durationOf(s string) (unit, value string, ok bool) {
	if s == "" {
		return "", "", false
	}
	value, words, _ := strings.Cut(s, " ")
	unit, known := vocTime.value(words)
	return unit, value, known && number(value, maxInt)
}

func writeDuration(w *xmlio.Writer, name, s string) {
	if unit, value, ok := durationOf(s); ok {
		w.Empty(name, "unit", unit, "value", value)
	}
}

// consultationExtra are the lines a consultation has no element for.
func (x *encoder) consultationExtra(e *record.Entry) []string {
	n := x.gather(nil)
	c := e.Consultation
	if c == nil {
		c = &record.Consultation{}
	}
	if e.Text != c.TypeText {
		n.line("Consultation", e.Text)
	}
	n.lines = append(n.lines, qualifierLines(e.Qualifiers)...)
	for _, t := range e.Texts {
		switch t.Label {
		case "":
			n.lines = append(n.lines, t.Value)
		case "Also present":
		case consultationType:
			if _, listed := vocConsultation.value(t.Value); !listed {
				n.line(t.Label, t.Value)
			}
		default:
			n.line(t.Label, t.Value)
		}
	}
	if _, ok := moment(e.Recorded); !ok {
		n.date("Recorded", e.Recorded)
	}
	if _, _, ok := durationOf(c.Duration); !ok {
		n.say(record.FactConsultationDuration, c.Duration)
	}
	if _, _, ok := durationOf(c.Travel); !ok {
		n.say(record.FactConsultationTravel, c.Travel)
	}
	for _, item := range c.Items {
		if item.Entry == nil || x.of(item.Entry).id == "" || isEvent(item.Entry) {
			continue
		}
		n.line(record.Join(", ", item.Words, pageWords(item.Page)), item.Entry.Name())
	}
	n.lines = append(n.lines, e.Notes...)
	if !e.Code.IsZero() {
		n.lines = append(n.lines, record.SourceCode(e.Code))
	}
	for _, code := range e.Others {
		n.lines = append(n.lines, record.SourceCode(code))
	}
	x.missingLinks(e, n)
	return slices.Clone(n.lines)
}

// consultationText writes those lines as the consultation's first free text.
func (x *encoder) consultationText(e *record.Entry) {
	of := x.of(e)
	if len(of.extra) == 0 {
		return
	}
	w := x.health
	x.start(w, "event", nil)
	w.Element("id", x.derive("consultation", of.id, ""))
	w.Element("patient", x.patient)
	w.Element("eventType", "OBS")
	x.datePart(w, "effectiveTime", e.Date)
	w.Optional("authorisingUserInRole", x.person(e.Author))
	w.Element("displayTerm", "")
	x.text(w, "POST", of.extra)
	x.eventTail(e)
	w.Empty("observation")
	w.End()
}

// problem writes what makes an event a problem. What it says beyond its
// elements stands in the text of that event, see problemLines.
func (x *encoder) problem(e *record.Entry) {
	w, p := x.health, e.Problem
	x.start(w, "problem", e)
	w.Element("id", x.of(e).id)
	w.Optional("status", p.Status.Value)
	w.Optional("significance", p.Significance.Value)
	writeDuration(w, "expectedDuration", p.ExpectedDuration)
	if !p.End.IsZero() {
		x.datePart(w, "endTime", p.End)
	}
	owner, _ := vocOwner.value(p.Owner)
	w.Optional("owner", owner)
	for _, up := range p.Parents {
		if x.parentProblemHolds(up) {
			relation, _ := vocRelation.value(up.Relation)
			w.Start("parentProblem", "updateMode", "add")
			w.Element("id", x.of(up.Problem).id)
			w.Element("relationshipType", relation)
			w.Element("organisation", x.place(x.practice))
			w.End()
		}
	}
	for _, l := range x.of(e).links {
		w.Start("eventLink", "updateMode", "add")
		w.Element("id", x.of(l.entry).id)
		w.Element("eventType", x.typeOf(l.entry))
		w.Optional("eventLinkType", l.link.Value)
		w.End()
	}
	w.End()
}

// parentProblemHolds reports a link up that the element can say.
func (x *encoder) parentProblemHolds(up record.ParentProblem) bool {
	_, known := vocRelation.value(up.Relation)
	return known && written(up.Problem) && native(up.Problem) && up.Problem.Kind == record.KindProblem
}

// problemLines are what the problem element cannot say.
func (x *encoder) problemLines(e *record.Entry, n *extra) {
	p := e.Problem
	if _, _, ok := durationOf(p.ExpectedDuration); !ok {
		n.say(record.FactProblemDuration, p.ExpectedDuration)
	}
	if _, ok := vocOwner.value(p.Owner); !ok {
		n.say(record.FactProblemOwner, p.Owner)
	}
	for _, up := range p.Parents {
		if written(up.Problem) && !x.parentProblemHolds(up) {
			n.say(record.FactProblemParent, record.Join(", ", up.Problem.Name(), up.Relation))
		}
	}
	x.missingLinks(e, n)
}

// documentID is the identifier of the document an event refers to.
func (x *encoder) documentID(e *record.Entry) string { return x.derive("document", x.of(e).id, "") }

// documentExtra writes nothing: it gathers what the document element cannot
// say into the text of the event, and takes what it can.
func (x *encoder) documentExtra(e *record.Entry, n *extra) {
	d := e.Document
	if d == nil {
		return
	}
	if !fits(d.Name, 500) {
		n.say(record.FactDocumentName, d.Name)
	}
	if !fits(d.Title, 1000) {
		n.say(record.FactDocumentTitle, d.Title)
	}
	if _, ok := vocLocator.value(d.Locator); !ok {
		n.say(record.FactDocumentLocator, d.Locator)
	}
	n.facts(e, record.FactDocumentMIME, record.FactDocumentSize, record.FactDocumentSender, record.FactDocumentRecipient,
		record.FactDocumentDirection, record.FactDocumentComments)
	n.take(uploadedBy, nil)
	n.take(produced, isMoment)
	n.take(reference, isURI)
}

func isMoment(s string) bool {
	d, err := record.ParseISO(s)
	_, ok := moment(d)
	return err == nil && ok
}

// isURI is cautious: what is not plainly a reference is written as words.
func isURI(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"{}|\^%`+"`", r) }) < 0
}

// document writes the document an event refers to.
func (x *encoder) document(e *record.Entry) {
	w, d := x.health, e.Document
	if d == nil {
		d = &record.Document{}
	}
	n := x.gather(e.Texts)
	x.start(w, "document", nil)
	w.Element("id", x.documentID(e))
	if fits(d.Name, 500) {
		w.Optional("name", d.Name)
	}
	if fits(d.Title, 1000) {
		w.Optional("description", d.Title)
	}
	if by := n.take(uploadedBy, nil); by != "" {
		w.Element("uploadUserInRole", x.namedPerson(by))
	}
	x.takeMoment(w, "producedTime", produced, n)
	if d.Deleted {
		w.Element("deleted", "true")
	}
	locator, _ := vocLocator.value(d.Locator)
	w.Optional("locator", locator)
	if s := n.take(reference, isURI); s != "" {
		w.Start("data")
		w.Element("reference", s)
		w.End()
	}
	if d.Type != "" {
		w.Empty("code", "codeSystem", systemUnknown, "displayName", d.Type)
	}
	w.End()
}

// task writes an administrative entry: all it says is its description.
func (x *encoder) task(e *record.Entry) {
	w := x.health
	n := x.gather(nil)
	n.words(e)
	first := 0
	if fits(e.Text, 512) && e.Text != "" { // the subject has the first line
		first = 1
	}
	x.start(w, "task", e)
	w.Element("id", x.of(e).id)
	w.Element("patient", x.patient)
	w.Optional("creatingUserInRole", x.person(e.Author))
	if s, ok := moment(e.Date); ok {
		w.Element("createdDate", s)
	} else {
		n.date("Date", e.Date)
	}
	x.missingLinks(e, n)
	if fits(e.Text, 512) {
		w.Optional("subject", e.Text)
	}
	n.date("Recorded", e.Recorded)
	if e.EnteredBy != nil {
		n.line("Entered by", e.EnteredBy.Name())
	}
	if e.Place != nil {
		n.line("Place", e.Place.Title())
	}
	n.line("Confidentiality", e.Confidential) // the element has no policy
	w.Optional("description", strings.Join(n.lines[first:], "\n"))
	w.End()
}
