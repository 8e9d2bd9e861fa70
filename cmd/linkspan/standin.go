package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

type standinCommand struct {
	System  string        `arg:"" help:"The system to stand in for, e.g. emisweb."`
	Files   string        `required:"" type:"existingdir" help:"Folder of native record files."`
	Listen  string        `default:"127.0.0.1:0" help:"Address to serve the system's wire on."`
	ODS     []string      `help:"Organisations it answers for; default any."`
	Format  string        `enum:",medicalrecord,openhr" default:"" help:"Record format where the system has several: medicalrecord or openhr."`
	Latency time.Duration `help:"Wait before each answer."`
	Silent  bool          `help:"Never answer."`
	Error   string        `help:"Answer every request with this native error."`

	WrongPatient   bool     `help:"Answer about another patient."`
	NoPatient      bool     `help:"Answer without naming the patient."`
	NoDemographics bool     `help:"Answer with the patient's number and no other detail."`
	Standing       string   `enum:",left,deceased,temporary,unstated,sensitive" default:"" help:"Serve every patient as left, deceased, temporary, unstated or sensitive."`
	User           string   `help:"Who is logged on, for a system that is asked; default an invented GP."`
	Device         string   `enum:",blocked,later,undecided" default:"" help:"What is decided about a device that asks SystmOne for an id: blocked, later or undecided; default it is allowed."`
	Cert           string   `group:"TLS, all or none of these:" help:"Own certificate, with its intermediates." placeholder:"FILE"`
	CertKey        string   `group:"TLS, all or none of these:" help:"Key of the certificate, readable by its owner only." placeholder:"FILE"`
	CA             string   `group:"TLS, all or none of these:" help:"Authorities of the daemon's certificate." placeholder:"FILE"`
	Names          []string `group:"TLS, all or none of these:" help:"Names of which the daemon's certificate must have one."`
	Pins           string   `group:"TLS, all or none of these:" help:"File of the daemon's public keys, SHA-256 of each on a line." placeholder:"FILE"`
	CRL            []string `group:"TLS, all or none of these:" help:"Revocation lists, one of every authority." placeholder:"FILE"`

	Truncate  bool `help:"Cut every answer short."`
	Malformed bool `help:"Answer with XML that is not well formed."`
}

// tls are the files by which the stand-in shows itself and trusts the daemon.
func (c standinCommand) tls() certs.Options {
	return certs.Options{Use: "stand-in", Cert: c.Cert, Key: c.CertKey, CA: c.CA, Names: c.Names, Pins: c.Pins, CRL: c.CRL}
}

// Run serves until interrupted.
func (c standinCommand) Run(ctx context.Context, to streams) error {
	all := pairs.Systems()
	i := slices.IndexFunc(all, func(s system.System) bool { return s.Name == c.System })
	if i < 0 {
		return usageError{fmt.Errorf("standin: no system %q", c.System)}
	}
	options := standin.Options{Latency: c.Latency, Silent: c.Silent, Error: c.Error, WrongPatient: c.WrongPatient, NoPatient: c.NoPatient,
		NoDemographics: c.NoDemographics, Standing: c.Standing, Truncate: c.Truncate, Malformed: c.Malformed, Organisations: c.ODS, Format: c.Format, Device: c.Device}
	if c.User != "" {
		options.User = &standin.User{UserName: c.User}
	}
	stand, err := standin.New(c.System, os.DirFS(c.Files), options)
	if err != nil {
		return err
	}
	if len(stand.Patients()) == 0 {
		return fmt.Errorf("standin: no record of %s in %s", all[i].Title, c.Files)
	}
	var secure *tls.Config
	if o := c.tls(); o.Cert+o.Key+o.CA+o.Pins != "" || len(o.Names)+len(o.CRL) > 0 {
		store, err := certs.Open(o)
		if err != nil {
			return err
		}
		defer store.Close()
		secure = store.Server()
	}
	listener, err := wire.Listen(ctx, all[i].Wire, c.Listen, stand.Handle, wire.ListenOptions{TLS: secure})
	if err != nil {
		return err
	}
	fmt.Fprintf(to.out, "%s stand-in on %s with the records of %d patients\n", all[i].Title, listener.Addr(), len(stand.Patients()))
	<-ctx.Done()
	return listener.Shutdown(context.WithoutCancel(ctx))
}
