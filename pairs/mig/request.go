package mig

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opDecodeRequest = "mig: decode request"
	opEncodeRequest = "mig: encode request"
)

const (
	soapSpace = "http://schemas.xmlsoap.org/soap/envelope/"
	wsaSpace  = "http://www.w3.org/2005/08/addressing"
)

// The operations, as record.Request.Operation and the profile's keys name them.
const (
	opLocate = "locate"
	opRecord = "record"
)

var nameEnvelope = xmlio.Name{Space: soapSpace, Local: "Envelope"}

// DecodeRequest reads a question. It takes any order of children and refuses
// what two readers could understand differently: a repeated single element, two
// questions. Consent to view and a named user are mandatory (E §5).
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

// asked is a question while it is read.
type asked struct {
	*codec
	q   record.Request
	err error

	questions, headers, contents int
	number, birth                string
	created                      time.Time
	consent, reason, words       string
	consents                     int
	sets                         []string // data sets, by the profile's key
}

func (a *asked) read(ctx context.Context, msg []byte) error {
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: a.limits})
	if err != nil {
		return err
	}
	if r.Name() != nameEnvelope {
		a.refuse(r, "the root element is no SOAP 1.1 envelope")
	}
	for name := range r.Children(soapSpace) {
		if name != "Body" {
			continue
		}
		if r.Repeated() {
			a.refuse(r, "repeated element")
		}
		for range r.Children(soapSpace) {
			a.question(r)
		}
	}
	if err := r.Close(); err != nil {
		return err
	}
	return a.err
}

func (a *asked) question(r *xmlio.Reader) {
	switch r.Name() {
	case xmlio.Name{Space: a.word("namespace"), Local: a.word("record.request")}:
		a.q.Operation = opRecord
	case xmlio.Name{Space: a.word("namespace"), Local: a.word("locate.request")}:
		a.q.Operation = opLocate
	default:
		a.refuse(r, "not a question of the profile")
		return
	}
	if a.questions++; a.questions > 1 {
		a.refuse(r, "a second question")
	}
	for name := range r.Children(a.word("namespace")) {
		switch name {
		case a.word("header"):
			a.headers++
			a.header(r)
		case a.word("content"):
			a.contents++
			a.content(r)
		default:
			a.refuse(r, "not a part of a question")
		}
		if a.headers > 1 || a.contents > 1 {
			a.refuse(r, "repeated element")
		}
	}
}

func (a *asked) header(r *xmlio.Reader) {
	for name := range r.Children(a.word("namespace")) {
		switch name {
		case a.word("message"):
			a.q.MessageID = a.text(r)
		case a.word("created"):
			a.created, _ = time.Parse(time.RFC3339, a.text(r))
		case a.word("sender"):
			a.party(r, &a.q.Requester.Organisation, &a.q.Requester.Department)
		case a.word("recipient"):
			a.party(r, &a.q.Target, nil)
		case a.word("user"):
			a.once(r)
			for field := range r.Children(a.word("namespace")) {
				switch field {
				case a.word("user.id"):
					a.q.Requester.User = a.text(r)
				case a.word("name"):
					a.q.Requester.UserName = a.text(r)
				case a.word("user.role"):
					a.q.Requester.Role = a.text(r)
				}
			}
		}
	}
}

// party reads an organisation: its code, and the department of the sender's.
func (a *asked) party(r *xmlio.Reader, code, department *string) {
	a.once(r)
	for field := range r.Children(a.word("namespace")) {
		switch {
		case field == a.word("code"):
			*code = a.text(r)
		case field == a.word("department") && department != nil:
			*department = a.text(r)
		}
	}
}

