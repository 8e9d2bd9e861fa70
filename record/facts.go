package record

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Fact is one thing an entry says beside its words, code, dates, people, texts
// and qualifiers, as a clinician reads it: "Dose: one daily". A format writes
// it in a slot of its own or, where it has none, as that line (safety §D.1).
type Fact struct {
	Field Field
	// Label is the field's own but for a detail of a referral, which brings
	// its name. It is "" for words that are a whole sentence.
	Label string
	// Date, Code and Other are what the words were made of: the date, the
	// enumerated value or code, the entry that is named. They are zero for a
	// fact that is text.
	Date  Date
	Code  mapping.Code
	Other *Entry
	words string
}

// Words is the fact as text, never "".
func (f Fact) Words() string {
	switch {
	case f.words != "":
		return f.words
	case !f.Date.IsZero():
		return f.Date.Words()
	}
	return TermOf(f.Code)
}

// Line is the fact as a reader sees it.
func (f Fact) Line() string { return line(f.Label, f.Words()) }

func line(label, words string) string {
	if label == "" {
		return words
	}
	return label + ": " + words
}

// Field names a field of an entry and what a clinician calls it, through
// whatever system it came: "path=label".
type Field string

// Path is the field's path in Entry: "Medication.Dosage".
func (f Field) Path() string {
	path, _, _ := strings.Cut(string(f), "=")
	return path
}

// Body is the field of Entry that holds it: "Medication".
func (f Field) Body() string {
	for i := range len(f) {
		if f[i] == '.' || f[i] == '=' {
			return string(f[:i])
		}
	}
	return string(f)
}

// Label is the agreed label: a change is one to be signed off.
func (f Field) Label() string {
	_, label, _ := strings.Cut(string(f), "=")
	return label
}

// Line is a line with the field's label.
func (f Field) Line(words string) string { return line(f.Label(), words) }

