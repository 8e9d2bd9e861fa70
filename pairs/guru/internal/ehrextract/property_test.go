package ehrextract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// tokens gives every field of a generated record words of its own, so that
// each can be looked for in what is written.
type tokens struct {
	t      *rapid.T
	n      int
	said   map[*record.Entry][]string
	entry  *record.Entry
	before []*record.Entry
}

func (k *tokens) word(name string) string {
	if !rapid.Bool().Draw(k.t, name) {
		return ""
	}
	k.n++
	s := fmt.Sprintf("w%d&<%s>", k.n, name)
	k.said[k.entry] = append(k.said[k.entry], s)
	return s
}

func (k *tokens) other(name string) *record.Entry {
	if len(k.before) == 0 || !rapid.Bool().Draw(k.t, name) {
		return nil
	}
	return rapid.SampledFrom(k.before).Draw(k.t, name+" of")
}

func (k *tokens) date(name string) record.Date {
	return rapid.SampledFrom([]record.Date{{}, date("2016"), date("2016-03"), date("2016-03-04"), date("2016-03-04T10:05"), date("2016-03-04T10:05:09+01:00")}).Draw(k.t, name)
}

func (k *tokens) code(name string) mapping.Code {
	return rapid.SampledFrom([]mapping.Code{{}, read("G20..", "00", ""), snomed("195967001", "Asthma"), {Scheme: mapping.DMD, Value: "319775004", Term: "Aspirin"},
		{Scheme: mapping.CTV3, Value: "XE0Uc", Term: "Hypertension"}, {Scheme: "emisweb.heading", Value: "X"}}).Draw(k.t, name)
}

func (k *tokens) slot(slot record.Slot, values ...string) mapping.Code {
	scheme, has := Enumerations()[slot]
	v := rapid.SampledFrom(append(values, "")).Draw(k.t, string(slot))
	if !has || v == "" {
		return mapping.Code{}
	}
	return mapping.Code{Scheme: scheme, Value: v}
}

func read(value, term, words string) mapping.Code {
	return mapping.Code{Scheme: mapping.ReadV2, Value: value, TermCode: term, Term: words}
}

func date(s string) record.Date {
	d, err := record.ParseISO(s)
	if err != nil {
		panic(err)
	}
	return d
}

// draw makes an entry with every field its kind has, or without its body.
func (k *tokens) draw(people []*record.Person, places []*record.Organisation) *record.Entry {
	e := &record.Entry{Kind: rapid.SampledFrom(record.Kinds()).Draw(k.t, "kind"), At: "1:1"}
	k.entry = e
	e.Outcome = rapid.SampledFrom([]record.Outcome{record.Exact, record.Mapped, record.Exact, record.Mapped, record.Degraded, record.Unsupported,
		record.WithheldEntry, record.Duplicate, record.FailedEntry}).Draw(k.t, "outcome")
	e.ID = rapid.SampledFrom([]string{"", "12", "0b8f3f5e-6f0e-4c62-9d39-3f1d7c9a5e10", "0B8F3F5E-6F0E-4C62-9D39-3F1D7C9A5E11"}).Draw(k.t, "id")
	e.Text, e.Date, e.Recorded = k.word("text"), k.date("date"), k.date("recorded")
	e.Code = k.code("code")
	if e.Target = k.code("target"); e.Target.Scheme.Enumeration() {
		e.Target = mapping.Code{}
	}
	e.Author = rapid.SampledFrom(append(people, nil)).Draw(k.t, "author")
	e.EnteredBy = rapid.SampledFrom(append(people, nil)).Draw(k.t, "entered by")
	e.Place = rapid.SampledFrom(append(places, nil)).Draw(k.t, "place")
	for range rapid.IntRange(0, 5).Draw(k.t, "texts") {
		if s := k.word("comment"); s != "" {
			e.Texts = append(e.Texts, record.Text{Label: k.word("label"), Value: s})
		}
	}
	for range rapid.IntRange(0, 2).Draw(k.t, "qualifiers") {
		q := record.Qualifier{Name: "Laterality", Value: k.word("qualifier"), ValueCode: k.code("qualifier code"),
			Meaning: rapid.SampledFrom([]record.QualifierMeaning{record.Refines, record.Negates, record.Doubts}).Draw(k.t, "meaning")}
		if q.Value != "" {
			e.Qualifiers = append(e.Qualifiers, q)
		}
	}
	if s := k.word("note"); s != "" {
		e.Notes = append(e.Notes, s)
	}
	e.Confidential = k.word("confidential")
	e.Parent = k.other("parent")
	if p := k.other("problem"); p != nil && p.Kind == record.KindProblem {
		e.Problems = []record.ProblemLink{{Problem: p, Link: k.slot(record.SlotProblemLink, "linked")}}
	}
	if rapid.Bool().Draw(k.t, "without its body") {
		return e
	}
	k.body(e)
	return e
}

