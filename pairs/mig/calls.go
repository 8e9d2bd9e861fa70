package mig

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opCalls = "mig: calls"

// joinSpace is the namespace of the element that holds the answers to several
// calls. It is ours, and never leaves the bridge.
const joinSpace = "urn:linkspan:mig:answers"

// Calls makes of one question that names several data sets the calls that the
// MIG takes: where the patient is, and then one for each data set that is
// offered there (E §5 "up to 10 calls, one per data set"). Any other question is
// a call by itself.
func (c *codec) Calls(ctx context.Context, request []byte, answers [][]byte) ([][]byte, error) {
	a := asked{codec: c}
	if err := a.read(ctx, request); err != nil {
		return nil, record.Fault(record.ReasonInternal, opCalls, err)
	}
	a.settle()
	switch {
	case !c.each || len(a.sets) < 2:
		if len(answers) > 0 {
			return nil, nil
		}
		return [][]byte{request}, nil
	case len(answers) == 0:
		call, err := c.question(opLocate, &a.q, nil, a.derived(opLocate))
		return [][]byte{call}, err
	case len(answers) > 1:
		return nil, nil
	}
	offered, err := c.offered(ctx, answers[0], a.q.Target)
	if err != nil || offered == nil {
		return nil, err
	}
	var calls [][]byte
	for _, set := range a.sets {
		if !slices.Contains(offered, set) {
			continue
		}
		call, err := c.question(opRecord, &a.q, []string{set}, a.derived(set))
		if err != nil {
			return nil, record.Fault(record.ReasonInternal, opCalls, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// derived is the identifier and time of a call, the same whenever it is made of
// the same question.
func (a *asked) derived(call string) system.MessageID {
	return system.MessageID{ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(joinSpace+" "+a.q.MessageID+" "+call)).String(), At: a.created}
}

// offered are the data sets that an organisation has of a patient, by the answer
// to where the patient is; nil is an answer that is a failure or does not name
// the organisation.
func (c *codec) offered(ctx context.Context, answer []byte, organisation string) ([]string, error) {
	if answer == nil {
		return nil, nil
	}
	p := reply{codec: c, ctx: ctx}
	if err := p.read(answer); err != nil {
		return nil, err
	}
	for _, l := range p.locations {
		if strings.EqualFold(l.organisation, organisation) {
			return l.sets, nil
		}
	}
	return nil, nil
}

// Join puts the answers into one document: that of where the patient is first,
// and then those of the data sets, with the place of each that is not there.
// Each is read through by itself before, so that none can end its place early;
// one that is no answer of the MIG is none.
func (c *codec) Join(request []byte, answers [][]byte) ([]byte, error) {
	if len(answers) == 1 {
		return answers[0], nil
	}
	w := xmlio.NewWriter(nil)
	w.Declaration()
	w.Start("answers", "xmlns", joinSpace)
	for _, answer := range answers {
		document := c.document(answer)
		if document == nil {
			w.Empty("none")
			continue
		}
		w.Start("answer")
		w.Raw(document)
		w.End()
	}
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opCalls, err)
	}
	return w.Bytes(), nil
}

// document is the envelope of an answer as it stands, without its declaration;
// nil is an answer that is none.
func (c *codec) document(answer []byte) []byte {
	r, err := xmlio.Open(context.Background(), answer, xmlio.Options{Limits: c.limits})
	if err != nil || r.Name() != nameEnvelope {
		return nil
	}
	document := r.Raw()
	if r.Close() != nil {
		return nil
	}
	return document
}
