package record_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// who is a patient as one system knows them.
func who(t testing.TB, surname, forenames, born string) *record.Patient {
	return &record.Patient{Surname: surname, Forenames: forenames, BirthDate: iso(t, born)}
}

func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		here, there *record.Patient
		want        record.Verification
	}{
		"one person":                    {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quillfeather", "Nora", "1958-03-07"), record.Verified},
		"the date alone":                {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Ostler", "Tom", "1958-03-07"), record.Verified},
		"a time of birth":               {who(t, "", "", "1958-03-07"), who(t, "", "", "1958-03-07T10:15"), record.Verified},
		"another day":                   {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quillon", "Nell", "1958-03-08"), record.Verified},
		"another month":                 {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "QUI", "n", "1958-04-07"), record.Verified},
		"another year":                  {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quillfeather", "Nora", "1985-03-07"), record.Verified},
		"day and month turned round":    {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quillfeather", "Nora", "1958-07-03"), record.Mismatch},
		"another surname":               {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quayle", "Nora", "1958-03-08"), record.Mismatch},
		"another forename":              {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quillfeather", "Ellen", "1958-03-08"), record.Mismatch},
		"a shorter surname":             {who(t, "Ng", "Nora", "1958-03-07"), who(t, "Ngo", "Nora", "1958-03-08"), record.Mismatch},
		"a short surname":               {who(t, "Ng", "Nora", "1958-03-07"), who(t, "NG", "Nora", "1958-03-08"), record.Verified},
		"marks and blanks":              {who(t, "O'Brien", "Nora", "1958-03-07"), who(t, "OBRIEN", "Nora", "1958-03-08"), record.Verified},
		"accents":                       {who(t, "Éluard", "Zoë", "1958-03-07"), who(t, "ELUARD", "Zoe", "1958-03-08"), record.Verified},
		"accents, encoded in two ways":  {who(t, norm.NFC.String("Ségolène"), "Ève", "1958-03-07"), who(t, norm.NFD.String("Ségolène"), norm.NFD.String("Ève"), "1958-03-08"), record.Verified},
		"letters that are no accent":    {who(t, "Østerby", "Nora", "1958-03-07"), who(t, "Osterby", "Nora", "1958-03-08"), record.Mismatch},
		"no surname":                    {who(t, "", "Nora", "1958-03-07"), who(t, "Quillfeather", "Nora", "1958-03-08"), record.Unproven},
		"no forename":                   {who(t, "Quillfeather", "Nora", "1958-03-07"), who(t, "Quillfeather", " ", "1958-03-08"), record.Unproven},
		"no surname, another forename":  {who(t, "", "Nora", "1958-03-07"), who(t, "Quillfeather", "Tom", "1958-03-08"), record.Mismatch},
		"a first name alone":            {&record.Patient{Surname: "Marram", FirstName: "Edith", BirthDate: iso(t, "1931-02-11")}, who(t, "Marram", "Edith", "1931-02-12"), record.Verified},
		"nothing of one":                {nil, who(t, "Quillfeather", "Nora", "1958-03-07"), record.Unproven},
		"no date of one":                {who(t, "Quillfeather", "Nora", ""), who(t, "Quillfeather", "Nora", "1958-03-07"), record.Unproven},
		"no date, another name":         {who(t, "Ostler", "Tom", ""), who(t, "Quillfeather", "Nora", "1958-03-07"), record.Unproven},
		"a month":                       {who(t, "Skerry", "Idris", "2001-07"), who(t, "Skerry", "Idris", "2001-07-15"), record.Unproven},
		"two months":                    {who(t, "Skerry", "Idris", "2001-07"), who(t, "Skerry", "Idris", "2001-07"), record.Unproven},
		"another month of another year": {who(t, "Skerry", "Idris", "2001-07"), who(t, "Skerry", "Idris", "1999-08-15"), record.Mismatch},
		"a month of another year":       {who(t, "Skerry", "Idris", "2001-07"), who(t, "Skerry", "Idris", "1999-07-15"), record.Unproven},
		"of another year and name":      {who(t, "Skerry", "Idris", "2001-07"), who(t, "Marram", "Idris", "1999-07-15"), record.Mismatch},
		"another year, by year alone":   {who(t, "Skerry", "Idris", "2001"), who(t, "Skerry", "Idris", "1999-07-15"), record.Unproven},
		"another year and another name": {who(t, "Skerry", "Idris", "2001"), who(t, "Skerry", "Tom", "1999-07-15"), record.Mismatch},
	} {
		require.Equal(t, c.want, record.Verify(c.here, c.there), name)
		require.Equal(t, c.want, record.Verify(c.there, c.here), "%s, the other way", name)
	}
	require.Equal(t, record.Unproven, record.Verify(nil, nil))
}

// nationalRule states GPC-CORE02 once more, over plain text: what Verify must
// say of two patients of whom all is known and whose names are of the letters A
// to Z (safety §1.2).
func nationalRule(surname, forename, born, surname2, forename2, born2 string) bool {
	if born == born2 {
		return true
	}
	parts, parts2 := strings.Split(born, "-"), strings.Split(born2, "-")
	matching := 0
	for i := range parts {
		if parts[i] == parts2[i] {
			matching++
		}
	}
	three := func(s string) string { return strings.ToLower(s)[:3] }
	one := func(s string) string { return strings.ToLower(s)[:1] }
	return matching == 2 && three(surname) == three(surname2) && one(forename) == one(forename2)
}

var (
	anyName = rapid.StringMatching(`[A-Z][a-z]{2,9}`)
	anyDay  = rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%04d-%02d-%02d", rapid.IntRange(1920, 2020).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day"))
	})
)

// TestVerifyIsTheNationalRule draws pairs that differ in few or many ways.
func TestVerifyIsTheNationalRule(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		surname, forename, born := anyName.Draw(rt, "surname"), anyName.Draw(rt, "forename"), anyDay.Draw(rt, "born")
		surname2, forename2, born2 := surname, forename, born
		if rapid.Bool().Draw(rt, "another surname") {
			surname2 = surname[:rapid.IntRange(0, 3).Draw(rt, "kept")] + anyName.Draw(rt, "surname2")
		}
		if rapid.Bool().Draw(rt, "another forename") {
			forename2 = anyName.Draw(rt, "forename2")
		}
		a, b := strings.Split(born, "-"), strings.Split(anyDay.Draw(rt, "born2"), "-")
		for i := range a {
			if rapid.Bool().Draw(rt, "kept part") {
				b[i] = a[i]
			}
		}
		born2 = strings.Join(b, "-")
		want := record.Mismatch
		if nationalRule(surname, forename, born, surname2, forename2, born2) {
			want = record.Verified
		}
		here, there := who(t, surname, forename, born), who(t, strings.ToUpper(surname2), forename2, born2)
		require.Equal(rt, want, record.Verify(here, there))
		require.Equal(rt, want, record.Verify(there, here))
	})
}

