package mapping

import (
	"bufio"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func starterSet(t testing.TB) *Set {
	tables, err := Starter()
	require.NoError(t, err)
	set, faults := NewSet(tables...)
	require.Empty(t, faults)
	return set
}

func TestStarterTables(t *testing.T) {
	set := starterSet(t)
	for _, table := range set.Tables() {
		require.Equal(t, "test", table.Use, table.File)
		require.Equal(t, StarterLayer, table.Layer, table.File)
		require.Equal(t, "tables/"+table.ID+".tsv", table.File)
		require.NotZero(t, table.Len(), table.File)
		if !table.From.Enumeration() {
			require.NotEmpty(t, table.Attribution, table.File)
		}
		if table.From.Enumeration() {
			for row := range table.Rows() {
				require.NotEmpty(t, row.Source.Term, "%s:%d: an enumeration row has words", table.File, row.Line)
				require.NotEqual(t, Related, row.Relation)
			}
		}
	}
	for _, absent := range []struct{ from, to Scheme }{{SNOMED, ReadV2}, {DMD, EMISDrug}, {SNOMED, CTV3}, {Gemscript, DMD}, {VisionDrug, DMD},
		{VisionDrug, Multilex}, {VisionDrug, EMISDrug}, {Gemscript, EMISDrug}, {Gemscript, Multilex}, {VisionDrug, Gemscript}} {
		require.False(t, set.Has(absent.from, absent.to), "no reverse table is invented")
	}
}

// enumerations are the values of every enumeration the systems' interfaces list (_ for a blank), and of the degrade names
// and Vision's measures. Of OPR, EPI, SEX and the stages of Vision no more values are known.
var enumerations = map[Scheme]string{
	"emisweb.abnormal":           "true false",
	"emisweb.allergy-type":       "0 1 2 3 4",
	"emisweb.certainty":          "23 24",
	"emisweb.consultation-type":  "GP ASS INT TFC TTC TFP TTP TFO TTO FFC FFP FFO OC HV 1503371000006105 37291000000107",
	"emisweb.diary-complete":     "true false",
	"emisweb.drug-status":        "A C N",
	"emisweb.episodicity":        "NONE FIRST NEW REV FLA END CHG EVO OUT",
	"emisweb.heading":            "15621000000105 394831002 394830001 37331000000100 394617004 Additional Problem History Examination Family_History Social Comment Result Medication Follow_up Test_Request New_Referral Allergy Referral_Activity Signs/Symptoms Problem_Ratings Treatments_and_Procedures Procedure Reason_for_Care",
	"emisweb.issue-method":       "P Q H O D B S A E OTC OOOH OH",
	"emisweb.laterality":         "1502611000006101 1502621000006109 1502631000006107 14 15 16",
	"emisweb.operator":           "= < <= > >= ~",
	"emisweb.prescription-type":  "A R D U",
	"emisweb.private":            "true false",
	"emisweb.problem-link":       "ASS FOL",
	"emisweb.problem-status":     "A I HP PP",
	"emisweb.progress":           "11 12 13",
	"emisweb.referral-direction": "IN OUT",
	"emisweb.referral-mode":      "E T V W M C A",
	"emisweb.referral-request":   "INV TRT MA PRC PR UNK SELF OUT ADM DAY COM DOM ASS ASED NBN",
	"emisweb.referral-urgency":   "R S U D W",
	"emisweb.result-status":      "PR IN NA FR",
	"emisweb.severity":           "17 18 19",
	"emisweb.sex":                "M F I U",
	"emisweb.significance":       "S M",
	"emisweb.transport":          "N R S",
	"guru.comparator":            "< <= > >=",
	"guru.consultation-type":     "196391000000103 196401000000100 25671000000102 25651000000106 24631000000103 37351000000107",
	"guru.drug-status":           "active ended",
	"guru.heading":               "15621000000105 394831002 394830001 394841004 308273005 160476009 1502831000006106",
	"guru.prescription-type":     "acute repeat",
	"guru.problem-link":          "linked",
	"guru.problem-status":        "active inactive",
	"guru.sex":                   "M F I U",
	"guru.significance":          "significant minor",
	"linkspan.degrade":           "entry medication referral request plan drug-allergy non-drug-allergy",
	"systmone.comparator":        "3 4 5 6 7 8",
	"systmone.drug-state":        "current ended",
	"systmone.episodicity":       "New Ongoing",
	"systmone.medication-item":   "Medication RepeatMedication",
	"systmone.medication-type":   "NHS_medication Private_issue Other_medication",
	"systmone.method":            "Text Email Face_to_face Telephone Letter Fax E-mail DNA",
	"systmone.problem-link":      "linked",
	"systmone.problem-severity":  "Major Minor Major_Episode Major_Event Minor_Episode Minor_Event",
	"systmone.problem-state":     "active ended",
	"systmone.recall-status":     "Awaiting_Result Pending 1st_Recall 2nd_Recall 3rd_Recall Seen Cancelled_by_patient Cancelled_by_clinician Suspended",
	"systmone.sensitivity-type":  "Drug Ingredient",
	"systmone.sex":               "M F I U",
	"systmone.vaccination-part":  "1 2 3 4 5 6 Single Booster",
	"vision.comparator":          "OPR003",
	"vision.drug-status":         "0 1",
	"vision.episodicity":         "EPI000",
	"vision.measure":             "systolic diastolic weightkg heightcm bmi",
	"vision.prescription-type":   "A I R",
	"vision.private":             "0 1",
	"vision.problem-status":      "CurrentProblem PastProblem",
	"vision.sex":                 "SEX001 SEX002",
	"vision.significance":        "1 2 3",
	"vision.vaccination-part":    "0 1 2 3",
}

// TestEnumerationCoverage asks every table from an enumeration for exactly the values of it, and of every row that what
// it gives is a value of the other's, and that it is no narrower one where only an equivalent one may fill the slot.
func TestEnumerationCoverage(t *testing.T) {
	set := starterSet(t)
	values := func(s Scheme) []string {
		list := strings.Fields(enumerations[s])
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], "_", " ")
		}
		return list
	}
	strict := regexp.MustCompile(`\.(problem-(status|state)|drug-(status|state)|diary-complete|recall-status|result-status|allergy-type|sensitivity-type|comparator|operator|abnormal)$`)
	used := map[Scheme]bool{}
	for _, table := range set.Tables() {
		if !table.From.Enumeration() {
			continue
		}
		used[table.From] = true
		var rows []string
		for row := range table.Rows() {
			rows = append(rows, row.Source.Value)
			require.Equal(t, row.Relation == NoMap, row.Target.IsZero(), "%s:%d", table.File, row.Line)
			if row.Relation == NoMap || row.Relation == Narrower {
				require.NotEmpty(t, row.Reason, "%s:%d: what is lost is said", table.File, row.Line)
			}
			if strict.MatchString(string(table.To)) {
				require.NotEqual(t, Narrower, row.Relation, "%s:%d: only an equivalent row fills the slot", table.File, row.Line)
			}
			if row.Relation != NoMap && table.To.Enumeration() {
				require.Contains(t, values(table.To), row.Target.Value, "%s:%d", table.File, row.Line)
			}
		}
		require.ElementsMatch(t, values(table.From), rows, table.File)
		for _, value := range values(table.From) {
			r := set.Translate(Code{Scheme: table.From, Value: value}, table.To)
			require.Contains(t, []Answer{Mapped, AnswerNoMap}, r.Answer, "%s %s", table.File, value)
		}
	}
	require.Len(t, used, len(enumerations), "an enumeration without a table")
}

