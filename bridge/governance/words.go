package governance

import (
	"slices"
	"strings"
	"unicode"
)

// DirectCare is the only purpose a record is released for.
const DirectCare = "direct care"

// The ways consent to view was obtained or was not (safety IG-03). Emergency,
// Legal and NotObtained are none: they need a break-glass. Refused is the
// patient's no, which nothing overrides.
const (
	PatientPresent = "patient-present" // asked in person
	Carer          = "carer"           // asked of who may answer for the patient
	Remote         = "remote"          // asked by telephone or video
	Emergency      = "emergency"
	Legal          = "legal"
	NotObtained    = "not-obtained"
	Refused        = "refused"
)

// gives reports a consent to view.
func gives(consent string) bool {
	return consent == PatientPresent || consent == Carer || consent == Remote
}

// The legitimate relationships of an asker to a patient (safety §2.2): by
// registration with the practice, by a referral to it, or through the workgroup
// the user belongs to.
const (
	Registered = "registered"
	Referred   = "referred"
	Workgroup  = "workgroup"
)

// Reasons are the codes of a break-glass, a closed list.
func Reasons() []string {
	return []string{"unconscious", "lacks-capacity", "risk-to-life", "safeguarding", "court-order", "public-interest"}
}

// unknownWord stands for a claim that says no word of its closed list. What it
// said instead might be anything, the patient's name too, and is kept nowhere.
const unknownWord = "not a known word"

// vocabulary brings a claim with a closed list of words to the word it says, in
// lower case with hyphens; ok is false for any other. Other claims are as they
// are.
func vocabulary(name, said string) (word string, ok bool) {
	var words []string
	switch name {
	case claimPurpose:
		if bare(said) == "directcare" {
			return DirectCare, true
		}
	case claimConsent:
		words = []string{PatientPresent, Carer, Remote, Emergency, Legal, NotObtained, Refused}
	case claimRelationship:
		words = []string{Registered, Referred, Workgroup}
	case claimBreakGlass:
		words = Reasons()
	default:
		return said, true
	}
	if said == "" {
		return "", true
	}
	word = strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(said)))
	if slices.Contains(words, word) {
		return word, true
	}
	return unknownWord, false
}

// Word is what a claim says, before anybody has judged it: of a claim with a
// closed list of words, the word of the list or "not a known word". What else was
// said might be anything, and must not travel in plain text.
func Word(claim, said string) string {
	word, _ := vocabulary(claim, strings.TrimSpace(said))
	return word
}

// genericUsers are names of accounts and of nobody, without their digits and
// everything between their letters.
func genericUsers() []string {
	return []string{"system", "systemuser", "sys", "sysadmin", "admin", "administrator", "adminuser", "root", "superuser", "operator",
		"unk", "unknown", "unknownuser", "test", "testuser", "tester", "testing", "guest", "guestuser", "user", "username", "users", "anyuser",
		"service", "serviceaccount", "serviceuser", "svc", "daemon", "batch", "application", "app", "appuser", "api", "apiuser",
		"integration", "interface", "bridge", "linkspan", "gateway", "spine", "default", "defaultuser", "demo", "demouser", "training", "trainer",
		"generic", "genericuser", "shared", "shareduser", "sharedaccount", "anonymous", "anon", "nobody", "none", "null", "nil", "na", "undefined",
		"public", "temp", "temporary", "support", "helpdesk", "staff", "reception", "receptionist", "practice", "surgery", "locum", "doctor", "nurse", "gp", "clinician"}
}

// bare is a name in lower case without anything but its letters. Letters of
// full width count as the usual ones.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xFF01 && r <= 0xFF5E {
			r -= 0xFEE0
		}
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// generic reports a name that is no person's: one of the list, with or without
// a number behind it, and one without letters.
func (s Side) generic(name string) bool {
	name = bare(name)
	return name == "" || slices.Contains(genericUsers(), name) ||
		slices.ContainsFunc(s.GenericUsers, func(own string) bool { return bare(own) == name })
}
