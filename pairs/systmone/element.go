package systmone

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// entry writes one entry into the open Event, and then those that belong to it.
func (x *encoder) entry(ev *moment, e *record.Entry) {
	p := x.at(e)
	if p.done {
		return
	}
	p.done = true
	if coded(e) {
		x.native(ev, e)
	} else {
		x.degraded(ev, e, e)
	}
	for _, f := range p.followers {
		x.entry(ev, f)
	}
}

// degraded writes an entry that is not written as what it is: under its
// transfer-degraded code if it has one, else as a Narrative, in either case
// with all its words. of is e, or nil where another element stands for it.
func (x *encoder) degraded(ev *moment, e, of *record.Entry) {
	if e.Outcome == record.FailedEntry {
		x.narrativeOf(of, []string{"An entry at " + e.At + " could not be read."})
		return
	}
	text := x.text(ev, e)
	if e.Outcome != record.Degraded || !clinical(e.Target) {
		x.narrativeOf(of, text)
		return
	}
	x.start("ClinicalCode", of)
	x.code(e.Target, e.Target.Term)
	x.w.Element("FreeText", strings.Join(text, "\n"))
	x.linkedProblems(e)
	x.w.End()
}

// native writes an entry in its own element (S §1.4). What no element takes is
// a Narrative; Fit has said so before.
func (x *encoder) native(ev *moment, e *record.Entry) {
	switch {
	case asCode(e):
		x.clinicalCode(ev, e)
	case asMedication(e):
		x.medication(ev, e)
	case asSensitivity(e):
		x.sensitivity(ev, e)
	case e.Kind == record.KindImmunisation && e.Immunisation != nil:
		x.vaccination(ev, e)
	case e.Kind == record.KindReport && e.Report != nil:
		x.report(ev, e)
	case e.Kind == record.KindDiary && e.Diary != nil:
		x.recall(ev, e)
	case asLetter(e):
		x.letter(ev, e)
	case e.Kind == record.KindDocument && e.Document != nil:
		x.attachment(ev, e)
	case e.Kind == record.KindNote:
		x.start("Narrative", e)
		text := x.lines(ev, e, true)
		if e.Text != "" || len(text) == 0 {
			text = append([]string{e.Text}, text...)
		}
		x.noteLines(text)
		x.linkedProblems(e)
		x.w.End()
	default:
		x.narrativeOf(e, x.text(ev, e))
	}
}

// asCode reports an entry that is written as a ClinicalCode.
func asCode(e *record.Entry) bool {
	if !coded(e) || !clinical(e.Target) {
		return false
	}
	switch e.Kind {
	case record.KindProblem, record.KindObservation, record.KindResult, record.KindFamilyHistory, record.KindNote, record.KindAdministration:
		return true
	case record.KindAllergy:
		return e.Allergy != nil && (e.Allergy.Absent || e.Allergy.Class == record.AllergyNonDrug)
	}
	return false
}

// asMedication reports a Medication or RepeatMedication. A drug known by name
// alone can stand in one.
func asMedication(e *record.Entry) bool {
	return coded(e) && (e.Kind == record.KindMedication || e.Kind == record.KindIssue) && e.Medication != nil &&
		(drug(e.Target) || e.Target.IsZero())
}

// asRepeat reports a medication that is written as a RepeatMedication.
func asRepeat(e *record.Entry) bool {
	return e.Kind == record.KindMedication && e.Medication.Type.Value == itemRepeat.Value
}

// asSensitivity reports a DrugSensitivity: the only element that fires alerts.
func asSensitivity(e *record.Entry) bool {
	return coded(e) && e.Kind == record.KindAllergy && e.Allergy != nil && !e.Allergy.Absent &&
		(drug(e.Target) && e.Allergy.Class.Drug() || e.Target.IsZero() && e.Allergy.Type.Scheme == schemeSensitivityType)
}

