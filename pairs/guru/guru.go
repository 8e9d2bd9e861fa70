// Package guru is Microtest Guru: its messages to and from the record, and its
// wire declared as a value.
//
// Guru's own wire format is not published. What stands in for it are two public
// formats of its kind: the GP2GP extract, coded (internal/ehrextract, S §6.1),
// and my-record, the JSON of its maker's patient-facing interface, which has no
// codes (internal/myrecord, S §4.3). How either is asked for, and how a request
// for an extract is spelt on HTTPS, is our convention; README.md says which part
// is whose.
//
// It is pure: no network, clock, random source or state.
package guru

import (
	"fmt"
	"slices"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/guru/internal/ehrextract"
	"github.com/linkspan/linkspan/pairs/guru/internal/myrecord"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const title = "Microtest Guru"

// The values of the setting "response-format".
const (
	formatGP2GP    = "gp2gp"
	formatMyRecord = "my-record"
)

// System declares Guru (S §4).
func System() system.System {
	return system.System{
		Name:  "guru",
		Title: title,
		Wire: system.Wire{
			Transport:   system.HTTP,
			ContentType: "application/json",
			Head:        []string{fieldNumber, fieldOrganisation, fieldRequest, fieldCorrelation, fieldType},
		},
		ClinicalSchemes: []mapping.Scheme{mapping.ReadV2, mapping.SNOMED},
		DrugSchemes:     []mapping.Scheme{mapping.DMD},
		Unalerted:       "Guru shows records and prescribes nothing; nothing published says what it would alert on",
		Omits: map[record.Kind]string{
			record.KindDocument: "a GP2GP extract names documents in words",
			record.KindAlert:    "a GP2GP extract has no alerts",
		},
		Entries:      slices.Concat(ehrextract.Entries(), myrecord.Entries()),
		Enumerations: ehrextract.Enumerations(),
		Unwrap:       unwrap,
		New:          newCodec,
	}
}

// codec is Guru's system.Codec and system.Caller.
type codec struct {
	limits             xmlio.Limits
	counts             []xmlio.EntryPath
	plain              bool // my-record, which has no codes
	organisation, user string
}

func newCodec(o system.Options) (system.Codec, error) {
	c := &codec{limits: o.Limits, counts: record.XMLPaths(ehrextract.Entries())}
	for name, value := range o.Settings {
		switch name {
		case "response-format":
			if value != formatGP2GP && value != formatMyRecord {
				return nil, fmt.Errorf("guru: setting response-format is none of gp2gp, my-record")
			}
			c.plain = value == formatMyRecord
		case "organisation":
			c.organisation = value
		case "user":
			c.user = value
		default:
			return nil, fmt.Errorf("guru: no setting %q; there are organisation, response-format and user", name)
		}
	}
	return c, nil
}

// Fit settles what the form of the setting "response-format" cannot hold. Of a
// request for the other form there is nothing left to settle: one for my-record
// asks for no codes.
func (c *codec) Fit(rec *record.Record) {
	if c.plain {
		myrecord.Fit(rec)
		return
	}
	ehrextract.Fit(rec)
}
