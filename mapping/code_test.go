package mapping

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	good := []Code{
		{Scheme: ReadV2, Value: "G20..", TermCode: "00"},
		{Scheme: ReadV2, Value: "7K30.", TermCode: "1V"},
		{Scheme: ReadV2, Value: "Z....", TermCode: ""},
		{Scheme: CTV3, Value: "XE0Uc"},
		{Scheme: CTV3, Value: "X40J4", TermCode: "Y41PW"},
		{Scheme: TPPLocal, Value: "Y228d"},
		{Scheme: SNOMED, Value: "195967001"},
		{Scheme: SNOMED, Value: "1091811000000102"},
		{Scheme: DMD, Value: "319773006"},
		{Scheme: DMD, Value: "39732411000001106"},
		{Scheme: EMISLocal, Value: "EMISNQ12"},
		{Scheme: EMISLocal, Value: "^ESCT1270257"},
		{Scheme: EMISLocal, Value: "EMISATTACHMENT"},
		{Scheme: EMISLocal, Value: "HNG0600"},
		{Scheme: EMISLocal, Value: "FUNDHC12-KC60"},
		{Scheme: EMISDrug, Value: "META1787"},
		{Scheme: EMISDrug, Value: "SITA29406EMIS"},
		{Scheme: EMISDrug, Value: "DIM/19795EMIS"},
		{Scheme: EMISDrug, Value: "CO2 27587NEMIS"},
		{Scheme: EMISDrug, Value: "E4CR1018"},
		{Scheme: EMISDrug, Value: "LOTA9665HILLI"},
		{Scheme: EMISDrug, Value: "HYCREGTON6239"},
		{Scheme: Multilex, Value: "2003197"},
		{Scheme: "emisweb.problem-status", Value: "A"},
		{Scheme: "systmone.method", Value: "Face to face"},
	}
	for _, c := range good {
		require.NoError(t, c.Check(), c.Key())
	}
	bad := []Code{
		{},
		{Scheme: ReadV2, Term: "Asthma"},
		{Scheme: ReadV2, Value: "G20"},
		{Scheme: ReadV2, Value: "G2.0."},
		{Scheme: ReadV2, Value: ".G20."},
		{Scheme: ReadV2, Value: "G20.."[:4] + "é"},
		{Scheme: ReadV2, Value: "G20..", TermCode: "1"},
		{Scheme: ReadV2, Value: "G20..", TermCode: "1-"},
		{Scheme: CTV3, Value: "Y228d"},
		{Scheme: CTV3, Value: "XE0Uc", TermCode: "00"},
		{Scheme: TPPLocal, Value: "XE0Uc"},
		{Scheme: SNOMED, Value: "195967002"},
		{Scheme: SNOMED, Value: "120159016"},
		{Scheme: SNOMED, Value: "019596700"},
		{Scheme: SNOMED, Value: "19596"},
		{Scheme: SNOMED, Value: "1959670011959670011"},
		{Scheme: SNOMED, Value: "195967001", TermCode: "00"},
		{Scheme: SNOMED, Value: "5.89E+17"},
		{Scheme: DMD, Value: "122935001000027100"},
		{Scheme: DMD, Value: "1091811000000102"},
		{Scheme: EMISLocal, Value: "asthma"},
		{Scheme: EMISLocal, Value: "ASTHMA"},
		{Scheme: EMISLocal, Value: "G20-1"},
		{Scheme: EMISLocal, Value: "EMIS " + strings.Repeat("1", 3)},
		{Scheme: EMISDrug, Value: "META"},
		{Scheme: EMISDrug, Value: "META1787emis"},
		{Scheme: EMISDrug, Value: "METAEGTON1787EMIS"},
		{Scheme: EMISDrug, Value: "META17871787EMISEM"},
		{Scheme: Multilex, Value: "03197002"},
		{Scheme: Multilex, Value: "0003197"},
		{Scheme: "emisweb.problem-status", Value: ""},
		{Scheme: "emisweb.problem-status", Value: "A\n"},
		{Scheme: "nowhere", Value: "64276020"}, {Scheme: Gemscript, Value: "6427602"}, {Scheme: VisionDrug, Value: "0020700A"},
	}
	for _, c := range bad {
		err := c.Check()
		require.Error(t, err, c.Key())
		if c.Value != "" {
			require.NotContains(t, err.Error(), c.Value, "an error must not name what fails")
		}
	}
}

