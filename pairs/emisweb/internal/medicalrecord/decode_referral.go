package medicalrecord

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// referral reads one Referral (E §2). It says nothing of its progress but what
// the community service's three flags say, which stand among the details.
func (d *decoder) referral(at place) *record.Entry {
	it := d.item(at, "Referral")
	e, f := it.e, &record.Referral{}
	e.Kind, e.Referral = record.KindReferral, f
	for name := range d.fields(e) {
		switch name {
		case "Consultant":
			d.words(e, "Consultant", &f.ToPerson, inPeople)
		case "Provider":
			d.words(e, "Provider", &f.To, inLocations)
		case "SourceLocation":
			d.words(e, "Source", &f.From, inLocations)
		case "Speciality":
			f.Specialty = d.coded(e, "Speciality")
		case "ReasonTerm":
			if words := d.coded(e, "Reason"); words != "" {
				f.Details = append(f.Details, record.Qualifier{Name: "Coded reason", Value: words})
			}
		case "Team", "SourceType", "SourceSpeciality":
			if id := d.reference(e); id.stated() {
				f.Details = append(f.Details, record.Qualifier{Name: spaced(name), Value: "reference " + id.words()})
			}
		case "RequestType":
			d.slot(e, "referral-request", "Request", &f.Request)
		case "Urgency":
			d.slot(e, "referral-urgency", "Urgency", &f.Urgency)
		case "NHS":
			d.slot(e, "private", "NHS or private", &f.Private)
		case "Transport":
			d.slot(e, "transport", "Transport", &f.Transport)
		case "Direction":
			d.slot(e, "referral-direction", "Direction", &f.Direction)
		case "ReferralMode":
			d.slot(e, "referral-mode", "Mode", &f.Mode)
		case "ReferralReason":
			f.Reason = d.text()
		case "ReferralRef":
			f.Reference = d.text()
		default:
			if !it.read(d, name) {
				d.detail(e, name)
			}
		}
	}
	d.referrals.add(it.id, e)
	it.finish(d)
	return e
}

// detail reads what only this document says of a referral.
func (d *decoder) detail(e *record.Entry, name string) {
	from := len(e.Texts)
	d.other(e, "Referral", name)
	if l := labels["Referral"].byElement[name]; l.name == "" || l.name == "Sequence" || l.name == "Data source" || l.name == "External consultant" {
		return
	}
	for _, t := range e.Texts[from:] {
		e.Referral.Details = append(e.Referral.Details, record.Qualifier{Name: t.Label, Value: t.Value})
	}
	e.Texts = e.Texts[:from]
}

// words resolves a reference to a name.
func (d *decoder) words(e *record.Entry, role string, to *string, in where) {
	id := d.reference(e)
	if !id.stated() {
		return
	}
	d.late = append(d.late, func() {
		if *to = d.nameOf(id, in); *to == "" {
			e.Notes = append(e.Notes, role+": reference "+id.words()+" is not in the message.")
		}
	})
}

// coded reads a code beside the entry's own: its words, and the code as text.
func (d *decoder) coded(e *record.Entry, name string) string {
	n := d.code(e)
	for _, c := range []nativeCode{{value: n.value, scheme: n.scheme}, {value: n.mapCode, scheme: n.mapScheme}, {value: n.oldCode, scheme: "old EMIS code"}} {
		if c.value != "" || c.scheme != "" && c.scheme != "old EMIS code" {
			e.Notes = append(e.Notes, "Source code: "+strings.ToLower(name)+" "+c.inWords())
		}
	}
	return n.term
}

// spaced turns an element name into words: SourceType is "Source type".
func spaced(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
