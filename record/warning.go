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
		if w.Detail == "" || w.Detail == (Date{}).Words() {
			return "Recorded as deceased; the date of death is not known."
		}
		return "Recorded as deceased on " + w.Detail + "."
	case WarnPrescribingUnsafe:
		return w.unsafeWords()
	case WarnContradicted:
		return "A 'no known allergies' entry of " + w.Detail + " is contradicted by the entries below."
	case WarnDuplicate:
		return "Some entries may be duplicates: " + w.Detail
	}
	return w.Detail
}

// unsafeWords names the allergies the receiver's alerts do not know. Where the
// words of the record may not be shown, as in a report, it counts them.
func (w Warning) unsafeWords() string {
	switch {
	case w.Count == 0:
		return "Allergies could not be read. Treat allergy status as UNKNOWN."
	case w.Count == 1 && w.Detail == "":
		return "1 ALLERGY NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire for it. Prescribing must not proceed until reviewed."
	case w.Count == 1:
		return "ALLERGY NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire: " + w.Detail + ". Prescribing must not proceed until reviewed."
	case w.Detail == "":
		return fmt.Sprintf("%d ALLERGIES NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire for them. Prescribing must not proceed until reviewed.", w.Count)
	}
	return fmt.Sprintf("%d ALLERGIES NOT RECOGNISED BY THIS SYSTEM – alerts will NOT fire: %s. Prescribing must not proceed until reviewed.", w.Count, w.Detail)
}

// everySection reports a warning that stands with every section, for any of
// them may miss entries (safety §1.3).
func (c WarningCode) everySection() bool { return c == WarnDataInTransit || c == WarnAwaitingFiling }

// Words is the sentence shown for a section in its state, "" for a complete
// one (safety §D.1). While a transfer is unfinished or items await filing no
// section is whole, and each says so.
func (r *Record) Words(s Section) string {
	words := r.stateWords(s)
	for _, w := range r.Warnings {
		if !w.Code.everySection() {
			continue
		}
		if words == "" {
			words = s.Title() + ":"
		}
		words += " " + w.Words()
	}
	return words
}

func (r *Record) stateWords(s Section) string {
	t, title := r.Tally(s), s.Title()
	asText := ""
	if n := t.shownAsText(); n > 0 {
		asText = fmt.Sprintf(" %d of %d entries could not be coded for this system and are shown as text.", n, t.released())
	}
	switch r.State(s) {
	case CompleteDegraded:
		return title + ":" + asText + r.unfiltered(s)
	case NothingRecorded:
		return "No '" + title + "' data is recorded for this patient." + r.unfiltered(s)
	case Withheld:
		return title + ": Items excluded due to confidentiality and/or patient preferences."
	case Partial:
		of := "an unknown number"
		if failed := t.Outcomes[FailedEntry]; failed > 0 && r.sections[s].supplied && r.sections[s].declared > Partial {
			of = fmt.Sprint(t.released())
		}
		return fmt.Sprintf("%s: INCOMPLETE: %s. Received %d of %s. Do not rely on absence.", title, r.missing(s), t.released()-t.Outcomes[FailedEntry], of) + asText
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
		return title + " could not be read: " + r.fault(s) + ". This data may still exist in the source system. Do not assume there is none."
	}
	if rest := r.unfiltered(s); rest != "" {
		return title + ":" + rest
	}
	return ""
}

// missing is why a section is partial.
func (r *Record) missing(s Section) string {
	switch failed := r.Tally(s).Outcomes[FailedEntry]; {
	case failed == 1:
		return "1 entry could not be read"
	case failed > 1:
		return fmt.Sprint(failed, " entries could not be read")
	case !r.sections[s].supplied:
		return "the source system did not answer for this section"
	}
	return "the source system did not send all of it"
}

// fault is what spoilt a section: of structure, never of the patient.
func (r *Record) fault(s Section) string {
	if faults := r.Faults(s); len(faults) > 0 {
		return faults[0].Why
	}
	return "no reason given"
}

// unfiltered says that a section which no date filter may narrow was not, where
// the rest was (safety §1.3): an allergy left out would look like none.
func (r *Record) unfiltered(s Section) string {
	if s != Allergies || r.Source.Period.IsZero() {
		return ""
	}
	return " Date filter not applied."
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
	if !r.Source.AsOf.IsZero() {
		lines = append(lines, "As made by the source system on "+r.Source.AsOf.Words()+".")
	}
	lines = append(lines, r.Patient.heading())
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

// heading is who the record is about, as its holder knows them (safety §D.1
// "always shown at the head"). A reader compares it with the patient in front
// of them.
func (p *Patient) heading() string {
	parts := make([]string, 0, 8)
	if name := Join(", ", strings.ToUpper(p.Surname), Join(" ", p.Forenames, round(p.Title))); name != "" {
		parts = append(parts, name)
	}
	parts = append(parts, "born "+p.BirthDate.Words())
	if n := p.NHS.Digits(); n != "" {
		parts = append(parts, "NHS number "+n[:3]+" "+n[3:6]+" "+n[6:])
	}
	own := p.ID != ""
	for _, id := range p.OtherIDs {
		own = own && id.Value != p.ID
		parts = append(parts, Join(" ", id.Type, id.Value))
	}
	if own {
		parts = append(parts, "number at source "+p.ID)
	}
	return "Patient as held at source: " + strings.Join(parts, "; ") + "."
}

func round(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}
