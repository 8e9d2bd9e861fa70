package mig

import (
	"cmp"

	"github.com/linkspan/linkspan/pairs/internal/openhr"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opEncodeResponse = "mig: encode response"

// EncodeResponse writes the answer to q: the record, where it is, or an error of
// the profile, which is an answer like any other, whatever went wrong.
func (c *codec) EncodeResponse(q *record.Request, p record.Response, id system.MessageID) ([]byte, error) {
	op := cmp.Or(q.Operation, opRecord)
	size := 4096
	if rec := p.Record(); rec != nil && op == opRecord {
		size += 8<<10 + 1024*len(rec.Entries)
	}
	w := xmlio.NewWriter(make([]byte, 0, size))
	c.open(w, op+".response", id, q.MessageID, func() {
		w.Start(c.word("sender"))
		w.Element(c.word("code"), cmp.Or(q.Target, c.organisation))
		w.End()
		w.Start(c.word("recipient"))
		w.Element(c.word("code"), q.Requester.Organisation)
		w.End()
	})
	var err error
	switch f := p.Failure(); {
	case f != nil:
		c.writeError(w, f)
	case op == opLocate:
		c.writeLocation(w, q, p.Record())
	default:
		err = openhr.Encode(w, p.Record(), p.Record().Head(q.Sections), id)
	}
	shut(w)
	if err = cmp.Or(err, w.Err()); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeResponse, err)
	}
	return w.Bytes(), nil
}

func (c *codec) writeError(w *xmlio.Writer, f *record.Failure) {
	w.Start(c.word("error"))
	w.Element(c.word("error.code"), c.word("failure."+string(f.Reason)))
	w.Element(c.word("error.text"), f.Words())
	if f.Retry {
		w.Element(c.word("error.retry"), "true")
	}
	w.End()
}

// writeLocation says that the record asked about is with the holder, and which
// data sets may be asked for: all but those the agreement keeps back whole.
func (c *codec) writeLocation(w *xmlio.Writer, q *record.Request, rec *record.Record) {
	rec.Writing()
	w.Start(c.word("location"))
	w.Element(c.word("code"), cmp.Or(q.Target, rec.Source.ODS))
	w.Optional(c.word("name"), rec.Source.Organisation)
	for _, v := range views() {
		closed := true
		for _, s := range record.Sections() {
			closed = closed && (!v.sections().Has(s) || s == record.Demographics && v.name != "patient" || rec.Closed(s))
		}
		if !closed {
			w.Element(c.word("data-set"), c.word("view."+v.name))
		}
	}
	w.End()
	for _, line := range rec.Head(q.Sections) {
		w.Element(c.word("note"), line)
	}
}
