package medicalrecord

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/stretchr/testify/require"
)

// doc makes a document around content.
func doc(content string) []byte {
	return []byte(`<MedicalRecord xmlns="` + Namespace + `"><Registration><NhsNumber>9998656907</NhsNumber></Registration>` + content + `</MedicalRecord>`)
}

// one decodes a document of one entry.
func one(t *testing.T, content string) *record.Entry {
	t.Helper()
	rec := mustDecode(t, doc(content))
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s))
	}
	require.NotEmpty(t, rec.Entries)
	return rec.Entries[0]
}

func event1(inner string) string { return "<EventList><Event>" + inner + "</Event></EventList>" }

func TestRichRecordSaysWhatItShould(t *testing.T) {
	rec := mustDecode(t, patients(t)["nora-quillfeather"])
	byID := map[string]*record.Entry{}
	kinds := map[record.Kind]int{}
	for _, e := range rec.Entries {
		byID[strings.TrimLeft(strings.TrimPrefix(e.ID, "5a1e0c00-0000-4000-8000-"), "0")] = e
		kinds[e.Kind]++
	}
	for _, k := range record.Kinds() {
		if k != record.KindDemographics && k != record.KindUnrecognised {
			require.NotZero(t, kinds[k], k)
		}
	}
	require.Equal(t, mapping.Code{Scheme: mapping.ReadV2, Value: "H06z0", TermCode: "11", Term: "Lower respiratory tract infection"}, byID["106"].Code)
	require.True(t, byID["106"].Date.IsZero())
	require.Equal(t, record.Negates, byID["105"].Qualifiers[0].Meaning)
	require.Equal(t, record.Doubts, byID["104"].Qualifiers[0].Meaning)
	require.Equal(t, "Left", byID["102"].Qualifiers[0].Value)
	require.Equal(t, "2009-06", byID["101"].Date.String())
	require.Equal(t, byID["101"], byID["101/problem"].Problem.Defines)
	require.Equal(t, "A", byID["101/problem"].Problem.Status.Value)
	require.Equal(t, byID["101/problem"], byID["103/problem"].Problem.Parents[0].Problem)
	require.Equal(t, "I", byID["102/problem"].Problem.Status.Value)
	require.Equal(t, "1987-11", byID["102/problem"].Problem.End.String())
	require.Equal(t, "<", byID["111"].Value.Comparator.Value)
	require.Equal(t, "0.10", byID["111"].Value.Number)
	require.Equal(t, record.Range{Low: "0.35", High: "5.50", LowOp: ">=", HighOp: "<="}, byID["111"].Value.Ranges[0])
	require.Equal(t, byID["101/problem"], byID["111"].Problems[0].Problem)
	require.Equal(t, "Restricted access policy", byID["117"].Confidential)
	require.Equal(t, byID["202"], byID["203"].Parent)
	require.Equal(t, "28.0", byID["205"].Medication.Quantity)
	require.Equal(t, "D", byID["205"].Medication.Type.Value)
	require.Equal(t, "A", byID["205"].Medication.Status.Value)
	require.Equal(t, "C", byID["260"].Medication.Status.Value)
	require.Contains(t, byID["205"].Medication.Dosage, "not µg) < meals & water")
	require.Equal(t, "true", byID["263"].Medication.Private.Value)
	require.Len(t, byID["264"].Medication.Mixture, 2)
	require.Equal(t, byID["261"], byID["270"].Medication.Course)
	require.Equal(t, "Attwell, Piers", byID["270"].Author.Name())
	require.Equal(t, "Winterbourne, Hazel", byID["270"].Medication.Authorisations[0].By.Name())
	require.Equal(t, record.AllergyNonDrug, byID["254"].Allergy.Class)
	require.Equal(t, record.AllergyUnclear, byID["116"].Allergy.Class)
	require.True(t, byID["116"].Allergy.Class.Drug())
	require.Equal(t, mapping.Code{Scheme: mapping.EMISDrug, Value: "PHTA3325", Term: "Phenoxymethylpenicillin"}, byID["250"].Allergy.Substance)
	require.Equal(t, "Sandwick General Hospital", byID["209"].Referral.To)
	require.Equal(t, "Saltmarsh, Corin", byID["209"].Referral.ToPerson)
	require.Equal(t, "2016-03-03T08:20", byID["291"].Date.String())
	require.Equal(t, "2016-03-04T07:00", byID["293"].Date.String())
	require.Equal(t, byID["292"], byID["293"].Parent)
	var words []string
	for _, i := range byID["200"].Consultation.Items {
		words = append(words, i.Words)
	}
	require.Equal(t, []string{"Problem", "History", "Examination", "Medication", "Allergy", "Follow up", "New Referral", "Additional", "Test Request"}, words)
	require.Equal(t, "394831002", byID["200"].Consultation.Items[2].Heading.Value)
	require.Equal(t, "X99001", rec.Source.ODS)
	require.Equal(t, record.WarnSender, rec.Warnings[0].Code)
	require.Equal(t, "Thistlewood (changed 12/06/1983 09:00 by Winterbourne, Hazel)",
		rec.Patient.Registration[slices.IndexFunc(rec.Patient.Registration, func(q record.Qualifier) bool { return strings.HasPrefix(q.Name, "Until") })].Value)
}