// soak reports that the long form of a test is to run.
func soak() bool { return os.Getenv("LINKSPAN_SOAK") != "" }

// TestTenThousandMismatchedIdentities: of pairs that the national rule does not
// take for one person, most of them only just, none is verified; of pairs that
// it does, all are (safety H-01).
func TestTenThousandMismatchedIdentities(t *testing.T) {
	pairs := 10_000
	if soak() {
		pairs = 1_000_000
	}
	r := rand.New(rand.NewPCG(1, 10_000))
	name := func() string {
		b := make([]byte, 3+r.IntN(8))
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return strings.ToUpper(string(b[:1])) + string(b[1:])
	}
	// other is a letter that is not c.
	other := func(c byte) string { return string(rune('a' + (int(c|0x20)-'a'+1+r.IntN(25))%26)) }
	number := func(n, from, to int) int { // another number than n
		for {
			if m := from + r.IntN(to-from+1); m != n {
				return m
			}
		}
	}
	day := func(y, m, d int) string { return fmt.Sprintf("%04d-%02d-%02d", y, m, d) }
	mismatched, verified, matched := 0, 0, 0
	for range pairs {
		surname, forename := name(), name()
		y, m, d := 1920+r.IntN(100), 1+r.IntN(12), 1+r.IntN(28)
		here := who(t, surname, forename, day(y, m, d))

		surname2, forename2 := surname, forename
		y2, m2, d2 := y, m, d
		switch r.IntN(6) {
		case 0: // somebody else altogether
			surname2, forename2 = name(), name()
			y2, m2 = number(y, 1920, 2019), number(m, 1, 12)
		case 1: // one letter of the surname, one part of the date
			i := r.IntN(3)
			surname2, d2 = surname[:i]+other(surname[i])+surname[i+1:], number(d, 1, 28)
		case 2: // the first letter of the forename, one part of the date
			forename2, m2 = other(forename[0])+forename[1:], number(m, 1, 12)
		case 3: // the same name, two parts of the date
			y2, d2 = number(y, 1920, 2019), number(d, 1, 28)
		case 4: // brothers and sisters: the surname and the year
			forename2, m2, d2 = name(), number(m, 1, 12), number(d, 1, 28)
		case 5: // twins of another year of whom one is somebody else
			forename2, y2 = other(forename[0])+name(), number(y, 1920, 2019)
		}
		there := who(t, surname2, forename2, day(y2, m2, d2))
		require.False(t, nationalRule(surname, forename, day(y, m, d), surname2, forename2, day(y2, m2, d2)))
		mismatched++
		if record.Verify(here, there) == record.Verified || record.Verify(there, here) == record.Verified {
			verified++
		}

		// The same person, written otherwise.
		again := who(t, strings.ToUpper(surname[:3])+name(), strings.ToLower(forename[:1])+name(), day(y, m, number(d, 1, 28)))
		if r.IntN(2) == 0 {
			again = who(t, name(), name(), day(y, m, d))
		}
		if record.Verify(here, again) == record.Verified {
			matched++
		}
	}
	t.Logf("%d pairs of two people: %d verified; %d of %d pairs of one person verified", mismatched, verified, matched, pairs)
	require.Zero(t, verified)
	require.Equal(t, pairs, matched)
}

