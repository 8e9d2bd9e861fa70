package emisweb

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/pairs/emisweb/internal/medicalrecord"
	"github.com/linkspan/linkspan/pairs/internal/openhr"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecodeResponse = "emisweb: decode response"

// The elements an answer is known by. Nothing public shows the body of one
// (E §3), so the record is looked for at any depth, by its own name and
// namespace.
var (
	nameEnvelope      = xmlio.Name{Space: soapSpace, Local: "Envelope"}
	nameFault         = xmlio.Name{Space: soapSpace, Local: "Fault"}
	nameRelatesTo     = xmlio.Name{Space: wsaSpace, Local: "RelatesTo"}
	nameDistribution  = xmlio.Name{Space: itkSpace, Local: "DistributionEnvelope"}
	nameHandling      = xmlio.Name{Space: itkSpace, Local: "handlingSpecification"}
	namePayloads      = xmlio.Name{Space: itkSpace, Local: "payloads"}
	namePayload       = xmlio.Name{Space: itkSpace, Local: "payload"}
	nameEWDS          = xmlio.Name{Space: itkSpace, Local: "EWDS"}
	nameMedicalRecord = xmlio.Name{Space: medicalrecord.Namespace, Local: medicalrecord.Root}
	nameOpenHR        = xmlio.Name{Space: openhr.Namespace, Local: openhr.Root}
)

// mayBegin reports that an answer can be a document with this root.
func mayBegin(root xmlio.Name) bool {
	switch root {
	case nameEnvelope, nameDistribution, nameEWDS, nameMedicalRecord, nameOpenHR:
		return true
	}
	return false
}

// DecodeResponse reads an answer: a whole SOAP envelope, or any of the
// documents inside it by itself, as exports and test files have them. The
// record may also stand in it as escaped text or CDATA, once.
//
// Exactly one record, or one refusal, is an answer. A SOAP Fault or a
// MessagingError is a Failure. Where signatures are required, a record is
// taken from signed bytes only.
func (c *codec) DecodeResponse(ctx context.Context, msg []byte) (record.Response, error) {
	a, err := c.answer(ctx, msg)
	switch {
	case err != nil:
	case a.err != nil:
		err = a.err
	case a.found == 0 && a.textErr != nil:
		err = a.textErr
	case a.found == 0:
		err = errors.New("neither a record nor a refusal")
	case a.found > 1:
		err = errors.New("more than one record or refusal")
	case a.unsigned && a.failure == nil:
		err = errUnsigned
	}
	if err != nil {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	var p record.Response
	if a.failure != nil {
		p = record.Refused(*a.failure)
	} else {
		p = record.Answered(a.record)
	}
	p.MessageID = a.relatesTo
	return p, nil
}

// answer reads a message. Where signatures are checked it is first read with
// its EWDS document left alone; then the document is verified and read by
// itself, or the message is read again if it is not signed.
func (c *codec) answer(ctx context.Context, msg []byte) (*answer, error) {
	a := &answer{codec: c, ctx: ctx}
	if c.signature == signatureOff {
		return a, a.read(msg)
	}
	outer := &answer{codec: c, ctx: ctx, detach: true}
	if err := outer.read(msg); err != nil {
		return nil, err
	}
	if outer.err != nil {
		return outer, nil
	}
	if !outer.sealed.signed() {
		a.unsigned = c.signature == signatureRequire
		return a, a.read(msg)
	}
	if outer.sealed.found != 1 {
		return nil, errors.New("a signed message holds not exactly one EWDS document")
	}
	canonical, err := c.verify(&outer.sealed)
	if err != nil {
		return nil, err
	}
	a.relatesTo, a.found = outer.relatesTo, outer.found
	return a, a.read(canonical)
}

// answer is a response while it is read.
type answer struct {
	codec *codec
	ctx   context.Context
	err   error

	relatesTo string
	sealed    sealed
	detach    bool // leave the EWDS document to be verified first
	unsigned  bool // a record is refused, for it should be signed

	nested  bool  // inside a document that stands as text in the message
	textErr error // why a text that begins like a document is none

	found   int // records and refusals
	fresh   *record.Record
	record  *record.Record
	failure *record.Failure
}

// read reads one document: the message, or one that stands as text in it.
func (a *answer) read(doc []byte) error {
	r, err := xmlio.Open(a.ctx, doc, xmlio.Options{Limits: a.codec.limits, Count: a.codec.counts})
	if err != nil {
		return err
	}
	switch {
	case mayBegin(r.Name()):
		a.element(r)
	case !a.nested:
		a.refuse(r, "not the root element of an answer")
	}
	if err := r.Close(); err != nil {
		return err
	}
	if a.fresh != nil {
		a.fresh.Reconcile(a.codec.entries, r.Counts())
		a.fresh.ReadDissent()
		a.record, a.fresh = a.fresh, nil
	}
	return nil
}

// element reads the element r stands on, whatever it is.
func (a *answer) element(r *xmlio.Reader) {
	switch r.Name() {
	case nameMedicalRecord:
		a.medicalRecord(r)
	case nameOpenHR:
		a.found++
		a.take(openhr.Decode(r, len(medicalrecord.Entries())))
	case nameFault:
		a.fault(r)
	case nameRelatesTo:
		a.relation(r)
	case nameHandling:
		if !a.sealed.specs(r) {
			a.refuse(r, "repeated key")
		}
	case nameEWDS:
		if a.sealed.found++; a.detach {
			a.sealed.take(r)
			return
		}
		a.inside(r)
	default:
		a.inside(r)
	}
}

// inside reads all that stands in an element which means nothing by itself.
func (a *answer) inside(r *xmlio.Reader) {
	stated, payloads := "", 0
	if r.Name() == namePayloads {
		stated = r.Attr("count")
	}
	for name := range r.Children("") {
		if name == "#text" {
			a.text(r.Text())
			continue
		}
		if r.Name() == namePayload {
			payloads++
		}
		a.element(r)
	}
	if stated != "" && stated != strconv.Itoa(payloads) && r.Err() == nil {
		a.refuse(r, "number of payloads differs from the stated count")
	}
}

// text looks for a document in text. What its XML declaration says of the
// charset is left out: it was true before the document was put into this one,
// and .NET writes utf-16 there. A text that begins like a document and is none
// is passed over, unless nothing else is found.
func (a *answer) text(s string) {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "\uFEFF"))
	if a.nested || !strings.HasPrefix(s, "<") {
		return
	}
	if strings.HasPrefix(s, "<?xml ") {
		_, s, _ = strings.Cut(s, "?>")
	}
	found := a.found
	a.nested = true
	err := a.read([]byte(s))
	a.nested = false
	switch {
	case err == nil:
	case a.found == found:
		a.textErr = cmp.Or(a.textErr, err)
	default:
		a.failed(err)
	}
}