// ingredient reports a DrugSensitivity to an Ingredient.
func ingredient(e *record.Entry) bool {
	return e.Target.IsZero() && e.Allergy.Type.Value == "Ingredient"
}

// asLetter reports a document that has what a Letter has and nothing more.
func asLetter(e *record.Entry) bool {
	f := e.Document
	if !coded(e) || e.Kind != record.KindDocument || f == nil || e.ID != "" || f.Name != "" || f.Title != "" || f.Size != "" || f.Locator != "" || f.Comments != "" {
		return false
	}
	switch f.Direction {
	case "", "Incoming", "Outgoing", "Other":
		return f.Sender != "" || f.Recipient != "" || f.Type != "" || f.Direction != "" || e.Text == "Letter"
	}
	return false
}

// asTask reports an entry that has what a Task has and nothing more.
func asTask(e *record.Entry) bool {
	if !coded(e) || e.Kind != record.KindAdministration || e.Text != taskText || !e.Code.IsZero() || !e.Target.IsZero() ||
		len(e.Qualifiers)+len(e.Notes)+len(e.Others)+len(e.Problems) > 0 || e.Author != nil || e.Place != nil || e.Confidential != "" ||
		!e.Recorded.IsZero() || e.Parent != nil || !e.Date.IsZero() && e.Date.Precision() < record.PrecisionDay {
		return false
	}
	seen := map[string]bool{}
	for _, t := range e.Texts {
		if t.Label != taskType && t.Label != taskStatus && t.Label != taskContent || seen[t.Label] {
			return false
		}
		seen[t.Label] = true
	}
	return true
}

// isProblem reports an entry with a ProblemUID to link to.
func (x *encoder) isProblem(e *record.Entry) bool { return e.Kind == record.KindProblem && asCode(e) }

// linkedProblems writes the links of an entry or Event to problems.
func (x *encoder) linkedProblems(e *record.Entry) {
	for _, link := range e.Problems {
		if p := link.Problem; p != nil && x.isProblem(p) {
			x.w.Element("LinkedProblemUID", x.uid("problem", p))
		}
	}
}

// narrative writes lines of text that are no entry; a line feed inside one
// begins another.
func (x *encoder) narrative(text []string) { x.narrativeOf(nil, text) }

func (x *encoder) narrativeOf(e *record.Entry, text []string) {
	x.start("Narrative", e)
	x.noteLines(text)
	x.w.End()
}

func (x *encoder) noteLines(text []string) {
	for _, t := range text {
		for line := range strings.SplitSeq(t, "\n") {
			x.w.Element("Line", line)
		}
	}
}

// beside writes what an element without free text had no slot for as a
// Narrative after it, led by the entry's own words.
func (x *encoder) beside(ev *moment, e *record.Entry) {
	if rest := x.lines(ev, e, true); len(rest) > 0 {
		x.narrative(append([]string{strings.TrimSpace(e.Text + " [" + kindMark(e) + "]")}, rest...))
	}
}

func (x *encoder) code(c mapping.Code, term string) {
	if term == "" {
		term = c.Term
	}
	x.w.Empty("Code", "Scheme", nativeScheme(c.Scheme), "Code", c.Value, "Term", term)
}

// clinicalCode writes the original words as @Term: they are what a clinician
// reads first (safety §D.1 D-1).
func (x *encoder) clinicalCode(ev *moment, e *record.Entry) {
	w := x.w
	x.start("ClinicalCode", e)
	x.code(e.Target, e.Text)
	w.Optional("Episodicity", e.Episodicity.Value)
	if v := e.Value; plainValue(v) {
		w.Element("Value", v.Number)
		w.Optional("Units", v.Unit)
		w.Optional("Comparator", v.Comparator.Value)
	}
	if p := e.Problem; p != nil && e.Kind == record.KindProblem {
		w.Element("ProblemUID", x.uid("problem", e))
		w.Optional("ProblemSeverity", p.Significance.Value)
		if p.Status.Value != problemActive.Value {
			w.Optional("ProblemEndDate", dayOf(p.End))
		}
	}
	w.Optional("FreeText", strings.Join(x.lines(ev, e, true), "\n"))
	x.linkedProblems(e)
	switch e.Kind {
	case record.KindAllergy:
		w.Empty("IsAllergy")
	case record.KindFamilyHistory:
		w.Empty("IsFamilyHistory")
	}
	w.End()
}

