package medicalrecord

import (
	"github.com/linkspan/linkspan/record"
)

// The labels of the comments of a laboratory.
const (
	laboratoryComment = "Laboratory comment"
	clinicalInfo      = "Clinical information"
)

// report reads one PathologyReport: report, specimens, investigations and
// events, each an entry and part of the one above (E §2).
func (d *decoder) report() {
	start := len(d.rec.Entries)
	e, b := d.begin(atReport), &record.Report{}
	e.Kind, e.Report = record.KindReport, b
	var id ident
	for name := range d.fields(e) {
		switch name {
		case "ReportDataType":
			b.Type = spell("report-type", d.value())
		case "ReportReceivedDateTime":
			b.Received = d.stamp(e, "Received", d.value())
		case "ReportIssueDateTime":
			b.Issued = d.stamp(e, "Issued", d.value())
		case "ReportTextList":
			d.comments(e, func(s string) { b.Comments = append(b.Comments, s) })
		case "ClinicalInformationList":
			d.comments(e, func(s string) { d.add(e, clinicalInfo, s) })
		case "Abnormal":
			b.Abnormal = spell("yes-no", d.value())
		case "CurrentOwner":
			d.agent(e, "Owner", inPeople|inLocations)
		case "MessageRecepient":
			d.agent(e, "Recipient", inPeople|inLocations)
		case "OriginalRequestor":
			d.agents(e, "Requested by")
		case "ServiceProvider":
			d.provider(e)
		case "SpecimenList":
			d.each(e, "Specimen", func() { d.specimen(e) })
		default:
			if !id.read(d, name) {
				d.other(e, "Report", name)
			}
		}
	}
	e.Text, e.Date = b.Type, b.Issued
	d.finish(atReport, e, id, start)
}

// comments reads an EDICommentListType.
func (d *decoder) comments(e *record.Entry, each func(string)) {
	d.each(e, "EDIComment", func() {
		for name := range d.fields(e) {
			if name != "FTX" {
				d.unknown(e)
			} else if s := d.text(); s != "" {
				each(s)
			}
		}
	})
}

// agents reads a choice of an organisation and a person.
func (d *decoder) agents(e *record.Entry, label string) {
	for name := range d.fields(e) {
		switch name {
		case "Organisation":
			d.agent(e, label, inLocations)
		case "Person":
			d.agent(e, label, inPeople)
		default:
			d.unknown(e)
		}
	}
}

// provider reads who did the work. The organisation is the report's provider.
func (d *decoder) provider(e *record.Entry) {
	for name := range d.fields(e) {
		switch name {
		case "Organisation":
			from := len(e.Texts)
			d.agent(e, "Provider", inLocations)
			if len(e.Texts) > from {
				i := from
				e.Report.Provider = e.Texts[i].Value
				d.late = append(d.late, func() {
					if i < len(e.Texts) && e.Texts[i].Label == "Provider" {
						e.Report.Provider = e.Texts[i].Value
						e.Texts[i].Value = ""
					}
				})
			}
		case "Department":
			d.agent(e, "Department", inLocations)
		case "Person":
			d.agent(e, "Reported by", inPeople)
		default:
			d.unknown(e)
		}
	}
}

// agent reads a StructuredIdentType: a reference, or a number, or a name.
func (d *decoder) agent(e *record.Entry, label string, in where) {
	var id ident
	var words string
	for name := range d.fields(e) {
		switch {
		case id.read(d, name):
		case name == "NationalCode":
			words = d.r.Words()
		case name == "AgreedID", name == "Name":
			words = d.text()
		default:
			d.unknown(e)
		}
	}
	if !id.stated() {
		d.add(e, label, words)
		return
	}
	if words == "" {
		words = "reference " + id.words()
	}
	d.add(e, label, words)
	i := len(e.Texts) - 1
	d.late = append(d.late, func() {
		if name := d.nameOf(id, in); name != "" && i < len(e.Texts) {
			e.Texts[i].Value = name
		}
	})
}

