package record

import (
	"fmt"
	"strings"
)

// Difference is one detail of a patient that two systems state differently,
// with what each of them says (safety §1.2, GPC-CORE02.2). It is patient data:
// it goes into a warning of the record and nowhere else.
type Difference struct{ Field, Here, There string }

// Words is the detail of a warning WarnDemographics.
func (d Difference) Words() string {
	return fmt.Sprintf("%s is %q here and %q there.", d.Field, d.Here, d.There)
}

// Differences are the details that the national rule has a user told of: family
// name, given name, sex, date of birth, practice code, and the date of death
// (GPC-CORE02.2). here is how the asker's own system knows the patient, there
// the holder's. They stop nothing: whether both mean one person is for Verify.
//
// A detail is compared only where both sides state it, for a detail left out is
// no other value; but a death that only one side knows of is told. In names
// case, blanks, accents and marks do not count (Letters), and forenames that
// are the beginning of the other side's are the same, for some systems file the
// first alone. Sex is compared by the words of its code, since the codes of two
// schemes are not comparable, and only between male, female and indeterminate.
func Differences(here, there *Patient) []Difference {
	if here == nil || there == nil {
		return nil
	}
	var all []Difference
	add := func(field, a, b string) {
		if a != "" && b != "" {
			all = append(all, Difference{field, a, b})
		}
	}
	if Letters(here.Surname) != Letters(there.Surname) {
		add("Surname", strings.TrimSpace(here.Surname), strings.TrimSpace(there.Surname))
	}
	if !sameForenames(here.given(), there.given()) {
		add("Forename", strings.TrimSpace(here.given()), strings.TrimSpace(there.given()))
	}
	if a, b := sexWords(here.Sex), sexWords(there.Sex); a != b {
		add("Sex", a, b)
	}
	if a, b := here.BirthDate.Truncate(PrecisionDay), there.BirthDate.Truncate(PrecisionDay); a.digits != b.digits && !a.IsZero() && !b.IsZero() {
		add("Date of birth", a.Words(), b.Words())
	}
	if a, b := here.practiceCode(), there.practiceCode(); !strings.EqualFold(a, b) {
		add("GP practice code", a, b)
	}
	if a, b := here.death(), there.death(); a != b && (!here.deceased() || !there.deceased() || !here.DeathDate.IsZero() && !there.DeathDate.IsZero()) {
		add("Date of death", a, b)
	}
	return all
}

// sameForenames reports forenames of which one begins with all of the other.
func sameForenames(a, b string) bool {
	return begins(a, b) || begins(b, a)
}

// begins reports that one is the first of the names in all.
func begins(all, one string) bool {
	want, begun := Letters(one), ""
	for name := range strings.FieldsSeq(all) {
		if begun += Letters(name); begun == want {
			return true
		}
	}
	return false
}

// sexWords is a sex that says something, in words, else "".
func sexWords(sex SexCode) string {
	switch words := strings.ToLower(strings.TrimSpace(sex.Term)); words {
	case "male", "female", "indeterminate":
		return words
	}
	return ""
}

func (p *Patient) practiceCode() string {
	if p.Practice == nil {
		return ""
	}
	return strings.TrimSpace(p.Practice.ODS)
}

// deceased reports a patient who is stated to be dead, with or without a date.
func (p *Patient) deceased() bool {
	return p.Dead || !p.DeathDate.IsZero() || p.Standing == Deceased
}

// death is what is said of the patient's death.
func (p *Patient) death() string {
	switch {
	case !p.deceased():
		return "not recorded as deceased"
	case p.DeathDate.IsZero():
		return "deceased, date not known"
	}
	return p.DeathDate.Truncate(PrecisionDay).Words()
}
