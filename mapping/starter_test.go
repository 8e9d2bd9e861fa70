package mapping

import (
	"bufio"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
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
	for _, absent := range []struct{ from, to Scheme }{{SNOMED, ReadV2}, {DMD, EMISDrug}, {SNOMED, CTV3}} {
		require.False(t, set.Has(absent.from, absent.to), "no reverse table is invented")
	}
}

// TestEnumerationCoverage asks for a row for every value the two systems' interfaces list.
func TestEnumerationCoverage(t *testing.T) {
	set := starterSet(t)
	for _, c := range []struct{ from, to, values string }{
		{"emisweb.sex", "systmone.sex", "M F I U"},
		{"systmone.sex", "emisweb.sex", "M F I U"},
		{"emisweb.problem-status", "systmone.problem-state", "A I HP PP"},
		{"systmone.problem-state", "emisweb.problem-status", "active ended"},
		{"emisweb.significance", "systmone.problem-severity", "S M"},
		{"systmone.problem-severity", "emisweb.significance", "Major Minor Major_Episode Major_Event Minor_Episode Minor_Event"},
		{"emisweb.episodicity", "systmone.episodicity", "NONE FIRST NEW REV FLA END CHG EVO OUT"},
		{"systmone.episodicity", "emisweb.episodicity", "New Ongoing"},
		{"emisweb.prescription-type", "systmone.medication-item", "A R D U"},
		{"systmone.medication-item", "emisweb.prescription-type", "Medication RepeatMedication"},
		{"emisweb.drug-status", "systmone.drug-state", "A C N"},
		{"systmone.drug-state", "emisweb.drug-status", "current ended"},
		{"emisweb.private", "systmone.medication-type", "true false"},
		{"systmone.medication-type", "emisweb.private", "NHS_medication Private_issue Other_medication"},
		{"emisweb.operator", "systmone.comparator", "= < <= > >= ~"},
		{"systmone.comparator", "emisweb.operator", "3 4 5 6 7 8"},
		{"emisweb.result-status", "systmone.result-status", "PR IN NA FR"},
		{"emisweb.consultation-type", "systmone.method", "GP ASS INT TFC TTC TFP TTP TFO TTO FFC FFP FFO OC HV 1503371000006105 37291000000107"},
		{"systmone.method", "emisweb.consultation-type", "Text Email Face_to_face Telephone Letter Fax E-mail DNA"},
		{"emisweb.heading", "systmone.heading", "15621000000105 394831002 394830001 37331000000100 394617004 Problem Medication Social Test_Request Family_History Follow_up"},
		{"emisweb.problem-link", "systmone.problem-link", "ASS FOL"},
		{"systmone.problem-link", "emisweb.problem-link", "linked"},
		{"emisweb.referral-urgency", "systmone.referral-urgency", "R S U D W"},
		{"emisweb.referral-direction", "systmone.referral-direction", "IN OUT"},
		{"emisweb.referral-request", "systmone.referral-request", "INV TRT MA PRC PR UNK SELF OUT ADM DAY COM DOM ASS ASED NBN"},
		{"emisweb.referral-mode", "systmone.referral-mode", "E T V W M C A"},
		{"emisweb.transport", "systmone.transport", "N R S"},
		{"emisweb.issue-method", "systmone.issue-method", "P Q H O D B S A E OTC OOOH OH"},
		{"emisweb.diary-complete", "systmone.recall-status", "true false"},
		{"systmone.recall-status", "emisweb.diary-complete", "Awaiting_Result Pending 1st_Recall 2nd_Recall 3rd_Recall Seen Cancelled_by_patient Cancelled_by_clinician Suspended"},
		{"linkspan.degrade", "readv2", "entry medication referral request plan drug-allergy non-drug-allergy"},
		{"linkspan.degrade", "ctv3", "entry medication referral request plan drug-allergy non-drug-allergy"},
		{"linkspan.degrade", "snomed", "entry medication referral request plan drug-allergy non-drug-allergy"},
	} {
		for _, value := range strings.Fields(c.values) {
			value = strings.ReplaceAll(value, "_", " ")
			r := set.Translate(Code{Scheme: Scheme(c.from), Value: value}, Scheme(c.to))
			require.Contains(t, []Answer{Mapped, AnswerNoMap}, r.Answer, "%s %s", c.from, value)
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
