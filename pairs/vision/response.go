package vision

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecodeResponse = "vision: decode response"

var (
	nameResponse = xmlio.Name{Space: visionSpace, Local: "visionResponse"}
	nameRecord   = xmlio.Name{Space: visionSpace, Local: "record"}
	nameFault    = xmlio.Name{Space: soapSpace, Local: "Fault"}
	nameAnswers  = xmlio.Name{Space: joinSpace, Local: "answers"}
	nameHeader   = xmlio.Name{Local: "header"}
	nameRoot     = xmlio.Name{Local: "root"}
)

// DecodeResponse reads an answer, or those to all the calls of one request
// (Join). A patient file by itself is read too, as exports have it.
//
// A SOAP Fault, or an error in place of a record, is a Failure. Of several
// answers the patient's details must be there, and one that is not, or is a
// failure, fails the sections of its view.
func (c *codec) DecodeResponse(ctx context.Context, msg []byte) (record.Response, error) {
	d := &decoder{codec: c, ctx: ctx, counts: make([]int, len(entries())), seen: map[string][][]attribute{}, courses: map[string]*record.Entry{},
		consultations: map[string]*record.Entry{}, staff: map[string]*record.Person{}}
	err := d.read(msg)
	if err == nil {
		err = d.err
	}
	if err == nil && d.rec == nil && d.failure == nil {
		err = errors.New("neither a record nor a refusal")
	}
	if err == nil && d.failure == nil && d.patients == 0 {
		err = &record.Error{Reason: record.ReasonNoPatient, Op: opDecodeResponse, Err: errors.New("no patient")}
	}
	if err != nil {
		return record.Response{}, record.Fault(record.ReasonBadAnswer, opDecodeResponse, err)
	}
	answer := record.Response{}
	if d.rec == nil || d.failure != nil && (!d.several || d.patients == 0) { // of nobody there is no record
		answer = record.Refused(*d.failure)
	} else {
		d.settle()
		answer = record.Answered(d.rec)
	}
	answer.MessageID = d.answers
	return answer, nil
}

// decoder is an answer, or several, while it is read.
type decoder struct {
	*codec
	ctx context.Context
	r   *xmlio.Reader
	err error

	several bool
	view    string // of the answer being read
	lost    []string
	answers string // the request's id
	failure *record.Failure

	rec           *record.Record
	counts        []int // of all documents
	patients      int
	known         []attribute              // the patient's, of the first document
	seen          map[string][][]attribute // what each identity was said with
	courses       map[string]*record.Entry // repeats by entity_id, nil where two have it
	issues        []issueOf
	consultations map[string]*record.Entry
	staff         map[string]*record.Person
}

// read reads a document that is a message, or a patient file.
func (d *decoder) read(msg []byte) error {
	r, err := xmlio.Open(d.ctx, msg, xmlio.Options{Limits: d.limits, Count: d.codec.counts})
	if err != nil {
		return err
	}
	outer := d.r
	d.r = r
	defer func() { d.r = outer }()
	switch name := r.Name(); {
	case name == nameHeader, name == nameRoot:
		d.document()
	case outer != nil: // an answer in a record would be read as another call's
		d.refuse("not the root element of a record")
	case name == nameEnvelope:
		d.envelope()
	case name == nameResponse:
		d.response()
	case name == nameAnswers:
		d.joined()
	default:
		d.refuse("not the root element of an answer")
	}
	if err := r.Close(); err != nil {
		return err
	}
	for i, n := range r.Counts() {
		d.counts[i] += n
	}
	return nil
}

func (d *decoder) joined() {
	d.several = true
	for name := range d.r.Children(joinSpace) {
		d.view = d.r.Attr("view")
		first := d.failure
		d.failure = nil
		switch name {
		case "answer":
			for range d.r.Children(soapSpace) {
				if d.r.Name() == nameEnvelope {
					d.envelope()
				}
			}
			if d.failure != nil {
				d.lost = append(d.lost, d.view)
			}
		case "none":
			d.lost = append(d.lost, d.view)
		}
		d.failure = cmp.Or(first, d.failure)
	}
	d.answers = "" // each answers a call of its own
	if len(d.lost) > 0 && d.view != "" && d.rec == nil && d.failure == nil {
		d.refuse("no answer to any call")
	}
}

