package ehrextract

import (
	"iter"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// component writes an entry, with what belongs to it, as a component of what
// is open.
func (x *encoder) component(e *record.Entry) {
	x.open()
	x.statement(e)
	x.w.End()
}

// open begins a component of the composition or, inside one, of a compound
// statement.
func (x *encoder) open() {
	if x.depth > 0 {
		x.w.Start("component", "typeCode", "COMP", "contextConductionInd", "true")
	} else {
		x.w.Start("component", "typeCode", "COMP")
	}
}

// compound opens a compound statement, of an entry or, with nil, of none;
// compounded ends it.
func (x *encoder) compound(e *record.Entry, class, id string) {
	x.start("CompoundStatement", e, "classCode", class, "moodCode", "EVN")
	x.w.Empty("id", "root", id)
	x.depth++
}

func (x *encoder) compounded() {
	x.depth--
	x.w.End()
}

// statement writes an entry once.
func (x *encoder) statement(e *record.Entry) {
	x.of(e).done = true
	switch {
	case len(x.of(e).children) > 0:
		x.battery(e)
	case e.Kind == record.KindAllergy && e.Outcome != record.Unsupported && e.Outcome != record.FailedEntry:
		x.allergy(e)
	case !native(e):
		x.plain(e)
	case e.Kind == record.KindMedication || e.Kind == record.KindIssue:
		x.medication(e)
	case e.Kind == record.KindProblem:
		x.problem(e)
	case e.Kind == record.KindDiary, e.Kind == record.KindReferral, e.Kind == record.KindRequest:
		x.intended(e)
	case e.Kind == record.KindAdministration && x.registers(e):
		x.registration(e)
	case e.Kind == record.KindNote, e.Kind == record.KindDocument, e.Kind == record.KindAlert, e.Kind == record.KindAdministration,
		e.Kind == record.KindUnrecognised, e.Kind == record.KindConsultation:
		x.text(e)
	default:
		x.observation(e, e)
	}
}

// plain writes an entry that cannot be written as what it is: a degraded one
// under its degrade code, the other as free text. All of it is in the text, its
// own words first (safety §D.1).
func (x *encoder) plain(e *record.Entry) {
	lines := x.context(x.words(e), e)
	if e.Outcome != record.Degraded || e.Target.IsZero() {
		x.narrative(e, x.of(e).id, e.Date, lines)
		return
	}
	x.degraded(e, lines)
}

func (x *encoder) degraded(e *record.Entry, lines []string) {
	w := x.w
	x.start("ObservationStatement", e, "classCode", "OBS", "moodCode", "EVN")
	w.Empty("id", "root", x.of(e).id)
	concept(w, "code", e.Target, e.Text, nil, nil)
	x.times(e)
	x.annotations(nil, lines)
	x.participant(e)
	w.End()
}

// narrative writes free text, of an entry or, with nil, of none.
func (x *encoder) narrative(e *record.Entry, id string, at record.Date, lines []string) {
	w := x.w
	x.start("NarrativeStatement", e, "classCode", "OBS", "moodCode", "EVN")
	w.Empty("id", "root", id)
	w.Lines("text", lines)
	complete(w)
	stamp(w, "availabilityTime", at)
	x.participant(e)
	w.End()
}

// text writes an entry the format has free text for.
func (x *encoder) text(e *record.Entry) {
	x.narrative(e, x.of(e).id, e.Date, x.context(x.words(e), e))
}

// registers reports an administrative entry of which the statement of a
// registration, a code and dates, says everything.
func (x *encoder) registers(e *record.Entry) bool {
	texts, lines, _ := x.sayings(e)
	return !e.Target.IsZero() && len(texts)+len(lines)+len(e.Qualifiers) == 0
}

func (x *encoder) registration(e *record.Entry) {
	w := x.w
	_, _, others := x.sayings(e)
	x.start("RegistrationStatement", e, "classCode", "OBS", "moodCode", "EVN")
	w.Empty("id", "root", x.of(e).id)
	concept(w, "code", e.Target, e.Text, nil, others)
	x.times(e)
	x.participant(e)
	w.End()
}

// times writes the state and the dates of a statement: availabilityTime is
// when it was true or done (S §6.1).
func (x *encoder) times(e *record.Entry) {
	complete(x.w)
	center(x.w, record.Date{})
	stamp(x.w, "availabilityTime", e.Date)
}

// annotations writes the texts of a statement, each in an annotation of its
// own where three are enough, and behind the last what the bridge adds.
func (x *encoder) annotations(texts, lines []string) {
	w := x.w
	for i, part := range x.annotationParts(texts, lines, len(sequence)) {
		w.Start("pertinentInformation", "typeCode", "PERT")
		w.Empty("sequenceNumber", "value", sequence[i])
		w.Start("pertinentAnnotation", "classCode", "OBS", "moodCode", "EVN")
		w.Lines("text", part)
		closing(w, 2)
	}
}

// sequence are the numbers of the annotations of a statement.
var sequence = [...]string{"+1", "+2", "+3"}

// annotationParts parts what is said into the lines of at most so many
// annotations: a text is one, the last has the texts and the lines that are left.
func (x *encoder) annotationParts(texts, lines []string, most int) iter.Seq2[int, []string] {
	x.texts = append(append(x.texts[:0], texts...), lines...)
	all, last := x.texts, max(min(len(texts), most)-1, 0)
	return func(yield func(int, []string) bool) {
		for i := 0; i <= last && len(all) > 0; i++ {
			part := all[i:]
			if i < last {
				part = all[i : i+1]
			}
			if !yield(i, part) {
				return
			}
		}
	}
}

// participant names the author of a statement who is not the composition's.
func (x *encoder) participant(e *record.Entry) {
	if e == nil || x.setting.author == e.Author || e.Author == nil {
		return
	}
	x.w.Start("Participant", "typeCode", "PRF", "contextControlCode", "OP")
	x.agentRef(e.Author)
	x.w.End()
}

// context appends the lines about who, where and when that the composition and
// the statement do not say.
func (x *encoder) context(lines []string, e *record.Entry) []string {
	n, s := &extra{lines}, x.setting
	if e.Author == nil && s.author != nil {
		n.line("Recorded by", "not known")
	}
	if e.EnteredBy != nil && e.EnteredBy != s.by && e.EnteredBy != e.Author {
		n.line("Entered by", e.EnteredBy.NameAndRole())
	}
	if e.Place != nil && e.Place != s.place {
		n.line("Recorded at", placeName(e.Place))
	}
	if e.Recorded != s.recorded && !recordedHeld(e) {
		n.date("Recorded", e.Recorded)
	}
	n.line("Confidentiality", e.Confidential)
	if written(e.Parent) && !x.of(e).under {
		n.line("Part of", e.Parent.Name())
	}
	for _, l := range e.Problems {
		if written(l.Problem) && !x.linkHolds(e, l) {
			n.line("Linked problem", l.Problem.Name())
		}
	}
	return n.lines
}

// recordedHeld reports an entry whose own statement says when it was recorded.
func recordedHeld(e *record.Entry) bool {
	switch e.Kind {
	case record.KindDiary, record.KindReferral, record.KindProblem:
		return native(e)
	}
	return false
}

// observation writes a coded statement: of own, with everything that e says.
func (x *encoder) observation(own, e *record.Entry) {
	w := x.w
	texts, lines, others := x.sayings(e)
	x.start("ObservationStatement", own, "classCode", "OBS", "moodCode", "EVN")
	w.Empty("id", "root", x.statementID(e))
	concept(w, "code", e.Target, e.Text, codedQualifiers(e), others)
	x.times(e)
	x.priority(e)
	v := e.Value
	if v == nil {
		v = &record.Value{}
	}
	x.value(v)
	x.interpretation(v)
	x.subject(e)
	x.annotations(texts, lines)
	x.ranges(v)
	x.participant(e)
	w.End()
}

// sayings are the texts of a statement: the clinician's own, the lines of what
// has no element, and the translations that can stand beside the code.
func (x *encoder) sayings(e *record.Entry) (texts, lines []string, others []mapping.Code) {
	n, before := x.extra(), &extra{}
	texts = x.texts[:0]
	for _, q := range e.Qualifiers {
		if !codedQualifier(q) {
			before.line(q.Name, q.Value)
		}
	}
	for _, t := range e.Texts {
		switch {
		case t.Label == labelPriority && t.Value == labelled(e, labelPriority):
		case t.Label == labelRelative && e.Kind == record.KindFamilyHistory && t.Value == labelled(e, labelRelative):
		default:
			texts = append(texts, record.Join(": ", t.Label, t.Value))
		}
	}
	if len(before.lines) > 0 { // qualifiers stand before the clinician's text (D-4)
		first := strings.Join(before.lines, "\n")
		if len(texts) > 0 {
			texts[0] = first + "\n" + texts[0]
		} else {
			texts = append(texts, first)
		}
	}
	n.facts(e, func(f record.Field) bool { return held(e, f) })
	for _, note := range e.Notes {
		n.once(note)
	}
	n.lines = x.context(n.lines, e)
	others = translations(e, n)
	x.problemLines(n, e)
	x.texts = texts
	return texts, n.lines, others
}

// translations are the codes written beside the entry's own: the sender's,
// where the entry comes from this family of systems. The code a translated
// entry had is a line, with what the sender put beside it (D-2).
func translations(e *record.Entry, n *extra) []mapping.Code {
	same := e.Target.Scheme == e.Code.Scheme || e.Code.IsZero()
	if !same || !e.Code.IsZero() && !e.Code.Is(e.Target) {
		n.once(record.SourceCode(e.Code))
	}
	var codes []mapping.Code
	for _, c := range e.Others {
		if hasCode(c) && same {
			codes = append(codes, c)
		} else {
			n.once(record.SourceCode(c))
		}
	}
	return codes
}

// codedQualifiers are the qualifiers the code itself can carry.
func codedQualifiers(e *record.Entry) []record.Qualifier {
	var all []record.Qualifier
	for _, q := range e.Qualifiers {
		if codedQualifier(q) {
			all = append(all, q)
		}
	}
	return all
}

// codedQualifier reports a qualifier with a code of this format, which refines
// and does not turn.
func codedQualifier(q record.Qualifier) bool {
	name, value := hasCode(q.NameCode), hasCode(q.ValueCode)
	return q.Meaning == record.Refines && (name || q.NameCode.IsZero()) && (value || q.ValueCode.IsZero()) && (name || value)
}

// statementID is the identifier of the statement an entry is told by: a
// problem that has none of another entry has one beside its link set.
func (x *encoder) statementID(e *record.Entry) string {
	if e.Kind == record.KindProblem && native(e) {
		return x.derive("problem", x.of(e).id)
	}
	return x.of(e).id
}

// The labels of texts that have an element of their own: the priority of an
// observation, a plan or a request, and the relative a statement is about.
const (
	labelPriority = "Priority"
	labelRelative = "Relative"
)

// labelled is the first of an entry's texts with a label.
func labelled(e *record.Entry, label string) string {
	for _, t := range e.Texts {
		if t.Label == label {
			return t.Value
		}
	}
	return ""
}

func (x *encoder) priority(e *record.Entry) {
	if words := labelled(e, labelPriority); words != "" {
		concept(x.w, "priorityCode", mapping.Code{}, words, nil, nil)
	}
}

// subject says that a statement is about a relative.
func (x *encoder) subject(e *record.Entry) {
	if e.Kind != record.KindFamilyHistory {
		return
	}
	x.w.Start("subject", "typeCode", "SBJ")
	x.w.Start("personalRelationship", "classCode", "PRS")
	if words := labelled(e, labelRelative); words != "" {
		concept(x.w, "code", mapping.Code{}, words, nil, nil)
	}
	closing(x.w, 2)
}

func joinLines(texts, lines []string) string {
	return strings.Join(append(append([]string(nil), texts...), lines...), "\n")
}
