package vision

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opDecodeRequest = "vision: decode request"
	opEncodeRequest = "vision: encode request"
)

const (
	soapSpace   = "http://schemas.xmlsoap.org/soap/envelope/"
	wsaSpace    = "http://www.w3.org/2005/08/addressing"
	visionSpace = "urn:vision"
)

// The services of S §5.2 that this link asks and answers.
const (
	getData            = "VOS.GetPatientData"
	getDataVersion     = "2.1.0"
	getDemographics    = "VODEM.GetDemographics"
	demographicVersion = "2.0.0"
)

var nameEnvelope = xmlio.Name{Space: soapSpace, Local: "Envelope"}

// DecodeRequest reads a visionRequest, in an envelope or by itself. It takes any
// order of children and refuses a repeated single element and a service other
// than the two that read a record.
func (c *codec) DecodeRequest(ctx context.Context, msg []byte) (record.Request, error) {
	a := asked{codec: c}
	err := a.read(ctx, msg)
	a.settle()
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return a.q, record.Fault(record.ReasonBadMessage, opDecodeRequest, err)
	}
	return a.q, nil
}

// asked is a request while it is read.
type asked struct {
	*codec
	q   record.Request
	err error

	requests        int
	service         string
	version, number string
	format          string
	views           []string
}

func (a *asked) read(ctx context.Context, msg []byte) error {
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: a.limits})
	if err != nil {
		return err
	}
	switch r.Name() {
	case nameEnvelope:
		a.envelope(r)
	case xmlio.Name{Space: visionSpace, Local: "visionRequest"}:
		a.request(r)
	default:
		a.refuse(r, "neither a SOAP 1.1 envelope nor a visionRequest")
	}
	if err := r.Close(); err != nil {
		return err
	}
	return a.err
}

func (a *asked) envelope(r *xmlio.Reader) {
	for name := range r.Children(soapSpace) {
		switch name {
		case "Header":
			for field := range r.Children(wsaSpace) {
				if field == "MessageID" {
					a.q.MessageID = strings.TrimPrefix(a.text(r), "urn:uuid:")
				}
			}
		case "Body":
			if r.Repeated() {
				a.refuse(r, "repeated element")
			}
			for range r.Children("") {
				if r.Name() != (xmlio.Name{Space: visionSpace, Local: "visionRequest"}) {
					a.refuse(r, "not a visionRequest")
					continue
				}
				a.request(r)
			}
		}
	}
}

func (a *asked) request(r *xmlio.Reader) {
	if a.requests++; a.requests > 1 {
		a.refuse(r, "a second request")
	}
	for name := range r.Children(visionSpace) {
		switch name {
		case "serviceDefinition":
			a.once(r)
			for field := range r.Children(visionSpace) {
				switch field {
				case "name":
					a.service = a.text(r)
				case "version":
					a.version = a.text(r)
				}
			}
		case "serviceContent":
			a.once(r)
			for range r.Children(visionSpace) { // PatientDataRequest, or that of another service
				a.once(r)
				a.content(r)
			}
		case "serviceHeader": // of VOS; nothing of it is published that is needed here
		default:
			a.refuse(r, "not a part of a request")
		}
	}
}

func (a *asked) content(r *xmlio.Reader) {
	for name := range r.Children(visionSpace) {
		switch name {
		case "PracticeIdentifier":
			a.q.Target = a.text(r)
		case "PatientIdentifier":
			a.number = a.text(r)
		case "Sender":
			a.once(r)
			for field := range r.Children(visionSpace) {
				switch field {
				case "UserName":
					a.q.Requester.User = a.text(r)
				case "UserFullName":
					a.q.Requester.UserName = a.text(r)
				case "UserRole":
					a.q.Requester.Role = a.text(r)
				}
			}
		case "ResponseFormat":
			a.format = a.text(r)
		case "View":
			a.views = append(a.views, strings.TrimSpace(r.Text()))
		default:
			a.refuse(r, "not a part of a request")
		}
	}
}

// settle makes of what was read what it means, as far as it was read.
func (a *asked) settle() {
	a.q.Operation = a.service
	if number, err := record.ParseNHSNumber(a.number); err == nil {
		a.q.Patient.NHS = number
	}
	if a.service == getDemographics {
		a.q.Sections, a.q.Identify = record.SectionsOf(record.Demographics), true
		return
	}
	for _, name := range a.views {
		if v, ok := viewOf(name); ok {
			a.q.Sections |= v.sections | record.SectionsOf(record.Demographics)
		}
	}
	unnamed := func(v view) bool { return !slices.Contains(a.views, v.name) }
	if slices.Contains(a.views, viewWhole) || !slices.ContainsFunc(recordViews(), unnamed) {
		a.q.Sections, a.q.Whole = record.AllSections, true
	}
}

