package mig

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/linkspan/linkspan/pairs/internal/openhr"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecodeResponse = "mig: decode response"

var (
	nameOpenHR  = xmlio.Name{Space: openhr.Namespace, Local: openhr.Root}
	nameFault   = xmlio.Name{Space: soapSpace, Local: "Fault"}
	nameAnswers = xmlio.Name{Space: joinSpace, Local: "answers"}
)

// DecodeResponse reads the answer to one question, or to all the calls of one
// (Join). An openHealthRecord by itself is read too, as exports have it.
//
// An error of the profile or a SOAP Fault is a Failure. Of several calls, the
// first to say where the patient is and every one to be about the patient
// asked for, one that failed fails the sections of its view.
func (c *codec) DecodeResponse(ctx context.Context, msg []byte) (record.Response, error) {
	p := reply{codec: c, ctx: ctx}
	if err := p.read(msg); err != nil {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	var answer record.Response
	switch {
	case p.rec != nil:
		answer = record.Answered(p.rec)
	case p.failure != nil:
		answer = record.Refused(*p.failure)
	case len(p.locations) > 0:
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, errors.New("an answer that says where the patient is and holds no record"))
	default:
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, errors.New("neither a record nor a refusal"))
	}
	answer.MessageID = p.answers
	return answer, nil
}

// reply is an answer, or several, while it is read.
type reply struct {
	*codec
	ctx context.Context
	err error

	several   bool
	headers   int
	contents  int
	answers   string // the question's id
	rec       *record.Record
	seen      map[string]*record.Entry // by identifier, of what several answers hold
	failure   *record.Failure
	lost      int // calls without an answer, or with a refusal
	locations []location
}

// location is where a patient's record is, and which data sets of it there are.
type location struct {
	organisation string
	sets         []string
}

func (p *reply) read(msg []byte) error {
	r, err := xmlio.Open(p.ctx, msg, xmlio.Options{Limits: p.limits, Count: p.counts})
	if err != nil {
		return err
	}
	switch r.Name() {
	case nameEnvelope:
		p.envelope(r)
	case nameOpenHR:
		p.take(openhr.Decode(r, 0))
	case nameAnswers:
		p.joined(r)
	default:
		p.refuse(r, "not the root element of an answer")
	}
	if err := r.Close(); err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	if p.rec != nil {
		p.settle(r.Counts())
	}
	return nil
}

// joined reads the answers to several calls. Each view was asked for because it
// holds a section: without its answer nobody knows what is in that.
func (p *reply) joined(r *xmlio.Reader) {
	p.several, p.seen = true, map[string]*record.Entry{}
	for name := range r.Children(joinSpace) {
		p.headers, p.contents = 0, 0
		had := p.failure
		switch name {
		case "answer":
			for range r.Children(soapSpace) {
				if r.Name() != nameEnvelope {
					p.refuse(r, "not a SOAP 1.1 envelope")
					continue
				}
				p.envelope(r)
			}
		case "none":
			p.lost++
		}
		if p.failure != had {
			p.lost++
		}
	}
	p.answers = "" // each answers a call of its own
}

func (p *reply) envelope(r *xmlio.Reader) {
	for name := range r.Children(soapSpace) {
		if name != "Body" {
			continue
		}
		if r.Repeated() {
			p.refuse(r, "repeated element")
		}
		bodies := 0
		for range r.Children("") {
			bodies++
			p.body(r)
		}
		if bodies != 1 && r.Err() == nil {
			p.refuse(r, "not one answer in the body")
		}
	}
}

func (p *reply) body(r *xmlio.Reader) {
	space := p.word("namespace")
	switch r.Name() {
	case nameFault:
		p.fault(r)
		return
	case xmlio.Name{Space: space, Local: p.word("record.response")}, xmlio.Name{Space: space, Local: p.word("locate.response")}:
	default:
		p.refuse(r, "not an answer of the profile")
		return
	}
	for name := range r.Children(space) {
		switch name {
		case p.word("header"):
			p.headers++
			p.header(r)
		case p.word("content"):
			p.contents++
			p.content(r)
		default:
			p.refuse(r, "not a part of an answer")
		}
	}
	if (p.headers != 1 || p.contents != 1) && r.Err() == nil {
		p.refuse(r, "not one header and one content")
	}
}

func (p *reply) header(r *xmlio.Reader) {
	for name := range r.Children(p.word("namespace")) {
		if name == p.word("answers") {
			if r.Repeated() {
				p.refuse(r, "the message answers two questions")
			}
			p.answers = strings.TrimPrefix(strings.TrimSpace(r.Text()), "urn:uuid:")
		}
	}
}

