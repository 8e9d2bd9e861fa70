package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/secret"
)

type auditCommand struct {
	Verify        auditVerify     `cmd:"" help:"Prove the log against what is kept of it elsewhere, and name the first bad record."`
	Report        auditReport     `cmd:"" help:"Everything the log holds about one patient, in plain words."`
	Breakglass    auditBreakglass `cmd:"" help:"The day's exchanges in which consent was overridden, for the privacy officers of both sides."`
	Export        auditExport     `cmd:"" help:"Write a part of the log to a file that proves itself offline."`
	Key           auditKey        `cmd:"" help:"Print the keys that prove the checkpoints of the instances here."`
	DeleteSegment auditDelete     `cmd:"" help:"Delete the oldest closed month, eight years old or more, on the record."`
}

// auditPlace says where logs are and what is kept of them elsewhere.
type auditPlace struct {
	Data        string `env:"LINKSPAN_DATA" help:"Data directory of the instance, or one with its folder audit."`
	Instance    string `help:"Only the log of this instance; default every log in the directory."`
	Checkpoints string `env:"LINKSPAN_CHECKPOINTS" help:"Directory of checkpoints that is kept elsewhere."`
}

func (p auditPlace) dir() string { return filepath.Join(p.Data, "audit") }

// instances are those whose logs are here, of which at least one must be.
func (p auditPlace) instances() ([]string, error) {
	if p.Data == "" {
		return nil, usageError{errors.New("audit: want --data, the data directory, or --nats")}
	}
	names, err := audit.Instances(p.dir())
	if err != nil {
		return nil, err
	}
	if p.Instance != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return name != p.Instance })
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("audit: there is no log in %s", p.dir())
	}
	return names, nil
}

// one is the single instance a command is about.
func (p auditPlace) one() (string, error) {
	names, err := p.instances()
	if err != nil {
		return "", err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return p.Instance == "" && strings.HasSuffix(name, deskSuffix) })
	if len(names) != 1 {
		return "", usageError{fmt.Errorf("audit: want --instance, one of %s", strings.Join(names, ", "))}
	}
	return names[0], nil
}

// keyFile is where the signing key of an instance lies.
func (p auditPlace) keyFile(instance string) string {
	if strings.HasSuffix(instance, deskSuffix) {
		return filepath.Join(p.Data, "audit-desk.key")
	}
	return filepath.Join(p.Data, "audit.key")
}

// sealer opens what is sealed in the logs of a link.
func (p auditPlace) sealer(file string) (*audit.Sealer, error) {
	if file == "" {
		file = filepath.Join(p.Data, "patient.key")
	}
	text, err := secret.Read(file)
	if err != nil {
		return nil, fmt.Errorf("patient key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.New("patient key: want 32 bytes in hexadecimal")
	}
	return audit.NewSealer(key)
}

// deskSuffix ends the name of the log in which it is written down what privacy
// officers did at this data directory. The instance's own log is held by the
// running daemon.
const deskSuffix = "-desk"

// deskName is the name of that log.
func (p auditPlace) deskName() (string, error) {
	names, err := p.instances()
	if err != nil {
		return "", err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, deskSuffix) })
	if len(names) == 0 {
		return "", fmt.Errorf("audit: there is no log in %s", p.dir())
	}
	name := names[0]
	return name[:min(len(name), 64-len(deskSuffix))] + deskSuffix, nil
}

// auditWho is who uses the log. What they are shown is written down before.
type auditWho struct {
	By  string `required:"" help:"Your name; it is written into the log before anything is shown."`
	Why string `help:"Why, for whoever reads the log later."`
}

// writeDown makes a record of what is about to be done, durable before it is,
// and gives the id it stands under.
func (p auditPlace) writeDown(e audit.Entry, who auditWho, seal func(*audit.Entry)) (string, error) {
	name, err := p.deskName()
	if err != nil {
		return "", err
	}
	key, err := audit.LoadSigningKey(p.keyFile(name), name)
	if err != nil {
		return "", err
	}
	log, err := audit.OpenWith(p.dir(), name, audit.OpenOptions{Signer: key, Checkpoints: p.Checkpoints})
	if err != nil {
		return "", err
	}
	e.Instance, e.Exchange, e.User, e.ClaimSource = name, "desk-"+time.Now().UTC().Format("20060102T150405.000000000"), who.By, "named on the command line"
	if e.Cause == "" {
		e.Cause = who.Why
	}
	if seal != nil {
		seal(&e)
	}
	_, err = log.Append(e)
	return e.Exchange, errors.Join(err, log.Close())
}

// auditServers are the instances that are asked by NATS instead.
type auditServers struct {
	natsTLS
	NATS        string        `name:"nats" help:"Ask the running instances on these NATS servers as well."`
	LinkKey     string        `env:"LINKSPAN_LINK_KEY" help:"File with the link's key, under which questions and answers are sealed."`
	Economy     string        `env:"LINKSPAN_ECONOMY" help:"Name of the health economy."`
	Pair        string        `env:"LINKSPAN_PAIR" help:"The two systems linked."`
	Environment string        `env:"LINKSPAN_ENVIRONMENT" default:"live" help:"test or live."`
	Expect      []string      `help:"Instances that must answer; one that does not is named, and the exit code is 1."`
	Wait        time.Duration `default:"2s" help:"How long instances may take to say that they are there."`
}

func (s auditServers) connect() (*nats.Conn, error) {
	if s.LinkKey == "" || s.Economy == "" || s.Pair == "" {
		return nil, usageError{errors.New("audit: --nats wants --link-key, --economy and --pair")}
	}
	nc, err := s.dial(s.NATS, "linkspan audit")
	if err != nil {
		return nil, err
	}
	return nc, nc.FlushTimeout(10 * time.Second)
}

// link is what the roles of the link have in common.
func (s auditServers) link() string { return s.Economy + "/" + s.Pair + "/" + s.Environment }

type auditKey struct{ auditPlace }

// Run prints the verifier key of every instance whose signing key is here.
func (c auditKey) Run(_ context.Context, to streams) error {
	names, err := c.instances()
	if err != nil {
		return err
	}
	for _, name := range names {
		key, _, err := c.verifier(name, "")
		if err != nil {
			return err
		}
		if key != "" {
			fmt.Fprintln(to.out, key)
		}
	}
	return nil
}