func (a *asked) check() error {
	fault := func(reason record.Reason, what string) error {
		return &record.Error{Reason: reason, Op: opDecodeRequest, Err: errors.New(what)}
	}
	unknown := func(name string) bool { _, ok := viewOf(name); return !ok }
	switch {
	case a.requests == 0:
		return fault(record.ReasonBadMessage, "no visionRequest")
	case a.service == "":
		return fault(record.ReasonBadMessage, "no service is named")
	case a.service != getData && a.service != getDemographics:
		return fault(record.ReasonUnsupported, "a service that reads no record")
	case a.service == getData && a.version != getDataVersion, a.service == getDemographics && a.version != demographicVersion:
		return fault(record.ReasonUnsupported, "a version of the service that is not known")
	case a.number == "":
		return fault(record.ReasonBadMessage, "no PatientIdentifier")
	case a.service == getData && len(a.views) == 0:
		return fault(record.ReasonBadMessage, "no View")
	case slices.ContainsFunc(a.views, unknown):
		return fault(record.ReasonUnsupported, "a View that is not known")
	case a.format != "" && a.format != "XML":
		return fault(record.ReasonUnsupported, "a ResponseFormat other than XML")
	case a.q.MessageID == "":
		return fault(record.ReasonBadMessage, "the message has no id")
	case a.q.Patient.NHS.IsZero():
		return fault(record.ReasonNotFound, "no NHS number") // as any that nobody has (safety CS-07)
	}
	return nil
}

func (a *asked) once(r *xmlio.Reader) {
	if r.Repeated() {
		a.refuse(r, "repeated element")
	}
}

// text reads an element that may stand once and holds text. Of two values there
// is none.
func (a *asked) text(r *xmlio.Reader) string {
	if a.once(r); r.Repeated() {
		return ""
	}
	s := strings.TrimSpace(r.Text())
	if r.Mixed() {
		a.refuse(r, "element in a text")
	}
	return s
}

func (a *asked) refuse(r *xmlio.Reader, what string) {
	a.err = cmp.Or(a.err, at(r, record.ReasonBadMessage, opDecodeRequest, what))
}

// at is an error at the reader's place.
func at(r *xmlio.Reader, reason record.Reason, op, what string) error {
	return &record.Error{Reason: reason, Op: op, Position: r.Position().String() + " " + r.Name().Local, Err: errors.New(what)}
}

// EncodeRequest asks Vision: for the patient's details where the bridge itself
// asks who the patient is, else for the views that hold what is asked for, all
// named in one message (see Calls). The patient is named by NHS number, which is
// inferred: the one public example has a number of Vision's own.
func (c *codec) EncodeRequest(q *record.Request, id system.MessageID) ([]byte, error) {
	refuse := func(reason record.Reason, what string) ([]byte, error) {
		return nil, &record.Error{Reason: reason, Op: opEncodeRequest, Err: errors.New(what)}
	}
	switch {
	case q.Patient.NHS.IsZero():
		return refuse(record.ReasonBadMessage, "the request has no NHS number")
	case q.Target == "":
		return refuse(record.ReasonNoTarget, "the request names no organisation")
	}
	names := viewsFor(q.Sections)
	switch {
	case q.Identify:
		names = []string{viewDetails}
	case c.whole, len(names) == 0:
		names = []string{viewWhole}
	}
	out, err := c.request(q, names, id.ID)
	if err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeRequest, err)
	}
	return out, nil
}

// notStated stands where a role must and nobody said one.
const notStated = "not stated"

// request writes a request for views, or for the patient's details.
func (c *codec) request(q *record.Request, names []string, id string) ([]byte, error) {
	w := xmlio.NewWriter(make([]byte, 0, 1536))
	service, version, content := getData, getDataVersion, "vision:PatientDataRequest"
	if names[0] == viewDetails {
		service, version, content = getDemographics, demographicVersion, "vision:DemographicsRequest"
	}
	open(w, id, "")
	w.Start("vision:visionRequest", "xmlns:vision", visionSpace)
	w.Start("vision:serviceDefinition")
	w.Element("vision:name", service)
	w.Element("vision:version", version)
	w.End()
	w.Start("vision:serviceContent")
	w.Start(content)
	w.Element("vision:PracticeIdentifier", q.Target)
	w.Element("vision:PatientIdentifier", q.Patient.NHS.Digits())
	w.Start("vision:Sender")
	w.Element("vision:UserName", cmp.Or(q.Requester.User, c.user))
	w.Element("vision:UserFullName", cmp.Or(q.Requester.UserName, q.Requester.User, c.user))
	w.Element("vision:UserIdentity", "0")
	w.Element("vision:UserRole", cmp.Or(q.Requester.Role, c.role, notStated))
	w.End()
	if service == getData {
		w.Element("vision:ResponseFormat", "XML")
		for _, name := range names {
			w.Element("vision:View", name)
		}
	}
	for range 5 { // request, content, visionRequest, Body, Envelope
		w.End()
	}
	return w.Bytes(), w.Err()
}

// open writes an envelope up to the inside of its body.
func open(w *xmlio.Writer, id, answers string) {
	w.Declaration()
	w.Start("soap:Envelope", "xmlns:soap", soapSpace, "xmlns:wsa", wsaSpace)
	w.Start("soap:Header")
	w.Element("wsa:MessageID", "urn:uuid:"+id)
	if answers != "" {
		w.Element("wsa:RelatesTo", "urn:uuid:"+answers)
	}
	w.End()
	w.Start("soap:Body")
}
