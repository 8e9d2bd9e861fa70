package record

import (
	"fmt"
	"strings"
)

// WarningCode is one of the closed list of record warnings (safety §D.1).
type WarningCode string

// The record warnings.
const (
	WarnDataInTransit     WarningCode = "data-in-transit"
	WarnAwaitingFiling    WarningCode = "data-awaiting-filing"
	WarnConfidential      WarningCode = "confidential-items"
	WarnDemographics      WarningCode = "demographic-difference"
	WarnDeceased          WarningCode = "deceased"
	WarnPrescribingUnsafe WarningCode = "prescribing-unsafe"
	WarnContradicted      WarningCode = "contradicted-negation"
	WarnDuplicate         WarningCode = "possible-duplicate"
	WarnSender            WarningCode = "sender-warning" // a warning the source itself sent, shown with the record only
)

// rank puts the warning that stops prescribing before all others.
func (c WarningCode) rank() int {
	if c == WarnPrescribingUnsafe {
		return 0
	}
	return 1
}

// Warning is one record-level warning. Detail may hold clinical words or a
// date; it goes into the record and nowhere else.
type Warning struct {
	Code    WarningCode
	Section Section
	Count   int
	Detail  string
}

// Words is the sentence a clinician reads (safety §1.3 and §D).
func (w Warning) Words() string {
	switch w.Code {
	case WarnDataInTransit:
		return "Patient record transfer from previous GP practice not yet complete; information recorded before " + w.Detail + " may be missing."
	case WarnAwaitingFiling:
		return "Patient record contains some items in the GP practice workflow that have not been reviewed for inclusion in this message; information recorded before " + w.Detail + " may be missing."
	case WarnConfidential:
		return w.Section.Title() + ": Items excluded due to confidentiality and/or patient preferences."
	case WarnDemographics:
		return "Patient details differ between the two systems: " + w.Detail
	case WarnDeceased:
		return "The patient is recorded as deceased: " + w.Detail
	case WarnPrescribingUnsafe:
		if w.Count == 0 {
			return "Allergies could not be read in full. Treat allergy status as UNKNOWN."
		}
		if w.Count == 1 {
			return "1 ALLERGY ENTRY NOT RECOGNISED BY THIS SYSTEM: alerts will NOT fire for it. Prescribing must not proceed until it is reviewed."
		}
		return fmt.Sprintf("%d ALLERGY ENTRIES NOT RECOGNISED BY THIS SYSTEM: alerts will NOT fire for them. Prescribing must not proceed until they are reviewed.", w.Count)
	case WarnContradicted:
		return "A 'no known allergies' entry of " + w.Detail + " is contradicted by other allergy entries."
	case WarnDuplicate:
		return "Some entries may be duplicates: " + w.Detail
	}
	return w.Detail
}

// Words is the sentence shown for a section in its state, "" for a complete
// one (safety §D.1).
func (r *Record) Words(s Section) string {
	t, title := r.Tally(s), s.Title()
	asText := ""
	if n := t.shownAsText(); n > 0 {
		asText = fmt.Sprintf(" %d of %d entries could not be coded for this system and are shown as text.", n, t.released())
	}
	switch r.State(s) {
	case CompleteDegraded:
		return title + ":" + asText
	case NothingRecorded:
		return "No '" + title + "' data is recorded for this patient."
	case Withheld:
		return title + ": Items excluded due to confidentiality and/or patient preferences."
	case Partial:
		of := "an unknown number"
		if failed := t.Outcomes[FailedEntry]; failed > 0 && r.sections[s].supplied && r.sections[s].declared > Partial {
			of = fmt.Sprint(t.released())
		}
		return fmt.Sprintf("%s: INCOMPLETE. Received %d of %s. Do not rely on absence.", title, t.released()-t.Outcomes[FailedEntry], of) + asText
	case Filtered:
		return title + ": " + r.Source.filterWords() + asText
	case NotRetrievable:
		return "This system does not support retrieval of '" + title + "' data. This data may still exist in the source system."
	case NotSupported:
		return "'" + title + "' data is not supported by this system."
	case Disabled:
		return title + " items have been disabled. This data may still exist in the source system."
	case Denied:
		return "Access is denied to '" + title + "' data for this patient. This data may still exist in the source system."
	case Failed:
		return title + " could not be read. This data may still exist in the source system. Do not assume there is none."
	}
	return ""
}

func (s Source) filterWords() string {
	from, to := s.Period.From, s.Period.To
	words := ""
	switch {
	case !from.IsZero() && !to.IsZero():
		words = "For the period '" + from.Words() + "' to '" + to.Words() + "'."
	case !from.IsZero():
		words = "Data items from '" + from.Words() + "'."
	case !to.IsZero():
		words = "Data items until '" + to.Words() + "'."
	case s.Filter == "":
		return "Only the items asked for are shown."
	}
	if s.Filter == "" {
		return words
	}
	return strings.TrimSpace(words + " Only items " + s.Filter + " are shown.")
}

// Head is what every receiver shows before anything else: warnings first, then
// where the record came from, then what every asked section's state means.
// Each codec puts these lines into the place its clinicians read first.
func (r *Record) Head(asked SectionSet) []string {
	var lines []string
	for _, w := range r.Warnings {
		lines = append(lines, "WARNING: "+w.Words())
	}
	from := r.Source.Organisation
	if r.Source.ODS != "" {
		from += " (" + r.Source.ODS + ")"
	}
	if from == "" {
		from = "organisation not known"
	}
	lines = append(lines, fmt.Sprintf("Record held by %s in %s.", from, r.Source.System))
	if r.Source.RetrievedAt != "" {
		lines = append(lines, "Retrieved at "+r.Source.RetrievedAt+".")
	}
	lines = append(lines, "View only. Not part of your record.")
	if r.Source.MapSet != "" {
		lines = append(lines, "Code tables: "+r.Source.MapSet+".")
	}
	for s := range sectionCount {
		if asked.Has(s) {
			if words := r.Words(s); words != "" {
				lines = append(lines, words)
			}
		}
	}
	return lines
}
