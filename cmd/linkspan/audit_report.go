package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/record"
)

type auditReport struct {
	auditPlace
	auditServers
	auditWho
	NHSNumber  string   `name:"nhs-number" help:"The patient's number. On a command line others on the machine can read it: better give it on standard input, which is read without this flag."`
	NumberFile string   `name:"nhs-number-file" help:"File with the number alone."`
	PatientKey string   `env:"LINKSPAN_PATIENT_KEY" help:"File with the key of patient references; default patient.key in the data directory."`
	Segment    []string `help:"Search this exported segment as well."`
	Details    bool     `help:"Also what was checked on the way to each decision; of refusals it is always shown."`
	Key        string   `help:"The verifier key of the segments, or its file."`
}

type auditBreakglass struct {
	auditPlace
	auditServers
	auditWho
	Day          string `help:"The day, as 2026-11-23; default today in the United Kingdom."`
	Organisation string `help:"Only exchanges in which this organisation asked or was asked, by ODS code."`
	PatientKey   string `env:"LINKSPAN_PATIENT_KEY" help:"File with the key of patient references; default patient.key in the data directory."`
}

// Run writes down who asks about whom, and then prints what the logs hold.
func (c auditReport) Run(ctx context.Context, to streams) error {
	nhs, err := c.number()
	if err != nil {
		return err
	}
	s := search{place: c.auditPlace, servers: c.auditServers, who: c.auditWho, patientKey: c.PatientKey, number: nhs.Digits(), what: "report on a patient"}
	if err := s.run(ctx); err != nil {
		return err
	}
	if err := s.segments(c.Segment, c.Key); err != nil {
		return err
	}
	out := bufio.NewWriter(to.out)
	p := page{out, c.Details}
	p.line("What Linkspan's audit holds about the patient with NHS number %s", nhs.Digits())
	p.line("Made %s for %s.", utc(time.Now()), printable(c.By))
	p.exchanges(s.found, true)
	return s.end(p, out)
}

// number is read from where it was given; standard input is the default.
func (c auditReport) number() (record.NHSNumber, error) {
	text := c.NHSNumber
	switch {
	case text != "" && c.NumberFile != "":
		return record.NHSNumber{}, usageError{errors.New("audit: want --nhs-number or --nhs-number-file, not both")}
	case c.NumberFile != "":
		content, err := os.ReadFile(c.NumberFile)
		if err != nil {
			return record.NHSNumber{}, fmt.Errorf("audit: %w", err)
		}
		text = string(content)
	case text == "":
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 100)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return record.NHSNumber{}, fmt.Errorf("audit: standard input: %w", err)
		}
		text = line
	}
	nhs, err := record.ParseNHSNumber(strings.TrimSpace(text))
	if err != nil {
		return nhs, usageError{errors.New("audit: that is not an NHS number")}
	}
	return nhs, nil
}

// Run prints the list for the privacy officers of both sides.
func (c auditBreakglass) Run(ctx context.Context, to streams) error {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	day, err := time.ParseInLocation(time.DateOnly, cmp.Or(c.Day, time.Now().In(london).Format(time.DateOnly)), london)
	if err != nil {
		return usageError{errors.New("audit: --day wants a day as 2026-11-23")}
	}
	s := search{place: c.auditPlace, servers: c.auditServers, who: c.auditWho, patientKey: c.PatientKey, what: "list of overridden consents of " + day.Format(time.DateOnly),
		query: audit.Query{BreakGlass: true, From: day, To: day.AddDate(0, 0, 1)}}
	if err := s.run(ctx); err != nil {
		return err
	}
	if c.Organisation != "" {
		kept := s.found[:0]
		for _, f := range s.found {
			if f.Entry.Organisation == c.Organisation || f.Entry.Target == c.Organisation {
				kept = append(kept, f)
			}
		}
		s.found = kept
	}
	out := bufio.NewWriter(to.out)
	p := page{out, true}
	p.line("Exchanges in which consent was overridden on %s", day.Format("Monday 2 January 2006"))
	p.line("Made %s for %s.", utc(time.Now()), printable(c.By))
	p.exchanges(s.found, false)
	return s.end(p, out)
}

// search looks through every log there is. That it does is on the record before
// it looks.
type search struct {
	place      auditPlace
	servers    auditServers
	who        auditWho
	patientKey string
	number     string
	what       string
	query      audit.Query

	sealer *audit.Sealer
	found  []audit.Found
	read   []string // logs and segments that were read
	faults []string // what could not be read, or is not there
	// unproven are the logs of which nothing kept elsewhere says that they are
	// whole.
	unproven []string
}

func (s *search) run(ctx context.Context) error {
	here := s.place.Data != ""
	if !here && s.servers.NATS == "" {
		return usageError{errors.New("audit: want --data, the data directory, or --nats")}
	}
	if here {
		if err := s.local(ctx); err != nil {
			return err
		}
	}
	if s.servers.NATS != "" {
		if err := s.remote(ctx); err != nil {
			return err
		}
	} else {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(append(s.place.known(), s.servers.Expect...)))) {
			if !slices.Contains(s.read, name) && (s.place.Instance == "" || s.place.Instance == name) {
				s.faults = append(s.faults, fmt.Sprintf("instance %s did not answer: its log is not here", name))
			}
		}
	}
	audit.Sort(s.found)
	return nil
}

