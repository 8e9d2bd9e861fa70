// Package mapping translates clinical codes between the schemes of two systems by explicit, reviewed, directional tables.
//
// It knows schemes, codes, tables, layers and map sets. It knows no system's message format and no clinical record.
// A table answers for exactly one (scheme, value, term code, context), byte for byte. Nothing is inverted, chained,
// guessed or passed through between schemes; what has no row is unmapped, and says so.
package mapping

import (
	"errors"
	"strings"
)

// Scheme names a coding scheme, or an enumeration of one system ("emisweb.problem-status").
type Scheme string

// The clinical and drug schemes. Values are canonical in the spelling given at each.
const (
	ReadV2    Scheme = "readv2"    // five bytes padded with dots; TermCode is the two-character term code
	CTV3      Scheme = "ctv3"      // five characters, case-sensitive, never starting with Y
	SNOMED    Scheme = "snomed"    // SNOMED CT concept identifier
	DMD       Scheme = "dmd"       // dm+d concept identifier, a SNOMED CT identifier of the dm+d namespace or short format
	EMISLocal Scheme = "emis"      // EMIS local clinical code: EMISNQ..., ^ESCT..., EGTON... (E §4)
	EMISDrug  Scheme = "emis-drug" // EMISPREPARATION code (E §4)
	Multilex  Scheme = "multilex"  // First Databank product id, seven digits (S §0 item 5)
	Gemscript Scheme = "gemscript" // Resip Gemscript drug code, eight digits (S §6.0)
	// VisionDrug is what stands in drug_code of Vision's patient XML: eight digits of two families, of which one looks like
	// Multilex and is not (S §5.1).
	VisionDrug Scheme = "vision-drug"
	TPPLocal   Scheme = "tpp" // SystmOne local code: the shape of CTV3, starting with Y (S §1.4)
)

// Enumeration reports whether the scheme is a system's own list of values, named "<system>.<slot>".
func (s Scheme) Enumeration() bool { return strings.IndexByte(string(s), '.') >= 0 }

// known reports whether the package can check codes of the scheme.
func (s Scheme) known() bool {
	switch s {
	case ReadV2, CTV3, SNOMED, DMD, EMISLocal, EMISDrug, Multilex, Gemscript, VisionDrug, TPPLocal:
		return true
	}
	system, slot, ok := strings.Cut(string(s), ".")
	return ok && lowerWords(system) && lowerWords(slot)
}

// Drug reports whether codes of the scheme name medicinal products, for which only an equivalent row codes (DESIGN decision 3).
func (s Scheme) Drug() bool {
	return s == DMD || s == EMISDrug || s == Multilex || s == Gemscript || s == VisionDrug
}

// Code is one code of one scheme. Value and TermCode identify it byte for byte. Term is the wording that stood beside
// it in the message or table: it is never an identity, and is compared only as Set.Translate documents.
type Code struct {
	Scheme Scheme
	// Value is the code in the scheme's canonical spelling.
	Value string
	// TermCode is the Read v2 term code ("00" preferred, "11" and on synonyms) or a CTV3 term id; empty means not stated.
	TermCode string
	Term     string
}

// IsZero reports whether there is no code at all. A term alone is not a code.
func (c Code) IsZero() bool { return c.Scheme == "" && c.Value == "" && c.TermCode == "" }

// Is reports that both are the same code: scheme, value and term code, whatever the terms.
func (c Code) Is(o Code) bool {
	return c.Scheme == o.Scheme && c.Value == o.Value && c.TermCode == o.TermCode
}

// Key identifies the code for counting: scheme, value and term code, without the term.
func (c Code) Key() string { return string(c.Scheme) + "|" + c.Value + "|" + c.TermCode }

// Private reports a concept a supplier made for itself under a SNOMED CT identifier (namespaces 1000006, 1000033 and
// 1000027): its check digit holds, and no other system files it (terminology §1.3).
func (c Code) Private() bool { return c.Scheme == SNOMED && suppliersOwn(c.Value) }

// Check reports the first fault in the code's syntax. The message never repeats the value: code slots hold typed text
// in real life, and a value that fails here must not be named anywhere (DESIGN decision 16).
func (c Code) Check() error {
	if fault := c.fault(); fault != "" {
		return errors.New("mapping: " + fault)
	}
	return nil
}

// Valid reports a code whose syntax holds: Check, for who does not say what is wrong.
func (c Code) Valid() bool { return c.fault() == "" }

// fault is Check as a constant string, so that the hot path of a translation allocates nothing.
func (c Code) fault() string {
	if c.Value == "" {
		return "no code"
	}
	if spreadsheetDamage(c.Value) {
		return "a number damaged by a spreadsheet"
	}
	switch c.Scheme {
	case ReadV2:
		return readV2Fault(c.Value, c.TermCode)
	case CTV3:
		return ctv3Fault(c.Value, c.TermCode)
	}
	if c.TermCode != "" {
		return "a term code in a scheme that has none"
	}
	switch c.Scheme {
	case TPPLocal:
		return tppFault(c.Value)
	case SNOMED:
		return conceptFault(c.Value)
	case DMD:
		return dmdFault(c.Value)
	case EMISLocal:
		return emisLocalFault(c.Value)
	case EMISDrug:
		return emisDrugFault(c.Value)
	case Multilex:
		return multilexFault(c.Value)
	case Gemscript, VisionDrug:
		return eightDigitFault(c.Value)
	}
	if !c.Scheme.Enumeration() {
		return "an unknown scheme"
	}
	return enumerationFault(c.Value)
}