// TestEnumerationDirections asks for a table each way wherever two systems both have a slot. The MIG has EMIS Web's
// enumerations and needs none.
func TestEnumerationDirections(t *testing.T) {
	set := starterSet(t)
	for _, slots := range [][]Scheme{
		{"emisweb.sex", "systmone.sex", "guru.sex", "vision.sex"},
		{"emisweb.problem-status", "systmone.problem-state", "guru.problem-status", "vision.problem-status"},
		{"emisweb.significance", "systmone.problem-severity", "guru.significance", "vision.significance"},
		{"emisweb.episodicity", "systmone.episodicity", "vision.episodicity"},
		{"emisweb.prescription-type", "systmone.medication-item", "guru.prescription-type", "vision.prescription-type"},
		{"emisweb.drug-status", "systmone.drug-state", "guru.drug-status", "vision.drug-status"},
		{"emisweb.private", "systmone.medication-type", "vision.private"},
		{"emisweb.operator", "systmone.comparator", "guru.comparator", "vision.comparator"},
		{"emisweb.consultation-type", "systmone.method", "guru.consultation-type"},
		{"emisweb.heading", "guru.heading"},
		{"emisweb.problem-link", "systmone.problem-link", "guru.problem-link"},
		{"emisweb.allergy-type", "systmone.sensitivity-type"},
		{"emisweb.diary-complete", "systmone.recall-status"},
		{"systmone.vaccination-part", "vision.vaccination-part"},
	} {
		for _, from := range slots {
			for _, to := range slots {
				require.True(t, from == to || set.Has(from, to), "%s to %s", from, to)
			}
		}
	}
}