func (a *asked) content(r *xmlio.Reader) {
	for name := range r.Children(a.word("namespace")) {
		switch name {
		case a.word("patient"):
			a.once(r)
			for field := range r.Children(a.word("namespace")) {
				switch field {
				case a.word("patient.number"):
					a.number = a.text(r)
				case a.word("patient.birth"):
					a.birth = a.text(r)
				}
			}
		case a.word("consent"):
			a.once(r)
			a.consents++
			a.consent, a.reason = strings.TrimSpace(r.Attr(a.word("consent.status"))), strings.TrimSpace(r.Attr(a.word("consent.reason")))
			a.words = strings.TrimSpace(r.Text())
		case a.word("data-set"):
			a.sets = append(a.sets, strings.TrimSpace(r.Text()))
		case a.word("model"):
			a.q.Requester.ContentModel = a.text(r)
		default:
			a.refuse(r, "not a part of a question")
		}
	}
}

// settle makes of what was read what it means, as far as it was read.
func (a *asked) settle() {
	if number, err := record.ParseNHSNumber(a.number); err == nil {
		a.q.Patient.NHS = number
	}
	a.q.Patient.BirthDate, _ = record.ParseISO(a.birth)
	switch a.consent {
	case a.word("consent.given"):
		a.q.Requester.Consent = consentGiven
	case a.word("consent.refused"):
		a.q.Requester.Consent = consentRefused
	case a.word("consent.emergency"):
		a.q.Requester.Consent = consentNone
		a.q.Requester.BreakGlass, a.q.Requester.BreakGlassText = cmp.Or(a.glass[a.reason], "not a known reason"), a.words
	}
	a.q.CodedOnly = !a.free
	switch {
	case a.q.Operation == opLocate:
		a.q.Sections = record.SectionsOf(record.Demographics)
		return
	case len(a.sets) == 0:
		a.q.Sections, a.q.Whole = record.AllSections, true
		return
	}
	for _, set := range a.sets {
		if v, ok := viewOf(a.views[set]); ok {
			a.q.Sections |= v.sections()
		}
	}
	a.q.Identify = a.q.Sections == record.SectionsOf(record.Demographics)
}

// The words of the agreement's claim for what the MIG's consent says.
const (
	consentGiven   = "patient-present"
	consentRefused = "refused"
	consentNone    = "not-obtained"
)

func (a *asked) check() error {
	fault := func(reason record.Reason, what string) error {
		return &record.Error{Reason: reason, Op: opDecodeRequest, Err: errors.New(what)}
	}
	known := func(set string) bool { return a.views[set] != "" }
	switch {
	case a.questions == 0:
		return fault(record.ReasonBadMessage, "no question of the profile")
	case a.headers == 0:
		return fault(record.ReasonBadMessage, "no header")
	case a.contents == 0:
		return fault(record.ReasonBadMessage, "no content")
	case a.q.MessageID == "":
		return fault(record.ReasonBadMessage, "the message has no id")
	case a.q.Requester.User == "":
		return fault(record.ReasonBadMessage, "no named user")
	case a.number == "":
		return fault(record.ReasonBadMessage, "no number of a patient")
	case a.consents == 0:
		return fault(record.ReasonNoConsent, "no indicator of consent to view")
	case a.q.Requester.Consent == "":
		return fault(record.ReasonBadMessage, "the indicator of consent to view is none of the profile's")
	case !slices.ContainsFunc(a.sets, known) && len(a.sets) > 0, slices.ContainsFunc(a.sets, func(s string) bool { return !known(s) }):
		return fault(record.ReasonUnsupported, "a data set that is none of the profile's")
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

// EncodeRequest asks the MIG: for the patient's details where the bridge itself
// asks who the patient is, else for the whole record, or with calls by view for
// every view that holds what is asked for (see Calls). Consent to view and the
// user are those of who asks; the MIG is asked for nobody without.
func (c *codec) EncodeRequest(q *record.Request, id system.MessageID) ([]byte, error) {
	refuse := func(reason record.Reason, what string) ([]byte, error) {
		return nil, &record.Error{Reason: reason, Op: opEncodeRequest, Err: errors.New(what)}
	}
	who := q.Requester
	switch {
	case q.Patient.NHS.IsZero():
		return refuse(record.ReasonBadMessage, "the request has no NHS number")
	case q.Target == "":
		return refuse(record.ReasonNoTarget, "the request names no organisation")
	case who.User == "":
		return refuse(record.ReasonDenied, "the MIG is asked by a named user only")
	case c.consentOf(who) == "":
		return refuse(record.ReasonNoConsent, "the MIG is asked with consent to view, or an override of it, only")
	}
	var sets []string
	switch {
	case q.Identify:
		sets = []string{c.word("view.patient")}
	case c.each:
		for _, v := range viewsFor(q.Sections) {
			sets = append(sets, c.word("view."+v.name))
		}
	}
	out, err := c.question(opRecord, q, sets, id)
	if err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeRequest, err)
	}
	return out, nil
}

