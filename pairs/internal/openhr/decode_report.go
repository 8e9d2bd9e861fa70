package openhr

import (
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/record"
)

// reportLabel is the label of what a report says beside its fields.
func reportLabel(name string) string {
	switch name {
	case "reportLabId":
		return "Laboratory report number"
	case "requestLabId":
		return "Laboratory request number"
	case "requestDateTimeLab":
		return "Requested"
	case "servicePerson":
		return "Reported by"
	case "messageId":
		return "Message number"
	}
	return ""
}

// report reads the heading of a set of results.
func (d *decoder) report(it *item) {
	p := &record.Report{}
	it.Report = p
	specimens := 0
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		if label := reportLabel(name); label != "" {
			it.fact(label, d.leaf(it))
			continue
		}
		switch name {
		case "abnormal":
			p.Abnormal = vocAbnormal.words(d.token(it))
		case "issueDate":
			p.Issued = it.date("Report issued", d.leaf(it))
		case "receivedDate":
			p.Received = it.moment("Report received", d.leaf(it))
		case "dataType":
			p.Type = it.listed(vocReport, "Report type", d.token(it))
		case "serviceOrganisation":
			id := d.token(it)
			d.later = append(d.later, func() { p.Provider = d.place(id).Title() })
		case "serviceLocation":
			d.placeFact(it, "Service location", d.token(it))
		case "messageInterchange":
			it.fact("Laboratory message", d.r.Words())
		case "orderHeader":
			it.orderID = d.token(it)
		case "reportSummary":
			p.Comments = append(p.Comments, d.leaf(it))
		case "viewerUserInRole":
			d.personFact(it, "Viewed by", d.token(it))
		case "patientIdentifier":
			d.reportedPatient(it)
		case "component":
			d.reportComponent(it, p, &specimens)
		default:
			d.unknown(it)
		}
	}
}

// reportedPatient reads the patient as the laboratory named them: it may
// differ, and then matters.
func (d *decoder) reportedPatient(it *item) {
	for name := range d.r.Children(Namespace) {
		label := "Patient as matched"
		switch name {
		case "originalDetails":
			label = "Patient as named by the laboratory"
		case "matchedDetails":
		default:
			d.unknown(it)
			continue
		}
		var words []string
		for field := range d.r.Children(Namespace) {
			value := ""
			if field == "address" {
				value = addressWords(d.address(it, ""))
			} else {
				value = d.r.Words()
			}
			if value != "" {
				words = append(words, field+": "+value)
			}
		}
		it.fact(label, strings.Join(words, "; "))
	}
}

// reportComponent reads one part of a report. Its batteries and tests are
// entries of their own and become its children.
func (d *decoder) reportComponent(it *item, p *record.Report, specimens *int) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "specimen":
			*specimens++
			d.specimen(it, p, *specimens)
		case "battery", "test":
			it.children = append(it.children, d.token(it))
		default:
			d.unknown(it)
		}
	}
}

// specimenLabel is the label of what is known of a specimen beside its type
// and time.
func specimenLabel(name string) string {
	switch name {
	case "labSpecimenReference":
		return "Specimen reference"
	case "fastingStatus":
		return "Fasting status"
	case "volume":
		return "Specimen volume"
	case "volumeUnits":
		return "Specimen volume unit"
	case "collectionProcedure":
		return "Collection procedure"
	case "anatomicalOrigin":
		return "Anatomical origin"
	case "collectionStartDate":
		return "Collection started"
	case "collectionEndDate":
		return "Collection ended"
	case "dateTimeReceivedByLab":
		return "Received by the laboratory"
	case "comment":
		return "Specimen comment"
	}
	return ""
}

func (d *decoder) specimen(it *item, p *record.Report, n int) {
	suffix := ""
	if n > 1 {
		suffix = " (specimen " + strconv.Itoa(n) + ")"
	}
	for name := range d.r.Children(Namespace) {
		if label := specimenLabel(name); label != "" {
			it.fact(label+suffix, d.leaf(it))
			continue
		}
		switch name {
		case "specimenType":
			if words := d.token(it); n == 1 {
				p.Specimen = words
			} else {
				it.fact("Specimen"+suffix, words)
			}
		case "sampleDateTime":
			if taken := it.moment("Specimen taken", d.leaf(it)); n == 1 {
				p.Collected = taken
			} else {
				it.fact("Specimen taken"+suffix, taken.String())
			}
		case "battery", "test":
			it.children = append(it.children, d.token(it))
		default:
			d.unknown(it)
		}
	}
}

// orderLabel is the label of what a test request says.
func orderLabel(name string) string {
	switch name {
	case "Urgent":
		return "Urgent"
	case "inoculationRisk":
		return "Inoculation risk"
	case "fasted":
		return "Fasted"
	case "clinicalDetails":
		return "Clinical details"
	case "sampleWorkflowTaskId":
		return "Sample task"
	case "onlineTrackerGUID":
		return "Online tracker"
	}
	return ""
}

func (d *decoder) orderHeader(it *item) {
	for name := range d.r.Children(Namespace) {
		if !d.first(it) {
			continue
		}
		if label := orderLabel(name); label != "" {
			it.fact(label, d.leaf(it))
			continue
		}
		switch name {
		case "sampledByUserInRole":
			d.personFact(it, "Sampled by", d.token(it))
		case "requestMode":
			it.fact("Request mode", it.listed(vocRequestMode, "Request mode", d.token(it)))
		case "orderBatch":
			d.orderBatch(it)
		default:
			d.unknown(it)
		}
	}
}

// orderBatch reads one batch of a request as a line.
func (d *decoder) orderBatch(it *item) {
	if d.deletedPart() {
		return
	}
	var words []string
	add := func(label, value string) {
		if value != "" {
			words = append(words, label+": "+value)
		}
	}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "labDisplayTerm":
			add("Test", d.token(it))
		case "orderReference":
			add("Reference", d.token(it))
		case "status":
			add("Status", vocBatch.words(d.token(it)))
		case "testStatusDate":
			add("Status date", d.token(it))
		case "bottleCode":
			add("Bottle", d.codeWords(it))
		case "observationGUID":
			add("Observation", d.token(it))
		case "inboundReportGUID":
			add("Report", d.token(it))
		default:
			d.unknown(it)
		}
	}
	it.fact("Order batch", strings.Join(words, "; "))
}
