package bridge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/micro"
	"go.uber.org/zap"
)

// serviceOperations is the name of the micro service that answers operations;
// every instance has one, whatever its roles.
const serviceOperations = "linkspan-operations"

// Pending limits of one endpoint: each answer takes well under a millisecond, and
// what is dropped above them is a flood.
const (
	questionsPending = 256
	questionsBytes   = 1 << 20
)

// serveOperations answers health, status and metrics as a micro service
// (ADR-32). Its endpoints answer one question after another: none of them waits
// for anything.
func (b *Bridge) serveOperations() error {
	c := b.config
	service, err := micro.AddService(b.nc, micro.Config{
		Name: serviceOperations, Version: b.version, Description: "how one instance of a linkspan link does, and the link",
		Metadata: map[string]string{"economy": c.Economy, "pair": c.Pair, "environment": c.Environment, "instance": c.Instance, "roles": strings.Join(c.Roles, " ")},
		ErrorHandler: func(_ micro.Service, e *micro.NATSError) {
			b.fault("operations", e, zap.String("subject", e.Subject), zap.String("error", e.Description))
		},
	})
	if err != nil {
		return fmt.Errorf("operations: %w", err)
	}
	b.operations.service = service
	endpoints := []struct {
		name, subject string
		group         micro.EndpointOpt
		answer        func() ([]byte, error)
	}{
		{"health", b.subjects.Health(), micro.WithEndpointQueueGroup("health"), func() ([]byte, error) { return json.Marshal(b.Link().Health()) }},
		{"status", b.subjects.Status(), micro.WithEndpointQueueGroupDisabled(), func() ([]byte, error) { return json.Marshal(b.Report()) }},
		{"metrics", b.subjects.Metrics(), micro.WithEndpointQueueGroupDisabled(), func() ([]byte, error) { return b.operations.metrics.Text(), nil }},
	}
	for _, e := range endpoints {
		err := service.AddEndpoint(e.name, micro.HandlerFunc(func(r micro.Request) { b.answer(r, e.answer) }),
			micro.WithEndpointSubject(e.subject), e.group, micro.WithEndpointPendingLimits(questionsPending, questionsBytes))
		if err != nil {
			return fmt.Errorf("operations: %s: %w", e.name, err)
		}
	}
	return nil
}

// answer responds to one question. What cannot be answered is said with the
// error headers of ADR-32, whose code is a number; the text never holds more
// than this product's own words.
func (b *Bridge) answer(r micro.Request, with func() ([]byte, error)) {
	if r.Reply() == "" {
		return // nobody to answer
	}
	body, err := with()
	switch {
	case err != nil:
		b.log.Error("operations", zap.String("subject", r.Subject()), zap.Error(err))
		err = r.Error(strconv.Itoa(http.StatusInternalServerError), "the answer could not be made", nil)
	case int64(len(body)) > b.nc.MaxPayload():
		err = r.Error(strconv.Itoa(http.StatusRequestEntityTooLarge), "the answer is longer than one message may be", nil)
	default:
		err = r.Respond(body)
	}
	if err != nil && !b.nc.IsClosed() {
		b.log.Debug("operations", zap.String("subject", r.Subject()), zap.Error(err)) // the connection's own line says why
	}
}
