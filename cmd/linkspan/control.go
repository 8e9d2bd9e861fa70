package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/bridge/secret"
	"github.com/linkspan/linkspan/bridge/status"
)

type controlCommand struct {
	Drain    controlPlain     `cmd:"" help:"Take no new request, finish what is under way and end the process with exit code 0."`
	Pause    controlDirection `cmd:"" help:"Refuse the requests of one system, or of both, until resumed or restarted."`
	Resume   controlDirection `cmd:"" help:"Take them again."`
	Reload   controlPlain     `cmd:"" help:"Read the agreement, the tables and the certificates now."`
	Rollback controlPlain     `cmd:"" help:"Make the table set before the active one active again."`
}

// controlAsk is what every control request says, and to whom.
type controlAsk struct {
	natsTLS
	URL          string   `name:"nats" env:"LINKSPAN_NATS_URL" placeholder:"URL" required:"" help:"The operations listener of an instance, nats://127.0.0.1:4222, or the NATS servers."`
	User         string   `env:"LINKSPAN_OPS_USER" default:"operations" help:"User of the operations listener."`
	PasswordFile string   `env:"LINKSPAN_OPS_PASSWORD_FILE" placeholder:"FILE" help:"File with that user's password; without it, the credentials."`
	Economy      string   `env:"LINKSPAN_ECONOMY" required:"" help:"Name of the health economy."`
	Instance     []string `placeholder:"NAME" help:"Instances that are asked; default every one that answers."`
	By           string   `required:"" help:"Your name; it is written into the audit log before anything is done."`
	Why          string   `required:"" help:"Why, in at most 200 characters and without a patient."`
}

type controlPlain struct{ controlAsk }

type controlDirection struct {
	controlAsk
	Direction string `placeholder:"SYSTEM" help:"The system that asks; default both."`
}

// controlGather is how long instances may take to say that they are there, and
// controlWait how long one may take to do what it is asked.
const (
	controlGather = time.Second
	controlWait   = 2 * time.Minute
)

// Run asks each instance in turn and prints what it answers.
func (c controlPlain) Run(ctx context.Context, to streams, line *kong.Context) error {
	return c.send(ctx, to, line.Selected().Name, "")
}

// Run asks each instance in turn and prints what it answers.
func (c controlDirection) Run(ctx context.Context, to streams, line *kong.Context) error {
	return c.send(ctx, to, line.Selected().Name, c.Direction)
}

// send asks every instance, also after one has refused, and fails where one did.
func (c controlAsk) send(ctx context.Context, to streams, verb, direction string) error {
	nc, err := c.connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	subjects := bridge.NewSubjects(c.Economy)
	instances := c.Instance
	if len(instances) == 0 {
		if instances, err = present(nc, subjects); err != nil {
			return err
		}
	}
	body, err := json.Marshal(bridge.ControlRequest{By: c.By, Why: c.Why, Direction: direction})
	if err != nil {
		return err
	}
	failed := false
	for _, instance := range instances {
		asking, cancel := context.WithTimeout(ctx, controlWait)
		m, err := nc.RequestWithContext(asking, subjects.Control(instance, verb), body)
		cancel()
		var answer bridge.ControlAnswer
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			err = errors.New("nobody answers: it is not there, or the user may not ask")
		case err == nil && m.Header.Get(micro.ErrorCodeHeader) != "":
			err = errors.New(printable(m.Header.Get(micro.ErrorHeader)))
		case err == nil:
			err = json.Unmarshal(m.Data, &answer)
		}
		if err != nil {
			failed = true
			fmt.Fprintf(to.err, "%s: %s refused: %v\n", instance, verb, err)
			continue
		}
		fmt.Fprintf(to.out, "%s: %s done: %s\n", instance, verb, printable(answer.Did))
	}
	if failed {
		return errRefused
	}
	return nil
}

// connect reaches the operations listener with user and password, or the servers
// with credentials.
func (c controlAsk) connect() (*nats.Conn, error) {
	if c.PasswordFile == "" {
		nc, err := c.dial(c.URL, "linkspan control")
		return connected(nc, err)
	}
	password, err := secret.Read(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	servers, err := c.servers(c.URL)
	if err != nil {
		return nil, err
	}
	servers.Credentials, servers.User, servers.Password = "", c.User, strings.TrimSpace(string(password))
	nc, err := natsd.ConnectExternal(servers, "linkspan control")
	return connected(nc, err)
}

// connected waits for the connection: a command has no later.
func connected(nc *nats.Conn, err error) (*nats.Conn, error) {
	if err != nil {
		return nil, err
	}
	there := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(there)
	if nc.IsConnected() {
		return nc, nil
	}
	select {
	case <-there:
		return nc, nil
	case <-time.After(10 * time.Second):
	}
	err = errors.New("the NATS servers do not answer")
	if last := nc.LastError(); last != nil {
		err = fmt.Errorf("the NATS servers do not answer: %w", last)
	}
	nc.Close()
	return nil, err
}

// present are the instances that say how they do.
func present(nc *nats.Conn, subjects bridge.Subjects) ([]string, error) {
	inbox, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		return nil, err
	}
	defer func() { _ = inbox.Unsubscribe() }()
	if err := nc.PublishRequest(subjects.Status(), inbox.Subject, nil); err != nil {
		return nil, err
	}
	var names []string
	for end := time.Now().Add(controlGather); ; {
		m, err := inbox.NextMsg(time.Until(end))
		if err != nil {
			break
		}
		var r status.Report
		if json.Unmarshal(m.Data, &r) == nil && r.Form == status.Form {
			names = append(names, r.Instance)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("no instance answers")
	}
	return names, nil
}