func (k *tokens) body(e *record.Entry) {
	switch e.Kind {
	case record.KindObservation, record.KindResult, record.KindReport:
		e.Value = &record.Value{Number: rapid.SampledFrom([]string{"", "1.50", "142", "ten"}).Draw(k.t, "number"), Unit: k.word("unit"), Text: k.word("result"),
			Comparator: k.slot(record.SlotComparator, "<", ">="), Unreadable: k.word("unreadable"), Abnormal: k.slot(record.SlotAbnormal, "HI"), AbnormalAs: k.word("abnormal"),
			Ranges: []record.Range{{Low: "1", High: "2.5", Unit: k.word("range unit"), Words: k.word("range")}, {Qualifier: k.word("range kind"), LowOp: ">", Low: "1"}}}
		if e.Kind == record.KindReport {
			e.Report = &record.Report{Type: k.word("report"), Specimen: k.word("specimen"), Collected: k.date("collected"), Comments: []string{"c", k.word("summary")}}
		}
	case record.KindProblem:
		e.Problem = &record.Problem{Defines: k.other("defines"), Status: k.slot(record.SlotProblemStatus, "active", "inactive"), Significance: k.slot(record.SlotSignificance, "significant", "minor"),
			End: k.date("end"), ExpectedDuration: k.word("duration"), Owner: k.word("owner")}
		if up := k.other("parent problem"); up.Shown() {
			e.Problem.Parents = []record.ParentProblem{{Problem: up, Relation: k.word("relation")}}
		}
	case record.KindMedication, record.KindIssue:
		e.Medication = &record.MedicationBody{Type: k.slot(record.SlotPrescriptionType, "acute", "repeat"), Status: k.slot(record.SlotDrugStatus, "active", "ended"), Dosage: k.word("dose"),
			Quantity: rapid.SampledFrom([]string{"", "28.0", "two"}).Draw(k.t, "quantity"), Unit: k.word("pack"), QuantityWords: k.word("quantity words"), DurationDays: k.word("days"),
			Start: k.date("start"), End: k.date("end"), EndReason: k.word("reason"), Expiry: k.date("expiry"), Review: k.date("review"), Issued: k.word("issued"),
			Authorised: rapid.SampledFrom([]string{"", "6", "six"}).Draw(k.t, "authorised"), Course: k.other("course"), Cost: k.word("cost"), Cancelled: rapid.Bool().Draw(k.t, "cancelled"),
			Mixture: []record.Ingredient{{Text: k.word("part"), Code: k.code("part code")}}}
	case record.KindAllergy:
		e.Allergy = &record.Allergy{Class: record.AllergyClass(rapid.IntRange(0, 4).Draw(k.t, "class")), Absent: rapid.Bool().Draw(k.t, "absent"), Substance: k.code("substance"),
			Ended: rapid.Bool().Draw(k.t, "ended"), End: k.date("end"), Excludes: k.word("excludes"), Details: k.word("details")}
	case record.KindConsultation:
		e.Consultation = &record.Consultation{Type: k.slot(record.SlotConsultation, "25671000000102"), TypeText: k.word("type"), Place: k.word("room"), Duration: k.word("minutes")}
		for _, b := range k.before {
			e.Consultation.Items = append(e.Consultation.Items, record.Item{Entry: b, Words: rapid.SampledFrom([]string{"", "History", "Plan"}).Draw(k.t, "heading"),
				Page: rapid.SampledFrom([]string{"", "1"}).Draw(k.t, "page")})
		}
		if s := k.word("bare heading"); s != "" {
			e.Consultation.Items = append(e.Consultation.Items, record.Item{Words: s})
		}
	case record.KindImmunisation:
		e.Immunisation = &record.Immunisation{Name: k.word("vaccine"), Batch: k.word("batch"), Site: k.word("site"), Reason: k.word("why"), Expiry: k.word("expires"), NotGiven: rapid.Bool().Draw(k.t, "not given")}
	case record.KindDiary:
		e.Diary = &record.DiaryBody{Type: k.word("diary"), Duration: k.word("for"), Reminders: []string{"r", k.word("reminder")}}
	case record.KindReferral:
		e.Referral = &record.Referral{To: k.word("to"), ToPerson: k.word("whom"), Reason: k.word("because"), Ended: k.date("ended"), Reference: k.word("reference"), Details: []record.Qualifier{{Name: "Dated", Value: k.word("detail")}}}
	case record.KindDocument:
		e.Document = &record.Document{Title: k.word("title"), Name: k.word("file"), MIME: k.word("mime"), Sender: k.word("sender"), Comments: k.word("remarks"), Deleted: rapid.Bool().Draw(k.t, "deleted")}
	}
}

