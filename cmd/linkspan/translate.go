package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/pairs/view"
)

type translateCommand struct {
	Pair    string            `required:"" help:"The pair, e.g. emisweb-systmone."`
	From    string            `required:"" help:"The system whose message FILE is."`
	Message string            `required:"" enum:"request,response" help:"What FILE is: request or response."`
	Tables  []string          `type:"existingdir" help:"Directory of mapping tables; may be repeated. Each table states its layer; the starter tables lie below all."`
	Set     map[string]string `help:"Codec setting, e.g. emisweb.response-format=openhr."`
	Codes   mapping.Scheme    `help:"Scheme of clinical codes in a translated response, as its asker may ask for: ctv3, snomed, readv2."`
	Drugs   mapping.Scheme    `help:"Scheme of drug codes, likewise: multilex, dmd, emis-drug."`
	Sender  bool              `default:"true" negatable:"" help:"Carry codes the sender placed beside its own where the tables are silent."`
	Out     string            `help:"File for the translated message; default standard output."`
	Report  string            `help:"File for the report, JSON without patient data."`
	View    string            `help:"File for a page that shows a response entry by entry, source beside result. Contains patient data."`
	File    string            `arg:"" type:"existingfile" help:"The native message; an EMIS record may be bare."`
}

// Run translates one message. Degrading is not failure; a message that cannot
// be read is refused in one line, and then no file is written.
func (c translateCommand) Run(ctx context.Context, to streams) error {
	link, err := c.link()
	if err != nil {
		return usageError{fmt.Errorf("translate: %w", err)}
	}
	tables, err := bridge.LoadTables(c.Tables, true)
	if err != nil {
		return err
	}
	in, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	id := system.MessageID{ID: uuid.NewString(), At: time.Now()}
	offline := pairs.Offline{From: c.From, Message: pairs.Message(c.Message), As: pairs.Schemes{Codes: c.Codes, Drugs: c.Drugs}, ID: id}
	var page *view.Page
	if c.View != "" {
		page = c.page(link, tables, id.At)
		offline.Watch = page.Watch()
	}
	out, report, err := link.TranslateMessage(ctx, tables, in, offline)
	if err != nil {
		fmt.Fprintln(to.err, "refused:", err)
		return errRefused
	}
	if page != nil {
		page.Report = report
		if err := writePage(c.View, page); err != nil {
			return fmt.Errorf("--view: %w", err)
		}
	}
	if c.Report != "" {
		if err := writeJSON(c.Report, report); err != nil {
			return err
		}
	}
	if c.Out == "" {
		_, err = to.out.Write(out)
		return err
	}
	return os.WriteFile(c.Out, out, 0o600)
}

// link opens the pair with its settings. Every error is a wrong flag.
func (c translateCommand) link() (*pairs.Link, error) {
	pair, err := pairs.Find(c.Pair)
	if err != nil {
		return nil, err
	}
	asker, err := pair.Other(c.From)
	if err != nil {
		return nil, err
	}
	if c.Message == string(pairs.MessageRequest) && (c.Codes != "" || c.Drugs != "") {
		return nil, errors.New("--codes and --drugs are for a response")
	}
	if c.Message == string(pairs.MessageRequest) && c.View != "" {
		return nil, errors.New("--view is for a response: a request has no entries to show")
	}
	if c.Codes != "" && !slices.Contains(asker.ClinicalSchemes, c.Codes) {
		return nil, fmt.Errorf("--codes: %s takes %v", asker.Title, asker.ClinicalSchemes)
	}
	if c.Drugs != "" && !slices.Contains(asker.DrugSchemes, c.Drugs) {
		return nil, fmt.Errorf("--drugs: %s takes %v", asker.Title, asker.DrugSchemes)
	}
	pair.AtoB.Sender, pair.BtoA.Sender = c.Sender, c.Sender
	options, err := bridge.CodecOptions(pair, c.Set)
	if err != nil {
		return nil, err
	}
	return pairs.Open(pair, options)
}

// page is the page to be filled while the message is translated. The link has
// been opened, so that both systems are known.
func (c translateCommand) page(link *pairs.Link, tables *mapping.Set, at time.Time) *view.Page {
	holder, receiver := link.Pair.A, link.Pair.B
	if c.From == receiver.Name {
		holder, receiver = receiver, holder
	}
	return &view.Page{Pair: link.Pair.Name, Holder: holder.Title, Receiver: receiver.Title, File: filepath.Base(c.File), Made: at, Tables: tables}
}

// writePage writes the page for its owner alone, whole or not at all, also
// where a file of other rights stands in its place.
func writePage(file string, page *view.Page) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".linkspan-view-*")
	if err != nil {
		return err
	}
	err = view.Write(f, page)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func writeJSON(file string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}