// relation notes which request the message answers (WS-Addressing 1.0 §3.2).
func (a *answer) relation(r *xmlio.Reader) {
	if kind := r.Attr("RelationshipType"); kind != "" && kind != wsaSpace+"/reply" {
		return
	}
	id := strings.TrimPrefix(strings.TrimSpace(r.Text()), "urn:uuid:")
	if a.relatesTo != "" && a.relatesTo != id {
		a.refuse(r, "the message answers two requests")
	}
	a.relatesTo = id
}

// fault reads a SOAP Fault (SOAP 1.1 §4.4). What EMIS says in one is not
// public, so every one is a refusal; "Server" means that the same request may
// succeed later.
func (a *answer) fault(r *xmlio.Reader) {
	var code, words, detail string
	for range r.Children("") {
		switch r.Name().Local {
		case "faultcode":
			code = strings.TrimSpace(r.Text())
		case "faultstring":
			words = strings.TrimSpace(r.Text())
		case "detail":
			detail = r.Words()
		}
	}
	_, local, qualified := strings.Cut(code, ":")
	if !qualified {
		local = code
	}
	class, _, _ := strings.Cut(local, ".")
	a.refused(record.Failure{
		Reason:     record.ReasonRefused,
		Native:     cmp.Or(words, detail, code),
		NativeCode: local,
		Retry:      class == "Server",
	})
}

// medicalRecord reads a MedicalRecord, which holds a record or a
// MessagingError.
func (a *answer) medicalRecord(r *xmlio.Reader) {
	rec, err := medicalrecord.Decode(r, 0)
	var refusal *medicalrecord.MessagingError
	if errors.As(err, &refusal) {
		a.refused(refusal.Failure())
		return
	}
	a.found++
	a.take(rec, err)
}

func (a *answer) take(rec *record.Record, err error) {
	if err != nil {
		a.failed(err)
		return
	}
	rec.Source.System = cmp.Or(rec.Source.System, title)
	a.fresh = rec
}

func (a *answer) refused(f record.Failure) {
	a.found++
	a.failure = &f
}

func (a *answer) refuse(r *xmlio.Reader, what string) {
	a.failed(at(r, record.ReasonBadAnswer, opDecodeResponse, what))
}

func (a *answer) failed(err error) { a.err = cmp.Or(a.err, err) }
