package emisweb

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/pairs/emisweb/internal/medicalrecord"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opDecodeRequest = "emisweb: decode request"
	opEncodeRequest = "emisweb: encode request"
)

// DecodeRequest reads a request envelope (E §3). It takes any prefix, any
// order of children, "auditIdentity" in either spelling and "From" with or
// without its Address, for all of these have been seen. It refuses what two
// readers could understand differently: a repeated single element, several
// addressees, methods that disagree, a second EWDS. The request returned
// beside an error has all that was read up to its fault.
func (c *codec) DecodeRequest(ctx context.Context, msg []byte) (record.Request, error) {
	d := asked{}
	err := d.read(ctx, c, msg)
	d.settle()
	if err == nil {
		err = d.err
	}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return d.q, record.Fault(record.ReasonBadMessage, opDecodeRequest, err)
	}
	return d.q, nil
}

// asked is a request while it is read.
type asked struct {
	q      record.Request
	sealed sealed
	detach bool // leave the EWDS document to be verified first
	err    error

	message  string   // wsa:MessageID
	tracking string   // header@trackingid
	methods  []string // what MethodDefinition, service and Action name
	targets  []string
	number   string
	get      record.SectionSet
}

// read reads the envelope and the EWDS document in it. Where signatures are
// checked, what is read of the document is its canonical form: the very bytes
// the digest was made over.
func (d *asked) read(ctx context.Context, c *codec, msg []byte) error {
	count := []xmlio.EntryPath{{Path: "**/EWDS"}}
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: c.limits, Count: count})
	if err != nil {
		return err
	}
	d.detach = c.signature != signatureOff
	d.envelope(r)
	if err := r.Close(); err != nil {
		return err
	}
	switch n := r.Counts()[0]; {
	case d.err != nil:
		return d.err
	case d.sealed.found != 1 || n != 1:
		return errors.New("the message does not hold exactly one EWDS document in its place")
	case !d.detach:
		return nil
	}
	canonical, err := c.verify(&d.sealed)
	if err != nil {
		return err
	}
	inner, err := xmlio.Open(ctx, canonical, xmlio.Options{Limits: c.limits})
	if err != nil {
		return err
	}
	d.document(inner)
	return inner.Close()
}

// envelope reads the SOAP envelope.
func (d *asked) envelope(r *xmlio.Reader) {
	if r.Name() != (xmlio.Name{Space: soapSpace, Local: "Envelope"}) {
		d.refuse(r, "the root element is no SOAP 1.1 envelope")
		return
	}
	for name := range r.Children(soapSpace) {
		switch name {
		case "Header":
			d.once(r)
			d.addressing(r)
		case "Body":
			d.once(r)
			d.only(r, "DistributionEnvelope", func() { d.distribution(r) })
		}
	}
}

// addressing reads the SOAP header. A header block that must be understood
// and is not is refused (SOAP 1.1 §4.2.3).
func (d *asked) addressing(r *xmlio.Reader) {
	for name := range r.Children(wsaSpace) {
		switch name {
		case "MessageID":
			d.message = d.text(r)
		case "Action":
			d.methods = append(d.methods, methodOf(d.text(r)))
		case "":
			for attr, value := range r.Attrs() {
				if attr.Space == soapSpace && attr.Local == "mustUnderstand" && value != "0" {
					d.fault(at(r, record.ReasonUnsupported, opDecodeRequest, "header block that must be understood"))
				}
			}
		}
	}
}

func (d *asked) distribution(r *xmlio.Reader) {
	for name := range r.Children(itkSpace) {
		switch name {
		case "header":
			d.once(r)
			d.header(r)
		case "payloads":
			d.once(r)
			payloads(r, func() {
				d.only(r, "EWDS", func() {
					if d.sealed.found++; d.detach {
						d.sealed.take(r)
						return
					}
					d.document(r)
				})
			}, func(what string) { d.refuse(r, what) })
		}
	}
}

func (d *asked) header(r *xmlio.Reader) {
	d.tracking = strings.TrimSpace(r.Attr("trackingid"))
	d.methods = append(d.methods, methodOf(r.Attr("service")))
	for name := range r.Children(itkSpace) {
		switch name {
		case "addresslist":
			for name := range r.Children(itkSpace) {
				if name == "address" {
					d.targets = append(d.targets, odsOf(r.Attr("uri")))
				}
			}
		case "auditIdentity", "auditidentity":
			for name := range r.Children(itkSpace) {
				if name == "id" {
					d.q.Requester.Software = cmp.Or(d.q.Requester.Software, strings.TrimSpace(r.Attr("uri")))
				}
			}
		case "senderAddress":
			d.once(r)
			d.q.Requester.Organisation = odsOf(r.Attr("uri"))
		case "handlingSpecification":
			if !d.sealed.specs(r) {
				d.refuse(r, "repeated key")
			}
		}
	}
}