func TestLetters(t *testing.T) {
	for in, want := range map[string]string{
		"Quillfeather": "QUILLFEATHER", "o'Brien-Smith": "OBRIENSMITH", " De  Souza ": "DESOUZA", "Éléonore": "ELEONORE", "ŽIŽEK": "ZIZEK",
		"Øst": "ØST", "Łuk": "ŁUK", "Ærø": "ÆRØ", "": "", "17": "", "Σοφία": "ΣΟΦΙΑ", "李": "李",
	} {
		require.Equal(t, want, record.Letters(in))
		require.Equal(t, want, record.Letters(norm.NFD.String(in)))
		require.Equal(t, want, record.Letters(strings.ToLower(in)))
	}
}

func sex(scheme, term string) record.SexCode {
	return mapping.Code{Scheme: mapping.Scheme(scheme), Value: term[:1], Term: term}
}

func TestDifferences(t *testing.T) {
	here := who(t, "Quillfeather", "Nora Jane", "1958-03-07")
	here.Sex, here.Practice = sex("emisweb.sex", "Female"), &record.Organisation{ODS: "X99001"}
	there := func(change func(p *record.Patient)) *record.Patient {
		p := *here
		p.Sex = sex("systmone.sex", "Female")
		change(&p)
		return &p
	}
	for name, c := range map[string]struct {
		change func(p *record.Patient)
		want   []record.Difference
	}{
		"none":                     {func(p *record.Patient) {}, nil},
		"case, blanks and marks":   {func(p *record.Patient) { p.Surname, p.Forenames = "QUILL-FEATHER", " nora  jane" }, nil},
		"accents":                  {func(p *record.Patient) { p.Surname = "Quillféather" }, nil},
		"the first forename alone": {func(p *record.Patient) { p.Forenames = "Nora" }, nil},
		"one more forename":        {func(p *record.Patient) { p.Forenames = "Nora Jane May" }, nil},
		"the beginning of a name":  {func(p *record.Patient) { p.Forenames = "Nor" }, []record.Difference{{"Forename", "Nora Jane", "Nor"}}},
		"another forename":         {func(p *record.Patient) { p.Forenames = "Nora Beatrix" }, []record.Difference{{"Forename", "Nora Jane", "Nora Beatrix"}}},
		"another surname":          {func(p *record.Patient) { p.Surname = "Quilfeather" }, []record.Difference{{"Surname", "Quillfeather", "Quilfeather"}}},
		"no surname":               {func(p *record.Patient) { p.Surname = "" }, nil},
		"another sex":              {func(p *record.Patient) { p.Sex = sex("systmone.sex", "Male") }, []record.Difference{{"Sex", "female", "male"}}},
		"no sex":                   {func(p *record.Patient) { p.Sex = record.SexCode{} }, nil},
		"a sex not known":          {func(p *record.Patient) { p.Sex = sex("systmone.sex", "Unknown") }, nil},
		"a sex in another word":    {func(p *record.Patient) { p.Sex = sex("systmone.sex", "X") }, nil},
		"another date of birth":    {func(p *record.Patient) { p.BirthDate = iso(t, "1958-03-08") }, []record.Difference{{"Date of birth", "07-Mar-1958", "08-Mar-1958"}}},
		"a month of birth":         {func(p *record.Patient) { p.BirthDate = iso(t, "1958-03") }, []record.Difference{{"Date of birth", "07-Mar-1958", "Mar-1958"}}},
		"a time of birth":          {func(p *record.Patient) { p.BirthDate = iso(t, "1958-03-07T10:15") }, nil},
		"no date of birth":         {func(p *record.Patient) { p.BirthDate = record.Date{} }, nil},
		"another practice":         {func(p *record.Patient) { p.Practice = &record.Organisation{ODS: "X99002"} }, []record.Difference{{"GP practice code", "X99001", "X99002"}}},
		"the practice in small":    {func(p *record.Patient) { p.Practice = &record.Organisation{ODS: "x99001"} }, nil},
		"no practice":              {func(p *record.Patient) { p.Practice = nil }, nil},
		"a death":                  {func(p *record.Patient) { p.DeathDate = iso(t, "2016-05-02") }, []record.Difference{{"Date of death", "not recorded as deceased", "02-May-2016"}}},
		"a death of unknown date":  {func(p *record.Patient) { p.Dead = true }, []record.Difference{{"Date of death", "not recorded as deceased", "deceased, date not known"}}},
		"a death by standing":      {func(p *record.Patient) { p.Standing = record.Deceased }, []record.Difference{{"Date of death", "not recorded as deceased", "deceased, date not known"}}},
		"an address, a telephone": {func(p *record.Patient) {
			p.Addresses, p.Contacts = []record.Address{{Town: "Sandwick Quay"}}, []record.Contact{{Value: "01632"}}
		}, nil},
		"several, in one order": {func(p *record.Patient) { p.Surname, p.Forenames, p.BirthDate = "Ostler", "Tom", iso(t, "1990-11-30") },
			[]record.Difference{{"Surname", "Quillfeather", "Ostler"}, {"Forename", "Nora Jane", "Tom"}, {"Date of birth", "07-Mar-1958", "30-Nov-1990"}}},
	} {
		require.Equal(t, c.want, record.Differences(here, there(c.change)), name)
		var turned []record.Difference
		for _, d := range c.want {
			turned = append(turned, record.Difference{Field: d.Field, Here: d.There, There: d.Here})
		}
		require.Equal(t, turned, record.Differences(there(c.change), here), "%s, the other way", name)
	}
	require.Nil(t, record.Differences(nil, here))
	require.Nil(t, record.Differences(here, nil))

	dead, undated, later := *here, *here, *here
	dead.DeathDate, undated.Dead, later.DeathDate = iso(t, "2016-05-02"), true, iso(t, "2016-05-03")
	require.Nil(t, record.Differences(&dead, &undated), "both know of the death")
	require.Equal(t, []record.Difference{{"Date of death", "02-May-2016", "03-May-2016"}}, record.Differences(&dead, &later))
	require.Equal(t, `Surname is "Quillfeather" here and "Quilfeather" there.`, record.Difference{Field: "Surname", Here: "Quillfeather", There: "Quilfeather"}.Words())
}