// consentOf is the MIG's word for the consent of who asks, "" where there is
// none.
func (c *codec) consentOf(who record.Requester) string {
	switch {
	case who.BreakGlass != "":
		return c.word("consent.emergency")
	case who.Consent == consentGiven, who.Consent == "carer", who.Consent == "remote":
		return c.word("consent.given")
	case who.Consent == consentRefused:
		return c.word("consent.refused")
	}
	return ""
}

// question writes a question of either operation.
func (c *codec) question(op string, q *record.Request, sets []string, id system.MessageID) ([]byte, error) {
	w := xmlio.NewWriter(make([]byte, 0, 2048))
	c.open(w, op+".request", id, "", func() {
		who := q.Requester
		w.Start(c.word("sender"))
		w.Element(c.word("code"), cmp.Or(who.Organisation, c.organisation))
		w.Optional(c.word("department"), cmp.Or(who.Department, c.department))
		w.End()
		w.Start(c.word("recipient"))
		w.Element(c.word("code"), q.Target)
		w.End()
		w.Start(c.word("user"))
		w.Element(c.word("user.id"), who.User)
		w.Optional(c.word("name"), who.UserName)
		w.Optional(c.word("user.role"), who.Role)
		w.End()
	})
	w.Start(c.word("patient"))
	w.Element(c.word("patient.number"), q.Patient.NHS.Digits())
	w.Optional(c.word("patient.birth"), q.Patient.BirthDate.Day())
	w.End()
	attrs := []string{c.word("consent.status"), c.consentOf(q.Requester)}
	if g := q.Requester.BreakGlass; g != "" {
		attrs = append(attrs, c.word("consent.reason"), c.word("reason."+g))
	}
	w.Element(c.word("consent"), q.Requester.BreakGlassText, attrs...)
	for _, set := range sets {
		w.Element(c.word("data-set"), set)
	}
	w.Optional(c.word("model"), cmp.Or(q.Requester.ContentModel, c.model))
	shut(w)
	return w.Bytes(), w.Err()
}

// open writes a message up to the inside of its content, shut the rest. root is
// the profile's key of the message, parties writes who it is from and to.
func (c *codec) open(w *xmlio.Writer, root string, id system.MessageID, answers string, parties func()) {
	op, _, _ := strings.Cut(root, ".")
	w.Declaration()
	w.Start("soap:Envelope", "xmlns:soap", soapSpace, "xmlns:wsa", wsaSpace)
	w.Start("soap:Header")
	w.Element("wsa:MessageID", "urn:uuid:"+id.ID)
	if answers != "" {
		w.Element("wsa:RelatesTo", "urn:uuid:"+answers)
	}
	w.Element("wsa:Action", c.word(op+".action"))
	w.End()
	w.Start("soap:Body")
	w.Start(c.word(root), "xmlns", c.word("namespace"))
	w.Start(c.word("header"))
	w.Element(c.word("message"), id.ID)
	w.Optional(c.word("answers"), answers)
	w.Element(c.word("created"), id.At.Format(time.RFC3339))
	parties()
	w.End()
	w.Start(c.word("content"))
}

func shut(w *xmlio.Writer) {
	for range 4 { // content, question or answer, Body, Envelope
		w.End()
	}
}
