// Package governance decides whether this person may see this record now: the
// sharing agreement, who asks, which sections are shared, which entries are
// withheld. It never looks at codes and never changes words.
package governance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/linkspan/linkspan/record"
)

// Agreement is the sharing agreement of one link. It starts disabled: a link
// without an agreement both controllers enabled carries nothing (safety IG-05).
type Agreement struct {
	Economy string `json:"economy"`
	Pair    string `json:"pair"`
	// Enabled must name the controller of each side who enabled the link.
	Enabled map[string]string `json:"enabled"`
	Sides   map[string]Side   `json:"sides"`
	// Approvers are the people whose signed approval of a mapping table counts.
	// Where any is named, a table without its approvals never becomes active.
	Approvers []Approver `json:"approvers,omitempty"`
}

// Approver is one person who may approve mapping tables.
type Approver struct {
	// Key is the verifier key of golang.org/x/mod/sumdb/note, "name+hash+key".
	Key string `json:"key"`
	// Role is what the person approves as, e.g. "clinical safety officer".
	Role string `json:"role"`
}

// Side is what one system's organisations may do and share.
type Side struct {
	// Organisations are the only ones that ask or answer on this side.
	Organisations []Organisation `json:"organisations"`
	// Asks allows this side to ask the other.
	Asks bool `json:"asks"`
	// Shares names the sections this side releases; "all" is every section.
	Shares []string `json:"shares"`
	// ReleaseMarks are the confidentiality marks that may cross. An entry with
	// any other mark is withheld (safety IG-04).
	ReleaseMarks []string `json:"release_marks"`
	// Asserted fills the claims this side's native message has no place for.
	Asserted *Asserted `json:"asserted,omitempty"`

	shares record.SectionSet
}

// Organisation is one practice or service of a side.
type Organisation struct {
	ODS  string `json:"ods"`
	Name string `json:"name"`
}

// Asserted are claims the agreement vouches for, with the procedure by which
// the consumer's organisation captures them. Each is audited as asserted by
// agreement.
type Asserted struct {
	User      string `json:"user"`
	Role      string `json:"role"`
	Purpose   string `json:"purpose"`
	Consent   string `json:"consent"`
	Procedure string `json:"procedure"`
}

var odsCode = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)

// maxAgreement bounds the text of an agreement, in bytes.
const maxAgreement = 1 << 20

// Read reads an agreement and reports every fault at once: names that are not
// known or stand twice, values of the wrong type, text after the end, and
// whatever in it cannot hold.
func Read(r io.Reader) (*Agreement, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxAgreement+1))
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	if len(text) > maxAgreement {
		return nil, fmt.Errorf("agreement: longer than %d bytes", maxAgreement)
	}
	var a Agreement
	faults, err := strict(text, reflect.TypeFor[Agreement]())
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&a); err != nil && len(faults) == 0 {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	if err := errors.Join(append(faults, a.check()...)...); err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	return &a, nil
}

func (a *Agreement) check() []error {
	var faults []error
	if a.Economy == "" {
		faults = append(faults, errors.New("economy: not named"))
	}
	if a.Pair == "" {
		faults = append(faults, errors.New("pair: not named"))
	}
	if len(a.Sides) != 2 {
		faults = append(faults, fmt.Errorf("sides: want two, have %d", len(a.Sides)))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Sides)) {
		side := a.Sides[name]
		faults = append(faults, side.check(name)...)
		a.Sides[name] = side
	}
	for _, name := range slices.Sorted(maps.Keys(a.Enabled)) {
		if _, ok := a.Sides[name]; !ok {
			faults = append(faults, fmt.Errorf("enabled: no side %q", name))
		}
	}
	return append(faults, a.checkApprovers()...)
}

// checkApprovers wants each approver to be one person with one key: two names
// of one key would let one person give both approvals of an allergy row.
func (a *Agreement) checkApprovers() []error {
	var faults []error
	names, keys := map[string]bool{}, map[string]bool{}
	for i, p := range a.Approvers {
		fault := func(what string) { faults = append(faults, fmt.Errorf("approvers[%d]: %s", i, what)) }
		if strings.TrimSpace(p.Role) == "" {
			fault("no role")
		}
		verifier, err := note.NewVerifier(p.Key)
		if err != nil {
			fault(`the key is no verifier key "name+hash+key"; linkspan tables key makes one`)
			continue
		}
		name := strings.ToLower(verifier.Name())
		_, rest, _ := strings.Cut(p.Key, "+")
		_, encoded, _ := strings.Cut(rest, "+")
		decoded, _ := base64.StdEncoding.DecodeString(encoded) // which NewVerifier has done
		key := string(decoded)
		if names[name] {
			fault(fmt.Sprintf("the name %q stands twice", verifier.Name()))
		} else if keys[key] {
			fault("the key stands twice under two names")
		}
		names[name], keys[key] = true, true
	}
	return faults
}

func (s *Side) check(name string) []error {
	var faults []error
	if len(s.Organisations) == 0 {
		faults = append(faults, fmt.Errorf("%s: no organisations", name))
	}
	seen := map[string]bool{}
	for _, o := range s.Organisations {
		if !odsCode.MatchString(o.ODS) {
			faults = append(faults, fmt.Errorf("%s: %q is not an ODS code", name, o.ODS))
		}
		if seen[o.ODS] {
			faults = append(faults, fmt.Errorf("%s: %q stands twice", name, o.ODS))
		}
		seen[o.ODS] = true
	}
	for _, word := range s.Shares {
		set, ok := sectionSet(word)
		if !ok {
			faults = append(faults, fmt.Errorf("%s: shares: no section %q", name, word))
		}
		s.shares |= set
	}
	if s.Asserted != nil && strings.TrimSpace(s.Asserted.Procedure) == "" {
		faults = append(faults, fmt.Errorf("%s: asserted: no procedure says how the claims are captured", name))
	}
	return faults
}

func sectionSet(word string) (record.SectionSet, bool) {
	if word == "all" {
		return record.AllSections, true
	}
	for _, section := range record.Sections() {
		if section.String() == word {
			return record.SectionsOf(section), true
		}
	}
	return 0, false
}

// Serves reports whether an organisation belongs to a side.
func (s Side) Serves(ods string) bool {
	return slices.ContainsFunc(s.Organisations, func(o Organisation) bool { return o.ODS == ods })
}

// Name is the organisation's name, or its code when it has none.
func (s Side) Name(ods string) string {
	for _, o := range s.Organisations {
		if o.ODS == ods && o.Name != "" {
			return o.Name
		}
	}
	return ods
}

// Links reports whether a named controller of each of the two sides has
// enabled the link.
func (a *Agreement) Links() bool {
	for name := range a.Sides {
		if strings.TrimSpace(a.Enabled[name]) == "" {
			return false
		}
	}
	return len(a.Sides) == 2
}
