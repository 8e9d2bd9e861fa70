package governance

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Agreement is the sharing agreement of one link. It starts disabled: a link
// without an agreement both controllers enabled carries nothing (safety IG-05).
// Its methods may be called from any number of goroutines. One that was not
// made by Read shares nothing.
type Agreement struct {
	Economy string `json:"economy"`
	Pair    string `json:"pair"`
	// Enabled must name the controller of each side who enabled the link.
	Enabled map[string]string `json:"enabled"`
	// Until is the last day of the agreement, YYYY-MM-DD, "" for no end.
	Until string          `json:"until,omitempty"`
	Sides map[string]Side `json:"sides"`
	// Approvers are the people whose signed approval of a mapping table counts.
	// Where any is named, a table without its approvals never becomes active.
	Approvers []Approver `json:"approvers,omitempty"`

	digest string
}

// Approver is one person who may approve mapping tables.
type Approver struct {
	// Key is the verifier key of golang.org/x/mod/sumdb/note, "name+hash+key".
	Key string `json:"key"`
	// Role is what the person approves as, e.g. "clinical safety officer".
	Role string `json:"role"`
}

// maxAgreement bounds the text of an agreement, in bytes.
const maxAgreement = 1 << 20

// Read reads an agreement and reports every fault at once, by path: names that
// are not known or stand twice, values of the wrong type, text after the end,
// and whatever in it cannot hold. The exclusion codes it names are read by
// LoadExclusions.
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
	sum := sha256.Sum256(text)
	a.digest = hex.EncodeToString(sum[:])
	return &a, nil
}

// Digest is the SHA-256 of the text that was read, in hex: the audit says with
// every record which agreement it was decided by.
func (a *Agreement) Digest() string { return a.digest }

func (a *Agreement) check() []error {
	var faults []error
	fault := func(path, format string, values ...any) {
		faults = append(faults, fmt.Errorf("%s: "+format, append([]any{path}, values...)...))
	}
	if a.Economy == "" {
		fault("economy", "not named")
	}
	if a.Pair == "" {
		fault("pair", "not named")
	}
	if _, err := time.Parse(time.DateOnly, a.Until); a.Until != "" && err != nil {
		fault("until", "%q is not a day written YYYY-MM-DD", a.Until)
	}
	if len(a.Sides) != 2 {
		fault("sides", "want two, have %d", len(a.Sides))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Sides)) {
		side := a.Sides[name]
		side.settle(func(path, format string, values ...any) { fault("sides."+name+"."+path, format, values...) })
		a.Sides[name] = side
	}
	for _, name := range slices.Sorted(maps.Keys(a.Enabled)) {
		if _, ok := a.Sides[name]; !ok {
			fault("enabled", "no side %q", name)
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

// Enabling says in words who enabled the link and what they switched off: the
// act that the audit log keeps when an instance starts (safety IG-05).
func (a *Agreement) Enabling() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(a.Sides)) {
		if by := strings.TrimSpace(a.Enabled[name]); by != "" {
			words = append(words, fmt.Sprintf("%s: enabled by %s", name, by))
		} else {
			words = append(words, name+": not enabled")
		}
		for _, off := range a.Sides[name].SwitchedOff {
			words = append(words, fmt.Sprintf("%s: %s switched off by %s on %s: %s", name, off.What, off.By, off.On, off.Why))
		}
	}
	return strings.Join(words, "; ")
}
