package emisweb

import (
	"cmp"

	"github.com/linkspan/linkspan/pairs/emisweb/internal/medicalrecord"
	"github.com/linkspan/linkspan/pairs/internal/openhr"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncodeResponse = "emisweb: encode response"

// reasonSpace is the namespace of the one element of ours in an answer: the
// reason in the detail of a Fault, which SOAP leaves to the application.
const reasonSpace = "urn:linkspan:fault"

// faultMark is how a Fault begins as this package writes it; no text of an
// answer can hold it, for there its first character is escaped.
const faultMark = "<soap:Fault>"

// Fit settles what the document of the setting "response-format" cannot hold.
func (c *codec) Fit(rec *record.Record) {
	if c.format == formatOpenHR {
		openhr.Fit(rec)
		return
	}
	medicalrecord.Fit(rec)
}

// EncodeResponse writes the answer to q. What the holder said, a record or its
// own refusal, goes into the EWDS document, a refusal as MedicalRecord's
// MessagingError; what went wrong with the message or the link is a SOAP
// Fault. The shape of the answering EWDS is inferred from the request's
// (README.md).
func (c *codec) EncodeResponse(q *record.Request, p record.Response, id system.MessageID) ([]byte, error) {
	e := envelope{
		id:        id,
		action:    service("resp", q.Operation),
		to:        anonymous,
		target:    q.Requester.Organisation,
		sender:    cmp.Or(q.Target, c.organisation),
		audit:     "linkspan",
		relatesTo: cmp.Or(q.ConversationID, q.MessageID),
	}
	if q.ConversationID != "" {
		e.tracking = q.MessageID
	}
	f := p.Failure()
	if f != nil && !answered(f) {
		return e.fault(f)
	}
	size := 4096
	if rec := p.Record(); rec != nil {
		size += 8<<10 + 768*len(rec.Entries)
	}
	return c.seal(e, size, opEncodeResponse, func(w *xmlio.Writer) error {
		w.Start("EWDS", "xmlns", itkSpace)
		w.Start("ResponseBody")
		w.Start("ResponseMethod")
		writeMethod(w, cmp.Or(q.Operation, getMedicalRecord))
		w.Start("Content")
		w.Start("PatientAPI")
		w.Start("MrXml")
		err := c.writeDocument(w, q, p, id)
		for range 6 {
			w.End()
		}
		return err
	})
}

func (c *codec) writeDocument(w *xmlio.Writer, q *record.Request, p record.Response, id system.MessageID) error {
	if f := p.Failure(); f != nil {
		medicalrecord.Failure(w, *f, id)
		return nil
	}
	rec := p.Record()
	head := rec.Head(q.Sections)
	if c.format == formatOpenHR {
		return openhr.Encode(w, rec, head, id)
	}
	return medicalrecord.Encode(w, rec, head, id)
}

// answered reports that the holder itself gave the failure as its answer, and
// for good: a MessagingError cannot say that asking again may help.
func answered(f *record.Failure) bool {
	return f.Permanent() && (f.Native != "" || f.Reason == record.ReasonNotFound || f.Reason == record.ReasonRefused)
}

// fault writes a SOAP Fault (SOAP 1.1 §4.4): Client where the same request
// cannot succeed later, else Server.
func (e envelope) fault(f *record.Failure) ([]byte, error) {
	code := "soap:Server"
	if f.Permanent() {
		code = "soap:Client"
	}
	e.action = faultAction
	w := xmlio.NewWriter(nil)
	w.Declaration()
	w.Start("soap:Envelope", "xmlns:soap", soapSpace)
	e.writeHeader(w)
	w.Start("soap:Body")
	w.Start("soap:Fault")
	w.Element("faultcode", code)
	w.Element("faultstring", f.Words())
	w.Start("detail")
	w.Element("reason", string(f.Reason), "xmlns", reasonSpace)
	w.End()
	w.End()
	w.End()
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
	}
	return w.Bytes(), nil
}
