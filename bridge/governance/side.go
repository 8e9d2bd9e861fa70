package governance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/linkspan/linkspan/record"
)

// Side is what one system's organisations may do and share.
type Side struct {
	// Organisations are the only ones that ask or answer on this side.
	Organisations []Organisation `json:"organisations"`
	// Asks allows this side to ask the other: the switch of one direction.
	Asks bool `json:"asks"`
	// Shares names the sections this side releases; "all" is every section and
	// "summary" is patient details, problems, medication and allergies.
	Shares []string `json:"shares"`
	// SwitchedOff takes out for a time what Asks and Shares allow.
	SwitchedOff []Switch `json:"switched_off,omitempty"`
	// ReleaseMarks are the confidentiality marks that may cross. An entry with
	// any other mark is withheld (safety IG-04).
	ReleaseMarks []string `json:"release_marks"`
	// Exclusions names the file of codes whose entries this side never
	// releases, beside the agreement; "" for none. See Exclusions.
	Exclusions string `json:"exclusions,omitempty"`

	// Claims says where each claim about who asks may come from. One that is
	// not named may come from the native message alone.
	Claims map[string]Claim `json:"claims,omitempty"`
	// Roles is what each activity or role code of this side's users may see.
	// None means the shipped table of safety IG-09.
	Roles map[string]Role `json:"roles,omitempty"`
	// GenericUsers are names, beside the built-in ones, that are no person's.
	GenericUsers []string `json:"generic_users,omitempty"`
	// BreakGlass allows this side's users to go on without a consent to view
	// that could not be obtained.
	BreakGlass bool `json:"break_glass,omitempty"`

	// Identity is what has to be proven before a record is released where a
	// system's details of the patient do not say enough: IdentityDemographics
	// (also ""), which refuses, or IdentityNumber, which releases by the NHS
	// number with a warning. The weaker one counts only if both sides chose it.
	Identity string `json:"identity,omitempty"`
	// OwnCopy is whether the asker's own copy of the patient's details is read
	// for the comparison: OwnCopyRead (also "") or OwnCopyNone.
	OwnCopy string `json:"own_copy,omitempty"`
	// DeceasedDays is for how many days after the day of death this side's
	// records are shown. 0 is not at all.
	DeceasedDays int `json:"deceased_days,omitempty"`
	// StandingRequired hides a patient of whom this side does not say how they
	// are registered.
	StandingRequired bool `json:"standing_required,omitempty"`
	// Temporary is whether patients who are registered for a time are shown.
	Temporary string `json:"temporary,omitempty"`
	// Refusals is whether a permanent refusal in this side's own words is shown
	// to the asker: Hidden (also ""), which makes it a patient not found, or
	// Shown.
	Refusals string `json:"refusals,omitempty"`

	shares   record.SectionSet
	asks     bool // and not switched off
	roles    map[string]permission
	excluded *Exclusions
}

// The values of Side.Identity, OwnCopy, and of Temporary and Refusals. The
// first of each is the default and the safer one.
const (
	IdentityDemographics = "demographics"
	IdentityNumber       = "number"

	OwnCopyRead = "read"
	OwnCopyNone = "none"

	Hidden = "hidden"
	Shown  = "shown"
)

// Organisation is one practice or service of a side.
type Organisation struct {
	ODS  string `json:"ods"`
	Name string `json:"name"`
}

// Switch takes one thing out of use until it is removed from the agreement, for
// example while the quality of a section's data is looked into. It is the act
// of a named controller (safety IG-05).
type Switch struct {
	// What is a section this side shares no more, "all" for every section, or
	// "asking" for the direction in which this side asks.
	What string `json:"what"`
	By   string `json:"by"`
	On   string `json:"on"` // YYYY-MM-DD
	Why  string `json:"why"`
}

var odsCode = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)

// report takes one fault: where, and what.
type report func(path, format string, values ...any)

// settle checks a side and works out what it comes to.
func (s *Side) settle(fault report) {
	if len(s.Organisations) == 0 {
		fault("organisations", "none")
	}
	seen := map[string]bool{}
	for i, o := range s.Organisations {
		path := fmt.Sprintf("organisations[%d].ods", i)
		if !odsCode.MatchString(o.ODS) {
			fault(path, "%q is not an ODS code", o.ODS)
		}
		if seen[o.ODS] {
			fault(path, "%q stands twice", o.ODS)
		}
		seen[o.ODS] = true
	}
	for i, word := range s.Shares {
		set, ok := sectionSet(word)
		if !ok {
			fault(fmt.Sprintf("shares[%d]", i), "no section %q", word)
		}
		s.shares |= set
	}
	s.switchOff(fault)
	s.checkWords(fault)
	s.checkClaims(fault)
	s.settleRoles(fault)
	if s.Exclusions != "" {
		s.excluded = new(Exclusions)
	}
}