func (s *search) local(ctx context.Context) error {
	var err error
	if s.sealer, err = s.place.sealer(s.patientKey); err != nil {
		return err
	}
	query := s.query
	if s.number != "" {
		query.Ref = s.sealer.Reference(s.number)
	}
	own, err := s.place.writeDown(audit.Entry{Event: audit.EventReported, View: s.what}, s.who, func(e *audit.Entry) {
		if s.number != "" {
			s.sealer.SealPatient(e, s.number)
		}
	})
	if err != nil {
		return fmt.Errorf("nothing is shown that cannot be written down: %w", err)
	}
	names, err := s.place.instances()
	if err != nil {
		return err
	}
	for _, name := range names {
		page, err := audit.FindAll(ctx, s.place.dir(), name, query, s.sealer)
		var damage *audit.Damage
		if err != nil && !errors.As(err, &damage) {
			return err
		}
		s.take(name, page, err)
		if err != nil {
			continue
		}
		if err := s.prove(ctx, name); err != nil {
			return err
		}
	}
	// The next report shows that this one was made.
	s.found = slices.DeleteFunc(s.found, func(f audit.Found) bool { return f.Entry.Exchange == own })
	return nil
}

// take keeps what was found in a log, and what could not be.
func (s *search) take(name string, page audit.Page, damage error) {
	s.read = append(s.read, name)
	s.found = append(s.found, page.Found...)
	if page.Foreign > 0 {
		s.faults = append(s.faults, fmt.Sprintf("%s: %s in it of patients that this patient key does not open; whose, cannot be told: search again with --patient-key, the key of then",
			name, plural(page.Foreign, "record is", "records are")))
	}
	if damage != nil {
		s.faults = append(s.faults, "what stands after it is missing here: "+damage.Error())
	}
}

// prove holds a log that was read against what is kept of it: what was cut off
// its end, or written anew, would be missing without a trace.
func (s *search) prove(ctx context.Context, name string) error {
	h, err := s.place.evidence(name, nil, nil, "")
	if err = errors.Join(err, h.beside); err != nil {
		s.faults = append(s.faults, fmt.Sprintf("%s cannot be proven: %v", name, err))
		return nil
	}
	if h.away == 0 {
		s.unproven = append(s.unproven, name)
	}
	_, err = audit.VerifyAgainst(ctx, s.place.dir(), name, h.Evidence)
	var damage *audit.Damage
	if errors.As(err, &damage) {
		s.faults = append(s.faults, "records are missing or changed: "+damage.Error())
		return nil
	}
	return err
}

// remote asks the running instances, but for those whose log was read here.
func (s *search) remote(ctx context.Context) error {
	nc, err := s.servers.connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	answers, err := bridge.AskAudit(ctx, bridge.AuditGather{NATS: nc, Economy: s.servers.Economy, Link: s.servers.link(), KeyFile: s.servers.LinkKey, Expect: s.servers.Expect, Wait: s.servers.Wait},
		bridge.AuditQuestion{Kind: bridge.AuditFind, By: s.who.By, Why: s.who.Why, Number: s.number, Query: s.query}, nil)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		s.faults = append(s.faults, "no instance answered")
	}
	for _, from := range answers {
		if slices.Contains(s.read, from.Instance) {
			continue
		}
		var damage error
		if from.Answer.Damage != "" {
			damage = errors.New(from.Answer.Damage)
		}
		if from.Err != nil {
			s.faults = append(s.faults, fmt.Sprintf("instance %s did not answer: %v", from.Instance, from.Err))
			continue
		}
		s.unproven = append(s.unproven, from.Instance)
		s.take(from.Instance, audit.Page{Found: from.Answer.Found, Foreign: from.Answer.Foreign}, damage)
	}
	return nil
}

// segments searches exported segments, each proven whole.
func (s *search) segments(files []string, key string) error {
	for _, name := range files {
		if s.sealer == nil {
			return usageError{errors.New("audit: --segment wants --data, for the patient key")}
		}
		instance, err := audit.SegmentInstance(name)
		if err != nil {
			return err
		}
		verifier, _, err := s.place.verifier(instance, key)
		if err != nil {
			return err
		}
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("audit: segment: %w", err)
		}
		page, err := audit.FindInSegment(file, verifier, audit.Query{Ref: s.sealer.Reference(s.number)}, s.sealer)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		s.take(name, page, nil)
	}
	s.found = audit.Once(s.found)
	return nil
}

// end says what was read and what was not. A report that lacks anything ends
// with exit code 1.
func (s *search) end(p page, out *bufio.Writer) error {
	p.line("")
	p.text("", fmt.Sprintf("Logs read: %s.", cmp.Or(strings.Join(s.read, ", "), "none")))
	if len(s.unproven) > 0 {
		p.text("", fmt.Sprintf("Nothing kept elsewhere was at hand to prove that nothing was cut off: %s. See linkspan audit verify --help.", strings.Join(s.unproven, ", ")))
	}
	if len(s.faults) == 0 {
		p.line("Nothing is missing of what could be read.")
		return out.Flush()
	}
	p.line("THIS REPORT IS NOT COMPLETE:")
	for _, fault := range s.faults {
		p.text("  ", fault)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return errRefused
}
