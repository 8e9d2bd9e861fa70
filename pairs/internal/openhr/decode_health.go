package openhr

import (
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// encounter reads a consultation. Its entries stand elsewhere in the document
// and are pointed at, in order, each under its heading (E §1.3).
func (d *decoder) encounter() {
	it := d.begin(record.KindConsultation, pathEncounter, "complete", "removeComponentsOnDelete")
	c := &record.Consultation{Open: d.r.Attr("complete") == "false"}
	it.Consultation = c
	for name := range d.r.Children(Namespace) {
		switch name {
		case "organisation":
			d.recordedAt(it)
			continue
		case "accompanyingHCP":
			d.personFact(it, "Also present", d.token(it))
			continue
		case "component":
			d.component(it, c)
			continue
		}
		if !d.first(it) {
			continue
		}
		switch name {
		case "id":
			it.ID = d.token(it)
		case "patient":
			it.patient = d.token(it)
		case "effectiveTime":
			it.Date = d.datePart(it, "Date")
		case "availabilityTimeStamp":
			it.Recorded = it.moment("Time of recording", d.leaf(it))
		case "authorisingUserInRole":
			it.authorID = d.token(it)
		case "enteredByUserInRole":
			it.enteredID = d.token(it)
		case "confidentialityPolicy":
			it.policy = d.token(it)
		case "consultationType":
			it.fact(consultationType, it.listed(vocConsultation, consultationType, d.token(it)))
		case "location":
			it.placeID = d.token(it)
		case "locationType":
			d.consultationPlace(it, c)
		case "duration":
			c.Duration = d.duration(it)
		case "travelTime":
			c.Travel = d.duration(it)
		case "sectionData":
			it.fact("Section data", d.leaf(it))
		case "clinicalPurpose":
			d.purpose(it)
		case "externalConsulter":
			c.External = d.leaf(it)
		case "appointmentEvent", "template": // deprecated identifiers of the originating system
		default:
			d.unknown(it)
		}
	}
	it.Text = c.TypeText
	d.finish(it)
}

const consultationType = "Consultation type"

// consultationPlace reads the place or way of contact: a code, or words alone.
func (d *decoder) consultationPlace(it *item, c *record.Consultation) {
	code := d.code(it)
	d.empty(it)
	c.TypeText = code.display
	c.Type = wordOrCode(schemeConsultation, code)
	if code.malformed {
		it.note("Source code: " + code.raw())
	}
}

// wordOrCode is a coded value of an enumeration that is open: the SNOMED CT
// code, or the words where there is none.
func wordOrCode(scheme mapping.Scheme, c coded) mapping.Code {
	value := c.parsed.Value
	if value == "" || c.parsed.Scheme != mapping.SNOMED {
		value = c.display
	}
	code := mapping.Code{Scheme: scheme, Value: value, Term: c.display}
	if value == "" || !code.Valid() {
		return mapping.Code{}
	}
	return code
}

// purpose reads the clinical purpose as words, with its code.
func (d *decoder) purpose(it *item) {
	c := d.code(it)
	at := len(it.Texts)
	held := *it.Entry
	it.Others, it.Qualifiers = nil, nil
	d.codeParts(it)
	words := c.display
	if c.code != "" {
		words = strings.TrimSpace(words + " (" + c.raw() + ")")
	}
	for _, q := range it.Qualifiers {
		words += "; " + q.Name + ": " + q.Value
	}
	for _, o := range it.Others {
		words += "; " + string(o.Scheme) + " " + o.Value + " " + o.Term
	}
	it.Others, it.Qualifiers = held.Others, held.Qualifiers
	if words != "" {
		it.Texts = append(it.Texts[:at], append([]record.Text{{Label: "Clinical purpose", Value: words}}, it.Texts[at:]...)...)
	}
}

// component reads one line of a consultation.
func (d *decoder) component(it *item, c *record.Consultation) {
	if d.deletedPart() {
		return
	}
	var line record.Item
	event := ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "event":
			event = d.token(it)
		case "problemPage":
			line.Page = d.token(it)
		case "heading":
			code := d.code(it)
			d.empty(it)
			line.Words, line.Heading = code.display, wordOrCode(schemeHeading, code)
			if code.malformed {
				it.note("Source code: " + code.raw())
			}
		default:
			d.unknown(it)
		}
	}
	c.Items = append(c.Items, line)
	it.components = append(it.components, event)
}