// document reads the EWDS document r stands on.
func (d *asked) document(r *xmlio.Reader) {
	for name := range r.Children(itkSpace) {
		switch name {
		case "RequestHeader":
			d.once(r)
			for name := range r.Children(itkSpace) {
				switch name {
				case "ExternalUserName":
					d.q.Requester.User = d.text(r)
				case "MachineName":
					d.q.Requester.Machine = d.text(r)
				}
			}
		case "RequestBody":
			d.once(r)
			d.only(r, "RequestMethod", func() { d.method(r) })
		}
	}
}

func (d *asked) method(r *xmlio.Reader) {
	for name := range r.Children(itkSpace) {
		switch name {
		case "MethodDefinition":
			d.once(r)
			d.only(r, "Name", func() {
				name := d.text(r)
				if !strings.HasPrefix(name, methodPart) {
					d.fault(at(r, record.ReasonUnsupported, opDecodeRequest, "method outside the patient API"))
				}
				d.methods = append(d.methods, strings.TrimPrefix(name, methodPart))
			})
		case "Content":
			d.once(r)
			d.only(r, "PatientAPI", func() { d.patient(r) })
		}
	}
}

func (d *asked) patient(r *xmlio.Reader) {
	for name := range r.Children(itkSpace) {
		switch name {
		case "NhsNumber":
			d.number = d.text(r)
		case "MacAddress":
			d.q.Device = d.text(r)
		case "MrXml":
			d.once(r)
			for name := range r.Children(medicalrecord.Namespace) {
				if name != medicalrecord.Root {
					d.refuse(r, "not a MedicalRecord")
					continue
				}
				d.once(r)
				d.purpose(r)
			}
		}
	}
}

// purpose reads the MedicalRecord of a request. A summary has the alerts too:
// they are meant to be seen by whoever opens a record.
func (d *asked) purpose(r *xmlio.Reader) {
	sections, whole, err := medicalrecord.DecodeGet(r)
	if err != nil {
		d.fault(err)
	}
	if !whole && sections.Has(record.Problems) {
		sections |= record.SectionsOf(record.Alerts)
	}
	d.get = sections
}

// settle works out what can be said of the request whatever else is wrong
// with it, for the answer must echo it.
func (d *asked) settle() {
	d.q.MessageID = cmp.Or(d.tracking, d.message)
	if d.message != d.q.MessageID {
		d.q.ConversationID = d.message
	}
	for _, m := range slices.Backward(d.methods) {
		d.q.Operation = cmp.Or(d.q.Operation, m)
	}
	if len(d.targets) > 0 {
		d.q.Target = d.targets[0]
	}
	if number, err := record.ParseNHSNumber(d.number); err == nil && d.err == nil {
		d.q.Patient.NHS = number
	}
	d.q.Sections = d.get
	switch d.q.Operation {
	case getDemographics:
		d.q.Sections = record.SectionsOf(record.Demographics)
	case getMedicalRecord:
		if d.get == 0 || d.get == record.AllSections {
			d.q.Sections, d.q.Whole = record.AllSections, true
		}
	}
}

// check judges the request as a whole.
func (d *asked) check() error {
	refuse := func(reason record.Reason, what string) error {
		return &record.Error{Reason: reason, Op: opDecodeRequest, Err: errors.New(what)}
	}
	for _, m := range d.methods {
		if m != "" && m != d.q.Operation {
			return refuse(record.ReasonBadMessage, "Action, service and method do not name one method")
		}
	}
	if d.q.MessageID == "" {
		return refuse(record.ReasonBadMessage, "neither tracking id nor MessageID")
	}
	if d.q.Operation != getMedicalRecord && d.q.Operation != getDemographics {
		return refuse(record.ReasonUnsupported, "method that this link does not carry")
	}
	for _, target := range d.targets {
		if target == "" || target != d.q.Target {
			return refuse(record.ReasonNoTarget, "the addressees are not one ODS code")
		}
	}
	if d.number == "" {
		return refuse(record.ReasonBadMessage, "no NhsNumber")
	}
	if d.q.Patient.NHS.IsZero() {
		return refuse(record.ReasonNotFound, "NhsNumber is no NHS number") // as any that nobody has (safety CS-07)
	}
	return nil
}