// The fields.
const (
	FactEpisodicity Field = "Episodicity=Episodicity"

	FactValueNumber     Field = "Value.Number=Value"
	FactValueText       Field = "Value.Text=Result"
	FactValueUnit       Field = "Value.Unit=Unit"             // without a number
	FactValueComparator Field = "Value.Comparator=Comparator" // without number and text
	FactValueUnreadable Field = "Value.Unreadable=Value as recorded"
	FactValueRange      Field = "Value.Ranges=Range"
	FactValueAbnormal   Field = "Value.Abnormal=Abnormal"
	FactValueAbnormalAs Field = "Value.AbnormalAs=Abnormal indicator"
	FactValueStatus     Field = "Value.Status=Result status"

	FactProblemStatus       Field = "Problem.Status=Problem status"
	FactProblemSignificance Field = "Problem.Significance=Significance"
	FactProblemEnd          Field = "Problem.End=End date"
	FactProblemDuration     Field = "Problem.ExpectedDuration=Expected duration"
	FactProblemOwner        Field = "Problem.Owner=Owner"
	FactProblemParent       Field = "Problem.Parents=Parent problem"

	FactMedicationType          Field = "Medication.Type=Type"
	FactMedicationStatus        Field = "Medication.Status=Status"
	FactMedicationPrivate       Field = "Medication.Private=NHS or private"
	FactMedicationDosage        Field = "Medication.Dosage=Dose"
	FactMedicationQuantity      Field = "Medication.Quantity=Quantity" // with its unit
	FactMedicationUnit          Field = "Medication.Unit=Quantity unit"
	FactMedicationQuantityWords Field = "Medication.QuantityWords=Quantity in words" // where they say more
	FactMedicationDays          Field = "Medication.DurationDays=Duration in days"
	FactMedicationStart         Field = "Medication.Start=Started"
	FactMedicationEnd           Field = "Medication.End=Ended"
	FactMedicationEndReason     Field = "Medication.EndReason=Reason for ending"
	FactMedicationFirstIssue    Field = "Medication.FirstIssue=First issue"
	FactMedicationLastIssue     Field = "Medication.LastIssue=Last issue"
	FactMedicationExpiry        Field = "Medication.Expiry=Expires"
	FactMedicationReview        Field = "Medication.Review=Review"
	FactMedicationIssued        Field = "Medication.Issued=Issues made"
	FactMedicationAuthorised    Field = "Medication.Authorised=Issues authorised"
	FactMedicationAuthorisation Field = "Medication.Authorisations=Authorised"
	FactMedicationIssueMethod   Field = "Medication.IssueMethod=Issue method"
	FactMedicationCost          Field = "Medication.Cost=Cost"
	FactMedicationIngredient    Field = "Medication.Mixture=Ingredient"
	FactMedicationCourse        Field = "Medication.Course=Issue of"
	FactMedicationCancelled     Field = "Medication.Cancelled="

	FactAllergyType      Field = "Allergy.Type=Allergy type"
	FactAllergySubstance Field = "Allergy.Substance=Substance code" // unless it is the entry's own code
	FactAllergyDetails   Field = "Allergy.Details=Recorded against"
	FactAllergyEnded     Field = "Allergy.Ended=Past allergy, ended"
	FactAllergyEnd       Field = "Allergy.End=End date" // of one not marked as ended
	FactAllergyExcludes  Field = "Allergy.Excludes=Excludes"

	FactConsultationType     Field = "Consultation.Type=Type of contact"
	FactConsultationTypeText Field = "Consultation.TypeText=Consultation type"
	FactConsultationPlace    Field = "Consultation.Place=Place"
	FactConsultationDuration Field = "Consultation.Duration=Duration"
	FactConsultationTravel   Field = "Consultation.Travel=Travel time"
	FactConsultationExternal Field = "Consultation.External=External consultant"
	FactConsultationOpen     Field = "Consultation.Open="

	FactReportType      Field = "Report.Type=Report type"
	FactReportResult    Field = "Report.Result=Report result"
	FactReportStatus    Field = "Report.Status=Report status"
	FactReportCollected Field = "Report.Collected=Sampled"
	FactReportIssued    Field = "Report.Issued=Issued"
	FactReportReceived  Field = "Report.Received=Received"
	FactReportSpecimen  Field = "Report.Specimen=Specimen type"
	FactReportProvider  Field = "Report.Provider=Provider"
	FactReportComment   Field = "Report.Comments=Comment"
	FactReportFollowUp  Field = "Report.FollowUp=Follow-up"
	FactReportAbnormal  Field = "Report.Abnormal=Report abnormal"

	FactImmunisationNotGiven     Field = "Immunisation.NotGiven="
	FactImmunisationPart         Field = "Immunisation.Part=Part"
	FactImmunisationName         Field = "Immunisation.Name=Vaccine"
	FactImmunisationContents     Field = "Immunisation.Contents=Contents"
	FactImmunisationBatch        Field = "Immunisation.Batch=Batch"
	FactImmunisationManufacturer Field = "Immunisation.Manufacturer=Manufacturer"
	FactImmunisationSite         Field = "Immunisation.Site=Site"
	FactImmunisationRoute        Field = "Immunisation.Route=Route"
	FactImmunisationMethod       Field = "Immunisation.Method=Method"
	FactImmunisationExpiry       Field = "Immunisation.Expiry=Expires"
	FactImmunisationDose         Field = "Immunisation.Dose=Dose"
	FactImmunisationReason       Field = "Immunisation.Reason=Reason"
	FactImmunisationNotes        Field = "Immunisation.Notes=Notes"

	FactDiaryType     Field = "Diary.Type=Type"
	FactDiaryStatus   Field = "Diary.Status=Status"
	FactDiaryDuration Field = "Diary.Duration=Duration"
	FactDiaryPlace    Field = "Diary.Place=Place"
	FactDiaryReminder Field = "Diary.Reminders=Reminder"

	FactReferralFrom      Field = "Referral.From=From"
	FactReferralTo        Field = "Referral.To=To"
	FactReferralToPerson  Field = "Referral.ToPerson=To person"
	FactReferralSpecialty Field = "Referral.Specialty=Specialty"
	FactReferralRequest   Field = "Referral.Request=Request"
	FactReferralUrgency   Field = "Referral.Urgency=Urgency"
	FactReferralMode      Field = "Referral.Mode=Mode"
	FactReferralTransport Field = "Referral.Transport=Transport"
	FactReferralDirection Field = "Referral.Direction=Direction"
	FactReferralReason    Field = "Referral.Reason=Reason"
	FactReferralReference Field = "Referral.Reference=Reference"
	FactReferralPrivate   Field = "Referral.Private=NHS or private"
	FactReferralDetail    Field = "Referral.Details="
	FactReferralEnded     Field = "Referral.Ended=Ended"

	FactDocumentTitle     Field = "Document.Title=Title"
	FactDocumentName      Field = "Document.Name=File"
	FactDocumentType      Field = "Document.Type=Document type"
	FactDocumentMIME      Field = "Document.MIME=Format"
	FactDocumentSize      Field = "Document.Size=Size"
	FactDocumentSender    Field = "Document.Sender=Sender"
	FactDocumentRecipient Field = "Document.Recipient=Recipient"
	FactDocumentDirection Field = "Document.Direction=Direction"
	FactDocumentLocator   Field = "Document.Locator=Location"
	FactDocumentComments  Field = "Document.Comments=Comments"
	FactDocumentDeleted   Field = "Document.Deleted="
)