// TestVisionMeasures: a number that Vision gives no code has the code of the reviewed list of vitals, with a value.
func TestVisionMeasures(t *testing.T) {
	set := starterSet(t)
	for measure, readv2 := range map[string]Code{"systolic": read("2469.", "00"), "diastolic": read("246A.", "00"), "bmi": read("22K..", "00"),
		"weightkg": read("22A..", "00"), "heightcm": read("229..", "00")} {
		r := set.Translate(Code{Scheme: "vision.measure", Value: measure}, ReadV2, WithValue)
		require.True(t, r.Target.Is(readv2), measure)
		for _, to := range []Scheme{CTV3, SNOMED} {
			direct, through := set.Translate(Code{Scheme: "vision.measure", Value: measure}, to, WithValue), set.Translate(readv2, to, WithValue)
			require.Equal(t, Equivalent, direct.Relation, measure)
			require.Equal(t, through.Target.Value, direct.Target.Value, measure)
		}
	}
}

// TestAllergyKinds holds codes that must be shown among the allergies wherever they were entered.
func TestAllergyKinds(t *testing.T) {
	set := starterSet(t)
	for want, codes := range map[string][]Code{
		"drug-allergy": {read("14L1.", "00"), read("TJ003", "00"), {Scheme: CTV3, Value: "14L.."}, {Scheme: SNOMED, Value: "91936005"},
			{Scheme: EMISLocal, Value: "ALLERGY4498EMIS"}},
		"non-drug-allergy":          {read("SN531", "00"), {Scheme: CTV3, Value: "XaPlY"}, {Scheme: SNOMED, Value: "300916003"}},
		"no-known-allergies":        {read("1151.", "00"), {Scheme: SNOMED, Value: "716186003"}},
		"degraded-drug-allergy":     {read("9bJ4.", "00"), {Scheme: CTV3, Value: "XaLGR"}, {Scheme: SNOMED, Value: "196461000000101"}},
		"degraded-non-drug-allergy": {read("9bJ5.", "00"), {Scheme: CTV3, Value: "XaLGS"}, {Scheme: SNOMED, Value: "196471000000108"}},
	} {
		for _, c := range codes {
			r := set.Translate(c, "linkspan.kind")
			require.Equal(t, Mapped, r.Answer, c.Key())
			require.Equal(t, want, r.Target.Value, c.Key())
		}
	}
	require.Equal(t, Unmapped, set.Translate(read("H17..", "00"), "linkspan.kind").Answer, "a disease is not an allergy entry")
}

// TestDangerousEnumerations holds the values whose wrong reading would harm.
func TestDangerousEnumerations(t *testing.T) {
	set := starterSet(t)
	for _, c := range []struct{ from, value, to, want string }{
		{"emisweb.drug-status", "C", "systmone.drug-state", "ended"}, // in MedicalRecord the letter C means current
		{"emisweb.drug-status", "N", "systmone.drug-state", ""},
		{"emisweb.problem-status", "PP", "systmone.problem-state", ""},
		{"emisweb.operator", "<", "systmone.comparator", "7"},
		{"emisweb.operator", ">", "systmone.comparator", "6"},
		{"systmone.comparator", "5", "emisweb.operator", ">="},
		{"systmone.comparator", "8", "emisweb.operator", "<="},
		{"systmone.comparator", "9", "emisweb.operator", ""},
		{"emisweb.certainty", "24", "systmone.certainty", ""},
		{"emisweb.private", "true", "systmone.medication-type", "Private issue"},
		{"systmone.method", "DNA", "emisweb.consultation-type", ""},
		{"vision.comparator", "OPR003", "emisweb.operator", ""}, // what it means is not published
		{"vision.comparator", "OPR003", "systmone.comparator", ""},
		{"vision.comparator", "OPR003", "guru.comparator", ""},
		{"emisweb.operator", "<", "vision.comparator", ""},
		{"guru.comparator", ">=", "systmone.comparator", "5"},
		{"systmone.comparator", "7", "guru.comparator", "<"},
		{"systmone.comparator", "3", "guru.comparator", ""},
		{"emisweb.problem-status", "PP", "guru.problem-status", ""},
		{"emisweb.problem-status", "HP", "vision.problem-status", ""},
		{"emisweb.drug-status", "N", "guru.drug-status", ""},
		{"emisweb.drug-status", "N", "vision.drug-status", ""},
		{"emisweb.drug-status", "C", "vision.drug-status", "1"},
		{"vision.drug-status", "1", "emisweb.drug-status", "C"},
		{"vision.drug-status", "0", "systmone.drug-state", "current"},
		{"vision.private", "1", "systmone.medication-type", "Private issue"},
		{"vision.vaccination-part", "1", "systmone.vaccination-part", ""}, // the first stage is numbered 0
		{"vision.prescription-type", "I", "systmone.medication-item", ""},
		{"guru.problem-status", "inactive", "vision.problem-status", "PastProblem"},
	} {
		r := set.Translate(Code{Scheme: Scheme(c.from), Value: c.value}, Scheme(c.to))
		require.Equal(t, c.want, r.Target.Value, "%s %s", c.from, c.value)
	}
	require.Equal(t, "Potential problem", set.Words(Code{Scheme: "emisweb.problem-status", Value: "PP"}))
}