// specimen reads one Specimen: what the results under it are of. Its results
// are dated by it where they state no date of their own.
func (d *decoder) specimen(report *record.Entry) {
	start := len(d.rec.Entries)
	e, b := d.begin(atSpecimen), &record.Report{}
	e.Kind, e.Report, e.Parent = record.KindReport, b, report
	var id ident
	var parts []*record.Entry
	for name := range d.fields(e) {
		switch name {
		case "SpecimenType":
			b.Specimen = d.text()
		case "SampleDateTime":
			b.Collected = d.stamp(e, "Sampled", d.value())
		case "ReceivedByLabDateTime":
			b.Received = d.stamp(e, "Received by laboratory", d.value())
		case "SpecimenTextList":
			d.comments(e, func(s string) { b.Comments = append(b.Comments, s) })
		case "EDIInvestigationList":
			d.each(e, "EDIInvestigation", func() { parts = append(parts, d.ediInvestigation(e)...) })
		default:
			if !id.read(d, name) {
				d.other(e, "Specimen", name)
			}
		}
	}
	e.Text, e.Date = b.Specimen, b.Collected
	for _, p := range parts {
		if p.Date.IsZero() {
			p.Date = e.Date
		}
	}
	d.finish(atSpecimen, e, id, start)
}

// ediInvestigation reads one EDIInvestigation and gives it with its events.
func (d *decoder) ediInvestigation(specimen *record.Entry) []*record.Entry {
	start := len(d.rec.Entries)
	e := d.begin(atEDIInvestigation)
	e.Kind, e.Parent = record.KindResult, specimen
	parts := []*record.Entry{e}
	var id ident
	var codes [3]nativeCode // Code, TermID, FiledCode
	for name := range d.fields(e) {
		switch name {
		case "DisplayTerm":
			e.Text = d.text()
		case "Code":
			codes[0] = d.code(e)
		case "TermID":
			codes[1] = d.code(e)
		case "FiledCode":
			codes[2] = d.code(e)
		case "Abnormal":
			d.abnormal(e)
		case "EDIResultStatus":
			d.slot(e, "result-status", "Result status", &valueOf(e).Status)
		case "InvestigationPerformedDateTime":
			e.Date = d.stamp(e, "Performed", d.value())
		case "LabSpecifiedCommentList":
			d.comments(e, func(s string) { d.add(e, laboratoryComment, s) })
		case "PathologyEventList":
			d.each(e, "PathologyEvent", func() { parts = append(parts, d.pathologyEvent(e)) })
		default:
			if !id.read(d, name) {
				d.other(e, "EDIInvestigation", name)
			}
		}
	}
	d.codes(e, codes)
	d.finish(atEDIInvestigation, e, id, start)
	for _, p := range parts[1:] {
		p.Date = e.Date
	}
	return parts
}

// codes puts the code of the laboratory, its term id and the code the practice
// filed it under on a result. The filed one stands beside the others.
func (d *decoder) codes(e *record.Entry, codes [3]nativeCode) {
	var c coding
	for _, n := range codes {
		if n.stated() {
			c.read(n)
		}
	}
	c.into(e, codes[:]...)
}

func (d *decoder) pathologyEvent(investigation *record.Entry) *record.Entry {
	start := len(d.rec.Entries)
	e := d.begin(atPathologyEvent)
	e.Kind, e.Parent = record.KindResult, investigation
	var id ident
	var codes [3]nativeCode
	for name := range d.fields(e) {
		switch name {
		case "DisplayTerm":
			e.Text = d.text()
		case "Code":
			codes[0] = d.code(e)
		case "TermID":
			codes[1] = d.code(e)
		case "FiledCode":
			codes[2] = d.code(e)
		case "NumericValue":
			d.numericValue(e)
		case "TextValue":
			valueOf(e).Text = d.text()
		case "AbnormalIndicator":
			valueOf(e).AbnormalAs = d.value()
		case "EDIResultStatus":
			d.slot(e, "result-status", "Result status", &valueOf(e).Status)
		case "LabSpecifiedCommentList":
			d.comments(e, func(s string) { d.add(e, laboratoryComment, s) })
		case "RangeInformationList":
			d.each(e, "RangeInformation", func() { d.limits(e) })
		default:
			if !id.read(d, name) {
				d.other(e, "PathologyEvent", name)
			}
		}
	}
	d.codes(e, codes)
	d.finish(atPathologyEvent, e, id, start)
	return e
}