// EachFact calls f with everything the entry's bodies say, in the order it is
// read. It is the one place that knows what an entry can hold. Words that
// repeat the entry's own are facts too, for their label says what it is: the
// vaccine "Influenza" is no influenza. An entry that is not shown is not named.
// What is not here is written by every format as what it is: the lines of a
// consultation, the entry a problem defines, and the class and absence of an
// allergy, which decide what the entry is.
func (e *Entry) EachFact(f func(Fact)) {
	lister(f).code(FactEpisodicity, e.Episodicity)
	e.Value.EachFact(f)
	e.EachBodyFact(f)
}

// EachBodyFact is EachFact without the episodicity and the value, for which
// most formats have a place in every entry.
func (e *Entry) EachBodyFact(f func(Fact)) {
	l := lister(f)
	l.problem(e.Problem)
	l.medication(e.Medication)
	l.allergy(e, e.Allergy)
	l.consultation(e.Consultation)
	l.report(e.Report)
	l.immunisation(e.Immunisation)
	l.diary(e.Diary)
	l.referral(e.Referral)
	l.document(e.Document)
}

// EachFact calls f with everything the value says; v may be nil.
func (v *Value) EachFact(f func(Fact)) { lister(f).value(v) }

// lister passes on the facts that say something.
type lister func(Fact)

func (l lister) text(field Field, words string) {
	if words != "" {
		l(Fact{Field: field, Label: field.Label(), words: words})
	}
}

func (l lister) texts(field Field, all []string) {
	for _, words := range all {
		l.text(field, words)
	}
}

func (l lister) flag(field Field, set bool, sentence string) {
	if set {
		l.text(field, sentence)
	}
}

func (l lister) date(field Field, d Date) {
	if !d.IsZero() {
		l(Fact{Field: field, Label: field.Label(), Date: d})
	}
}

func (l lister) code(field Field, c mapping.Code) {
	if TermOf(c) != "" {
		l(Fact{Field: field, Label: field.Label(), Code: c})
	}
}

func (l lister) entry(field Field, other *Entry, words ...string) {
	if other.Shown() {
		l(Fact{Field: field, Label: field.Label(), Other: other, words: Join(", ", append([]string{other.Name()}, words...)...)})
	}
}