func (x *encoder) medication(ev *moment, e *record.Entry) {
	w, m := x.w, e.Medication
	repeat := asRepeat(e)
	if repeat {
		x.start("RepeatMedication", e)
	} else {
		x.start("Medication", e)
		w.Optional("MedicationType", m.Private.Value)
	}
	x.product(e)
	w.Optional("Dose", m.Dosage)
	w.Optional("Quantity", quantity(m))
	w.Optional("StartDate", dayOf(m.Start))
	w.Optional("EndDate", dayOf(m.End))
	w.Optional("EndReason", endReason(m))
	if repeat {
		w.Optional("MaxIssues", m.Authorised)
		w.Optional("ReviewDate", dayOf(m.Review))
		w.Optional("IssueDurationDays", m.DurationDays)
		w.Optional("MedicationType", m.Private.Value)
	}
	if e.Kind == record.KindIssue {
		w.Element("RepeatIssue", textOf(e, labelIssueOf))
	}
	x.linkedProblems(e)
	w.End()
	x.beside(ev, e)
}

// endReason is the source's own, or, for a course that has ended on a day that
// the slot cannot show, what is known of it: a course must not look current.
func endReason(m *record.MedicationBody) string {
	if m.EndReason == "" && m.Status.Value == drugEnded.Value && dayOf(m.End) == "" {
		return "Ended: " + m.End.Words()
	}
	return m.EndReason
}

func (x *encoder) product(e *record.Entry) {
	if e.Target.IsZero() {
		x.w.Empty("Drug", "Name", e.Text)
		return
	}
	attrs := []string{"Scheme", nativeScheme(e.Target.Scheme), "ProductID", e.Target.Value}
	for _, q := range e.Qualifiers {
		if nativeQualifier(e, q) && len(attrs) == 4 {
			attrs = append(attrs, "PackID", q.Value)
		}
	}
	x.w.Empty("Drug", append(attrs, "Name", e.Text)...)
}

func (x *encoder) sensitivity(ev *moment, e *record.Entry) {
	w, a := x.w, e.Allergy
	x.start("DrugSensitivity", e)
	if ingredient(e) {
		w.Element("Type", "Ingredient")
		attrs, name := make([]string, 0, 8), e.Text
		if name == a.Details && a.Substance.Term == "" {
			name = "" // an action group: it stands in Details alone
		}
		switch a.Substance.Scheme {
		case schemeIngredientMultilex:
			attrs = append(attrs, "Scheme", "Multilex", "IngredientID", a.Substance.Value)
		case schemeIngredientDMD:
			attrs = append(attrs, "Scheme", "Dmd", "IngredientID", a.Substance.Value)
		}
		w.Empty("Ingredient", append(attrs, "Name", name, "Details", a.Details)...)
	} else {
		w.Element("Type", "Drug")
		x.product(e)
	}
	w.Optional("FreeText", strings.Join(x.lines(ev, e, true), "\n"))
	if a.Ended {
		if end := dayOf(a.End); end != "" {
			w.Element("EndDate", end)
		} else {
			w.Empty("EndedWithUnknownDate")
		}
	}
	x.linkedProblems(e)
	w.End()
}

func (x *encoder) vaccination(ev *moment, e *record.Entry) {
	w, v := x.w, e.Immunisation
	x.start("Vaccination", e)
	w.Element("Name", e.Text)
	w.Optional("Contents", v.Contents)
	w.Optional("BatchNumber", v.Batch)
	w.Optional("Notes", joined(v.Notes, x.lines(ev, e, true)))
	w.Optional("PartType", v.Part.Value)
	w.Optional("Dosage", v.Dose)
	x.linkedProblems(e)
	w.End()
}

