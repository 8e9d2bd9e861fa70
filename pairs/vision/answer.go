package vision

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncodeResponse = "vision: encode response"

// faultMark is how a Fault begins as this package writes it; no text of an
// answer can hold it, for there its first character is escaped.
const faultMark = "<soap:Fault>"

// codeNotFound is the error for a patient nobody knows. It is inferred.
const codeNotFound = "PATIENT_NOT_FOUND"

// The ends of a CDATA section.
const (
	cdataOpen  = "<![CDATA["
	cdataClose = "]]>"
)

// EncodeResponse writes the answer to q: the patient file as text of the
// envelope, as Vision's own answers have their record (S §5.2); a refusal of the
// holder's as an error in its place; what went wrong with the message or the
// link as a SOAP Fault.
func (c *codec) EncodeResponse(q *record.Request, p record.Response, id system.MessageID) ([]byte, error) {
	rec, size := p.Record(), 4096
	if rec != nil {
		size += 8<<10 + 512*len(rec.Entries)
	}
	w := xmlio.NewWriter(make([]byte, 0, size))
	open(w, id.ID, q.MessageID)
	f := p.Failure()
	if f != nil && !(f.Permanent() && (f.Reason == record.ReasonNotFound || f.Reason == record.ReasonRefused)) {
		writeFault(w, f)
	} else {
		w.Start("vision:visionResponse", "xmlns:vision", visionSpace)
		w.Start("vision:serviceDefinition")
		w.Element("vision:name", cmp.Or(q.Operation, getData))
		w.Element("vision:version", map[bool]string{true: demographicVersion, false: getDataVersion}[q.Operation == getDemographics])
		w.End()
		w.Start("vision:serviceContent")
		if f != nil {
			writeError(w, f)
		} else {
			w.Start("vision:record")
			w.Raw([]byte(cdataOpen)) // our writer escapes the one thing that would end it
			x := &encoder{rec: rec, w: w}
			if err := x.file(rec.Head(q.Sections), id); err != nil {
				return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
			}
			w.Raw([]byte(cdataClose))
			w.End()
		}
		w.End()
		w.End()
	}
	w.End()
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
	}
	return w.Bytes(), nil
}

// unwrap gives the patient file in an answer, with quotation marks as text
// spells them, which in attributes are escaped.
func unwrap(answer []byte) ([]byte, error) {
	from, to := bytes.Index(answer, []byte(cdataOpen)), bytes.LastIndex(answer, []byte(cdataClose))
	if from < 0 {
		return answer, nil
	}
	if to < from {
		return nil, errors.New("vision: a CDATA section without an end")
	}
	return bytes.ReplaceAll(answer[from+len(cdataOpen):to], []byte("&quot;"), []byte(`"`)), nil
}

// writeError writes a refusal in place of a record.
func writeError(w *xmlio.Writer, f *record.Failure) {
	code := string(f.Reason)
	if f.Reason == record.ReasonNotFound {
		code = codeNotFound
	}
	w.Start("vision:error")
	w.Element("vision:code", code)
	w.Element("vision:text", f.Words())
	if f.Retry {
		w.Element("vision:retry", "true")
	}
	w.End()
}

// writeFault writes a SOAP Fault (SOAP 1.1 §4.4): Client where the same request
// cannot succeed later, else Server.
func writeFault(w *xmlio.Writer, f *record.Failure) {
	code := "soap:Server"
	if f.Permanent() {
		code = "soap:Client"
	}
	w.Start("soap:Fault")
	w.Element("faultcode", code)
	w.Element("faultstring", f.Words())
	w.Start("detail")
	w.Element("reason", string(f.Reason), "xmlns", "urn:linkspan:fault")
	w.End()
	w.End()
}