// TestTraps asks the adversarial cases of testdata/tables/traps.tsv of the starter tables and the trap tables.
func TestTraps(t *testing.T) {
	tables, err := Starter()
	require.NoError(t, err)
	more, faults := Load(os.DirFS("../testdata/tables"), "traps", Options{Layer: NationalLayer})
	require.Empty(t, faults)
	set, faults := NewSet(append(tables, more...)...)
	require.Empty(t, faults)
	f, err := os.Open("../testdata/tables/traps.tsv")
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	require.True(t, lines.Scan())
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		require.Len(t, cells, 11)
		trap, action, to, expect, never := cells[0], cells[1], Scheme(cells[7]), cells[9], cells[10]
		c := Code{Scheme: Scheme(cells[2]), Value: cells[3], TermCode: cells[4], Term: cells[5]}
		if action == "refuse" {
			require.Error(t, c.Check(), trap)
			continue
		}
		if action == "spell" {
			c, err = ParseEMIS(cells[3], cells[5])
			require.NoError(t, err, trap)
			require.Equal(t, expect, c.Key(), trap)
			expect = ""
		}
		r := set.Translate(c, to, Context(cells[6]))
		require.Equal(t, Answer(cells[8]), r.Answer, trap)
		require.Equal(t, expect, r.Target.Value, trap)
		if never != "" {
			require.NotEqual(t, never, r.Target.Value, trap)
		}
	}
	require.NoError(t, lines.Err())
}

// native is a code of a real EMIS Web record, with whether its entry has a numeric value.
type native struct {
	system, code, term string
	valued             bool
}

// natives reads the codes of an OpenHR document's events.
func natives(t *testing.T, file string) []native {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	var found []native
	var path []string
	var event native
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if err == io.EOF {
			return found
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			path = append(path, e.Name.Local)
			switch here := strings.Join(path, "/"); {
			case strings.HasSuffix(here, "healthDomain/event"):
				event = native{}
			case strings.HasSuffix(here, "event/code"):
				event.system, event.code, event.term = attribute(e, "codeSystem"), attribute(e, "code"), attribute(e, "displayName")
			case strings.HasSuffix(here, "observation/value/numeric"):
				event.valued = true
			}
		case xml.EndElement:
			if strings.HasSuffix(strings.Join(path, "/"), "healthDomain/event") && event.system != "" {
				found = append(found, event)
			}
			path = path[:len(path)-1]
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// TestCoverageOfRealRecords counts what the starter tables alone code in real EMIS Web records, where they are present.
func TestCoverageOfRealRecords(t *testing.T) {
	set := starterSet(t)
	files, err := filepath.Glob("../../shared/records/emisweb/*.xml")
	require.NoError(t, err)
	if len(files) == 0 {
		return
	}
	var read, drugs, ctv3, snomed, dmd int
	for _, file := range files {
		for _, n := range natives(t, file) {
			switch n.system {
			case "2.16.840.1.113883.2.1.6.2":
				read++
				c, err := ParseEMIS(n.code, n.term)
				require.NoError(t, err)
				spelled, err := FormatEMIS(c)
				require.NoError(t, err)
				require.Equal(t, n.code, spelled)
				var contexts []Context
				if n.valued {
					contexts = []Context{WithValue}
				}
				ctv3 += mapped(set.Translate(c, CTV3, contexts...))
				snomed += mapped(set.Translate(c, SNOMED, contexts...))
			case "EMISPREPARATION":
				drugs++
				c := Code{Scheme: EMISDrug, Value: n.code, Term: n.term}
				require.NoError(t, c.Check())
				dmd += mapped(set.Translate(c, DMD, MedicationContext))
			}
		}
	}
	t.Logf("%d Read-coded entries: %d to CTV3, %d to SNOMED CT; %d drug entries: %d to dm+d", read, ctv3, snomed, drugs, dmd)
	require.Equal(t, 1322, read)
	require.Equal(t, 556, drugs)
	require.GreaterOrEqual(t, ctv3, 300)
	require.GreaterOrEqual(t, snomed, 600)
	require.GreaterOrEqual(t, dmd, 45)
}

func mapped(r Result) int {
	if r.Answer == Mapped {
		return 1
	}
	return 0
}