func (s *Side) switchOff(fault report) {
	s.asks = s.Asks
	for i, off := range s.SwitchedOff {
		path := fmt.Sprintf("switched_off[%d]", i)
		set, ok := sectionSet(off.What)
		switch {
		case off.What == "asking":
			s.asks = false
		case !ok:
			fault(path+".what", "%q is neither a section nor \"asking\"", off.What)
		}
		s.shares &^= set
		if strings.TrimSpace(off.By) == "" {
			fault(path+".by", "no controller is named")
		}
		if strings.TrimSpace(off.Why) == "" {
			fault(path+".why", "no reason")
		}
		if _, err := time.Parse(time.DateOnly, off.On); err != nil {
			fault(path+".on", "%q is not a day written YYYY-MM-DD", off.On)
		}
	}
}

func (s *Side) checkWords(fault report) {
	for _, w := range []struct{ path, have, first, second string }{
		{"identity", s.Identity, IdentityDemographics, IdentityNumber}, {"own_copy", s.OwnCopy, OwnCopyRead, OwnCopyNone},
		{"temporary", s.Temporary, Hidden, Shown}, {"refusals", s.Refusals, Hidden, Shown},
	} {
		if w.have != "" && w.have != w.first && w.have != w.second {
			fault(w.path, "%q is neither %q nor %q", w.have, w.first, w.second)
		}
	}
	if s.OwnCopy == OwnCopyNone && s.Identity != IdentityNumber {
		fault("own_copy", "without it no patient can be compared, so identity must be %q", IdentityNumber)
	}
	if s.OwnCopy == OwnCopyNone && s.from(claimRelationship, FromReadBack) {
		fault("own_copy", "without it no relationship can be read back")
	}
	if s.DeceasedDays < 0 {
		fault("deceased_days", "less than 0")
	}
	for i, name := range s.GenericUsers {
		if bare(name) == "" {
			fault(fmt.Sprintf("generic_users[%d]", i), "no letters")
		}
	}
}

// sectionSet is what one word of the agreement stands for.
func sectionSet(word string) (record.SectionSet, bool) {
	switch word {
	case "all":
		return record.AllSections, true
	case "summary":
		return summary, true
	}
	for _, section := range record.Sections() {
		if section.String() == word {
			return record.SectionsOf(section), true
		}
	}
	return 0, false
}

// sectionWords names the sections of a set.
func sectionWords(set record.SectionSet) string {
	if set == record.AllSections {
		return "all"
	}
	var words []string
	for _, section := range record.Sections() {
		if set.Has(section) {
			words = append(words, section.String())
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
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

// Role is what one activity code or role of the asking side's users allows.
type Role struct {
	// Sections may be viewed; "all" and "summary" as in Side.Shares.
	Sections []string `json:"sections,omitempty"`
	// Actions are what else may be done: "break-glass" is the only one, for this
	// link writes nothing into a record.
	Actions []string `json:"actions,omitempty"`
}

type permission struct {
	view       record.SectionSet
	breakGlass bool
}

// summary is the summary view: patient details, problems, medication and
// allergies (E §6).
const summary record.SectionSet = 1<<record.Demographics | 1<<record.Problems | 1<<record.Medication | 1<<record.Allergies

// actionBreakGlass is the one action of a role.
const actionBreakGlass = "break-glass"

// shippedRoles is the table of safety IG-09, used where the agreement has none.
// Overriding consent needs "Legal Override of Consent" or "Emergency access".
func shippedRoles() map[string]permission {
	return map[string]permission{
		"B0360": {view: record.AllSections},                                     // View Detailed Health Records
		"B0380": {view: record.AllSections},                                     // Perform Detailed Health Record
		"B8029": {view: record.AllSections},                                     // Manage Detailed Health Records
		"B0370": {view: summary},                                                // View Summary Health Records
		"B0401": {view: record.SectionsOf(record.Medication, record.Allergies)}, // View Patient Medication
		"B0082": {breakGlass: true},                                             // Legal Override of Consent
		"B0168": {breakGlass: true},                                             // Emergency access to view SCR
	}
}

func (s *Side) settleRoles(fault report) {
	if len(s.Roles) == 0 {
		s.roles = shippedRoles()
		return
	}
	s.roles = map[string]permission{}
	someone := false
	for _, code := range slices.Sorted(maps.Keys(s.Roles)) {
		path, role := "roles."+code, s.Roles[code]
		var p permission
		if code == "" || code != strings.TrimSpace(code) {
			fault(path, "not a code")
		}
		for i, word := range role.Sections {
			set, ok := sectionSet(word)
			if !ok {
				fault(fmt.Sprintf("%s.sections[%d]", path, i), "no section %q", word)
			}
			p.view |= set
		}
		for i, word := range role.Actions {
			if word != actionBreakGlass {
				fault(fmt.Sprintf("%s.actions[%d]", path, i), "no action %q", word)
			}
			p.breakGlass, someone = true, true
		}
		s.roles[code] = p
	}
	if s.BreakGlass && !someone {
		fault("break_glass", "no role has the action %q", actionBreakGlass)
	}
}

// permission is what a user's activities and role allow together. known lists
// those that stand in the table.
func (s Side) permission(c Claims) (p permission, known []string) {
	codes := slices.Clone(c.Activities)
	if c.Role != "" {
		codes = append(codes, c.Role)
	}
	for _, code := range codes {
		if one, ok := s.roles[code]; ok {
			known = append(known, code)
			p.view |= one.view
			p.breakGlass = p.breakGlass || one.breakGlass
		}
	}
	return p, known
}
