package openhr

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// The code systems the format writes codes of our schemes under (E §1.4).
const (
	systemRead2    = "2.16.840.1.113883.2.1.6.2"
	systemSNOMED   = "2.16.840.1.113883.2.1.3.2.4.15"
	systemEMISNS   = "2.16.840.1.113883.2.1.6.3" // EMIS's namespace of SNOMED CT
	systemDrug     = "EMISPREPARATION"
	systemLocal    = "EMISLOCAL"
	systemMultilex = "MULTILEX"
	systemUnknown  = "UNKNOWN"
)

// vocSystems are the code systems no other system files. Their codes stand in
// an enumeration scheme of their own, so that they are kept, and counted as
// unmapped, and written back under the same name.
const vocSystems vocabulary = "2.16.840.1.113883.2.1.6.1=emisweb.read4|EMISDRUGGROUP=emisweb.drug-group|EMISAPPROVEDNAME=emisweb.drug-name|" +
	"EMISCONSTITUENT=emisweb.drug-constituent|EMISAPPROVEDNAMEANDCONSTITUENT=emisweb.drug-name-and-constituent|EMISDRUGFORM=emisweb.drug-form|" +
	"EMISDRUGGROUPALLERGY=emisweb.allergy-drug-group|EMISAPPROVEDNAMEALLERGY=emisweb.allergy-drug-name|EMISPREPARATIONALLERGY=emisweb.allergy-preparation|" +
	"EMISCONSTITUENTALLERGY=emisweb.allergy-constituent|EMISAPPROVEDNAMEANDCONSTITUENTALLERGY=emisweb.allergy-name-and-constituent|" +
	"EMISDRUGFORMALLERGY=emisweb.allergy-drug-form|EMISINTERNAL=emisweb.internal|OLTR=emisweb.lab-request|EMISCODEID=emisweb.code-id"

// coded is one dt.Code as it stands.
type coded struct {
	system, display, code string
	parsed                mapping.Code
	malformed             bool
}

// readCode judges a dt.Code. An empty code is text only (E §4 "uncoded"); "0"
// in EMIS's namespace says the same (E §1.5 (6)).
func readCode(system, code, display string) coded {
	c := coded{system: strings.TrimSpace(system), display: display, code: strings.TrimSpace(code)}
	if c.code == "" || c.code == "0" && c.system == systemEMISNS {
		c.code = ""
		return c
	}
	var err error
	switch c.system {
	case systemRead2:
		c.parsed, err = mapping.ParseEMIS(c.code, display)
	case systemSNOMED, systemEMISNS:
		c.parsed = mapping.Code{Scheme: mapping.SNOMED, Value: c.code, Term: display}
		err = c.parsed.Check()
	case systemDrug:
		c.parsed = mapping.Code{Scheme: mapping.EMISDrug, Value: c.code, Term: display}
		err = c.parsed.Check()
	case systemLocal:
		c.parsed = mapping.Code{Scheme: mapping.EMISLocal, Value: c.code, Term: display}
		err = c.parsed.Check()
	case systemMultilex:
		c.parsed = mapping.Code{Scheme: mapping.Multilex, Value: c.code, Term: display}
		err = c.parsed.Check()
	default:
		scheme, known := vocSystems.word(c.system)
		c.malformed = !known || !plainCode(c.code)
		c.parsed = mapping.Code{Scheme: mapping.Scheme(scheme), Value: c.code, Term: display}
	}
	if c.malformed = c.malformed || err != nil; c.malformed {
		c.parsed = mapping.Code{}
	}
	return c
}

// plainCode is the syntax we ask of codes whose own is not published: no words
// typed into a code slot may pass, for a code that passes may be named in a
// report (DESIGN.md decision 16).
func plainCode(code string) bool {
	if _, err := record.ParseNHSNumber(code); err == nil || len(code) > 40 {
		return false
	}
	digit := false
	for i := range len(code) {
		switch b := code[i]; {
		case b >= '0' && b <= '9':
			digit = true
		case b >= 'A' && b <= 'Z', b == '.', b == '-', b == '_', b == '^', b == '/':
		default:
			return false
		}
	}
	return digit
}

// raw is how a clinician sees a code that could not be read.
func (c coded) raw() string {
	name := c.system
	switch c.system {
	case systemRead2:
		name = string(mapping.ReadV2)
	case systemSNOMED, systemEMISNS:
		name = string(mapping.SNOMED)
	case systemDrug:
		name = string(mapping.EMISDrug)
	}
	return name + " " + c.code
}

// allergySubstance tells what an allergy coded in one of EMIS's drug schemes
// is to (E §1.4, E §2 AllergyType). A clinical code does not tell: a mis-typed
// ALL event exists (E §1.3), and the pair's tables know the clinical codes.
func allergySubstance(scheme mapping.Scheme) (class record.AllergyClass, allergyType string) {
	switch scheme {
	case "emisweb.drug-group", "emisweb.allergy-drug-group":
		return record.AllergyDrugGroup, "1"
	case "emisweb.drug-constituent", "emisweb.allergy-constituent":
		return record.AllergyIngredient, "3"
	case "emisweb.drug-name-and-constituent", "emisweb.allergy-name-and-constituent":
		return record.AllergyDrug, "4"
	case mapping.EMISDrug, mapping.DMD, mapping.Multilex, "emisweb.drug-name", "emisweb.allergy-drug-name", "emisweb.allergy-preparation",
		"emisweb.drug-form", "emisweb.allergy-drug-form":
		return record.AllergyDrug, "2"
	}
	return record.AllergyUnclear, ""
}

// allergyTypeWords are the words of the allergy types (E §2).
func allergyTypeWords(value string) string {
	switch value {
	case "0":
		return "Non-drug allergy"
	case "1":
		return "Allergy to a drug group"
	case "2":
		return "Allergy to a drug"
	case "3":
		return "Allergy to an ingredient"
	case "4":
		return "Allergy to a drug and its ingredient"
	}
	return value
}

// writeCode gives the code system and spelling of a code the format can hold.
func writeCode(c mapping.Code) (system, code string, ok bool) {
	switch c.Scheme {
	case "":
		return "", "", false
	case mapping.ReadV2, mapping.EMISLocal:
		code, err := mapping.FormatEMIS(c)
		return systemRead2, code, err == nil
	case mapping.SNOMED, mapping.DMD:
		return systemSNOMED, c.Value, c.Valid()
	case mapping.EMISDrug:
		return systemDrug, c.Value, c.Valid()
	case mapping.Multilex:
		return systemMultilex, c.Value, c.Valid()
	}
	if system, known := vocSystems.value(string(c.Scheme)); known {
		return system, c.Value, plainCode(c.Value)
	}
	return "", "", false
}