// TestFaultsOfContentTouchOnlyTheirEntry: each word stays, nothing is guessed,
// and the record is there.
func TestFaultsOfContentTouchOnlyTheirEntry(t *testing.T) {
	rec := mustDecode(t, patients(t)["idris-skerry"])
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s), s)
	}
	text := strings.Join(flat(rec), "\n")
	for _, want := range []string{"31/02/2016 (not a date)", "?< 4.1 mmol/L", "READ2 see notes!", "Weather: squally", "reference 99", "Episodicity as recorded: 8",
		"Event type as recorded: 99", "Date part as recorded: 7", "25:61", "Problem status as recorded: 9", "emisweb.drug-name", "2529", "boat late", "READ4 R060-1", "Sex as recorded",
		"TideTable: springs", "Status as recorded: G", "policy 44", "EMIS code id EMISPREPARATION 9061"} {
		require.True(t, strings.Contains(text, want), want)
	}
	malformed := 0
	for _, e := range rec.Entries {
		if e.Malformed {
			malformed++
			require.True(t, e.Code.IsZero())
		}
		if e.Value != nil && e.Value.Unreadable != "" {
			require.True(t, e.Value.Comparator.IsZero())
			require.Empty(t, e.Value.Number)
		}
	}
	require.Equal(t, 2, malformed)
	exchange(rec)
	valid(t, "idris", encode(t, rec))
	require.True(t, rec.Tally(record.Administration).Balanced())
	require.Equal(t, 1, rec.Tally(record.Administration).Outcomes[record.Duplicate])
}

func TestFaultsOfStructure(t *testing.T) {
	for name, c := range map[string]struct {
		doc    string
		reason record.Reason
	}{
		"other root":      {`<Record xmlns="` + Namespace + `"/>`, record.ReasonBadAnswer},
		"other namespace": {`<MedicalRecord xmlns="urn:else"><Registration/></MedicalRecord>`, record.ReasonBadAnswer},
		"no patient":      {`<MedicalRecord xmlns="` + Namespace + `"><EventList/></MedicalRecord>`, record.ReasonNoPatient},
		"cut":             {string(doc(event1("<GUID>a</GUID>")))[:160], record.ReasonBadAnswer},
	} {
		rec, err := decode([]byte(c.doc))
		require.Error(t, err, name)
		require.Nil(t, rec, name)
		var re *record.Error
		require.ErrorAs(t, err, &re, name)
		require.Equal(t, c.reason, re.Reason, name)
		require.NotEmpty(t, re.Position, name)
	}
}

func TestRepeatedElementFailsItsSection(t *testing.T) {
	rec := mustDecode(t, doc("<AllergyList><Allergy><GUID>g</GUID><DisplayTerm>Penicillin</DisplayTerm><DisplayTerm>None</DisplayTerm></Allergy></AllergyList>"))
	require.Equal(t, "Penicillin", rec.Entries[0].Text)
	require.Contains(t, rec.Faults(record.Allergies)[0].Why, "repeated DisplayTerm")
	exchange(rec)
	require.Equal(t, record.Failed, rec.State(record.Allergies))
	require.Equal(t, record.NothingRecorded, rec.State(record.Medication))
}