type problemLink struct{ event, link string }

type problemParent struct {
	problem, relation string
	child             bool // a deprecated link the other way round
}

// problem reads the heading of a problem. Its identifier is that of the event
// that defines it (E §1.3), so the heading takes another.
func (d *decoder) problem() {
	it := d.begin(record.KindProblem, pathProblem)
	p := &record.Problem{}
	it.Problem = p
	for name := range d.r.Children(Namespace) {
		switch name {
		case "parentProblem", "childProblem":
			d.problemParent(it, name == "childProblem")
			continue
		case "eventLink":
			d.eventLink(it)
			continue
		}
		if !d.first(it) {
			continue
		}
		switch name {
		case "id":
			it.defines = d.token(it)
		case "status":
			it.enumerated(&p.Status, schemeStatus, vocStatus, "Problem status", d.token(it))
		case "significance":
			it.enumerated(&p.Significance, schemeSignificance, vocSignificance, "Significance", d.token(it))
		case "expectedDuration":
			p.ExpectedDuration = d.duration(it)
		case "endTime":
			p.End = d.datePart(it, "End date")
		case "owner":
			p.Owner = it.listed(vocOwner, "Owner", d.token(it))
		default:
			d.unknown(it)
		}
	}
	if it.defines != "" {
		it.ID = it.defines + problemSuffix
	}
	d.finish(it)
}

// problemSuffix makes the identifier of a problem out of that of its event.
const problemSuffix = "/problem"

func (d *decoder) problemParent(it *item, child bool) {
	if d.deletedPart() {
		return
	}
	up := problemParent{child: child}
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			up.problem = d.token(it)
		case "relationshipType":
			up.relation = it.listed(vocRelation, "Relation to the problem above", d.token(it))
		case "organisation": // deprecated
		default:
			d.unknown(it)
		}
	}
	it.parents = append(it.parents, up)
}

// eventLink reads one link of an entry to the problem. The type of the entry
// stands on the entry itself.
func (d *decoder) eventLink(it *item) {
	if d.deletedPart() {
		return
	}
	var l problemLink
	for name := range d.r.Children(Namespace) {
		switch name {
		case "id":
			l.event = d.token(it)
		case "eventLinkType":
			l.link = d.token(it)
		case "eventType":
		default:
			d.unknown(it)
		}
	}
	it.links = append(it.links, l)
}

// documentEntry reads a document. Where an event refers to it, it becomes part
// of that event and says nothing more itself.
func (d *decoder) documentEntry() {
	it := d.begin(record.KindDocument, pathDocument)
	doc := &record.Document{}
	it.Document = doc
	for name := range d.r.Children(Namespace) {
		if name == "observation" {
			it.documentEvents = append(it.documentEvents, d.token(it))
			continue
		}
		if !d.first(it) {
			continue
		}
		switch name {
		case "id":
			it.ID = d.token(it)
		case "name":
			doc.Name = d.leaf(it)
		case "description":
			doc.Title = d.leaf(it)
		case "uploadUserInRole":
			d.personFact(it, uploadedBy, d.token(it))
		case "producedTime":
			it.produced = it.moment("Produced", d.leaf(it))
		case "deleted":
			doc.Deleted = d.token(it) == "true"
		case "folder":
			it.fact("Folder", d.folder(it))
		case "locator":
			doc.Locator = it.listed(vocLocator, "Locator", d.token(it))
		case "data":
			d.documentData(it, doc)
		case "code":
			c := d.code(it)
			doc.Type = c.display
			if c.code != "" {
				doc.Type = strings.TrimSpace(c.display + " (" + c.raw() + ")")
			}
			d.codeParts(it)
		case "annotationDefinition": // marks drawn on the picture, which does not cross
		default:
			d.unknown(it)
		}
	}
	it.Text = doc.Title
	if it.Text == "" {
		it.Text = doc.Name
	}
	it.Date = it.produced
	d.finish(it)
}

const (
	uploadedBy = "Uploaded by"
	produced   = "Produced"
)

func (d *decoder) folder(it *item) string {
	label := ""
	for name := range d.r.Children(Namespace) {
		switch name {
		case "name":
			label = d.token(it)
		case "id", "folderType", "deleted":
		default:
			d.unknown(it)
		}
	}
	return label
}

