package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ParseEMIS reads a code as EMIS writes it in a READ2 slot (E §4). A Read code stands without trailing dots and its
// synonym as "-n": "G20" is G20../00, "G20-1" is G20../11, "7K30-V" is 7K30./1V, "-99" is 99. The padded 5+2 form
// ("14L..00") is read too. A local code becomes EMISLocal, unchanged, its hyphen included. Seven characters without a
// dot are 5+2 only where the second is a digit ("C108000"): local families ("HNG0600") have a letter there, and a
// local code cut in two could not be written back. An error means the slot holds neither.
func ParseEMIS(native, term string) (Code, error) {
	if c := (Code{Scheme: EMISLocal, Value: native, Term: term}); emisLocal(native) && !paddedRead(native) {
		return checked(c)
	}
	if paddedRead(native) {
		return checked(Code{Scheme: ReadV2, Value: native[:5], TermCode: native[5:], Term: term})
	}
	head, suffix, hyphen := strings.Cut(native, "-")
	termCode := "00"
	if hyphen {
		switch len(suffix) {
		case 1:
			termCode = "1" + suffix
		case 2:
			termCode = suffix
		default:
			return Code{}, errors.New("mapping: an EMIS term suffix is one or two characters")
		}
	}
	if head == "" || len(head) > 5 {
		return Code{}, errors.New("mapping: an EMIS Read code has one to five characters")
	}
	return checked(Code{Scheme: ReadV2, Value: pad(head), TermCode: termCode, Term: term})
}

// paddedRead recognises the 5+2 form among EMIS spellings.
func paddedRead(native string) bool {
	if len(native) != 7 || emisLocalPrefix(native) || readV2Fault(native[:5], native[5:]) != "" {
		return false
	}
	return native[4] == '.' || native[1] >= '0' && native[1] <= '9'
}

// FormatEMIS writes a readv2 or emis code as EMIS spells it in a READ2 slot; the exact inverse of ParseEMIS. A Read
// code whose term code is not stated is refused: EMIS would file it as the preferred term, which nobody said.
func FormatEMIS(c Code) (string, error) {
	if err := c.Check(); err != nil {
		return "", err
	}
	switch {
	case c.Scheme == EMISLocal:
		return c.Value, nil
	case c.Scheme != ReadV2:
		return "", errors.New("mapping: scheme " + string(c.Scheme) + " has no place in an EMIS READ2 slot")
	case c.TermCode == "":
		return "", errors.New("mapping: the Read term code is not stated")
	}
	head := strings.TrimRight(c.Value, ".")
	switch {
	case emisLocal(head):
		return "", errors.New("mapping: EMIS would read this Read code as a local one")
	case c.TermCode == "00":
		return head, nil
	case c.TermCode[0] == '1':
		return head + "-" + c.TermCode[1:], nil
	}
	return head + "-" + c.TermCode, nil
}

// AllergyForm says in which dictionary of EMIS an allergy sent by GP2GP was filed, in EMIS's own words (E §4 "drug
// allergy").
type AllergyForm string

// The forms. Both is a drug by its name and its constituent; Egton is a clinical code of EMIS's own, drug or not.
const (
	AllergyRead        AllergyForm = "READ2"
	AllergyDrugName    AllergyForm = "EMISDRUGNAME"
	AllergyDrugGroup   AllergyForm = "EMISDRUGGROUP"
	AllergyConstituent AllergyForm = "EMISCONSTITUENT"
	AllergyBoth        AllergyForm = "EMISBOTH"
	AllergyEgton       AllergyForm = "EGTON"
)

// Drug reports a form that names a drug, a group of drugs or what a drug is made of. The other forms do not tell.
func (f AllergyForm) Drug() bool {
	return f == AllergyDrugName || f == AllergyDrugGroup || f == AllergyConstituent || f == AllergyBoth
}

// ParseEMISAllergy reads the code EMIS sends of an allergy by GP2GP under its own identifier, "ALLERGY-<form>-<code>"
// (S §6.0). Of the form READ2 the rest is a Read code without trailing dots, whose term code is not stated. Of the
// others the whole stays one EMISLocal code, unchanged, for its number is one of EMIS's own dictionaries; the form says
// what it is to. False means none of the forms, or nothing in it that is a code: it is then shown and not filed.
func ParseEMISAllergy(native string) (code Code, form AllergyForm, ok bool) {
	rest, ok := strings.CutPrefix(native, "ALLERGY-")
	if !ok {
		return Code{}, "", false
	}
	word, value, ok := strings.Cut(rest, "-")
	form = AllergyForm(word)
	switch {
	case !ok || value == "":
		return Code{}, "", false
	case form == AllergyRead:
		if len(value) > 5 || emisLocal(value) {
			return Code{}, "", false
		}
		code = Code{Scheme: ReadV2, Value: pad(value)}
	case form.Drug(), form == AllergyEgton:
		code = Code{Scheme: EMISLocal, Value: native}
	default:
		return Code{}, "", false
	}
	if code.fault() != "" {
		return Code{}, "", false
	}
	return code, form, true
}

// ParseReadV2 reads the padded form used outside EMIS: five characters, or five and a two-character term code. With
// five only, the term code is not stated.
func ParseReadV2(native, term string) (Code, error) {
	if len(native) == 7 {
		return checked(Code{Scheme: ReadV2, Value: native[:5], TermCode: native[5:], Term: term})
	}
	return checked(Code{Scheme: ReadV2, Value: native, Term: term})
}

// ParseCTV3 reads a code of SystmOne's CTV3 scheme: five characters; one starting with Y is local to SystmOne (S §1.4).
func ParseCTV3(native, term string) (Code, error) {
	if strings.HasPrefix(native, "Y") {
		return checked(Code{Scheme: TPPLocal, Value: native, Term: term})
	}
	return checked(Code{Scheme: CTV3, Value: native, Term: term})
}

// MultilexFrom8 converts the eight-digit GP2GP spelling to the seven-digit product id: the last three digits are the
// millions ("03197002" is 2003197; S §0 item 5).
func MultilexFrom8(code8 string) (string, error) {
	if len(code8) != 8 || !digits(code8) {
		return "", errors.New("mapping: the GP2GP spelling of Multilex is eight digits")
	}
	if code8[5:7] != "00" || code8[7] == '0' {
		return "", errors.New("mapping: not a seven-digit Multilex product")
	}
	return code8[7:] + "0" + code8[:5], nil
}

// MultilexTo8 converts a seven-digit product id to the eight-digit GP2GP spelling; the exact inverse of MultilexFrom8.
func MultilexTo8(id string) (string, error) {
	if fault := multilexFault(id); fault != "" {
		return "", errors.New("mapping: " + fault)
	}
	n, err := strconv.Atoi(id)
	if err != nil {
		return "", errors.New("mapping: a Multilex product id is seven digits")
	}
	if n%1_000_000 > 99_999 {
		return "", errors.New("mapping: the Multilex product id has no GP2GP spelling")
	}
	return fmt.Sprintf("%05d%03d", n%1_000_000, n/1_000_000), nil
}

func pad(head string) string { return head + "....."[len(head):] }

func checked(c Code) (Code, error) {
	if err := c.Check(); err != nil {
		return Code{}, err
	}
	return c, nil
}