// limits reads one RangeInformation. One bound alone is one-sided by the
// schema's own words; what it is stays as stated.
func (d *decoder) limits(e *record.Entry) {
	var l record.Range
	for name := range d.fields(e) {
		switch name {
		case "MinRange":
			l.Low = d.value()
		case "MaxRange":
			l.High = d.value()
		case "RangeQualifier":
			l.Qualifier = d.value()
		case "RangeFTXList":
			d.comments(e, func(s string) {
				if l.Words != "" {
					l.Words += "\n"
				}
				l.Words += s
			})
		default:
			d.unknown(e)
		}
	}
	if l != (record.Range{}) {
		v := valueOf(e)
		v.Ranges = append(v.Ranges, l)
	}
}

// requestWords are the words of a request header, which has none of its own.
const requestWords = "Test request"

// requestHeader reads one test request: the header, its orders and the tests
// in them, each an entry and part of the one above. A request is no result.
func (d *decoder) requestHeader(at place) *record.Entry {
	start := len(d.rec.Entries)
	e := d.begin(at)
	e.Kind = record.KindRequest
	var id ident
	inner := at + 1 // the orders of a header stand beside it in places
	for name := range d.fields(e) {
		switch name {
		case "Requestor":
			d.person(e, "Requested by", &e.Author)
		case "ConsultationID":
			if ref := d.reference(e); ref.stated() {
				d.add(e, "Consultation", ref.words())
			}
		case "DateCreated":
			e.Date = d.stamp(e, "Date", d.value())
		case "EDIOrderList":
			d.each(e, "EDIOrder", func() { d.order(inner, e) })
		default:
			if !id.read(d, name) {
				d.other(e, "TestRequestHeader", name)
			}
		}
	}
	e.Text = requestWords
	d.finish(at, e, id, start)
	return e
}

func (d *decoder) order(at place, header *record.Entry) {
	start := len(d.rec.Entries)
	e := d.begin(at)
	e.Kind, e.Parent = record.KindRequest, header
	var id ident
	for name := range d.fields(e) {
		switch name {
		case "Provider":
			d.named(e, "Provider", inLocations)
		case "TestRequestList":
			d.each(e, "TestRequest", func() { d.testRequest(at+1, e) })
		case "OrderCategory":
			e.Text = spell("order", d.value())
		default:
			if !id.read(d, name) {
				d.other(e, "EDIOrder", name)
			}
		}
	}
	d.finish(at, e, id, start)
}

func (d *decoder) testRequest(at place, order *record.Entry) {
	it := d.item(at, "TestRequest")
	e := it.e
	e.Kind, e.Parent = record.KindRequest, order
	for name := range d.r.Children(Namespace) { // InvestigationRef may stand several times
		switch name {
		case "SpecimenTypeCode":
			d.add(e, "Specimen code", d.coded(e, "Specimen"))
		case "ResultsRef", "InvestigationRef":
			label := "Result"
			if name == "InvestigationRef" {
				label = "Result investigation"
			}
			if id := d.reference(e); id.stated() {
				d.add(e, label, "reference "+id.words())
			}
		default:
			if name == "" || name == "#text" {
				d.unknown(e)
			} else if d.r.Repeated() {
				d.repeated(e)
			} else if !it.read(d, name) {
				d.other(e, "TestRequest", name)
			}
		}
	}
	it.finish(d)
}