func (x *encoder) report(ev *moment, e *record.Entry) {
	w, p := x.w, e.Report
	x.start("Report", e)
	w.Element("BatteryHeaders", e.Text)
	w.Optional("IssueDate", dayOf(p.Issued))
	w.Optional("Result", p.Result)
	w.Optional("Comments", joined(strings.Join(p.Comments, "\n"), x.lines(ev, e, true)))
	w.Optional(labelInform, textOf(e, labelInform))
	w.Optional("CollectionDate", dayOf(p.Collected))
	w.Optional("Type", p.Type)
	if len(p.FollowUp) > 0 {
		w.Start("FollowUpActions")
		for _, f := range p.FollowUp {
			action, comments, _ := strings.Cut(f, "\n")
			w.Start("FollowUpAction")
			w.Element("Action", action)
			w.Optional("Comments", comments)
			w.End()
		}
		w.End()
	}
	x.linkedProblems(e)
	w.End()
}

func (x *encoder) recall(ev *moment, e *record.Entry) {
	w, y := x.w, e.Diary
	x.start("Recall", e)
	w.Element("RecallDate", dayOf(e.Date))
	w.Element("Type", e.Text)
	w.Optional("Status", y.Status.Value)
	w.Optional("FreeText", strings.Join(x.lines(ev, e, true), "\n"))
	w.Optional(labelComment, textOf(e, labelComment))
	x.linkedProblems(e)
	w.End()
}

func (x *encoder) letter(ev *moment, e *record.Entry) {
	w, f := x.w, e.Document
	x.start("Letter", e)
	w.Optional("Sender", f.Sender)
	w.Optional("Recipient", f.Recipient)
	w.Optional("Type", f.Type)
	w.Optional("Direction", f.Direction)
	x.linkedProblems(e)
	w.End()
	x.beside(ev, e)
}

func (x *encoder) attachment(ev *moment, e *record.Entry) {
	w, f := x.w, e.Document
	name, rest := f.Name, x.lines(ev, e, true)
	if name == "" {
		name = f.Title
	}
	comments := joined(f.Comments, rest)
	if e.Text != name && e.Text != f.Comments {
		comments = joined(e.Text, led(f.Comments, rest))
	}
	x.start("Attachment", e)
	w.Element("FileName", name)
	w.Optional("FileSize", f.Size)
	w.Optional("DocumentUID", x.documentUID(e))
	w.Optional("Comments", comments)
	if slot := locatorSlot(f.Locator); slot != "" {
		w.Element(slot, f.Locator)
	}
	x.linkedProblems(e)
	w.End()
}

func (x *encoder) documentUID(e *record.Entry) string {
	if e.ID == "" {
		return ""
	}
	return x.uid("document", e)
}

// locatorSlot is the element for where a document lies, "" for none (S §1.4
// "Attachment").
func locatorSlot(locator string) string {
	switch {
	case strings.Contains(locator, "://"):
		return "URL"
	case strings.ContainsAny(locator, `/\`):
		return "DocumentPath"
	}
	return ""
}

func (x *encoder) task(e *record.Entry) {
	w := x.w
	x.start("Task", e)
	if e.ID != "" {
		w.Element("TaskUID", x.uid("task", e))
	}
	w.Optional("DateTime", timeSlot(e.Date))
	for _, label := range []string{taskType, taskStatus, taskContent} {
		w.Optional(label, textOf(e, label))
	}
	w.End()
}

// joined is text with lines after it.
func joined(first string, rest []string) string { return strings.Join(led(first, rest), "\n") }

// textOf is the text of that label, "" when there is none.
func textOf(e *record.Entry, label string) string {
	for _, t := range e.Texts {
		if t.Label == label {
			return t.Value
		}
	}
	return ""
}
