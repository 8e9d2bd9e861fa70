package spine

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/linkspan/linkspan/record"
)

// Accept proves and reads a request that arrived on subject. Its errors are
// *record.Error, bad-message unless the body is too large; the returned Message
// is then empty.
func (s *Spine) Accept(subject string, h nats.Header, data []byte) (Message, error) {
	const op = "accept"
	if h.Get(HeaderChunk) != "" {
		return Message{}, fault(record.ReasonBadMessage, op, errors.New("a request is never chunked"))
	}
	body, claims, err := s.seal.open(h.Get(HeaderClaims), subject, data)
	if err != nil {
		return Message{}, record.Fault(record.ReasonBadMessage, "spine: "+op, err)
	}
	if claims.Attempt == "" || claims.Reason != "" {
		return Message{}, fault(record.ReasonBadMessage, op, errors.New("the claims are not those of a request"))
	}
	if claims.Link != s.link {
		err := fault(record.ReasonBadMessage, op, errLink)
		s.onError(err) // sealed with our key: somebody wired two links or environments together
		return Message{}, err
	}
	return Message{Subject: subject, Claims: claims, Body: body}, nil
}

var errLink = errors.New("the request is of another link or environment")

// Respond seals m as the answer to the request that was accepted on m.Subject
// and sends it by respond, in chunks where it is longer than maxPayload (the
// connection's, as it is now). m.Claims must be the request's in exchange and
// attempt. A body over the limit is a too-large error and nothing is sent.
func (s *Spine) Respond(respond func(data []byte, h nats.Header) error, maxPayload int64, m Message) error {
	const op = "respond"
	if len(m.Body) > s.seal.limit {
		return fault(record.ReasonTooLarge, op, fmt.Errorf("the body is longer than %d bytes", s.seal.limit))
	}
	m.Claims.Reason = ""
	header, err := m.Claims.Header()
	if err != nil {
		return fault(record.ReasonInternal, op, err)
	}
	sealed, err := s.seal.sealed(header, m.Subject+replyDirection, m.Body)
	if err != nil {
		return err
	}
	return send(respond, maxPayload, s.chunk, nats.Header{HeaderClaims: {header}}, sealed)
}

// RespondError answers the request on subject with a reason in place of a body:
// in the service error headers (ADR-32), whose text is the reason's word and
// never more, and under the seal together with c, the request's claims. Where
// the request's claims could not be read, c is empty and the asker learns only
// what needs no proof.
func (s *Spine) RespondError(respond func(data []byte, h nats.Header) error, subject string, reason record.Reason, c Claims) error {
	h := errorHeader(reason)
	if c.Attempt == "" {
		return respond(nil, h)
	}
	c.Reason = reason
	header, err := c.Header()
	if err != nil {
		return respond(nil, h)
	}
	sealed, err := s.seal.sealed(header, subject+replyDirection, nil)
	if err != nil {
		return respond(nil, h)
	}
	h[HeaderClaims] = []string{header}
	return respond(sealed, h)
}

func errorHeader(reason record.Reason) nats.Header {
	return nats.Header{
		micro.ErrorHeader:     {string(reason)},
		micro.ErrorCodeHeader: {strconv.Itoa(reason.Code())},
		HeaderReason:          {string(reason)},
	}
}
