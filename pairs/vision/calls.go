package vision

import (
	"context"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opCalls = "vision: calls"

// joinSpace is the namespace of the element that holds the answers to several
// calls, each with the view it was asked for, which nothing in Vision's own
// answer says. It is ours, and never leaves the bridge.
const joinSpace = "urn:linkspan:vision"

// Calls makes of a request that names several views one call for each, as
// Vision takes them, and one for the patient's details (S §5.2 "View 1").
func (c *codec) Calls(ctx context.Context, request []byte, answers [][]byte) ([][]byte, error) {
	if len(answers) > 0 {
		return nil, nil
	}
	a, names, err := c.calls(ctx, request)
	if err != nil {
		return nil, err
	}
	var calls [][]byte
	for _, name := range names {
		id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(joinSpace+" "+a.q.MessageID+" "+name)).String()
		call, err := c.request(&a.q, []string{name}, id)
		if err != nil {
			return nil, record.Fault(record.ReasonInternal, opCalls, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// calls are the views of a request in the order of its calls, the patient's
// details first.
func (c *codec) calls(ctx context.Context, request []byte) (*asked, []string, error) {
	a := &asked{codec: c}
	if err := a.read(ctx, request); err != nil {
		return nil, nil, record.Fault(record.ReasonInternal, opCalls, err)
	}
	a.settle()
	return a, append([]string{viewDetails}, a.views...), nil
}

// Join puts the answers into one document, each in its place with the view it
// is of. Each is read through by itself before, so that none can end its place
// early; one that is no answer of Vision is none.
func (c *codec) Join(request []byte, answers [][]byte) ([]byte, error) {
	_, names, err := c.calls(context.Background(), request)
	if err != nil {
		return nil, err
	}
	w := xmlio.NewWriter(nil)
	w.Declaration()
	w.Start("answers", "xmlns", joinSpace)
	for i, answer := range answers {
		document := c.document(answer)
		if document == nil || i >= len(names) {
			w.Empty("none", "view", names[min(i, len(names)-1)])
			continue
		}
		w.Start("answer", "view", names[i])
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