func (l lister) value(v *Value) {
	if v == nil {
		return
	}
	number, text := v.Words(sign(v.Comparator))
	l.text(FactValueNumber, number)
	l.text(FactValueText, text)
	if v.Number == "" {
		l.text(FactValueUnit, v.Unit)
		if v.Text == "" {
			l.code(FactValueComparator, v.Comparator)
		}
	}
	l.text(FactValueUnreadable, v.Unreadable)
	for _, r := range v.Ranges {
		l.text(FactValueRange, r.String())
	}
	l.code(FactValueAbnormal, v.Abnormal)
	l.text(FactValueAbnormalAs, v.AbnormalAs)
	l.code(FactValueStatus, v.Status)
}

func (l lister) problem(p *Problem) {
	if p == nil {
		return
	}
	l.code(FactProblemStatus, p.Status)
	l.code(FactProblemSignificance, p.Significance)
	l.date(FactProblemEnd, p.End)
	l.text(FactProblemDuration, p.ExpectedDuration)
	l.text(FactProblemOwner, p.Owner)
	for _, up := range p.Parents {
		l.entry(FactProblemParent, up.Problem, up.Relation)
	}
}

func (l lister) medication(m *MedicationBody) {
	if m == nil {
		return
	}
	l.flag(FactMedicationCancelled, m.Cancelled, "This issue was CANCELLED")
	l.text(FactMedicationDosage, m.Dosage)
	quantity := Join(" ", m.Quantity, m.Unit)
	if m.Quantity != "" {
		l.text(FactMedicationQuantity, quantity)
	} else {
		l.text(FactMedicationUnit, m.Unit)
	}
	if m.Quantity == "" || m.QuantityWords != quantity {
		l.text(FactMedicationQuantityWords, m.QuantityWords)
	}
	l.text(FactMedicationDays, m.DurationDays)
	l.code(FactMedicationType, m.Type)
	l.code(FactMedicationStatus, m.Status)
	l.code(FactMedicationPrivate, m.Private)
	l.date(FactMedicationStart, m.Start)
	l.date(FactMedicationEnd, m.End)
	l.text(FactMedicationEndReason, m.EndReason)
	l.date(FactMedicationFirstIssue, m.FirstIssue)
	l.date(FactMedicationLastIssue, m.LastIssue)
	l.date(FactMedicationExpiry, m.Expiry)
	l.date(FactMedicationReview, m.Review)
	l.text(FactMedicationIssued, m.Issued)
	l.text(FactMedicationAuthorised, m.Authorised)
	for _, a := range m.Authorisations {
		l.text(FactMedicationAuthorisation, a.String())
	}
	l.code(FactMedicationIssueMethod, m.IssueMethod)
	l.text(FactMedicationCost, m.Cost)
	for _, i := range m.Mixture {
		l.text(FactMedicationIngredient, Join(" ", i.Text, i.Strength))
		if !i.Code.IsZero() {
			l(Fact{Field: FactMedicationIngredient, Label: "Ingredient code", words: CodeWords(i.Code)})
		}
	}
	l.entry(FactMedicationCourse, m.Course)
}

func (l lister) allergy(e *Entry, a *Allergy) {
	if a == nil {
		return
	}
	l.code(FactAllergyType, a.Type)
	l.text(FactAllergyDetails, a.Details)
	if s := a.Substance; !s.IsZero() && !s.Is(e.Code) && !s.Is(e.Target) {
		l(Fact{Field: FactAllergySubstance, Label: FactAllergySubstance.Label(), Code: s, words: CodeWords(s)})
	}
	if a.Ended {
		l(Fact{Field: FactAllergyEnded, Label: FactAllergyEnded.Label(), Date: a.End, words: a.End.Words()})
	} else {
		l.date(FactAllergyEnd, a.End)
	}
	l.text(FactAllergyExcludes, a.Excludes)
}

