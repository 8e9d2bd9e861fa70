package medicalrecord

import (
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// comments writes an EDICommentListType.
func (x *encoder) comments(element string, lines []string) {
	if len(lines) == 0 {
		return
	}
	x.w.Start(element)
	for _, line := range lines {
		x.w.Start("EDIComment")
		x.w.Element("FTX", line)
		x.w.End()
	}
	x.w.End()
}

// apart takes the facts of one label out of a list.
func (l factList) apart(name string) (words []string, rest factList) {
	for _, f := range l {
		if f.label == name {
			words = append(words, f.words)
		} else {
			rest = append(rest, f)
		}
	}
	return words, rest
}

// agent writes a StructuredIdentType by name.
func (x *encoder) agent(element string, names []string) bool {
	if len(names) == 0 {
		return false
	}
	x.w.Start(element)
	x.w.Element("Name", names[0])
	x.w.End()
	return true
}

// remarks makes the free text of a laboratory element, which has no author, no
// value of its own and no links: all of it stands in the comments.
func (x *encoder) remarks(e *record.Entry, b *bag) []string {
	lines := b.lines
	if e.Author != nil {
		lines = append(lines, "Author: "+e.Author.Name())
	}
	if !e.Episodicity.IsZero() {
		lines = append(lines, "Episodicity: "+record.TermOf(e.Episodicity))
	}
	return lines
}

// report writes a PathologyReport with its tree.
func (x *encoder) report(e *record.Entry) {
	r := e.Report
	l := facts(e)
	comments, l := l.apart("Comment")
	clinical, l := l.apart(clinicalInfo)
	owner, l := l.apart("Owner")
	requester, l := l.apart("Requested by")
	recipient, l := l.apart("Recipient")
	department, l := l.apart("Department")
	by, l := l.apart("Reported by")
	provider, l := l.apart("Provider")
	b := x.bag(e, "Report", l)
	if e.Text != r.Type {
		b.lines = append([]string{e.Text}, b.lines...)
	}
	if e.Date != r.Issued && !e.Date.IsZero() {
		b.line("Date", e.Date.Words())
	}
	x.start("PathologyReport", e)
	x.ident(e)
	x.put(b, "ReportDataType")
	if !b.has("ReportID") {
		x.w.Element("ReportID", x.guid(e.ID)) // required
	}
	x.put(b, "ReportID", "ReportReceivedDateTime", "ReportIssueDateTime")
	x.comments("ReportTextList", append(comments, x.remarks(e, b)...))
	x.put(b, "Abnormal", "RecordFileStatus", "ConsultationRef", "Box", "RequestID", "RequestDateTime")
	x.agent("CurrentOwner", owner)
	if len(requester) > 0 {
		x.w.Start("OriginalRequestor")
		x.agent("Person", requester)
		x.w.End()
	}
	x.agent("MessageRecepient", recipient)
	if len(department)+len(by)+len(provider) > 0 {
		x.w.Start("ServiceProvider")
		x.agent("Department", department)
		x.agent("Organisation", provider)
		x.agent("Person", by)
		x.w.End()
	}
	x.group(b, "OriginalMessageDetails", "SenderEDICode", "ReceiverEDICode", "InterChange", "MessageID", "MessageType")
	x.comments("ClinicalInformationList", clinical)
	x.put(b, "ViewedBy", "TrueReportID")
	x.w.Start("SpecimenList")
	for _, specimen := range x.of(e).parts {
		x.specimen(specimen)
	}
	x.w.End()
	x.w.End()
}

func (x *encoder) specimen(e *record.Entry) {
	comments, l := facts(e).apart("Comment")
	b := x.bag(e, "Specimen", l.without(record.FactReportSpecimen))
	if e.Text != e.Report.Specimen {
		b.lines = append([]string{e.Text}, b.lines...)
	}
	if e.Date != e.Report.Collected && !e.Date.IsZero() {
		b.line("Date", e.Date.Words())
	}
	x.start("Specimen", e)
	x.ident(e)
	x.labIDs(e, b)
	x.w.Optional("SpecimenType", e.Report.Specimen)
	x.put(b, "FastingStatus", "SpecimenVolume", "SpecimenUnits", "CollectionProcedure", "AnotomicalOrigin")
	x.comments("SpecimenTextList", append(comments, x.remarks(e, b)...))
	x.put(b, "SampleDateTime", "CollectionStartDate", "CollectionEndDate", "ReceivedByLabDateTime")
	if parts := x.of(e).parts; len(parts) > 0 {
		x.w.Start("EDIInvestigationList")
		for _, part := range parts {
			x.ediInvestigation(part, e)
		}
		x.w.End()
	}
	x.w.End()
}

// labIDs writes the two ids that the schema requires of a specimen and a test.
func (x *encoder) labIDs(e *record.Entry, b *bag) {
	for _, name := range []string{"ReportID", "SpecimenID"} {
		if b.has(name) {
			x.put(b, name)
		} else {
			x.w.Element(name, x.guid(e.ID))
		}
	}
}

func (x *encoder) ediInvestigation(e, specimen *record.Entry) {
	comments, l := facts(e).apart(laboratoryComment)
	b := x.bag(e, "EDIInvestigation", l)
	abnormal, status := x.edi(e, b, false)
	x.start("EDIInvestigation", e)
	x.ident(e)
	x.w.Optional("DisplayTerm", e.Text)
	x.put(b, "DataSource")
	filed := x.codes(e)
	x.w.Optional("Abnormal", abnormal)
	if !b.has("DataType") {
		x.w.Element("DataType", "LAB") // required; it stands in a laboratory report
	}
	x.put(b, "DataType", "ReportID", "SpecimenID", "SpecimenType", "NumberOfTests", "RepInvNumber", "UserComment", "UserCommentAppliedBy")
	x.comments("LabSpecifiedCommentList", append(comments, x.remarks(e, b)...))
	x.w.Optional("EDIResultStatus", status)
	if e.Date != specimen.Date {
		x.w.Optional("InvestigationPerformedDateTime", stamp(e.Date))
	}
	writeCode(x.w, "FiledCode", filed, filed.Term, mapping.Code{})
	x.put(b, "InvContainsStandAloneTest")
	if parts := x.of(e).parts; len(parts) > 0 {
		x.w.Start("PathologyEventList")
		for _, part := range parts {
			x.pathologyEvent(part, e)
		}
		x.w.End()
	}
	x.w.End()
}

// edi sorts what a laboratory element cannot hold of a value into lines, and
// gives its flag and status.
func (x *encoder) edi(e *record.Entry, b *bag, test bool) (abnormal, status string) {
	if e.Value == nil {
		return "", ""
	}
	v := *e.Value
	if status = writeSlot("result-status", v.Status.Value); status != "" {
		v.Status = mapping.Code{}
	}
	if test {
		if abnormal = v.AbnormalAs; abnormal != "" {
			v.AbnormalAs = ""
		}
		if v.Number == "" || decimal(v.Number) {
			v.Comparator, v.Number, v.Unit = mapping.Code{}, "", ""
		}
		v.Text = ""
		v.Ranges = nil
	} else if abnormal = writeSlot("abnormal", v.Abnormal.Value); abnormal != "" {
		v.Abnormal = mapping.Code{}
	}
	b.lines = append(b.lines, valueLines(&v)...)
	return abnormal, status
}

func (x *encoder) pathologyEvent(e, investigation *record.Entry) {
	comments, l := facts(e).apart(laboratoryComment)
	b := x.bag(e, "PathologyEvent", l)
	abnormal, status := x.edi(e, b, true)
	if e.Date != investigation.Date && !e.Date.IsZero() {
		b.line("Date", e.Date.Words())
	}
	x.start("PathologyEvent", e)
	x.ident(e)
	x.labIDs(e, b)
	x.w.Optional("DisplayTerm", e.Text)
	filed := x.codes(e)
	if v := e.Value; v != nil {
		if (v.Number != "" || v.Unit != "") && (v.Number == "" || decimal(v.Number)) {
			x.w.Start("NumericValue")
			x.w.Optional("Operator", writeSlot("operator", v.Comparator.Value))
			x.w.Optional("Value", v.Number)
			x.w.Optional("Units", v.Unit)
			x.w.End()
		}
		x.w.Optional("TextValue", v.Text)
	}
	x.w.Optional("AbnormalIndicator", abnormal)
	x.w.Optional("EDIResultStatus", status)
	x.comments("LabSpecifiedCommentList", append(comments, x.remarks(e, b)...))
	if v := e.Value; v != nil && len(v.Ranges) > 0 {
		x.w.Start("RangeInformationList")
		for _, r := range v.Ranges {
			x.limits(r)
		}
		x.w.End()
	}
	writeCode(x.w, "FiledCode", filed, filed.Term, mapping.Code{})
	x.put(b, "TestNumber")
	x.w.End()
}

// limits writes one RangeInformation; an operator or unit of a bound, which it
// has no field for, stands in its text.
func (x *encoder) limits(r record.Range) {
	var words []string
	if r.Words != "" {
		words = append(words, r.Words)
	}
	if r.LowOp != "" || r.HighOp != "" || r.Unit != "" || r.AppliesTo != "" {
		words = append(words, record.FactValueRange.Line(r.String()))
	}
	x.w.Start("RangeInformation")
	x.w.Optional("MinRange", r.Low)
	x.w.Optional("MaxRange", r.High)
	x.comments("RangeFTXList", words)
	x.w.Optional("RangeQualifier", r.Qualifier)
	x.w.End()
}

func (x *encoder) requestHeader(e *record.Entry) { x.request(e, "TestRequestHeader") }

// request writes a request header, with its orders and tests.
func (x *encoder) request(e *record.Entry, element string) {
	b := x.bag(e, "TestRequestHeader", facts(e))
	x.start(element, e)
	x.ident(e)
	x.person("Requestor", e.Author)
	x.w.Optional("DateCreated", stamp(e.Date))
	x.put(b, "DateForTest", "DateLastXRay")
	if b.has("Status") {
		x.put(b, "Status")
	} else {
		x.w.Element("Status", "") // required
	}
	x.put(b, "LastStatusDate", "CopyTo", "NHS", "Priority", "InnoculationRisk", "Fasted", "LastMenstualPeriod")
	information := b.text()
	for _, f := range b.fields {
		if f.Label == "ClinicalInformation" {
			information = f.Value
			if len(b.lines) > 0 {
				information += "\n" + b.text()
			}
		}
	}
	x.w.Optional("ClinicalInformation", information)
	x.put(b, "Pregnant")
	if orders := x.of(e).parts; len(orders) > 0 {
		x.w.Start("EDIOrderList")
		for _, order := range orders {
			x.order(e, order)
		}
		x.w.End()
	}
	x.w.End()
}

func (x *encoder) order(header, e *record.Entry) {
	provider, l := facts(e).apart("Provider")
	b := x.bag(e, "EDIOrder", l)
	category := writeWords("order", e.Text)
	if category == "" {
		category = "1" // required; the words stand in the form destination
		b.lines = append([]string{e.Text}, b.lines...)
	}
	x.start("EDIOrder", e)
	x.ident(e)
	x.pointer("HeaderID", header)
	if len(provider) > 0 {
		x.ref("Provider", x.locations.of(x.site(provider[0])))
	}
	destination := b.text()
	for _, f := range b.fields {
		if f.Label == "FormDestination/Description" {
			destination = f.Value
			if len(b.lines) > 0 {
				destination += "\n" + b.text()
			}
		}
	}
	if destination != "" {
		x.w.Start("FormDestination")
		x.w.Element("Description", destination)
		x.w.End()
	}
	x.w.Element("OrderCategory", category)
	x.put(b, "Status", "LastStatusDate")
	if tests := x.of(e).parts; len(tests) > 0 {
		x.w.Start("TestRequestList")
		for _, test := range tests {
			x.testRequest(test)
		}
		x.w.End()
	}
	x.w.End()
}

func (x *encoder) testRequest(e *record.Entry) {
	code, l := facts(e).apart("Specimen code")
	b := x.bagged(e, "TestRequest", l)
	x.start("TestRequest", e)
	x.coded(e, b)
	x.put(b, "Reference", "SpecimenType")
	if len(code) > 0 {
		x.w.Start("SpecimenTypeCode")
		x.w.Element("Term", code[0])
		x.w.End()
	}
	x.put(b, "CollectionDate", "Status", "LastStatusDate", "ResultsDate")
	x.w.End()
}
