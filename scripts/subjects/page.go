package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/linkspan/linkspan/bridge"
)

const introduction = `<!-- Written by go run ./scripts/subjects from the catalogue in package bridge; edit that. -->
# Subjects

Every NATS subject of a running link. Nothing is published that stands in no row here, private reply inboxes
(` + "`_INBOX.`" + `) aside, and the tests hold a live run against this page. A word in angle brackets stands for one name of letters,
digits, ` + "`-` and `_`" + `; no subject holds an identifier of a patient or a person. ` + "`<economy>`" + ` is ` + "`LINKSPAN_ECONOMY`" + `, ` + "`<instance>`" + `
` + "`LINKSPAN_INSTANCE`" + `, ` + "`<system>`" + ` a system's name such as ` + "`emisweb`" + `.

Two accounts share them. **LINK** is the link's own: its instances may publish and subscribe to everything here, and nobody else
is in it. **OPS** is for those who run it, on the operations listener (` + "`LINKSPAN_NATS_LISTEN`" + `) or in an account of an existing
cluster: what it may do stands in the column OPS, and it can neither see nor send on any other subject. No message it sees holds a
patient's name, number or words. Names of users stand in the events ` + "`breakglass` and `access`" + `, whose readers need them.

Messages are kept nowhere unless the row says so: what nobody hears is gone. An answer that is an error has no body and the headers
` + "`Nats-Service-Error` and `Nats-Service-Error-Code`" + ` (a number), as ADR-32 of NATS has them; a probe must look at them. Times are
RFC 3339 in UTC unless a zone stands in them. New fields may be added to a payload; a field is never given another meaning.

## With the standard tools

` + "```sh not-run" + `
nats server check connection
nats server check request --subject linkspan.area.health --match-payload '"status":"ok"' --response-critical 2s
nats micro ls
nats micro info linkspan
nats micro stats linkspan
nats request linkspan.area.status '' --replies 0
nats sub 'linkspan.area.event.>'
` + "```" + `

The services are ` + "`linkspan`" + ` (the exchange role), ` + "`linkspan-<system>`" + ` (an edge), ` + "`linkspan-audit`" + ` and
` + "`linkspan-operations`" + ` (every instance); the metadata of each name economy, pair and instance. In ` + "`nats micro stats`" + ` the
framework's own times end at the hand-over to a worker: ` + "`data`" + ` has the service's own counts, and ` + "`data.link`" + ` of
` + "`linkspan`" + ` the map set in use.

Whether an instance is there, ` + "`nats micro ping`" + ` tells, and its heartbeat: it is late 15 s after its last one and
offline after 30 s. The last of all, when it stops, says ` + "`draining`" + ` with status ` + "`down`" + `.

What waits for nobody's ear is in the daemon's own log too, under the word of the event: ` + "`access`, `audit`, `agreement`, `certificates`, `clock moved`, `tables`, `wire`, `overload` and `control`" + `. There ` + "`wire`" + ` also says what went wrong on a
connection, such as a handshake that was refused, with the reason.

`

// write makes the page.
func write(root string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(introduction)
	rows := bridge.Catalogue()
	b.WriteString("## All subjects\n\n| subject | OPS | what it is |\n|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Pattern, account(row.Operations), cell(row.Means))
	}
	types := &types{root: root, comments: map[string]map[string]string{}, used: map[string]bool{}}
	b.WriteString("\n## Each subject\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n| | |\n|---|---|\n", row.Pattern, row.Means)
		line := func(name, words string) { fmt.Fprintf(&b, "| %s | %s |\n", name, cell(words)) }
		line("published by", row.Publisher)
		line("taken by", row.Reader)
		line("accounts", accounts(row.Operations))
		line("payload", types.named(row.Payload))
		if row.Answer != nil {
			line("answer", types.named(*row.Answer))
			line("answers", row.Answers)
		}
		line("rate", row.Rate)
		line("kept", row.Retention)
	}
	b.WriteString("\n## Payloads\n\nA field in *italics* may be absent. `[]` stands for each element of a list, `*` for each name of a map.\n")
	for _, t := range types.order {
		if err := types.section(&b, t); err != nil {
			return nil, err
		}
	}
	for word := range words {
		if !types.used[word] {
			return nil, fmt.Errorf("the word %q is of no field", word)
		}
	}
	return b.Bytes(), nil
}

func account(a bridge.Account) string {
	if a == bridge.OperationsNone {
		return "-"
	}
	return string(a)
}

func accounts(a bridge.Account) string {
	switch a {
	case bridge.OperationsHear:
		return "LINK publishes and subscribes; OPS subscribes"
	case bridge.OperationsAsk:
		return "LINK answers and asks; OPS asks"
	}
	return "LINK only"
}

// cell is a text within a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}

// types are the Go types of the payloads, each told once, in the order they are
// met.
type types struct {
	root     string
	order    []reflect.Value              // examples
	comments map[string]map[string]string // by folder
	used     map[string]bool              // words
}

// named says what a payload is, with a link to its type.
func (s *types) named(p bridge.Payload) string {
	switch p.Form {
	case bridge.FormJSON:
		return "JSON, " + s.link(p.Example)
	case bridge.FormSealed:
		return "header `Linkspan-Claims` in JSON, " + s.link(p.Example) + "; the body is encrypted for the link's roles"
	case bridge.FormNative:
		return "a native message of the system, as on its own wire"
	case bridge.FormText:
		return "Prometheus text exposition format"
	case bridge.FormOther:
		return "JetStream's own"
	}
	return "empty"
}

func (s *types) link(example any) string {
	v := reflect.ValueOf(example)
	known := false
	for _, one := range s.order {
		known = known || one.Type() == v.Type()
	}
	if !known {
		s.order = append(s.order, v)
	}
	return fmt.Sprintf("[%s](#%s)", title(v.Type()), strings.ToLower(title(v.Type())))
}

// title is a type as the page names it.
func title(t reflect.Type) string {
	name := t.Name()
	return strings.ToUpper(name[:1]) + name[1:]
}

// section tells one type: its fields and an example.
func (s *types) section(b *bytes.Buffer, example reflect.Value) error {
	t := example.Type()
	about, err := s.about(t, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\n### %s\n\n", title(t))
	if about != "" {
		fmt.Fprintf(b, "%s\n\n", about)
	}
	b.WriteString("| field | type | meaning |\n|---|---|---|\n")
	fields, err := s.fields(t, "", false)
	if err != nil {
		return err
	}
	for _, f := range fields {
		name := "`" + f.name + "`"
		if f.optional {
			name = "*" + name + "*"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, f.kind, cell(f.meaning))
	}
	text, err := json.MarshalIndent(example.Interface(), "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\n```json\n%s\n```\n", text)
	return nil
}
