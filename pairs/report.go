package pairs

import (
	"cmp"
	"slices"

	"github.com/linkspan/linkspan/record"
)

// Report says what became of a record on its way, by counts. It holds no
// patient data: codes are named only when their scheme's syntax holds
// (DESIGN.md decision 16).
type Report struct {
	Pair           string          `json:"pair"`
	From           string          `json:"from"`
	To             string          `json:"to"`
	Message        string          `json:"message"`
	Sections       []SectionReport `json:"sections"`
	Warnings       []WarningReport `json:"warnings"`
	Tables         []TableReport   `json:"tables"`
	Unmapped       []Unmapped      `json:"unmapped"`
	MalformedCodes int             `json:"malformed_codes"`
	BytesIn        int             `json:"bytes_in"`
	BytesOut       int             `json:"bytes_out"`
	Micros         int64           `json:"micros"`
}

// Unreadable reports that not one section asked for could be read.
func (r Report) Unreadable() bool {
	return !slices.ContainsFunc(r.Sections, func(s SectionReport) bool { return s.State != record.Failed.String() })
}

// SectionReport is one section's state and counts.
type SectionReport struct {
	Section     string `json:"section"`
	State       string `json:"state"`
	Source      int    `json:"source"`
	Coded       int    `json:"coded"`
	Degraded    int    `json:"degraded"`
	Withheld    int    `json:"withheld"`
	Unsupported int    `json:"unsupported"`
	Failed      int    `json:"failed"`
	Duplicate   int    `json:"duplicate"`
}

// WarningReport is a record warning without its words.
type WarningReport struct {
	Code    string `json:"code"`
	Section string `json:"section"`
	Count   int    `json:"count,omitempty"`
}

// TableReport names one table of the map set.
type TableReport struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// Unmapped counts one code of one kind that no row carried.
type Unmapped struct {
	Scheme string `json:"scheme"`
	Code   string `json:"code"`
	Kind   string `json:"kind"`
	Count  int    `json:"count"`
}

func (t *translation) report(q *record.Request) Report {
	r := t.Direction.report("response")
	r.From, r.To = t.Holder.Name, t.Consumer.Name
	all := record.Sections()
	r.Sections = make([]SectionReport, 0, len(all))
	for _, s := range all {
		if q.Sections.Has(s) {
			r.Sections = append(r.Sections, sectionReport(t.rec, s))
		}
	}
	for _, w := range t.rec.Warnings {
		r.Warnings = append(r.Warnings, WarningReport{Code: string(w.Code), Section: w.Section.String(), Count: w.Count})
	}
	for k, n := range t.unmapped {
		r.Unmapped = append(r.Unmapped, Unmapped{Scheme: string(k.scheme), Code: k.code, Kind: k.kind.String(), Count: n})
	}
	slices.SortFunc(r.Unmapped, func(a, b Unmapped) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Scheme, b.Scheme), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind))
	})
	r.MalformedCodes = t.malformed
	return r
}

// report starts a report with what is true of any message.
func (d *Direction) report(message string) Report {
	r := Report{Pair: d.Pair, Message: message, Sections: []SectionReport{}, Warnings: []WarningReport{}, Unmapped: []Unmapped{}}
	tables := d.Tables.Tables()
	r.Tables = make([]TableReport, len(tables))
	for i, t := range tables {
		r.Tables[i] = TableReport{ID: t.ID, Version: t.Version, SHA256: t.SHA256}
	}
	return r
}

func sectionReport(rec *record.Record, s record.Section) SectionReport {
	tally := rec.Tally(s)
	return SectionReport{
		Section: s.String(), State: rec.State(s).String(), Source: tally.Source, Coded: tally.Coded(),
		Degraded: tally.Outcomes[record.Degraded], Withheld: tally.Outcomes[record.WithheldEntry],
		Unsupported: tally.Outcomes[record.Unsupported], Failed: tally.Outcomes[record.FailedEntry],
		Duplicate: tally.Outcomes[record.Duplicate],
	}
}