func (l lister) consultation(c *Consultation) {
	if c == nil {
		return
	}
	l.text(FactConsultationTypeText, c.TypeText)
	if TermOf(c.Type) != c.TypeText {
		l.code(FactConsultationType, c.Type)
	}
	l.text(FactConsultationPlace, c.Place)
	l.text(FactConsultationDuration, c.Duration)
	l.text(FactConsultationTravel, c.Travel)
	l.text(FactConsultationExternal, c.External)
	l.flag(FactConsultationOpen, c.Open, "The source says this consultation is not complete")
}

func (l lister) report(p *Report) {
	if p == nil {
		return
	}
	l.text(FactReportType, p.Type)
	l.text(FactReportResult, p.Result)
	l.text(FactReportAbnormal, p.Abnormal)
	l.code(FactReportStatus, p.Status)
	l.date(FactReportCollected, p.Collected)
	l.date(FactReportIssued, p.Issued)
	l.date(FactReportReceived, p.Received)
	l.text(FactReportSpecimen, p.Specimen)
	l.text(FactReportProvider, p.Provider)
	l.texts(FactReportComment, p.Comments)
	l.texts(FactReportFollowUp, p.FollowUp)
}

func (l lister) immunisation(i *Immunisation) {
	if i == nil {
		return
	}
	l.flag(FactImmunisationNotGiven, i.NotGiven, "NOT GIVEN. Does not mean never given.")
	l.text(FactImmunisationName, i.Name)
	l.code(FactImmunisationPart, i.Part)
	l.text(FactImmunisationContents, i.Contents)
	l.text(FactImmunisationBatch, i.Batch)
	l.text(FactImmunisationManufacturer, i.Manufacturer)
	l.text(FactImmunisationExpiry, i.Expiry)
	l.text(FactImmunisationDose, i.Dose)
	l.text(FactImmunisationSite, i.Site)
	l.text(FactImmunisationRoute, i.Route)
	l.text(FactImmunisationMethod, i.Method)
	l.text(FactImmunisationReason, i.Reason)
	l.text(FactImmunisationNotes, i.Notes)
}

func (l lister) diary(d *DiaryBody) {
	if d == nil {
		return
	}
	l.text(FactDiaryType, d.Type)
	l.code(FactDiaryStatus, d.Status)
	l.text(FactDiaryDuration, d.Duration)
	l.text(FactDiaryPlace, d.Place)
	l.texts(FactDiaryReminder, d.Reminders)
}

func (l lister) referral(r *Referral) {
	if r == nil {
		return
	}
	l.text(FactReferralFrom, r.From)
	l.text(FactReferralTo, r.To)
	l.text(FactReferralToPerson, r.ToPerson)
	l.text(FactReferralSpecialty, r.Specialty)
	l.code(FactReferralRequest, r.Request)
	l.code(FactReferralUrgency, r.Urgency)
	l.code(FactReferralMode, r.Mode)
	l.code(FactReferralTransport, r.Transport)
	l.code(FactReferralDirection, r.Direction)
	l.text(FactReferralReason, r.Reason)
	l.text(FactReferralReference, r.Reference)
	l.code(FactReferralPrivate, r.Private)
	for _, q := range r.Details {
		if q.Value != "" {
			l(Fact{Field: FactReferralDetail, Label: q.Name, words: q.Value})
		}
	}
	l.date(FactReferralEnded, r.Ended)
}

func (l lister) document(d *Document) {
	if d == nil {
		return
	}
	l.flag(FactDocumentDeleted, d.Deleted, "This document is marked as deleted at source")
	l.text(FactDocumentTitle, d.Title)
	l.text(FactDocumentName, d.Name)
	l.text(FactDocumentType, d.Type)
	l.text(FactDocumentMIME, d.MIME)
	l.text(FactDocumentSize, d.Size)
	l.text(FactDocumentSender, d.Sender)
	l.text(FactDocumentRecipient, d.Recipient)
	l.text(FactDocumentDirection, d.Direction)
	l.text(FactDocumentLocator, d.Locator)
	l.text(FactDocumentComments, d.Comments)
}