// TestAnyOrder reads the rich record with every element's children reversed.
func TestAnyOrder(t *testing.T) {
	source := patients(t)["nora-quillfeather"]
	turned := reverse(t, string(source))
	want, got := mustDecode(t, source), mustDecode(t, turned)
	for _, rec := range []*record.Record{want, got} {
		normal(rec)
		for _, e := range rec.Entries {
			if e.Medication != nil {
				slices.SortFunc(e.Medication.Mixture, func(a, b record.Ingredient) int { return strings.Compare(a.Text, b.Text) })
			}
			if e.Report != nil {
				slices.Sort(e.Report.Comments)
			}
			if e.Referral != nil {
				slices.SortFunc(e.Referral.Details, func(a, b record.Qualifier) int { return strings.Compare(a.Name, b.Name) })
			}
			slices.SortFunc(e.Qualifiers, func(a, b record.Qualifier) int { return strings.Compare(a.Name, b.Name) })
		}
	}
	require.Equal(t, len(want.Entries), len(got.Entries))
	for i := range want.Entries {
		a, b := want.Entries[i], got.Entries[i]
		require.Equal(t, a.ID, b.ID)
		require.Equal(t, a.Text, b.Text)
		require.Equal(t, a.Code, b.Code)
		require.Equal(t, a.Notes, b.Notes)
		require.Equal(t, a.Kind, b.Kind)
		require.Equal(t, a.Date, b.Date)
		require.Equal(t, a.Author.Name(), b.Author.Name())
		require.Equal(t, a.Confidential, b.Confidential)
		require.Equal(t, a.Value, b.Value)
		require.ElementsMatch(t, flat(a.Referral), flat(b.Referral))
		require.Equal(t, len(flat(a)), len(flat(b)), "%s", a.Text)
	}
	exchange(got)
	valid(t, "turned", encode(t, got))
}

var tags = regexp.MustCompile(`<(/?)([A-Za-z]+)([^<>]*?)(/?)>`)

// reverse writes each element's child elements in reverse.
func reverse(t *testing.T, doc string) []byte {
	t.Helper()
	doc = doc[strings.Index(doc, "?>")+2:]
	type node struct {
		open  string
		kids  []string
		inner string
	}
	stack := []node{{}}
	end := func(closing string) {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		content := n.inner
		if len(n.kids) > 0 {
			slices.Reverse(n.kids)
			content = strings.Join(n.kids, "")
		}
		up := &stack[len(stack)-1]
		up.kids = append(up.kids, n.open+content+closing)
	}
	at := 0
	for _, m := range tags.FindAllStringSubmatchIndex(doc, -1) {
		stack[len(stack)-1].inner += doc[at:m[0]]
		at = m[1]
		tag := doc[m[0]:m[1]]
		switch {
		case doc[m[2]:m[3]] == "/":
			end(tag)
		case doc[m[8]:m[9]] == "/":
			stack = append(stack, node{open: tag})
			end("")
		default:
			stack = append(stack, node{open: tag})
		}
	}
	require.Len(t, stack, 1)
	return []byte(stack[0].kids[0])
}

func TestDates(t *testing.T) {
	for in, want := range map[string]struct {
		date  string
		notes int
	}{
		"<AssignedDate>20/04/2017</AssignedDate>":                                                                     {"2017-04-20", 0},
		"<AssignedDate>20/04/2017</AssignedDate><AssignedTime>10:05</AssignedTime>":                                   {"2017-04-20T10:05", 0},
		"<AssignedTime>10:05:09</AssignedTime><DatePart>0</DatePart><AssignedDate>20/04/2017 00:00:00</AssignedDate>": {"2017-04-20T10:05:09", 0},
		"<AssignedDate>20/04/2017</AssignedDate><DatePart>1</DatePart>":                                               {"2017-04", 0},
		"<AssignedDate>04/2017</AssignedDate><DatePart>1</DatePart>":                                                  {"2017-04", 0},
		"<AssignedDate>01/01/2017</AssignedDate><DatePart>2</DatePart>":                                               {"2017", 0},
		"<AssignedDate>01/01/1900</AssignedDate><DatePart>3</DatePart>":                                               {"", 1},
		"<DatePart>3</DatePart>": {"", 0},
		"<AssignedDate>20/04/2017 10:05:09</AssignedDate><DatePart>4</DatePart>": {"2017-04-20T10:05:09", 0},
		"<AssignedDate>2017-04-20T10:05:09</AssignedDate><DatePart>4</DatePart>": {"2017-04-20T10:05:09", 0},
		"<AssignedDate>2009</AssignedDate><DatePart>0</DatePart>":                {"2009", 0},
		"<AssignedDate>2009</AssignedDate><AssignedTime>10:00</AssignedTime>":    {"2009", 1},
		"<AssignedDate>April 2017</AssignedDate>":                                {"", 1},
		"<AssignedDate>29/02/2015</AssignedDate>":                                {"", 1},
	} {
		e := one(t, event1(in))
		require.Equal(t, want.date, e.Date.String(), in)
		require.Len(t, e.Notes, want.notes, in)
	}
}