// documentData reads where the content is. Content in the message itself is
// not carried; its size is.
func (d *decoder) documentData(it *item, doc *record.Document) {
	d.attrs(it, "encoding", "compression")
	for name := range d.r.Children(Namespace) {
		switch name {
		case "reference":
			it.fact(reference, d.token(it))
		case "documentData":
			content := strings.Join(strings.Fields(d.r.Text()), "")
			doc.Size = strconv.Itoa(len(strings.TrimRight(content, "="))*3/4) + " bytes"
		default:
			d.unknown(it)
		}
	}
}

const reference = "Reference"

// taskLabel is the label of what a task says.
func taskLabel(name string) string {
	switch name {
	case "taskType":
		return "Type"
	case "priority":
		return "Priority"
	case "status":
		return "Status"
	case "actionByDate":
		return "Action by"
	case "expiryDate":
		return "Expires"
	case "completionDate":
		return "Completed"
	}
	return ""
}

// task reads a task about the patient.
func (d *decoder) task() {
	it := d.begin(record.KindAdministration, pathTask)
	for name := range d.r.Children(Namespace) {
		if name == "owningUserInRole" {
			d.personFact(it, "Owned by", d.token(it))
			continue
		}
		if !d.first(it) {
			continue
		}
		if label := taskLabel(name); label != "" {
			it.fact(label, d.leaf(it))
			continue
		}
		switch name {
		case "id":
			it.ID = d.token(it)
		case "patient":
			it.patient = d.token(it)
		case "creatingUserInRole":
			it.authorID = d.token(it)
		case "createdDate":
			it.Date = it.moment("Created", d.leaf(it))
		case "subject":
			it.Text = d.leaf(it)
		case "description":
			it.fact("", d.leaf(it))
		default:
			d.unknown(it)
		}
	}
	if it.Text == "" {
		it.Text = "Task"
	}
	d.finish(it)
}

// prescriptionLabel is the label of what an electronic prescription says.
func prescriptionLabel(name string) string {
	switch name {
	case "type":
		return "Type"
	case "urgent":
		return "Urgent"
	case "status":
		return "Status"
	case "rejectionCode":
		return "Rejection code"
	case "shortFormIdentifier":
		return "Prescription number"
	case "sdsRoleId":
		return "Prescriber role id"
	case "sdsRoleCode":
		return "Prescriber role code"
	case "sdsUserId":
		return "Prescriber user id"
	case "contactPhoneNumber":
		return "Prescriber telephone"
	case "title":
		return "Prescriber title"
	case "forenames":
		return "Prescriber forenames"
	case "surname":
		return "Prescriber surname"
	}
	return ""
}

// prescription reads how a prescription was sent. The issues on it are entries
// of their own.
func (d *decoder) prescription() {
	it := d.begin(record.KindAdministration, pathPrescription)
	it.Text = "Electronic prescription"
	for name := range d.r.Children(Namespace) {
		if name == "issue" {
			id := d.token(it)
			d.laterFact(it, "Issue", id, func() string { return d.named(id) })
			continue
		}
		if !d.first(it) {
			continue
		}
		if label := prescriptionLabel(name); label != "" {
			it.fact(label, d.leaf(it))
			continue
		}
		switch name {
		case "id":
			it.ID = d.token(it)
		case "patient":
			it.patient = d.token(it)
		case "enteredByUserInRole":
			it.enteredID = d.token(it)
		case "stampDoctorUserInRole":
			it.authorID = d.token(it)
		case "nominationOrganisation":
			d.placeFact(it, "Nominated pharmacy", d.token(it))
		case "timeStamp":
			it.Date = it.date("Date", d.leaf(it))
		case "postDated":
			d.postDated(it)
		case "contractualRelationship": // of the prescriber's employment
		default:
			d.unknown(it)
		}
	}
	d.finish(it)
}

func (d *decoder) postDated(it *item) {
	for name := range d.r.Children(Namespace) {
		switch name {
		case "postDatedTo":
			it.fact("Post-dated to", it.date("Post-dated to", d.leaf(it)).String())
		case "hl7MessageXml", "signatureXml": // the message to the spine and its signature
		default:
			d.unknown(it)
		}
	}
}

// named is how another entry is spoken of in words.
func (d *decoder) named(id string) string {
	if to := d.byID[id]; to != nil && to.Text != "" {
		return to.Text + ", " + to.Date.Words()
	}
	return "not in this message"
}
