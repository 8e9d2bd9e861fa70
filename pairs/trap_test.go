package pairs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// trap is one way a code has gone wrong between systems (terminology §1.3),
// sent as a native message and looked for in the other system's.
type trap struct {
	name, from string
	code       mapping.Code
	value      string // a number the entry carries
	others     []mapping.Code
	kind       record.Kind
	want       string // the right code at the receiver, "" for words
	never      string // what has been sent instead
}

func traps() []trap {
	read2 := func(value, termCode string) mapping.Code { return read(value, termCode, "Term "+value+termCode) }
	return []trap{
		{name: "the same five characters", from: "emisweb", code: read("G20..", "00", "Essential hypertension"), want: "XE0Uc", never: "G20.."},
		{name: "a false friend", from: "emisweb", code: read2("C1080", "00"), want: "XE10G", never: "C1080"},
		{name: "its mirror", from: "emisweb", code: read2("C10E0", "00"), want: "C1080", never: "C10E0"},
		{name: "a preferred term", from: "emisweb", code: read2("022..", "00"), want: "XE0Nt"},
		{name: "its synonym", from: "emisweb", code: read2("022..", "12"), want: "0224.", never: "XE0Nt"},
		{name: "upper case", from: "emisweb", code: read2("12A..", "00"), never: "12a.."},
		{name: "lower case", from: "emisweb", code: read2("12a..", "00"), want: "XaLow"},
		{name: "case in CTV3", from: "systmone", code: ctv3("XaBKm", "One of three"), want: "65E..", never: "65F.."},
		{name: "with a value", from: "emisweb", code: read("2470.", "00", "O/E - Systolic BP reading"), value: "142", kind: record.KindResult, want: "XaWth", never: "XaWot"},
		{name: "without one", from: "emisweb", code: read("2470.", "00", "O/E - Systolic BP reading"), want: "XaWot", never: "XaWth"},
		{name: "an allergy that drifts", from: "systmone", code: ctv3("XaLKU", "Allergy to plasters"), never: "M1241"},
		{name: "a detail that is lost", from: "systmone", code: ctv3("Ub1tv", "Spirits intake"), never: "136.."},
		{name: "a supplier's dm+d", from: "emisweb", code: emisDrug("BUPR9901", "Buprenorphine injection"), kind: record.KindMedication,
			others: []mapping.Code{snomed("122935001000027100", "Buprenorphine injection")}, never: "122935001000027100"},
		{name: "an EMIS local code", from: "emisweb", code: mapping.Code{Scheme: mapping.EMISLocal, Value: "^ESCT1270257", Term: "Local"}, never: "^ESCT"},
		{name: "EMIS's spelling of a synonym", from: "emisweb", code: read2("H06z0", "11"), want: "XaSyn", never: "XaPre"},
		{name: "a SystmOne local code", from: "systmone", code: mapping.Code{Scheme: mapping.TPPLocal, Value: "Y1234", Term: "Local"}, never: "Y1234"},
		{name: "a wrong check digit", from: "emisweb", code: read2("2471.", "00"), others: []mapping.Code{snomed("27164900689878", "Systolic")}, never: "27164900689878"},
		{name: "a description", from: "emisweb", code: read2("2472.", "00"), others: []mapping.Code{snomed("120159016", "Systolic")}, never: "120159016"},
	}
}

// trapTables know the right answers, over the starter tables.
func trapTables(t *testing.T) *mapping.Set {
	t.Helper()
	all, err := mapping.Starter()
	require.NoError(t, err)
	set, faults := mapping.NewSet(append(all,
		table(t, mapping.ReadV2, mapping.CTV3,
			"G20..|00|Essential hypertension|XE0Uc||Essential hypertension|equivalent", "C1080|00||XE10G|||equivalent", "C10E0|00||C1080|||equivalent",
			"022..|00||XE0Nt|||equivalent", "022..|12||0224.|||equivalent", "12a..|00||XaLow|||equivalent",
			"2470.|00||XaWot|||equivalent", "2470.|00||XaWth|||equivalent|with-value", "H06z0|00||XaPre|||equivalent", "H06z0|11||XaSyn|||equivalent"),
		table(t, mapping.CTV3, mapping.ReadV2, "XaBKm|||65E..|00||equivalent", "XaBKM|||65F..|00||equivalent",
			"Ub1tv||Spirits intake|136..|00|Alcohol consumption|source-is-narrower-than-target", "XaLKU||Allergy to plasters||||no-map"))...)
	require.Empty(t, faults)
	return set
}

