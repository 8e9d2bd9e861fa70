package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/linkspan/linkspan/bridge"
)

type manCommand struct {
	Date string `help:"Date of the page." placeholder:"YYYY-MM-DD"`
}

// Run prints the manual page, made from the command line's own help.
func (c manCommand) Run(k *kong.Context, to streams) error {
	page, err := manual(k.Model, c.Date)
	if err != nil {
		return err
	}
	_, err = to.out.Write(page)
	return err
}

// manual is linkspan(1) in man(7).
func manual(model *kong.Application, date string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH LINKSPAN 1 %s \"linkspan %s\" \"Linkspan\"\n", strconv.Quote(date), roff(version))
	fmt.Fprintf(&b, ".SH NAME\nlinkspan \\- %s\n", roff(strings.TrimSuffix(strings.ToLower(model.Help[:1])+model.Help[1:], ".")))
	b.WriteString(".SH SYNOPSIS\n.B linkspan\n.I command\n.RI [ flags ]\n")
	b.WriteString(".SH COMMANDS\n")
	for _, leaf := range model.Leaves(true) {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roff(strings.TrimPrefix(leaf.FullPath(), model.Name+" ")), roff(leaf.Help))
		for _, p := range leaf.Positional {
			option(&b, p.Summary(), p.Help)
		}
		for _, group := range leaf.AllFlags(true) {
			for _, f := range group {
				if f.Name != "help" && f.Name != "version" {
					option(&b, f.String(), f.Help)
				}
			}
		}
		if leaf.Name != "run" && leaf.Detail != "" {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(leaf.Detail))
		}
	}
	b.WriteString(".SH ENVIRONMENT\nThe daemon is configured by these variables, and a LINKSPAN_ variable that is none of them is refused.\n")
	all, err := bridge.Settings()
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		meaning := s.Meaning
		if s.Required {
			meaning += " (required)"
		}
		if s.Default != "" {
			meaning += " (default " + s.Default + ")"
		}
		option(&b, s.Name, meaning)
	}
	b.WriteString(".SH FILES\n")
	option(&b, "/etc/linkspan/linkspan.env", "the settings of the service")
	option(&b, "/var/lib/linkspan", "the audit log and what the daemon keeps beside it")
	b.WriteString(".SH EXIT STATUS\n")
	option(&b, "0", "done")
	option(&b, "1", "refused, or failed")
	option(&b, "2", "used wrongly")
	return b.Bytes(), nil
}

func option(b *bytes.Buffer, name, meaning string) {
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(name), roff(meaning))
}

// roff writes text so that no character of it is a request or an escape.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	var lines []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
