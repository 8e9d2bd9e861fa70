package ehrextract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// drug is a MedicationStatement of one drug with these elements after it.
func drug(last, rest string) string {
	return in("MedicationStatement", `classCode="SBADM" moodCode="INT"`, id(last)+`<statusCode code="COMPLETE"/><availabilityTime value="20160304"/>`+
		`<consumable><manufacturedProduct><manufacturedMaterial><code code="317291008" codeSystem="`+oidSNOMED+`" displayName="Examplazole 20mg capsules"/></manufacturedMaterial></manufacturedProduct></consumable>`+rest)
}

func supplyOf(kind, last, rest string) string {
	return `<component><ehrSupply` + kind + `>` + id(last) + rest + `</ehrSupply` + kind + `></component>`
}

func refTo(name, last string) string {
	return `<` + name + `><priorMedicationRef>` + id(last) + `</priorMedicationRef></` + name + `>`
}

const tablets = `<quantity value="28" unit="1"><translation value="28"><originalText>tablet</originalText></translation></quantity>`

// TestMoodsOfMedication: what each supplier's statement is (S §6.1 "medication
// moods").
func TestMoodsOfMedication(t *testing.T) {
	acute := only(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", `<repeatNumber value="0"/>`+tablets+`<availabilityTime value="20160304"/>`)+
		supplyOf("Prescribe", "6", tablets+`<availabilityTime value="20160305"/>`+refTo("inFulfillmentOf", "5"))+
		`<pertinentInformation><pertinentMedicationDosage><text>1  OD &lt;am&gt;</text></pertinentMedicationDosage></pertinentInformation>`))
	require.Equal(t, typeAcute, acute.Medication.Type.Value)
	require.Equal(t, "1  OD <am>", acute.Medication.Dosage)
	require.Equal(t, "28", acute.Medication.Quantity)
	require.Equal(t, "tablet", acute.Medication.Unit)
	require.Contains(t, acute.Notes, "Prescribed: 05-Mar-2016", "another day than the statement's")
	require.Equal(t, mapping.DMD, acute.Code.Scheme)

	for stated, want := range map[string]record.MedicationBody{
		`<repeatNumber value="6"/>`:          {Type: mapping.Code{Scheme: schemeType, Value: typeRepeat, Term: "Repeat"}, Authorised: "6"},
		`<repeatNumber nullFlavor="UNK"/>`:   {Type: mapping.Code{Scheme: schemeType, Value: typeRepeat, Term: "Repeat"}},
		`<repeatNumber value="0"/>`:          {Type: mapping.Code{Scheme: schemeType, Value: typeAcute, Term: "Acute"}},
		`<repeatNumber value="-1"/>`:         {},
		`<repeatNumber value="some"/>`:       {},
		``:                                   {},
		`<statusCode code="COMPLETE"/>`:      {},
		`<statusCode code="ACTIVE"/>`:        {Status: mapping.Code{Scheme: schemeDrugStatus, Value: statusActive, Term: "Active"}},
		`<statusCode nullFlavor="UNKNOWN"/>`: {},
	} {
		e := only(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", stated)))
		require.Equal(t, want, *e.Medication, stated)
	}
	require.Contains(t, only(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", `<repeatNumber value="some"/>`))).Notes, "Repeats as recorded: some")

	for _, order := range []string{"course first", "issue first"} {
		course, issue := drug("1", supplyOf("Authorise", "5", "")), drug("2", supplyOf("Prescribe", "6", refTo("inFulfillmentOf", "5")))
		components := course + issue
		if order == "issue first" {
			components = issue + course
		}
		e := only(t, record.KindIssue, components)
		require.NotNil(t, e.Medication.Course, order)
		require.Equal(t, record.KindMedication, e.Medication.Course.Kind)
	}
	require.Nil(t, only(t, record.KindIssue, drug("2", supplyOf("Prescribe", "6", refTo("inFulfillmentOf", "7")))).Medication.Course, "which leads nowhere")
	dispensed := only(t, record.KindIssue, drug("2", supplyOf("Dispense", "6", `<availabilityTime value="20160306"/>`+tablets)))
	require.Contains(t, dispensed.Notes, "Dispensed: 06-Mar-2016")
	require.Equal(t, "28", dispensed.Medication.Quantity)
}

// TestEndsOfMedication: both suppliers' ways to stop a course (S §6.1): a
// statement of its own, or a part of the course's.
func TestEndsOfMedication(t *testing.T) {
	stop := func(code, rest string) string {
		return supplyOf("Discontinue", "8", `<code `+code+`/><availabilityTime value="20160401"/>`+rest)
	}
	const tpp, emis = `code="278308006" codeSystem="` + oidSNOMED + `" displayName="Medication stopped"`, `code="EMISDRUG_DISCONTINUATION" codeSystem="` + oidEMIS + `" displayName="Medication Course Ended"`
	why := `<pertinentInformation><pertinentSupplyAnnotation><text>ankle swelling</text></pertinentSupplyAnnotation></pertinentInformation>`
	for what, code := range map[string]string{"SystmOne": tpp, "EMIS": emis} {
		for reason, words := range map[string]string{"": "", why: "ankle swelling"} {
			within := only(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", "")+stop(code, reason)))
			apart := found(t, record.KindMedication, drug("2", stop(code, refTo("reversalOf", "5")+reason))+drug("1", supplyOf("Authorise", "5", "")))
			require.Len(t, apart, 2)
			require.Equal(t, record.Duplicate, apart[0].Outcome, "the course says it all")
			for _, e := range []*record.Entry{within, apart[1]} {
				require.Equal(t, statusEnded, e.Medication.Status.Value, what)
				require.Equal(t, date("2016-04-01"), e.Medication.End, what)
				require.Equal(t, words, e.Medication.EndReason, what)
			}
		}
	}
	both := found(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", ""))+drug("2", supplyOf("Authorise", "6", ""))+
		drug("3", stop(tpp, refTo("reversalOf", "5")+refTo("reversalOf", "6"))))
	for _, e := range both {
		require.Equal(t, statusEnded, e.Medication.Status.Value, "one statement can stop several")
	}
	alone := only(t, record.KindMedication, drug("3", stop(tpp, refTo("reversalOf", "7"))))
	require.NotEqual(t, record.Duplicate, alone.Outcome)
	require.Equal(t, statusEnded, alone.Medication.Status.Value, "which is nothing that goes on")
	require.Contains(t, alone.Notes, "Stopped: which prescription was stopped is not said.")
	other := found(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", ""))+strings.Replace(drug("3", stop(tpp, refTo("reversalOf", "5"))), "20mg", "40mg", 1))
	require.NotEqual(t, record.Duplicate, other[1].Outcome, "of another drug")
}

// TestTermsOfASupply: an NHS prescription says nothing, anything else does.
func TestTermsOfASupply(t *testing.T) {
	for code, want := range map[string]string{
		`<code code="394823007" codeSystem="` + oidSNOMED + `" displayName="NHS prescription"/>`:                                                    "",
		`<code nullFlavor="UNK"><originalText>Private</originalText></code>`:                                                                        "Private",
		`<code code="394823007" codeSystem="` + oidSNOMED + `" displayName="NHS prescription"><originalText>NHS, instalments</originalText></code>`: "NHS, instalments",
	} {
		e := only(t, record.KindMedication, drug("1", supplyOf("Authorise", "5", code)))
		require.Equal(t, want, labelled(e, labelSupply), code)
	}
}

// TestProblemOfADrug: EMIS links a problem to what was authorised, by the
// identifier of that part of the statement.
func TestProblemOfADrug(t *testing.T) {
	link := in("LinkSet", `classCode="OBS"`, id("3")+`<component><statementRef>`+id("5")+`</statementRef></component><conditionNamed><namedStatementRef>`+id("2")+`</namedStatementRef></conditionNamed>`)
	e := only(t, record.KindMedication, link+observed1(id("2")+asthma)+drug("1", supplyOf("Authorise", "5", "")))
	require.Len(t, e.Problems, 1)
	require.Equal(t, "Asthma", e.Problems[0].Problem.Text)
}

func TestProblemsInBothDialects(t *testing.T) {
	link := func(code, rest string) string {
		return in("LinkSet", `classCode="OBS"`, id("3")+code+`<effectiveTime><low value="2010"/><high value="201103"/></effectiveTime><availabilityTime value="20100511"/>`+
			`<conditionNamed><namedStatementRef>`+id("2")+`</namedStatementRef></conditionNamed>`+rest)
	}
	emis := only(t, record.KindProblem, link(`<code code="394775005" codeSystem="`+oidSNOMED+`"><originalText>Inactive Problem, Significant</originalText><qualifier><name code="386134007" codeSystem="`+oidSNOMED+`" displayName="Significant"/></qualifier></code>`, "")+observed1(id("2")+asthma))
	require.Equal(t, statusInactive, emis.Problem.Status.Value)
	require.Equal(t, significant, emis.Problem.Significance.Value)
	require.Equal(t, date("2010"), emis.Date)
	require.Equal(t, date("2011-03"), emis.Problem.End)
	require.Equal(t, date("2010-05-11"), emis.Recorded)
	tpp := only(t, record.KindProblem, link(`<code code="394774009" codeSystem="`+oidSNOMED+`" displayName="Active Problem"/>`, "")+observed1(id("2")+asthma+annotation("Problem severity: Minor")))
	require.Equal(t, statusActive, tpp.Problem.Status.Value)
	require.Equal(t, minor, tpp.Problem.Significance.Value)
	other := only(t, record.KindProblem, link(`<code code="394776006" codeSystem="`+oidSNOMED+`" displayName="Unspecified problem"/>`, ""))
	require.True(t, other.Problem.Status.IsZero())
	require.Contains(t, other.Notes, "Problem status as recorded: Unspecified problem")
	require.Contains(t, other.Notes, "The statement that names this problem is not in the record.")
}

func TestHeadings(t *testing.T) {
	part := `<component>` + strings.TrimPrefix(observed1(asthma), `<component typeCode="COMP">`)
	category := func(words, inner string) string {
		return `<component><CompoundStatement classCode="CATEGORY">` + titleOf(words) + inner + `</CompoundStatement></component>`
	}
	c := consultationOf(t, again(t, extractWith(compoundOf("TOPIC", titleOf("Back pain")+category("History", part)+category("Plan", `<component><EhrEmpty/></component>`))+
		compoundOf("TOPIC", titleOf("Nothing here"))+observed1(asthma)))).Consultation
	var words []string
	for _, i := range c.Items {
		if i.Entry == nil {
			words = append(words, i.Words+" (empty)")
		} else {
			words = append(words, i.Words)
		}
	}
	require.Equal(t, []string{"Back pain: History", "Back pain: Plan (empty)", "Nothing here (empty)", ""}, words)

	wrapper := strings.Replace(string(extractWith(category("History", part))), "109341000000100", "196401000000100", 1)
	require.NotEqual(t, record.Duplicate, consultationOf(t, again(t, []byte(wrapper))).Outcome, "a heading is said nowhere else")
	wrapper = strings.Replace(string(extractWith(observed1(asthma))), "109341000000100", "196401000000100", 1)
	require.Equal(t, record.Duplicate, consultationOf(t, again(t, []byte(wrapper))).Outcome)
}

func TestBatteriesAndClusters(t *testing.T) {
	part := func(last, rest string) string {
		return `<component>` + strings.TrimPrefix(observed1(id(last)+asthma+rest), `<component typeCode="COMP">`)
	}
	inner := compoundOf("BATTERY", id("3")+asthma+part("4", "")+part("5", ""))
	rec := again(t, extractWith(compoundOf("CLUSTER", id("1")+asthma+part("2", "")+inner+`<specimen><specimenRole><id root="1.2" extension="S-77"/><effectiveTime><center value="20160303"/></effectiveTime><specimenSpecimenMaterial><desc>Serum</desc></specimenSpecimenMaterial></specimenRole></specimen>`)))
	parent := map[string]string{}
	for _, e := range rec.Entries {
		if e.Parent != nil {
			parent[e.ID[len(e.ID)-1:]] = e.Parent.ID[len(e.Parent.ID)-1:]
		}
		if strings.HasSuffix(e.ID, "1") && e.Kind == record.KindResult {
			require.Equal(t, "Serum, number S-77, taken 03-Mar-2016", labelled(e, "Specimen"))
		}
	}
	require.Equal(t, map[string]string{"2": "1", "3": "1", "4": "3", "5": "3"}, parent)
	require.Len(t, consultationOf(t, rec).Consultation.Items, 1, "parts are not listed beside their whole")
}

func TestValues(t *testing.T) {
	for value, want := range map[string]record.Value{
		`<value xsi:type="PQ" value="5.0" unit="1"><translation value="5.0"><originalText>mmol/L</originalText></translation></value>`: {Number: "5.0", Unit: "mmol/L"},
		`<value xsi:type="PQ" value="5.0" unit="1"/>`:                                                           {Number: "5.0"},
		`<value xsi:type="PQ" value="5.0" unit="mmol/L"/>`:                                                      {Number: "5.0", Unit: "mmol/L"},
		`<value xsi:type="PQ" value="about 5" unit="mmol/L"/>`:                                                  {Unreadable: "about 5 mmol/L"},
		`<value xsi:type="INT" value="7"/>`:                                                                     {Number: "7"},
		`<value xsi:type="ST">trace &amp; more</value>`:                                                         {Text: "trace & more"},
		`<value xsi:type="CS" code="x" value="POS"/>`:                                                           {Text: "POS"},
		`<value xsi:type="RTO_PQ_PQ"><numerator value="1" unit="1"/><denominator value="40" unit="1"/></value>`: {Text: "1 / 40"},
		`<value xsi:type="IVL_PQ"><low value="1" unit="1" inclusive="false"><translation><originalText>g</originalText></translation></low><high value="2" unit="1"><translation><originalText>g</originalText></translation></high></value>`: {Unreadable: "> 1 - 2 g"},
		`<value xsi:type="IVL_PQ"><high value="many" inclusive="false"/></value>`: {Unreadable: "< many"},
	} {
		require.Equal(t, want, *only(t, record.KindResult, sodium(value)).Value, value)
	}
	coded := only(t, record.KindResult, sodium(`<value xsi:type="CD" code="H33..00" codeSystem="`+oidReadV2+`" displayName="Asthma"/>`))
	require.Equal(t, "Asthma", coded.Value.Text)
	require.Contains(t, strings.Join(coded.Notes, "\n"), "H33..")
	open := only(t, record.KindResult, sodium(`<value xsi:type="PQ" value="9" unit="1"/><referenceRange><referenceInterpretationRange><value><low value="1" inclusive="false"/><high value="8"/></value></referenceInterpretationRange></referenceRange><interpretationCode code="HI"/>`))
	require.Equal(t, []record.Range{{Low: "1", LowOp: ">", High: "8"}}, open.Value.Ranges)
	require.Equal(t, "HI", open.Value.AbnormalAs)
}

// TestAnnotatedValues: SystmOne's line grammar (S §6.1), and what only looks like
// it.
func TestAnnotatedValues(t *testing.T) {
	sign := func(s string) mapping.Code { return mapping.Code{Scheme: schemeComparator, Value: s, Term: s} }
	for words, want := range map[string]record.Value{
		"Value: 5.0 mmol/L": {Number: "5.0", Unit: "mmol/L"},
		"seated\nValue: &lt; 120 mm[Hg]\n(Ongoing Episode. Summary type: Minor)":   {Number: "120", Unit: "mm[Hg]", Comparator: sign("<")},
		"Value: &gt;= 4 10*9/L\nReference range: 1 - 3. Interpretation Code: High": {Number: "4", Unit: "10*9/L", Comparator: sign(">="), Ranges: []record.Range{{Words: "1 - 3"}}, AbnormalAs: "High"},
		"Value: 4\nReference range: &lt; 5. Interpretation Code: normal":           {Number: "4", Ranges: []record.Range{{Words: "< 5"}}},
		"Value: 14 Unk UoM":   {Number: "14"},
		"Value: 3 {units}/wk": {Number: "3", Unit: "{units}/wk"},
		"Value: ~ 5.1 mmol/L": {Unit: "mmol/L", Unreadable: "~ 5.1 mmol/L"},
	} {
		e := only(t, record.KindResult, sodium(annotation(words)))
		require.Equal(t, want, *e.Value, words)
		require.Equal(t, strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(words), texts(e), "verbatim")
	}
	for _, words := range []string{"Value: 120/80", "Value: 5 or 6 tablets", "Value: 5\nValue: 6", "Value: high", "The Value: 5", "Value:"} {
		e := only(t, record.KindObservation, sodium(annotation(words)))
		require.Nil(t, e.Value, words)
		require.Equal(t, words, texts(e))
	}
	own := only(t, record.KindResult, sodium(`<value xsi:type="PQ" value="7" unit="1"/>`+annotation("Value: 5")))
	require.Equal(t, "7", own.Value.Number, "the statement's own value")
}

// TestWhoSaidIt: the order of elements decides nothing, and nobody is dropped.
func TestWhoSaidIt(t *testing.T) {
	who := func(name string) string {
		return `<` + name + ` typeCode="PRF"><agentRef><id root="` + doctor + `"/></agentRef></` + name + `>`
	}
	for what, components := range map[string]string{"before": who("Participant2") + sodium(""), "after": sodium("") + who("Participant2")} {
		rec := again(t, extractWith(components))
		c := consultationOf(t, rec)
		require.Equal(t, "Winterbourne", c.Author.Surname, what)
		require.NotEqual(t, c.Author, c.EnteredBy, what)
		require.Same(t, c.Author, rec.Entries[2].Author, what)
		require.Same(t, c.EnteredBy, rec.Entries[2].EnteredBy, what)
		require.Equal(t, c.Recorded, rec.Entries[2].Recorded, what)
	}
	second := strings.Replace(who("Participant2"), doctor, "0F5A4F4C-0001-4C54-9F3A-000000000002", 1) + who("Participant2")
	require.Contains(t, strings.Join(consultationOf(t, again(t, extractWith(second+sodium("")))).Notes, "\n"), "Accompanied by: Winterbourne")
	request := only(t, record.KindReferral, in("RequestStatement", `moodCode="RQO"`, asthma+`<responsibleParty><agentRef><id root="`+doctor+`"/></agentRef></responsibleParty>`))
	require.Contains(t, request.Notes, "Responsible: Winterbourne")
	told := only(t, record.KindObservation, observed1(asthma+`<informant><informantRole><code displayName="Mother"/><playingPerson><name>A. Example</name></playingPerson></informantRole></informant>`))
	require.Equal(t, "Mother, A. Example", labelled(told, "Informant"))
}

// TestADocumentIsSaid: its content stays, that there is one does not.
func TestADocumentIsSaid(t *testing.T) {
	e := only(t, record.KindNote, in("NarrativeStatement", "", `<text>Letter</text><availabilityTime value="20160304"/><reference><referredToExternalDocument>`+id("7")+
		`<code displayName="Discharge letter"/><text mediaType="image/tiff"><reference value="file://letter-1.tiff"/></text></referredToExternalDocument></reference>`))
	require.Equal(t, "Discharge letter, image/tiff, file://letter-1.tiff", labelled(e, "Document, not sent over this link"))
}

// TestDegradedElsewhere: each national degrade code, in each scheme it comes in,
// is kept as it is (S §6.1 "Degrade codes").
func TestDegradedElsewhere(t *testing.T) {
	for native, system := range map[string]string{"9bJ..00": oidReadV2, "XaLGM": oidCTV3, "196411000000103": oidSNOMED, "9bJ4.00": oidReadV2, "XaLGR": oidCTV3, "196461000000101": oidSNOMED} {
		e := only(t, record.KindObservation, observed1(`<code code="`+native+`" codeSystem="`+system+`" displayName="Transfer-degraded"><originalText>What it was</originalText></code>`))
		require.False(t, e.Code.IsZero(), native)
		require.Equal(t, "What it was", e.Text)
		require.Equal(t, "Transfer-degraded", e.Code.Term)
	}
}

// TestCodesOfEverySystem of S §6.0, and those that are none.
func TestCodesOfEverySystem(t *testing.T) {
	for _, test := range []struct {
		system, native string
		drug           bool
		want           mapping.Code
	}{
		{oidReadV2, "H33..00", false, mapping.Code{Scheme: mapping.ReadV2, Value: "H33..", TermCode: "00"}},
		{oidReadV2, "H33..", false, mapping.Code{Scheme: mapping.ReadV2, Value: "H33.."}},
		{oidCTV3, "XaIeq", false, mapping.Code{Scheme: mapping.CTV3, Value: "XaIeq"}},
		{oidSNOMED, "195967001", false, mapping.Code{Scheme: mapping.SNOMED, Value: "195967001"}},
		{oidSNOMED, "317291008", true, mapping.Code{Scheme: mapping.DMD, Value: "317291008"}},
		{oidEMIS, "EMISNQWI3", false, mapping.Code{Scheme: mapping.EMISLocal, Value: "EMISNQWI3"}},
		{oidEMIS, "ALLERGY-READ2-TJ944", false, mapping.Code{Scheme: mapping.ReadV2, Value: "TJ944"}},
		{oidEMISDrug, "AMTA17006NEMIS", true, mapping.Code{Scheme: mapping.EMISDrug, Value: "AMTA17006NEMIS"}},
		{oidGemscript, "58976020", true, mapping.Code{Scheme: mapping.Gemscript, Value: "58976020"}},
	} {
		got, err := readCode(test.system, test.native, "", test.drug)
		require.NoError(t, err, test.native)
		require.Equal(t, test.want, got)
	}
	eight, err := mapping.MultilexTo8("1003506")
	require.NoError(t, err)
	got, err := readCode(oidMultilex, eight, "", true)
	require.NoError(t, err)
	require.Equal(t, "1003506", got.Value)
	for system, native := range map[string]string{oidReadV2: "asthma!", oidSNOMED: "195967002", oidEMIS: "ALLERGY-READ2-toolong", "1.2.3": "Q1", oidGemscript: "69782"} {
		code, err := readCode(system, native, "", true)
		require.Error(t, err, native)
		require.True(t, code.IsZero())
		e := only(t, record.KindObservation, observed1(`<code code="`+native+`" codeSystem="`+system+`" displayName="Term"><originalText>Own words</originalText></code>`))
		require.True(t, e.Malformed)
		require.Equal(t, "Own words", e.Text)
		require.Contains(t, e.Notes, `Source code: `+schemeName(system)+" "+native+` "Term"`)
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	good := string(extractWith(sodium("")))
	patient := good[strings.Index(good, "<recordTarget") : strings.Index(good, "</recordTarget>")+len("</recordTarget>")]
	for what, test := range map[string]struct {
		doc    string
		reason record.Reason
	}{
		"another root":      {strings.ReplaceAll(good, Root, "RCMR_IN030000UK99"), record.ReasonBadAnswer},
		"another namespace": {strings.Replace(good, Namespace, "urn:else", 1), record.ReasonBadAnswer},
		"no patient":        {strings.Replace(good, patient, "", 1), record.ReasonNoPatient},
		"two patients":      {strings.Replace(good, patient, patient+patient, 1), record.ReasonBadAnswer},
	} {
		_, err := decodeOf(t, []byte(test.doc))
		require.Equal(t, test.reason, record.ReasonOf(err), what)
		require.NotContains(t, err.Error(), "9990001006", what)
	}
}