// TestTraps sends each trap over the link from one native message to the
// other.
func TestTraps(t *testing.T) {
	tables := trapTables(t)
	pair := pairs.EMISWebSystmOne()
	pair.AtoB.Sender, pair.BtoA.Sender = true, true
	link, err := pairs.Open(pair, nil)
	require.NoError(t, err)
	for _, trap := range traps() {
		e := &record.Entry{Kind: trap.kind, Text: trap.code.Term, Code: trap.code, Others: trap.others, Date: date("2016-03-04")}
		if e.Kind == record.KindUnrecognised {
			e.Kind = record.KindObservation
		}
		if trap.value != "" {
			e.Value = &record.Value{Number: trap.value, Unit: "mm Hg"}
		}
		if e.Kind == record.KindMedication {
			e.Medication = medication(trap.code).Medication
		}
		out := over(t, link, tables, trap.from, e)
		got := decode(t, link, map[string]string{"emisweb": "systmone", "systmone": "emisweb"}[trap.from], out)
		found := 0
		for _, e := range got.Entries {
			require.False(t, trap.never != "" && strings.HasPrefix(e.Code.Value, trap.never), trap.name)
			if e.Text == trap.code.Term && trap.want != "" {
				require.Equal(t, trap.want, e.Code.Value, trap.name)
				found++
			}
		}
		require.Equal(t, trap.want != "", found > 0, trap.name)
		require.Contains(t, string(out), trap.code.Term, trap.name)
		require.NotContains(t, string(out), ` Code="`+trap.never+`"`, trap.name)
	}
}

// over writes a record of one entry as the system from does and translates the
// message.
func over(t *testing.T, link *pairs.Link, tables *mapping.Set, from string, e *record.Entry) []byte {
	t.Helper()
	side, ok := link.Side(from)
	require.True(t, ok)
	rec := recordOf(e)
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(t, err)
	rec.Patient = record.Patient{NHS: nhs, Surname: "Quillfeather", Forenames: "Nora", BirthDate: date("1958-03-07")}
	rec.CarryExact()
	rec.Settle(record.AllSections)
	in, err := side.Codec.EncodeResponse(whole(), record.Answered(rec), id)
	require.NoError(t, err)
	out, _, err := link.TranslateMessage(t.Context(), tables, in, pairs.Offline{From: from, Message: pairs.MessageResponse, ID: id})
	require.NoError(t, err)
	return out
}

// TestTypedTextInACodeSlot shows a number a spreadsheet has spoilt, and counts
// it without a name.
func TestTypedTextInACodeSlot(t *testing.T) {
	link := openLink(t, "openhr")
	for from, slot := range map[string][2]string{"emisweb": {"<Value>G20</Value>", "<Value>5.89e+17</Value>"}, "systmone": {`Code="XE0Uc"`, `Code="5.89e+17"`}} {
		file := map[string]string{"emisweb": "emisweb.medicalrecord.xml", "systmone": "systmone.response.xml"}[from]
		in := strings.Replace(string(native(t, "patients/nora-quillfeather/"+file)), slot[0], slot[1], 1)
		out, report, err := link.TranslateMessage(t.Context(), starter(t), []byte(in), pairs.Offline{From: from, Message: pairs.MessageResponse, ID: id})
		require.NoError(t, err)
		require.NotZero(t, report.MalformedCodes)
		require.Contains(t, string(out), "5.89e+17")
		for _, u := range report.Unmapped {
			require.NotContains(t, u.Code, "5.89")
		}
	}
}

// TestDegradedReferral holds the code whose printed form has lost a digit.
func TestDegradedReferral(t *testing.T) {
	e := &record.Entry{Kind: record.KindReferral, Text: "Cardiology", Code: read("8H44.", "00", "Cardiology referral"), Referral: &record.Referral{}}
	q := whole()
	q.CodeScheme = mapping.SNOMED
	to(t, "systmone").Translate(recordOf(e), q, q)
	require.Equal(t, "196431000000106", e.Target.Value)
}
