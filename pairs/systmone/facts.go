package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// facts are the lines of what an entry's bodies say: all of it, or, for an
// entry written in its own element, what that has no slot for.
func (l *lines) facts(e *record.Entry, native bool) {
	l.said(e, native)
	e.EachFact(func(f record.Fact) {
		switch {
		case native && slotted(e, f), repeats(e, f):
		case signed(e.Value) && f.Field == record.FactValueNumber:
			number, _ := e.Value.Words(comparatorSign[e.Value.Comparator.Value])
			*l = append(*l, f.Field.Line(number))
		case signed(e.Value) && f.Field == record.FactValueText:
			_, text := e.Value.Words(comparatorSign[e.Value.Comparator.Value])
			*l = append(*l, f.Field.Line(text))
		default:
			*l = append(*l, f.Line())
		}
	})
}

// said are the sentences about what the record does not know or SystmOne could
// not show.
func (l *lines) said(e *record.Entry, native bool) {
	if p := e.Problem; p != nil && p.End.IsZero() {
		switch {
		case p.Status.Value == problemEnded.Value:
			*l = append(*l, "Past problem; end date not known")
		case p.Status.IsZero() && native && e.Kind == record.KindProblem:
			*l = append(*l, "Defaulted status to active : Unknown status at source")
		}
	}
	if m := e.Medication; m != nil && native && asRepeat(e) && m.Status.IsZero() && m.End.IsZero() && m.EndReason == "" {
		*l = append(*l, "Status not known, check with source. A repeat without an end looks current here.")
	}
	if e.Diary != nil && (!native || coarse(e.Date)) {
		*l = append(*l, "Due: "+e.Date.Words())
	}
	if e.Referral != nil {
		*l = append(*l, "Record of a request; progress not known")
	}
}

// repeats reports words that the entry's first line says, with the kind of
// entry beside them.
func repeats(e *record.Entry, f record.Fact) bool {
	switch f.Field {
	case record.FactConsultationTypeText, record.FactImmunisationName, record.FactDiaryType, record.FactDocumentName:
		return f.Words() == e.Text
	case record.FactDocumentTitle:
		return f.Words() == e.Text || f.Words() == e.Document.Name
	}
	return false
}

// signed reports a comparator that SystmOne writes as a number.
func signed(v *record.Value) bool {
	return v != nil && v.Comparator.Scheme == schemeComparator && comparatorSign[v.Comparator.Value] != ""
}

// coarse reports a date of which a slot that takes a day could not say all:
// nothing is padded, and no time of day is lost.
func coarse(d record.Date) bool {
	midnight := d.Clock() == "00:00:00" || d.Clock() == "00:00" // how a system that must have a time says it has none
	return !d.IsZero() && d.Precision() != record.PrecisionDay && !midnight
}

// coarse adds a date that is.
func (l *lines) coarse(label string, d record.Date) {
	if coarse(d) {
		l.date(label, d)
	}
}

// plainValue reports a value the Value element can hold.
func plainValue(v *record.Value) bool {
	return v != nil && v.Unreadable == "" && v.Text == "" && number(v.Number)
}

// slotted reports a fact that the entry's own element has a slot for, which
// holds all of it (S §1.4).
func slotted(e *record.Entry, f record.Fact) bool {
	switch f.Field.Body() {
	case "Episodicity":
		return asCode(e)
	case "Value":
		return f.Field == record.FactValueNumber && plainValue(e.Value)
	case "Problem":
		return e.Kind == record.KindProblem && problemSlot(e.Problem, f)
	case "Medication":
		return asMedication(e) && medicationSlot(e, f)
	case "Allergy":
		return asSensitivity(e) && sensitivitySlot(e, f)
	case "Document":
		return e.Kind == record.KindDocument && documentSlot(e, f)
	case "Consultation":
		return e.Kind == record.KindConsultation && (f.Field == record.FactConsultationType ||
			f.Field == record.FactConsultationTypeText && e.Consultation.TypeText == e.Consultation.Type.Value)
	case "Diary":
		return e.Kind == record.KindDiary && f.Field == record.FactDiaryStatus
	case "Report":
		return e.Kind == record.KindReport && reportSlot(f)
	case "Immunisation":
		return e.Kind == record.KindImmunisation && vaccinationSlot(f)
	}
	return false
}

func reportSlot(f record.Fact) bool {
	switch f.Field {
	case record.FactReportType, record.FactReportResult, record.FactReportComment, record.FactReportFollowUp:
		return true
	case record.FactReportCollected, record.FactReportIssued:
		return !coarse(f.Date)
	}
	return false
}

func vaccinationSlot(f record.Fact) bool {
	switch f.Field {
	case record.FactImmunisationPart, record.FactImmunisationContents, record.FactImmunisationBatch, record.FactImmunisationDose,
		record.FactImmunisationNotes:
		return true
	}
	return false
}

func problemSlot(p *record.Problem, f record.Fact) bool {
	switch f.Field {
	case record.FactProblemStatus, record.FactProblemSignificance:
		return true
	case record.FactProblemEnd: // a slot only where it may say that the problem has ended
		return !coarse(f.Date) && (p.Status.IsZero() || p.Status.Value == problemEnded.Value)
	}
	return false
}

func medicationSlot(e *record.Entry, f record.Fact) bool {
	m := e.Medication
	switch f.Field {
	case record.FactMedicationType, record.FactMedicationStatus, record.FactMedicationPrivate, record.FactMedicationDosage,
		record.FactMedicationQuantityWords, record.FactMedicationEndReason:
		return true
	case record.FactMedicationQuantity, record.FactMedicationUnit:
		return m.QuantityWords == "" || m.QuantityWords == f.Words()
	case record.FactMedicationStart, record.FactMedicationEnd:
		return !coarse(f.Date)
	case record.FactMedicationReview:
		return asRepeat(e) && !coarse(f.Date)
	case record.FactMedicationAuthorised, record.FactMedicationDays:
		return asRepeat(e)
	}
	return false
}

// quantity is the quantity as one text, as SystmOne writes it.
func quantity(m *record.MedicationBody) string {
	if m.QuantityWords != "" {
		return m.QuantityWords
	}
	return strings.TrimSpace(m.Quantity + " " + m.Unit)
}

func sensitivitySlot(e *record.Entry, f record.Fact) bool {
	switch f.Field {
	case record.FactAllergyType, record.FactAllergySubstance:
		return true
	case record.FactAllergyDetails:
		return ingredient(e)
	case record.FactAllergyEnded:
		return !coarse(f.Date)
	}
	return false
}

func documentSlot(e *record.Entry, f record.Fact) bool {
	letter, d := asLetter(e), e.Document
	switch f.Field {
	case record.FactDocumentName, record.FactDocumentSize, record.FactDocumentComments:
		return !letter
	case record.FactDocumentLocator:
		return !letter && locatorSlot(d.Locator) != ""
	case record.FactDocumentType, record.FactDocumentSender, record.FactDocumentRecipient, record.FactDocumentDirection:
		return letter
	}
	return false
}