// only visits the one child of that name.
func (d *asked) only(r *xmlio.Reader, name string, visit func()) {
	for child := range r.Children(itkSpace) {
		if child == name {
			d.once(r)
			visit()
		}
	}
}

// once refuses an element that may stand once and is repeated.
func (d *asked) once(r *xmlio.Reader) {
	if r.Repeated() {
		d.refuse(r, "repeated element")
	}
}

// text reads an element that may stand once and holds text.
func (d *asked) text(r *xmlio.Reader) string {
	d.once(r)
	s := strings.TrimSpace(r.Text())
	if r.Mixed() {
		d.refuse(r, "element in a text")
	}
	return s
}

func (d *asked) refuse(r *xmlio.Reader, what string) {
	d.fault(at(r, record.ReasonBadMessage, opDecodeRequest, what))
}

func (d *asked) fault(err error) {
	if d.err == nil {
		d.err = err
	}
}

// EncodeRequest asks the holder's EMIS Web: GetPatientDemographics where the
// bridge itself asks who the patient is, GetMedicalRecord of the whole for
// anything that is to be shown. EMIS can leave out what is not asked for, but with it would go
// the codes by which a patient refuses sharing, which nothing overrides (safety
// IG-02); so the bridge filters the answer. Where the request names no
// organisation, user or machine the settings stand in.
func (c *codec) EncodeRequest(q *record.Request, id system.MessageID) ([]byte, error) {
	refuse := func(reason record.Reason, what string) ([]byte, error) {
		return nil, &record.Error{Reason: reason, Op: opEncodeRequest, Err: errors.New(what)}
	}
	if q.Patient.NHS.IsZero() {
		return refuse(record.ReasonBadMessage, "the request has no NHS number")
	}
	if q.Target == "" {
		return refuse(record.ReasonNoTarget, "the request names no organisation")
	}
	method := methodFor(q)
	e := envelope{
		id:     id,
		action: service("req", method),
		to:     c.address,
		target: q.Target,
		sender: cmp.Or(q.Requester.Organisation, c.organisation),
		audit:  cmp.Or(q.Requester.Software, "linkspan"),
	}
	return c.seal(e, 4096, opEncodeRequest, func(w *xmlio.Writer) error { return c.writeRequest(w, q, method) })
}

// methodFor is the method that answers. Who only wants the patient's details
// shown is answered from the whole, which alone holds a refusal to share.
func methodFor(q *record.Request) string {
	if q.Identify {
		return getDemographics
	}
	return getMedicalRecord
}

func (c *codec) writeRequest(w *xmlio.Writer, q *record.Request, method string) error {
	w.Start("EWDS", "xmlns", itkSpace)
	w.Start("RequestHeader")
	w.Element("ExternalUserName", cmp.Or(q.Requester.User, c.user))
	w.Element("MachineName", cmp.Or(q.Requester.Machine, c.machine))
	w.End()
	w.Start("RequestBody")
	w.Start("RequestMethod")
	writeMethod(w, method)
	w.Start("Content")
	w.Start("PatientAPI")
	w.Element("SmartCardTokenId", "")
	w.Element("NhsNumber", q.Patient.NHS.Digits())
	w.End()
	w.End()
	w.End()
	w.End()
	w.End()
	return nil
}

// writeMethod writes the MethodDefinition of a method of the patient API.
func writeMethod(w *xmlio.Writer, method string) {
	w.Start("MethodDefinition")
	w.Element("Name", methodPart+method)
	w.Element("Version", "1.0.0.0")
	w.End()
}

// seal writes a document of about size bytes inside its envelope, signed where
// there is a signer.
func (c *codec) seal(e envelope, size int, op string, ewds func(w *xmlio.Writer) error) ([]byte, error) {
	w := xmlio.NewWriter(make([]byte, 0, size+4096))
	var err error
	if c.signer == nil {
		e.open(w)
		err = ewds(w)
	} else {
		inner := xmlio.NewWriter(make([]byte, 0, size))
		err = cmp.Or(ewds(inner), inner.Err())
		if err == nil {
			e.signature, err = c.sign(inner.Bytes())
		}
		e.open(w)
		w.Raw(inner.Bytes())
	}
	e.close(w)
	if err = cmp.Or(err, w.Err()); err != nil {
		return nil, record.Fault(record.ReasonInternal, op, err)
	}
	return w.Bytes(), nil
}