func TestParseEMIS(t *testing.T) {
	cases := map[string]string{
		"G20":           "readv2|G20..|00",
		"G20-1":         "readv2|G20..|11",
		"7K30-V":        "readv2|7K30.|1V",
		"H06z0-1":       "readv2|H06z0|11",
		"B49-99":        "readv2|B49..|99",
		"2469":          "readv2|2469.|00",
		"14L..00":       "readv2|14L..|00",
		"C108000":       "readv2|C1080|00",
		"K05..12":       "readv2|K05..|12",
		"1":             "readv2|1....|00",
		"EMISNQAW1":     "emis|EMISNQAW1|",
		"^ESCT1270257":  "emis|^ESCT1270257|",
		"ESCTBL5-1":     "emis|ESCTBL5-1|",
		"FUNDHC1-2":     "emis|FUNDHC1-2|",
		"HNG0600":       "emis|HNG0600|",
		"EGTON122":      "emis|EGTON122|",
		"PC24-KC60":     "emis|PC24-KC60|",
		"JHC1-SHHAPT":   "emis|JHC1-SHHAPT|",
		"HNGNQRF14-A":   "emis|HNGNQRF14-A|",
		"EMISICD10|F43": "emis|EMISICD10|F43|",
	}
	for native, want := range cases {
		c, err := ParseEMIS(native, "term")
		require.NoError(t, err, native)
		require.Equal(t, want, c.Key())
		require.Equal(t, "term", c.Term)
	}
	for _, native := range []string{"", "-1", "G20-", "G20-100", "Mrs-KC60", "G2.0", "G20 ", "John Smith", "asthma", "5.89E+17"} {
		c, err := ParseEMIS(native, "")
		require.Error(t, err, native)
		require.True(t, c.IsZero())
	}
}

func TestFormatEMISRefuses(t *testing.T) {
	for _, c := range []Code{
		{Scheme: ReadV2, Value: "G20.."},
		{Scheme: ReadV2, Value: "EMIS.", TermCode: "00"},
		{Scheme: CTV3, Value: "XE0Uc"},
		{Scheme: ReadV2, Value: "G20", TermCode: "00"},
	} {
		_, err := FormatEMIS(c)
		require.Error(t, err, c.Key())
	}
}

// readCode draws a Read v2 code EMIS can hold: one that is not also a local spelling.
func readCode(t *rapid.T) Code {
	head := rapid.StringMatching(`[0-9A-Za-z]{1,5}`).Filter(func(s string) bool { return !emisLocal(s) }).Draw(t, "head")
	return Code{Scheme: ReadV2, Value: pad(head), TermCode: rapid.StringMatching(`[0-9A-Za-z]{2}`).Draw(t, "term code")}
}

func TestEMISRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := readCode(t)
		native, err := FormatEMIS(c)
		require.NoError(t, err)
		back, err := ParseEMIS(native, "")
		require.NoError(t, err)
		require.Equal(t, c, back)
	})
	rapid.Check(t, func(t *rapid.T) {
		native := rapid.StringMatching(`(EMIS|EGTON|\^ESCT|JHCC|HNGNQ)[A-Z0-9]{1,8}(-[A-Z0-9]{1,6})?`).Draw(t, "native")
		c, err := ParseEMIS(native, "")
		if err != nil {
			return // a family without a digit, which is not told from words
		}
		require.Equal(t, EMISLocal, c.Scheme)
		back, err := FormatEMIS(c)
		require.NoError(t, err)
		require.Equal(t, native, back)
	})
}

// TestEMISKeepsMeaning says that whatever spelling is read, writing and reading it again gives the same code.
func TestEMISKeepsMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		native := rapid.StringMatching(`[0-9A-Za-z.^-]{1,9}`).Draw(t, "native")
		c, err := ParseEMIS(native, "")
		if err != nil {
			return
		}
		spelled, err := FormatEMIS(c)
		require.NoError(t, err)
		again, err := ParseEMIS(spelled, "")
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