func TestDeath(t *testing.T) {
	for in, want := range map[string]struct {
		dead bool
		date string
		warn int
	}{
		"":               {false, "", 0},
		"<Dead>0</Dead>": {false, "", 0},
		"<Dead>1</Dead>": {true, "", 1},
		"<DateOfDeath>02/05/2016</DateOfDeath><Dead>1</Dead>": {false, "2016-05-02", 1},
		"<DateOfDeath>31/02/2016</DateOfDeath><Dead>0</Dead>": {true, "", 1},
	} {
		rec := mustDecode(t, []byte(`<MedicalRecord xmlns="`+Namespace+`"><Registration>`+in+`</Registration></MedicalRecord>`))
		require.Equal(t, want.dead, rec.Patient.Dead, in)
		require.Equal(t, want.date, rec.Patient.DeathDate.String(), in)
		require.Len(t, rec.Warnings, want.warn, in)
	}
}

func TestReferences(t *testing.T) {
	rec := mustDecode(t, doc(`<EventList>
		<Event><RefID>1</RefID><GUID>a</GUID><Problem/></Event>
		<Event><RefID>1</RefID><GUID>b</GUID><Problem/></Event>
		<Event><GUID>c</GUID><ProblemLinkList>
			<Link><Target><RefID>1</RefID></Target><LinkType>0</LinkType></Link>
			<Link><Target><RefID>1</RefID><GUID>b</GUID></Target><LinkType>2</LinkType></Link>
			<Link><Target><GUID>z</GUID></Target><LinkType>0</LinkType></Link>
		</ProblemLinkList></Event></EventList>`))
	e := rec.Entries[4]
	require.Len(t, e.Problems, 1)
	require.Equal(t, "b", e.Problems[0].Problem.Problem.Defines.ID)
	require.Equal(t, []string{"Problem link as recorded: Part of", "Linked to a problem that is not in this record (reference 1).",
		"Linked to a problem that is not in this record (reference z)."}, e.Notes)
}

func TestDeletedItemsAreNotPartOfTheRecord(t *testing.T) {
	rec := mustDecode(t, doc(`<ConsultationList><Consultation><GUID>a</GUID><FileStatus>2</FileStatus><AssignedDate>01/01/2016</AssignedDate><ElementList>
		<ConsultationElement><Event><GUID>b</GUID><DisplayTerm>Gone</DisplayTerm><Problem/></Event></ConsultationElement></ElementList></Consultation></ConsultationList>
		<AllergyList><Allergy><GUID>c</GUID><DisplayTerm>Gone too</DisplayTerm><FileStatus> 2 </FileStatus></Allergy></AllergyList>`))
	for _, s := range record.Sections() {
		require.Empty(t, rec.Faults(s))
	}
	exchange(rec)
	require.Equal(t, record.NothingRecorded, rec.State(record.Allergies))
	require.Equal(t, 2, rec.Tally(record.Administration).Outcomes[record.Duplicate])
	out := encode(t, rec)
	valid(t, "deleted", out)
	require.NotContains(t, string(out), "Gone")
}

// TestNotation reads and writes every spelling of the tables.
func TestNotation(t *testing.T) {
	for slot, list := range notation {
		for _, s := range list {
			code, words, known := readSlot(slot, s.native)
			require.True(t, known)
			require.Equal(t, s.words, words)
			require.NoError(t, mapping.Code{Scheme: mapping.Scheme(own + slot), Value: "x"}.Check(), slot)
			if s.value == "-" {
				require.True(t, code.IsZero())
				require.Equal(t, s.native, writeWords(slot, words), slot)
			} else if slot != "sex" {
				require.Equal(t, s.native, writeSlot(slot, s.value), slot)
			}
		}
	}
	require.Len(t, qualifiers, 26)
	for typ, set := range labels {
		for path, l := range set.byElement {
			if l.form[0] == '=' {
				require.NotEmpty(t, notation[l.form[1:]], "%s %s", typ, path)
			}
		}
	}
}
