// Package view writes the page of `linkspan translate --view`: one
// self-contained HTML file that puts every entry of a record as its holder
// sent it beside what its receiver gets, with the table row that answered or
// why none did. What was degraded and what the record warns of come first.
//
// The page is made of patient data and says so. It asks nothing of any
// network: its style and script stand in it, and its content security policy
// allows those two texts and nothing else. Every word of a message is escaped
// and set apart, and a character that could reorder or hide words is shown by
// its number.
package view

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// ErrNoRecord reports that no record was translated: the message was a
// request, or a failure.
var ErrNoRecord = errors.New("the message holds no record to show")

// Page is one record on its way, gathered by its Watch. It holds patient data.
// The zero Page is ready; it serves one translation.
type Page struct {
	// Pair, Holder and Receiver name the pair and its systems as people do.
	Pair, Holder, Receiver string
	// File is the base name of the message, "" where it has none.
	File string
	// Made is when the page was made.
	Made time.Time
	// Tables is the set the record was translated by.
	Tables *mapping.Set
	// Report is the translation's.
	Report pairs.Report

	rec     *record.Record // settled, nil before
	patient []fact         // as received
	numbers map[*record.Entry]int
	sources map[*record.Entry]source
	looks   map[*record.Entry]looks
}

// looks are the questions put to the tables for one entry.
type looks struct {
	kind, code *pairs.Lookup
}

// Watch gathers what the page shows while the record is translated.
func (p *Page) Watch() pairs.Watch {
	return pairs.Watch{Received: p.received, Looked: p.looked, Translated: func(rec *record.Record) { p.rec = rec }}
}

func (p *Page) received(rec *record.Record) {
	p.patient = patientFacts(&rec.Patient)
	p.numbers = make(map[*record.Entry]int, len(rec.Entries))
	p.sources = make(map[*record.Entry]source, len(rec.Entries))
	p.looks = make(map[*record.Entry]looks, len(rec.Entries))
	for i, e := range rec.Entries {
		p.numbers[e] = i + 1
	}
	for _, e := range rec.Entries {
		p.sources[e] = p.sourceOf(e)
	}
}

func (p *Page) looked(l pairs.Lookup) {
	have := p.looks[l.Entry]
	if l.OfKind() {
		have.kind = &l
	} else {
		have.code = &l
	}
	p.looks[l.Entry] = have
}

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	page = template.Must(template.New("page").Parse(pageHTML))
)

// policy is the page's content security policy: its own style and script, and
// no request of any kind.
func policy() string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", hash(pageCSS), hash(pageJS))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Write writes the page. The error is ErrNoRecord or the writer's.
func Write(w io.Writer, p *Page) error {
	if p.rec == nil {
		return ErrNoRecord
	}
	out := bufio.NewWriter(w)
	if err := page.Execute(out, p.model()); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	return out.Flush()
}