func TestMultilexRoundTrip(t *testing.T) {
	id, err := MultilexFrom8("03197002")
	require.NoError(t, err)
	require.Equal(t, "2003197", id)
	rapid.Check(t, func(t *rapid.T) {
		code8 := rapid.StringMatching(`[0-9]{5}00[1-9]`).Draw(t, "code8")
		id, err := MultilexFrom8(code8)
		require.NoError(t, err)
		require.NoError(t, Code{Scheme: Multilex, Value: id}.Check())
		back, err := MultilexTo8(id)
		require.NoError(t, err)
		require.Equal(t, code8, back)
	})
	for _, wrong := range []string{"", "3197002", "03197000", "64275020", "0319700A", "1000000100"} {
		_, err := MultilexFrom8(wrong)
		require.Error(t, err, wrong)
	}
	for _, wrong := range []string{"", "2103197", "03197002", "0003197"} {
		_, err := MultilexTo8(wrong)
		require.Error(t, err, wrong)
	}
}

func TestParseCTV3AndReadV2(t *testing.T) {
	c, err := ParseCTV3("XE0Uc", "Essential hypertension")
	require.NoError(t, err)
	require.Equal(t, Code{Scheme: CTV3, Value: "XE0Uc", Term: "Essential hypertension"}, c)
	c, err = ParseCTV3("Y228d", "")
	require.NoError(t, err)
	require.Equal(t, TPPLocal, c.Scheme)
	_, err = ParseCTV3("asthma", "")
	require.Error(t, err)
	c, err = ParseReadV2("SN53100", "Latex allergy")
	require.NoError(t, err)
	require.Equal(t, "readv2|SN531|00", c.Key())
	c, err = ParseReadV2("G20..", "")
	require.NoError(t, err)
	require.Empty(t, c.TermCode)
	_, err = ParseReadV2("G20", "")
	require.Error(t, err)
}

func TestSchemes(t *testing.T) {
	require.True(t, Scheme("emisweb.sex").Enumeration())
	require.False(t, ReadV2.Enumeration())
	require.False(t, Scheme("emisweb.").known())
	require.False(t, Scheme("Emis.Sex").known())
	require.True(t, Code{Term: "only words"}.IsZero())
}

func TestClassOf(t *testing.T) {
	cases := map[string]Class{
		"":                                     Unknown,
		" - ":                                  Unknown,
		"Asthma":                               Present,
		"Asthma NOS, not elsewhere classified": Present,
		"Anaemia, cause not known":             Present,
		"Allergic rhinitis":                    Present,
		"Adverse reaction to amoxycillin":      Present,
		"Norovirus infection":                  Present,
		"No FH: Glaucoma":                      Negated,
		"No known allergies":                   Negated,
		"Never smoked tobacco":                 Negated,
		"O/E - no abnormality":                 Negated,
		"Asthma not present":                   Negated,
		"Stroke ruled out":                     Negated,
		"?Asthma":                              Suspected,
		"Suspected deep vein thrombosis":       Suspected,
		"Possible fracture":                    Suspected,
		"FH: Hypertension":                     FamilyHistory,
		"[V]Family history of stroke":          FamilyHistory,
		"F/H diabetes":                         FamilyHistory,
		"H/O: erythromycin allergy":            HistoryOf,
		"[V]Personal history of penicillin allergy": HistoryOf,
		"Penicillin allergy":                        Allergy,
		"Non-coeliac gluten sensitivity":            Allergy,
		"Drug hypersensitivity NOS":                 Allergy,
	}
	for term, want := range cases {
		require.Equal(t, want, ClassOf(term), term)
	}
}

// TestPrivate tells a supplier's own concepts from those any system may file.
func TestPrivate(t *testing.T) {
	for value, want := range map[string]bool{
		"1503371000006105": true, "122935001000027100": true, "196411000000103": false, "39113111000001107": false, "195967001": false, "": false, "7": false,
	} {
		require.Equal(t, want, Code{Scheme: SNOMED, Value: value}.Private(), value)
	}
	require.False(t, Code{Scheme: EMISLocal, Value: "1503371000006105"}.Private())
}
