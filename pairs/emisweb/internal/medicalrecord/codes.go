package medicalrecord

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// nativeCode is a StringCodeType or an IntegerCodeType as it stands (E §2).
type nativeCode struct {
	value, scheme, term, oldCode, mapCode, mapScheme string
}

func (n nativeCode) stated() bool { return n != nativeCode{} }

// code reads the current element as a code of either type.
func (d *decoder) code(e *record.Entry) nativeCode {
	var n nativeCode
	for name := range d.fields(e) {
		switch name {
		case "Value":
			n.value = strings.TrimSpace(d.text())
		case "Scheme":
			n.scheme = strings.TrimSpace(d.text())
		case "Term":
			n.term = d.text()
		case "OldCode":
			n.oldCode = strings.TrimSpace(d.text())
		case "MapCode":
			n.mapCode = strings.TrimSpace(d.text())
		case "MapScheme":
			n.mapScheme = strings.TrimSpace(d.text())
		case "InterventionTarget":
			d.add(e, "Intervention target", d.r.Words())
		default:
			d.unknown(e)
		}
	}
	return n
}

// clinical reads a value of one of the schemes of StringCodeType. READ4 and
// the drug list numbers of EMIS are no codes of an entry of ours and stay text.
func clinical(scheme, value, term string) (mapping.Code, bool) {
	var c mapping.Code
	var err error
	switch scheme {
	case "READ2":
		c, err = mapping.ParseEMIS(value, term)
	case "EMISCLINICAL":
		c = mapping.Code{Scheme: mapping.EMISLocal, Value: value, Term: term}
	case "SNOMED":
		c = mapping.Code{Scheme: mapping.SNOMED, Value: value, Term: term}
	case "DMD":
		c = mapping.Code{Scheme: mapping.DMD, Value: value, Term: term}
	default:
		return mapping.Code{}, false
	}
	if err != nil || !c.Valid() {
		return mapping.Code{}, false
	}
	return c, true
}

// inWords is a code as a reader sees it when no scheme of ours can hold it.
func (n nativeCode) inWords() string {
	s := strings.TrimSpace(n.scheme + " " + n.value)
	if n.scheme == "" {
		s = "(scheme not stated) " + n.value
	}
	if n.term != "" {
		s += ` "` + n.term + `"`
	}
	return s
}

// coding is what the codes beside one another on an item come to.
type coding struct {
	code      mapping.Code
	others    []mapping.Code
	notes     []string
	malformed bool
}

// read takes in one code: the first that can be read is the item's own, a later
// one stands beside it unless it says the same. Where READ2 is stated twice,
// the spelling with a term code is the more exact and is the item's own
// (E §4: never fall back from a synonym to its base).
func (c *coding) read(n nativeCode) {
	if n.value != "" {
		if code, ok := clinical(n.scheme, n.value, n.term); ok {
			c.take(code)
		} else {
			c.note(n)
		}
	} else if n.scheme != "" && n.mapCode == "" {
		c.notes = append(c.notes, "Source code: "+n.scheme+" (no code stated)")
	}
	c.translation(n)
	if n.oldCode != "" && n.oldCode != n.value {
		c.notes = append(c.notes, "Source code: old EMIS code "+n.oldCode)
	}
}

func (c *coding) note(n nativeCode) {
	c.notes = append(c.notes, "Source code: "+n.inWords())
	switch n.scheme {
	case "READ2", "EMISCLINICAL", "SNOMED", "DMD":
		c.malformed = true
	}
}

// translation takes in the alternative code EMIS placed beside its own.
func (c *coding) translation(n nativeCode) {
	if n.mapCode == "" {
		if n.mapScheme != "" {
			c.notes = append(c.notes, "Source code: "+n.mapScheme+" (no code stated)")
		}
		return
	}
	code, ok := clinical(n.mapScheme, n.mapCode, "")
	switch {
	case !ok:
		c.notes = append(c.notes, "Source code: "+nativeCode{value: n.mapCode, scheme: n.mapScheme}.inWords())
	case n.value == "" && n.oldCode == "":
		code.Term = n.term
		c.take(code)
	default:
		c.beside(code)
	}
}

// beside keeps a code beside the item's own, once.
func (c *coding) beside(code mapping.Code) {
	for _, o := range c.others {
		if o == code {
			return
		}
	}
	c.others = append(c.others, code)
}

func (c *coding) take(code mapping.Code) {
	switch {
	case c.code.IsZero():
		c.code = code
	case code == c.code:
	case code.Is(c.code) && code.Term == "":
	case code.Is(c.code) && c.code.Term == "":
		c.code.Term = code.Term
	case code.Scheme == mapping.ReadV2 && c.code.Scheme == mapping.ReadV2 && code.Value == c.code.Value &&
		c.code.TermCode == "00" && code.TermCode != "00":
		c.others = append(c.others, c.code)
		c.code = code
	default:
		c.beside(code)
	}
}

