package medicalrecord

import (
	"strconv"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// The values of MRGetType (E §2.1).
const (
	getFull         = "1"
	getSummary      = "2"
	getDemographics = "3"
	getMedication   = "4"
)

// gets says which sections each MRGetType asks for. What EMIS counts as a
// summary is not published; the sections are those of the MIG's summary view
// (E §6): problems, medication, allergies.
var gets = []struct {
	native   string
	sections record.SectionSet
}{
	{getFull, record.AllSections},
	{getSummary, record.SectionsOf(record.Demographics, record.Problems, record.Medication, record.Allergies)},
	{getDemographics, record.SectionsOf(record.Demographics)},
	{getMedication, record.SectionsOf(record.Demographics, record.Medication, record.Issues)},
}

// DecodeGet reads what a MedicalRecord in a request asks for: MessageInformation,
// MessagePurpose, Get, MRGetType. whole is true for the full record. A document
// without a Get asks for nothing: the empty set. A purpose to Post, an unknown
// MRGetType and a DataSet, which would filter by a list nobody has published,
// are ReasonUnsupported. It does not close the Reader.
func DecodeGet(r *xmlio.Reader) (set record.SectionSet, whole bool, err error) {
	fail := func(reason record.Reason, what string) {
		if err == nil {
			err = fault(r, reason, what)
		}
	}
	if r.Name() != (xmlio.Name{Space: Namespace, Local: Root}) {
		return 0, false, fault(r, record.ReasonBadMessage, "the element is not a MedicalRecord")
	}
	inside := func(name string, read func(child string)) {
		for child := range r.Children(Namespace) {
			switch {
			case child == "" || child == "#text":
			case r.Repeated() && (name == Root || name == "Get" || name == "MessagePurpose"):
				fail(record.ReasonBadMessage, "repeated "+child)
			default:
				read(child)
			}
		}
	}
	get := func(child string) {
		switch child {
		case "MRGetType":
			native := trimmed(r)
			for _, g := range gets {
				if g.native == native {
					set, whole = g.sections, native == getFull
				}
			}
			if set == 0 {
				fail(record.ReasonUnsupported, "MRGetType")
			}
		case "DataSet":
			if trimmed(r) != "" {
				fail(record.ReasonUnsupported, "a DataSet filter")
			}
		}
	}
	inside(Root, func(child string) {
		if child != "MessageInformation" {
			return
		}
		inside(child, func(child string) {
			if child != "MessagePurpose" {
				return
			}
			inside(child, func(child string) {
				switch child {
				case "Get":
					inside(child, get)
				case "Post":
					fail(record.ReasonUnsupported, "a purpose to Post")
				}
			})
		})
	})
	if fault := r.Err(); fault != nil {
		return 0, false, record.Fault(record.ReasonBadMessage, opDecode, fault)
	}
	if err != nil {
		return 0, false, err
	}
	return set, whole, nil
}

func trimmed(r *xmlio.Reader) string { return (&decoder{r: r}).value() }

// created writes when the message was made, on its own wall clock.
func created(w *xmlio.Writer, id system.MessageID) {
	w.Element("DateCreated", id.At.Format("02/01/2006"))
	w.Element("TimeCreated", id.At.Format("15:04:05"))
}

// Failure writes the MedicalRecord that says there is no record: a
// MessagingError alone (E §2.1). Its number is the other system's own when it
// gave one, else the failure's Reason as a number.
func Failure(w *xmlio.Writer, f record.Failure, id system.MessageID) {
	number := f.NativeCode
	if !integer(number) {
		number = strconv.Itoa(f.Reason.Code())
	}
	w.Start(Root, "xmlns", Namespace)
	w.Start("MessageInformation")
	created(w, id)
	w.Start("MessagingError")
	w.Element("ErrorString", f.Words())
	w.Element("Errornumber", number)
	w.End()
	w.End()
	w.End()
}