func (d *decoder) envelope() {
	for name := range d.r.Children(soapSpace) {
		switch name {
		case "Header":
			for field := range d.r.Children(wsaSpace) {
				if field != "RelatesTo" {
					continue
				}
				if d.r.Repeated() {
					d.refuse("the message answers two requests")
				}
				d.answers = strings.TrimPrefix(strings.TrimSpace(d.r.Text()), "urn:uuid:")
			}
		case "Body":
			if d.r.Repeated() {
				d.refuse("repeated element")
			}
			bodies := 0
			for range d.r.Children("") {
				bodies++
				switch d.r.Name() {
				case nameFault:
					d.fault()
				case nameResponse:
					d.response()
				default:
					d.refuse("not a visionResponse")
				}
			}
			if bodies != 1 && d.r.Err() == nil {
				d.refuse("not one answer in the body")
			}
		}
	}
}

// response reads a visionResponse: its content is a record, as text, or an
// error.
func (d *decoder) response() {
	held := 0
	for name := range d.r.Children(visionSpace) {
		switch name {
		case "serviceDefinition", "serviceHeader":
		case "serviceContent":
			if d.r.Repeated() {
				d.refuse("repeated element")
			}
			for range d.r.Children(visionSpace) {
				held++
				d.content()
			}
		default:
			d.refuse("not a part of an answer")
		}
	}
	if held != 1 && d.r.Err() == nil {
		d.refuse("not one record or refusal")
	}
}

func (d *decoder) content() {
	switch {
	case d.r.Name() == nameRecord:
		text := d.r.Text()
		if strings.HasPrefix(text, "<?xml ") { // its charset was true before it became text
			_, text, _ = strings.Cut(text, "?>")
		}
		if err := d.read([]byte(strings.TrimSpace(text))); err != nil {
			d.err = cmp.Or(d.err, err)
		}
	case d.r.Name().Local == "error":
		d.failed()
	default:
		d.refuse("neither a record nor an error")
	}
}

// failed reads an error in place of a record. Its shape is inferred.
func (d *decoder) failed() {
	f := record.Failure{Reason: record.ReasonRefused}
	for name := range d.r.Children(visionSpace) {
		switch name {
		case "code":
			f.NativeCode = strings.TrimSpace(d.r.Text())
		case "text":
			f.Native = strings.TrimSpace(d.r.Text())
		case "retry":
			f.Retry = strings.TrimSpace(d.r.Text()) == "true"
		}
	}
	if f.NativeCode == codeNotFound {
		f.Reason = record.ReasonNotFound
	}
	d.failure = &f
}

// fault reads a SOAP Fault (SOAP 1.1 §4.4): "Server" means that the same
// request may succeed later.
func (d *decoder) fault() {
	var code, words string
	for range d.r.Children("") {
		switch d.r.Name().Local {
		case "faultcode":
			code = strings.TrimSpace(d.r.Text())
		case "faultstring":
			words = strings.TrimSpace(d.r.Text())
		}
	}
	_, local, qualified := strings.Cut(code, ":")
	if !qualified {
		local = code
	}
	class, _, _ := strings.Cut(local, ".")
	d.failure = &record.Failure{Reason: record.ReasonRefused, Native: cmp.Or(words, local), NativeCode: local, Retry: class == "Server"}
}

// settle compares what was read with what the readers counted, and says what
// each section's absence of entries means.
func (d *decoder) settle() {
	for _, i := range d.issues {
		if course := d.courses[i.repeat]; course != nil {
			i.entry.Medication.Course = course
		} else {
			i.entry.Notes = append(i.entry.Notes, "Which repeat it is an issue of cannot be told.")
		}
	}
	d.rec.Source.System = title
	d.rec.Reconcile(entries(), d.counts)
	d.rec.ReadDissent()
	have := supplied()
	d.rec.Supply(have)
	for _, s := range record.Sections() {
		if !have.Has(s) {
			d.rec.Declare(s, record.NotSupported)
		}
	}
	for _, name := range d.lost {
		v, ok := viewOf(name)
		if !ok { // the patient's details
			v.sections = record.SectionsOf(record.Demographics)
		}
		for _, s := range record.Sections() {
			if v.sections.Has(s) {
				d.rec.Fail(s, "visionResponse", "the call for its view was not answered")
			}
		}
	}
}

func (d *decoder) refuse(what string) {
	d.err = cmp.Or(d.err, at(d.r, record.ReasonBadAnswer, opDecodeResponse, what))
}