// drug reads a preparation. The EMIS spelling stands in OldCode; the integer is
// an EMIS code id, which no table of ours has (E §4), unless the scheme says it
// is a dm+d or SNOMED identifier; -1 says that only OldCode is known.
func drug(n nativeCode) coding {
	var c coding
	if n.oldCode != "" {
		code := mapping.Code{Scheme: mapping.EMISDrug, Value: n.oldCode, Term: n.term}
		if code.Valid() {
			c.code = code
		} else {
			c.malformed = true
			c.notes = append(c.notes, "Source code: EMISPREPARATION "+n.oldCode)
		}
	}
	if n.value != "" && n.value != "-1" {
		if code, ok := clinical(n.scheme, n.value, n.term); ok && (n.scheme == "DMD" || n.scheme == "SNOMED") {
			c.take(code)
		} else {
			c.notes = append(c.notes, "Source code: EMIS code id "+n.inWords())
		}
	} else if n.scheme != "" && n.scheme != "EMISPREPARATION" {
		c.notes = append(c.notes, "Source code: "+n.scheme+" (no code stated)")
	}
	if n.value == "-1" {
		n.value = ""
	}
	c.translation(n)
	if as := (mapping.Code{Scheme: mapping.DMD, Value: c.code.Value, Term: c.code.Term}); c.code.Scheme == mapping.SNOMED && as.Valid() {
		c.code = as // dm+d is a part of SNOMED CT UK; a drug's own code is asked for as dm+d
	}
	return c
}

// into puts a coding on an entry. The words of the entry are those displayed;
// without any, those of the code.
func (c coding) into(e *record.Entry, codes ...nativeCode) {
	e.Code, e.Others, e.Malformed = c.code, c.others, c.malformed
	for _, n := range c.notes {
		if !slices.Contains(e.Notes, n) {
			e.Notes = append(e.Notes, n)
		}
	}
	for _, n := range codes {
		if strings.TrimSpace(e.Text) == "" {
			e.Text = n.term
		}
	}
}

// nativeOf spells a code for StringCodeType. EMIS sends its local codes under
// READ2 (E §4). dm+d has no scheme there and stands as MapCode only.
func nativeOf(c mapping.Code) (scheme, value string, ok bool) {
	switch c.Scheme {
	case mapping.ReadV2, mapping.EMISLocal:
		value, err := mapping.FormatEMIS(c)
		return "READ2", value, err == nil
	case mapping.SNOMED:
		return "SNOMED", c.Value, true
	}
	return "", "", false
}

func mapScheme(c mapping.Code) (scheme, value string, ok bool) {
	if c.Scheme == mapping.DMD {
		return "DMD", c.Value, true
	}
	return nativeOf(c)
}

// writeCode writes a StringCodeType.
func writeCode(w *xmlio.Writer, element string, c mapping.Code, term string, other mapping.Code) {
	if scheme, value, ok := nativeOf(c); ok {
		writeNative(w, element, scheme, value, cmp.Or(c.Term, term), other)
	}
}

func writeNative(w *xmlio.Writer, element, scheme, value, term string, other mapping.Code) {
	w.Start(element)
	w.Element("Value", value)
	w.Element("Scheme", scheme)
	w.Optional("Term", term)
	if scheme, value, ok := mapScheme(other); ok {
		w.Element("MapCode", value)
		w.Element("MapScheme", scheme)
	}
	w.End()
}

// writeDrug writes a preparation: an EMIS code as OldCode, with the value -1
// that says so, a dm+d or SNOMED identifier as MapCode. Scheme "DMD" is our
// choice: the field is free text in the schema, and dm+d is what it holds.
func writeDrug(w *xmlio.Writer, element string, c mapping.Code, term string, other mapping.Code) {
	w.Start(element)
	if c.Scheme == mapping.EMISDrug {
		w.Element("Value", "-1")
		w.Element("Scheme", "EMISPREPARATION")
	}
	w.Optional("Term", term)
	if c.Scheme == mapping.EMISDrug {
		w.Element("OldCode", c.Value)
		c = other
	}
	if scheme, value, ok := mapScheme(c); ok {
		w.Element("MapCode", value)
		w.Element("MapScheme", scheme)
	}
	w.End()
}

// integer reports a valid xs:integer.
func integer(s string) bool {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return s != "" && strings.Trim(s, "1234567890") == ""
}

// decimal reports a number that is valid as xs:double and xs:float and is one
// a reader would call a number: no INF, no NaN, no hexadecimal. Its text is
// carried, never the number.
func decimal(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "+-.0123456789eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
