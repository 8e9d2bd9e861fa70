// Package mig is Healthcare Gateway's Medical Interoperability Gateway: its
// messages to and from the record, and its wire declared as a value.
//
// A message is SOAP 1.1 with a serviceHeader, which says who asks, and a
// serviceContent, which holds the question or the record, an openHealthRecord
// (E §5). Every other name is not public: it stands in a profile (profile.txt)
// that a site replaces by the supplier's. README.md says what is inferred.
//
// It is pure: no network, clock, random source or state.
package mig

import (
	"fmt"
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/internal/openhr"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const title = "the MIG"

// The values of the setting "calls".
const (
	callsOne  = "one"  // the whole record in one answer, as EMIS gives it
	callsEach = "each" // where the patient is, then one call for each view, as Vision needs it
)

// System declares the MIG. It carries OpenHR as EMIS made it, and files what
// EMIS Web files.
func System() system.System {
	return system.System{
		Name:  "mig",
		Title: title,
		Wire: system.Wire{
			Transport:   system.HTTP,
			Path:        "/services",
			ContentType: "text/xml",
		},
		ClinicalSchemes: []mapping.Scheme{mapping.ReadV2, mapping.EMISLocal, mapping.SNOMED},
		DrugSchemes:     []mapping.Scheme{mapping.EMISDrug, mapping.DMD},
		// An OpenHR allergy is acted on by whoever made the format (pairs/emisweb).
		Alerts:       []mapping.Scheme{mapping.EMISDrug},
		Entries:      openhr.Entries(),
		Enumerations: openhr.Enumerations(),
		New:          newCodec,
	}
}

// codec is the MIG's system.Codec and system.Caller.
type codec struct {
	*profile
	limits xmlio.Limits
	counts []xmlio.EntryPath

	each, free                      bool
	organisation, department, model string
}

func newCodec(o system.Options) (system.Codec, error) {
	c := &codec{limits: o.Limits, counts: record.XMLPaths(openhr.Entries())}
	text := defaultProfile
	for name, value := range o.Settings {
		set := map[string]*string{"organisation": &c.organisation, "department": &c.department, "content-model": &c.model, "profile": &text}[name]
		accepted := map[string][]string{"calls": {callsOne, callsEach}, "free-text": {"yes", "no"}}[name]
		switch {
		case set != nil:
			*set = value
		case accepted == nil:
			return nil, fmt.Errorf("mig: unknown setting %q", name)
		case !slices.Contains(accepted, value):
			return nil, fmt.Errorf("mig: setting %s is none of %q", name, accepted)
		}
	}
	c.each, c.free = o.Settings["calls"] == callsEach, o.Settings["free-text"] == "yes"
	p, err := readProfile(text)
	c.profile = p
	return c, err
}

// Fit settles what an openHealthRecord cannot hold.
func (c *codec) Fit(rec *record.Record) { openhr.Fit(rec) }