// generated makes a record of up to max entries and says which words are whose.
func generated(t *rapid.T, most int) (*record.Record, map[*record.Entry][]string) {
	k := &tokens{t: t, said: map[*record.Entry][]string{}}
	people := []*record.Person{{ID: "p1", Title: "Dr", Forenames: "Hazel", Surname: "Winterbourne", Role: "GP"}, {UserName: "pattwell"}}
	places := []*record.Organisation{{Name: "Saltings Surgery", ODS: "X99003"}, {ODS: "X99001"}}
	rec := record.New(record.Source{System: "EMIS Web", ODS: "X99001"})
	rec.Patient.ID = "patient"
	for range rapid.IntRange(0, most).Draw(t, "entries") {
		e := k.draw(people, places)
		k.before = append(k.before, e)
		rec.Add(e)
	}
	if rapid.Bool().Draw(t, "fitted") {
		Fit(rec)
	}
	rec.Settle(record.AllSections)
	return rec, k.said
}

// TestGeneratedExtractsAreValid checks against the schema what no patient of
// the tests has.
func TestGeneratedExtractsAreValid(t *testing.T) {
	records := rapid.Custom(func(t *rapid.T) *record.Record {
		rec, _ := generated(t, 200)
		return rec
	})
	for seed := range 24 {
		rec := records.Example(seed)
		doc, err := encode(rec, rec.Head(record.AllSections))
		require.NoError(t, err)
		requireValid(t, doc)
	}
}

// TestEncodeProperties holds for any record: an extract is written and is the
// same each time, each entry that goes out stands in it once and with all its
// words, what is withheld nowhere, and it reads back with no section failed.
func TestEncodeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec, words := generated(t, 7)
		doc, err := encode(rec, rec.Head(record.AllSections))
		require.NoError(t, err)
		twice, err := encode(rec, rec.Head(record.AllSections))
		require.NoError(t, err)
		require.Equal(t, string(doc), string(twice))
		require.NoError(t, rec.Sent(elements(doc)))
		back := again(t, doc)
		shown := 0
		for _, e := range rec.Entries {
			if written(e) {
				shown++
			}
		}
		require.GreaterOrEqual(t, len(back.Entries), shown)
		said := content(t, doc)
		for _, e := range rec.Entries {
			for _, s := range words[e] {
				switch {
				case !e.Shown():
					require.NotContains(t, said, s)
				case e.Outcome == record.FailedEntry || e.Kind == record.KindDemographics:
				default:
					require.Contains(t, said, s, "of %s, %s", e.Kind, e.Outcome)
				}
			}
			if e.Shown() && e.Kind != record.KindDemographics && e.Outcome != record.FailedEntry && !e.Code.IsZero() {
				value, _, _ := strings.Cut(e.Code.Value, ".")
				require.Contains(t, said, value)
			}
		}
		for _, line := range rec.Head(record.AllSections) {
			require.Contains(t, said, line)
		}
		require.False(t, slices.Contains(strings.Fields(said), "nil"))
	})
}
