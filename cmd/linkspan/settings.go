package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/linkspan/linkspan/bridge"
)

type settingsCommand struct{}

// Help says what the file is for.
func (settingsCommand) Help() string {
	return "The file is what the Debian package installs as /etc/linkspan/linkspan.env. It sets nothing until it is edited. " +
		"After an upgrade, compare it with the one in use: a setting that is new stands in it with its default."
}

// Run prints the file of settings.
func (settingsCommand) Run(to streams) error { return writeSettings(to.out) }

// settingsHead stands before the settings. Lines of the example begin with
// exampleMark, so that they can be taken out by one command.
const (
	exampleMark  = "#= "
	settingsHead = `# Settings of linkspan. Every setting is here with its default, or with nothing
# where it has none. As it stands the file sets nothing, and linkspan does not
# start without those marked "required".
#
# Keys and passwords do not belong here: each has a setting that names a file,
# which nobody but its owner may read.
#
# An example for trying it: both systems' stand-ins on this machine, in test.
# This takes the marks of its lines away:
#   sed -i 's/^#= //' linkspan.env
#
`
)

// exampleSettings are the example: docs/run.md's, in the places of an installed
// package.
var exampleSettings = []string{
	"ECONOMY=estuary", "PAIR=emisweb-systmone", "ENVIRONMENT=test", "INSTANCE=estuary-1",
	"AGREEMENT=/etc/linkspan/agreement.json", "DATA=/var/lib/linkspan",
	"EMISWEB_ADDRESS=127.0.0.1:18080", "EMISWEB_LISTEN=127.0.0.1:18081", "EMISWEB_SETTINGS=machine:estuary-1", "EMISWEB_PLAINTEXT=listen,address",
	"SYSTMONE_ADDRESS=127.0.0.1:40700", "SYSTMONE_LISTEN=127.0.0.1:40701", "SYSTMONE_PLAINTEXT=listen,address",
	"SYSTMONE_SETTINGS=api-key:demo-key,device-id:5ca1ab1e0ddba115,device-version:Linkspan",
}

func writeSettings(w io.Writer) error {
	all, err := bridge.Settings()
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(settingsHead)
	for _, line := range exampleSettings {
		text.WriteString(exampleMark + "LINKSPAN_" + line + "\n")
	}
	title := "-"
	for _, s := range all {
		if s.System != title {
			title = s.System
			heading := "The link, and the roles of this process"
			if title != "" {
				heading = "The system " + title
			}
			fmt.Fprintf(&text, "\n# ---- %s ----\n", heading)
		}
		text.WriteString("\n")
		meaning := s.Meaning
		if s.Required {
			meaning += " (required)"
		}
		for _, line := range folded(meaning, 78) {
			text.WriteString("# " + line + "\n")
		}
		fmt.Fprintf(&text, "#%s=%s\n", s.Name, s.Default)
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// folded breaks a text between words.
func folded(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}
