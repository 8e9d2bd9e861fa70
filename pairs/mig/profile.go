package mig

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
)

//go:embed profile.txt
var defaultProfile string

// profile is what the MIG's messages are called: names of elements and
// attributes, and the words in them, by the key profile.txt explains.
type profile struct {
	names   map[string]string
	reasons map[string]record.Reason // by error word
	views   map[string]string        // by data set
	glass   map[string]string        // break-glass reasons by the MIG's word
}

// keys are all lines a profile has, as the one that ships does.
func keys() map[string]int {
	known := map[string]int{}
	for line := range strings.Lines(defaultProfile) {
		if key, _, ok := setting(line); ok {
			known[key]++
		}
	}
	return known
}

// setting is one line of a profile.
func setting(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", false
	}
	key, value, _ = strings.Cut(line, "=")
	return strings.TrimSpace(key), strings.TrimSpace(value), true
}

// readProfile reads a profile and gives every fault of it by its line.
func readProfile(text string) (*profile, error) {
	p := &profile{names: map[string]string{}, reasons: map[string]record.Reason{}, views: map[string]string{}, glass: map[string]string{}}
	known, faults, at := keys(), []error(nil), 0
	fault := func(format string, a ...any) {
		faults = append(faults, fmt.Errorf("%d: "+format, append([]any{at}, a...)...))
	}
	for line := range strings.Lines(text) {
		at++
		key, value, ok := setting(line)
		switch {
		case !ok:
			continue
		case known[key] == 0:
			fault("no such key: %.40q", key)
			continue
		case p.names[key] != "":
			fault("%s stands twice", key)
			continue
		case value == "":
			fault("%s has no value", key)
			continue
		}
		p.names[key] = value
		if why := p.take(key, value); why != "" {
			fault("%s: %s", key, why)
		}
	}
	for key := range known {
		if p.names[key] == "" {
			faults = append(faults, fmt.Errorf("%s is missing", key))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("mig: profile: %w", err)
	}
	return p, nil
}

// take checks a value and files the words that are read back.
func (p *profile) take(key, value string) string {
	kind, word, part := strings.Cut(key, ".")
	switch {
	case part && kind == "failure":
		if have, twice := p.reasons[value]; twice && have.Permanent() != record.Reason(word).Permanent() {
			return "the word stands for another failure, which ends otherwise"
		}
		if _, twice := p.reasons[value]; !twice {
			p.reasons[value] = record.Reason(word)
		}
	case part && kind == "view":
		if p.views[value] != "" {
			return "the word stands for another view"
		}
		p.views[value] = word
	case part && kind == "reason":
		if p.glass[value] != "" {
			return "the word stands for another reason"
		}
		p.glass[value] = word
	case key == "namespace", strings.HasSuffix(key, ".action"):
		if strings.ContainsAny(value, " \t<>\"") || !strings.Contains(value, ":") {
			return "not a URI"
		}
	case key == "consent.given", key == "consent.refused", key == "consent.emergency":
	default:
		if !localName(value) {
			return "not a local XML name"
		}
	}
	return ""
}

// localName keeps to letters, digits, hyphens and underscores, beginning with a
// letter: every name of the profile goes into tags.
func localName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-' || r == '_')) {
			return false
		}
	}
	return s != ""
}

// word is a name or word of the profile, which is whole.
func (p *profile) word(key string) string { return p.names[key] }
