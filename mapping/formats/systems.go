package formats

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// ours is where names of our own start: extensions, and schemes that nobody else gave a URI.
const ours = "https://github.com/linkspan/linkspan/fhir/"

// system is how the world outside names a scheme (terminology §1.3).
type system struct {
	scheme mapping.Scheme
	uri    string // FHIR
	oid    string
	prefix string // of a CURIE
	base   string // what the prefix stands for
}

var systems = [...]system{
	{mapping.ReadV2, "http://read.info/readv2", "2.16.840.1.113883.2.1.6.2", "readv2", "http://read.info/readv2/"},
	{mapping.CTV3, "http://read.info/ctv3", "2.16.840.1.113883.2.1.3.2.4.14", "ctv3", "http://read.info/ctv3/"},
	{mapping.SNOMED, "http://snomed.info/sct", "2.16.840.1.113883.2.1.3.2.4.15", "snomed", "http://snomed.info/id/"},
	{mapping.DMD, "https://dmd.nhs.uk", "", "dmd", "https://dmd.nhs.uk/"},
	{mapping.EMISLocal, "https://fhir.hl7.org.uk/Id/egton-codes", "2.16.840.1.113883.2.1.6.3", "emis", "https://fhir.hl7.org.uk/Id/egton-codes/"},
	{mapping.EMISDrug, "https://fhir.hl7.org.uk/Id/emis-drug-codes", "2.16.840.1.113883.2.1.6.9", "emis-drug", "https://fhir.hl7.org.uk/Id/emis-drug-codes/"},
	{mapping.Multilex, "https://fhir.hl7.org.uk/Id/multilex-drug-codes", "2.16.840.1.113883.2.1.6.4", "multilex", "https://fhir.hl7.org.uk/Id/multilex-drug-codes/"},
	{mapping.Gemscript, "https://fhir.hl7.org.uk/Id/resipuk-gemscript-drug-codes", "2.16.840.1.113883.2.1.6.15", "gemscript", "https://fhir.hl7.org.uk/Id/resipuk-gemscript-drug-codes/"},
	{mapping.VisionDrug, ours + "scheme/vision-drug", "", "vision-drug", ours + "scheme/vision-drug/"},
	{mapping.TPPLocal, ours + "scheme/tpp", "", "tpp", ours + "scheme/tpp/"},
}

// uriOf names a scheme in FHIR; an enumeration of one system has a name of ours.
func uriOf(s mapping.Scheme) string {
	for _, known := range systems {
		if known.scheme == s {
			return known.uri
		}
	}
	return ours + "scheme/" + string(s)
}

// schemeOf is the scheme of a FHIR system URI or OID, "" where it is none we know. A version behind the URI is ignored.
func schemeOf(uri string) mapping.Scheme {
	uri, _, _ = strings.Cut(uri, "|")
	for _, known := range systems {
		if uri == known.uri || known.oid != "" && uri == "urn:oid:"+known.oid {
			return known.scheme
		}
	}
	if name, ok := strings.CutPrefix(uri, ours+"scheme/"); ok && enumeration(name) {
		return mapping.Scheme(name)
	}
	return ""
}

// enumeration reports whether a name is that of a system's own list of values, as mapping.Parse takes it.
func enumeration(name string) bool {
	s := mapping.Scheme(name)
	return s.Enumeration() && mapping.Code{Scheme: s, Value: "x"}.Valid() && madeOf(name, "a-z0-9-.") &&
		strings.Count(name, ".") == 1 && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".")
}

// prefixOf and baseOf are those of a scheme's CURIEs.
func prefixOf(s mapping.Scheme) string {
	for _, known := range systems {
		if known.scheme == s {
			return known.prefix
		}
	}
	return string(s)
}

func baseOf(s mapping.Scheme) string {
	for _, known := range systems {
		if known.scheme == s {
			return known.base
		}
	}
	return ours + "scheme/" + string(s) + "/"
}

// outside spells a code for the world outside. Read v2 is written with its term code, seven characters; Multilex in the
// eight digits its URI stands for, where it has them. The term id of CTV3 has no place in the spelling.
func outside(c mapping.Code) string {
	switch c.Scheme {
	case mapping.ReadV2:
		return c.Value + c.TermCode
	case mapping.Multilex:
		if eight, err := mapping.MultilexTo8(c.Value); err == nil {
			return eight
		}
	}
	return c.Value
}

// inside reads a code of the world outside, without judging it: importer.add does. The scheme may turn out another: what
// stands under CTV3 and starts with Y is local to SystmOne, and EMIS writes Read codes its own way.
func inside(s mapping.Scheme, value, termCode, term string) mapping.Code {
	c := mapping.Code{Scheme: s, Value: value, TermCode: termCode, Term: term}
	switch {
	case s == mapping.ReadV2 && len(value) == 7 && termCode == "":
		c.Value, c.TermCode = value[:5], value[5:]
	case s == mapping.CTV3 && strings.HasPrefix(value, "Y"):
		c.Scheme, c.TermCode = mapping.TPPLocal, ""
	case s == mapping.Multilex && len(value) == 8:
		if seven, err := mapping.MultilexFrom8(value); err == nil {
			c.Value = seven
		}
	}
	return c
}

// own are the fields of a header that the formats outside have no place for, by the names they have in our tables.
func ownFields(h *mapping.Header) []struct {
	key   string
	value *string
} {
	return []struct {
		key   string
		value *string
	}{
		{"id", &h.ID}, {"from", (*string)(&h.From)}, {"to", (*string)(&h.To)}, {"layer", (*string)(&h.Layer)}, {"purpose", &h.Purpose},
		{"use", &h.Use}, {"source", &h.Source}, {"attribution", &h.Attribution}, {"author", &h.Author}, {"reviewed-by", &h.ReviewedBy}, {"inverse-reviewed", &h.InverseReviewed},
		{"valid-from", &h.ValidFrom}, {"source-file", &h.SourceFile}, {"source-release", &h.SourceRelease}, {"source-sha256", &h.SourceSHA256},
	}
}