// Whatever the case, spacing and accents of a name, it is the same; and a
// difference always holds both values.
func TestDifferencesOfNames(t *testing.T) {
	accents := strings.NewReplacer("e", "é", "a", "å", "o", "ö", "u", "û", "c", "ç", "n", "ñ")
	rapid.Check(t, func(rt *rapid.T) {
		surname, forename, born := anyName.Draw(rt, "surname"), anyName.Draw(rt, "forename"), anyDay.Draw(rt, "born")
		here := who(t, surname, forename, born)
		i := rapid.IntRange(0, len(surname)).Draw(rt, "at")
		odd := surname[:i] + rapid.SampledFrom([]string{" ", "-", "'", "’", ""}).Draw(rt, "mark") + surname[i:]
		odd = rapid.SampledFrom([]func(string) string{strings.ToUpper, strings.ToLower, accents.Replace}).Draw(rt, "way")(odd)
		require.Empty(rt, record.Differences(here, who(t, odd, strings.ToUpper(forename), born)))

		there := who(t, anyName.Draw(rt, "surname2"), anyName.Draw(rt, "forename2"), anyDay.Draw(rt, "born2"))
		for _, d := range record.Differences(here, there) {
			require.NotEmpty(rt, d.Field)
			require.NotEmpty(rt, d.Here)
			require.NotEmpty(rt, d.There)
			require.NotEqual(rt, d.Here, d.There)
		}
		require.Equal(rt, len(record.Differences(here, there)) == 0,
			strings.EqualFold(surname, there.Surname) && strings.EqualFold(forename, there.Forenames) && here.BirthDate == there.BirthDate)
	})
}