func (p *reply) content(r *xmlio.Reader) {
	held := 0
	for range r.Children("") {
		switch r.Name() {
		case nameOpenHR:
			held++
			p.take(openhr.Decode(r, 0))
		case xmlio.Name{Space: p.word("namespace"), Local: p.word("location")}:
			p.location(r)
		case xmlio.Name{Space: p.word("namespace"), Local: p.word("note")}:
		case xmlio.Name{Space: p.word("namespace"), Local: p.word("error")}:
			held++
			p.failed(r)
		default:
			p.refuse(r, "not a part of an answer")
		}
	}
	if held > 1 && r.Err() == nil {
		p.refuse(r, "more than one record or refusal")
	}
}

func (p *reply) location(r *xmlio.Reader) {
	var l location
	for name := range r.Children(p.word("namespace")) {
		switch name {
		case p.word("code"):
			l.organisation = strings.TrimSpace(r.Text())
		case p.word("data-set"):
			l.sets = append(l.sets, strings.TrimSpace(r.Text()))
		}
	}
	p.locations = append(p.locations, l)
}

// failed reads an error of the profile. A word it does not have is a refusal:
// what another system says of itself never becomes a fault of ours.
func (p *reply) failed(r *xmlio.Reader) {
	f := record.Failure{}
	for name := range r.Children(p.word("namespace")) {
		switch name {
		case p.word("error.code"):
			f.NativeCode = strings.TrimSpace(r.Text())
		case p.word("error.text"):
			f.Native = strings.TrimSpace(r.Text())
		case p.word("error.retry"):
			f.Retry = strings.TrimSpace(r.Text()) == "true"
		}
	}
	switch reason := p.reasons[f.NativeCode]; {
	case reason == record.ReasonNotFound, reason == record.ReasonNoConsent, reason == record.ReasonDenied:
		f.Reason = reason
	case reason == "", reason.Permanent():
		f.Reason = record.ReasonRefused
	default:
		f.Reason = record.ReasonBusy
	}
	p.failure = &f
}

// fault reads a SOAP Fault (SOAP 1.1 §4.4).
func (p *reply) fault(r *xmlio.Reader) {
	f := record.Failure{Reason: record.ReasonRefused}
	for range r.Children("") {
		switch r.Name().Local {
		case "faultcode":
			_, f.NativeCode, _ = strings.Cut(strings.TrimSpace(r.Text()), ":")
		case "faultstring":
			f.Native = strings.TrimSpace(r.Text())
		}
	}
	f.Native = cmp.Or(f.Native, f.NativeCode)
	f.Retry = f.NativeCode == "Server"
	p.failure = &f
}

// take adds a record to what was read so far. Of several answers all are about
// one patient, and what two views hold is one entry.
func (p *reply) take(rec *record.Record, err error) {
	switch {
	case err != nil:
		p.err = cmp.Or(p.err, err)
		return
	case p.rec == nil:
		p.rec = rec
	case rec.Patient.NHS != p.rec.Patient.NHS:
		p.err = cmp.Or(p.err, record.Fault(record.ReasonWrongPatient, opDecodeResponse, errors.New("the answers are about two patients")))
		return
	default:
		p.rec.Join(rec)
	}
	if !p.several {
		return
	}
	for _, e := range rec.Entries {
		if e.ID == "" {
			continue
		}
		if p.seen[e.ID] != nil && p.seen[e.ID] != e {
			e.Outcome = record.Duplicate
			continue
		}
		p.seen[e.ID] = e
	}
}

// settle compares what was read with what the reader counted. Of answers by view
// only what a view holds whole, and was offered, is known whole.
func (p *reply) settle(counts []int) {
	p.rec.Source.System = title
	p.rec.Reconcile(openhr.Entries(), counts)
	p.rec.ReadDissent()
	if !p.several {
		return
	}
	whole, part := record.SectionsOf(record.Unrecognised), record.SectionSet(0)
	for _, l := range p.locations {
		for _, set := range l.sets {
			if v, ok := viewOf(p.views[set]); ok {
				whole |= v.whole
				part |= v.part
			}
		}
	}
	for _, s := range record.Sections() {
		switch {
		case whole.Has(s) && p.lost > 0 && s != record.Demographics && s != record.Unrecognised:
			p.rec.Fail(s, p.word("content"), "a call for it was not answered")
		case whole.Has(s):
		case part.Has(s):
			p.rec.Declare(s, record.Filtered)
		default:
			p.rec.Declare(s, record.NotRetrievable)
		}
	}
}

func (p *reply) refuse(r *xmlio.Reader, what string) {
	p.err = cmp.Or(p.err, at(r, record.ReasonBadAnswer, opDecodeResponse, what))
}
