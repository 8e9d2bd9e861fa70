package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// demoSide is what the demonstration needs of one system to have it ask and be
// asked.
type demoSide struct {
	organisation governance.Organisation
	settings     map[string]string // what its codec needs to make requests of its own
	throttle     string
	marks        []string // of entries that its practice shares; others are kept back
	user         string   // where the name of the user comes from
	consent      string   // where consent to view comes from; "" is the practice's own procedure
	asks, asked  string   // what its question is, and what the other system's becomes for it
	whole        demoRequest
	narrow       demoRequest
	refused      demoRequest // without consent; none where its messages have no place for one, nor headers
	overridden   demoRequest // consent overridden
}

// demoRequest is one of the synthetic requests, what it asks for, and what goes
// beside it.
type demoRequest struct {
	file, what, note string
	beside           http.Header
}

// asking is one exchange of the demonstration: who asks, for what, with which
// native request and claims beside it, what that request becomes for the
// holder, and how it ends.
type asking struct {
	from, what, request, becomes string
	beside                       http.Header
	refused                      record.Reason // the only end it may have, "" for a record
	short                        bool          // the counts were shown before
}

// beside are headers that go beside a request, by pairs.
func beside(fields ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Set(fields[i], fields[i+1])
	}
	return h
}

// glass are the headers of who overrides consent.
func glass(fields ...string) http.Header {
	return beside(append([]string{"Linkspan-Consent", governance.NotObtained, "Linkspan-Activities", "B0360,B0168", "Linkspan-Break-Glass", "unconscious",
		"Linkspan-Break-Glass-Text", "Found collapsed in the car park."}, fields...)...)
}

const (
	wholeRecord = "the whole record"
	notAsked    = "the whole record, without saying that the patient was asked"
	cannotAsk   = "the whole record of a patient who cannot be asked"
	consent     = "Linkspan-Consent"
)

var consented = beside(consent, governance.PatientPresent)

// demoSides are the five systems by name. SystmOne's limit of one whole record in
// 30 seconds is shorter here, for nobody would wait.
func demoSides() map[string]demoSide {
	return map[string]demoSide{
		"emisweb": {
			organisation: governance.Organisation{ODS: "X99001", Name: "Causeway Medical Centre"},
			settings:     map[string]string{"user": "linkspan", "machine": "demo"}, throttle: "on",
			marks: []string{"Unrestricted"}, user: "message", consent: "wire",
			asks: "EMIS Web's GetMedicalRecord", asked: "EMIS Web's GetMedicalRecord, which has no filter",
			whole:      demoRequest{file: "emisweb-full.xml", what: wholeRecord, beside: consented},
			narrow:     demoRequest{file: "emisweb-medication.xml", what: "medication", beside: consented, note: "The MRGetType in EMIS Web's question names medication alone."},
			refused:    demoRequest{file: "emisweb-full.xml", what: notAsked},
			overridden: demoRequest{file: "emisweb-full.xml", what: cannotAsk, beside: glass()},
		},
		"systmone": {
			organisation: governance.Organisation{ODS: "X99002", Name: "Harbour Lights Surgery"},
			settings:     map[string]string{"api-key": "demo-key", "device-id": "5ca1ab1e0ddba115", "device-version": "Linkspan " + version}, throttle: "record=1/2s",
			user: "read-back",
			asks: "SystmOne's GetPatientRecord", asked: "SystmOne's GetPatientRecord without a Filter, codes in CTV3, drugs in dm+d",
			whole: demoRequest{file: "systmone-whole.xml", what: wholeRecord},
			narrow: demoRequest{file: "systmone-narrow.xml", what: "patient details, medication and allergies since 1 January 2010, drugs in dm+d",
				note: "SystmOne's Filter names three sections and a first date. Allergies are never cut by date. SystmOne's messages name no user: " +
					"Linkspan has asked SystmOne who is logged on."},
		},
		"guru": {
			organisation: governance.Organisation{ODS: "X99003", Name: "Saltings Surgery"},
			settings:     map[string]string{}, throttle: "on", user: "wire", consent: "wire",
			asks: "Guru's request for a GP2GP extract", asked: "two questions to Guru: the patient's details and the GP2GP extract",
			whole: demoRequest{file: "guru-extract.http", what: "the whole record as a GP2GP extract", beside: beside(consent, governance.PatientPresent, "Linkspan-User", "hwinterbourne")},
			narrow: demoRequest{file: "guru-my-record.http", what: "the record as my-record, which has no codes", beside: beside(consent, governance.PatientPresent, "Linkspan-User", "hwinterbourne"),
				note: "my-record is the one format of its maker that is public. Nothing in it is coded, so every entry arrives in its words."},
			refused:    demoRequest{file: "guru-extract.http", what: notAsked, beside: beside("Linkspan-User", "hwinterbourne")},
			overridden: demoRequest{file: "guru-extract.http", what: cannotAsk, beside: glass("Linkspan-User", "hwinterbourne")},
		},
		"mig": {
			organisation: governance.Organisation{ODS: "X99005", Name: "Tidewater Community Service"},
			settings:     map[string]string{}, throttle: "on", marks: []string{"Unrestricted"}, user: "message", consent: "message",
			asks: "the MIG's getPatientRecord", asked: "the MIG's question of where the patient is, and one for each of its data sets",
			whole:      demoRequest{file: "mig-full.xml", what: "all its data sets"},
			narrow:     demoRequest{file: "mig-summary.xml", what: "the summary data set", note: "The summary is problems, current medication and allergies, by the table of the MIG's views."},
			refused:    demoRequest{file: "mig-refused.xml", what: "all data sets of a patient who said no"},
			overridden: demoRequest{file: "mig-emergency.xml", what: "all data sets of a patient who cannot be asked", beside: beside("Linkspan-Activities", "B0360,B0168")},
		},
		"vision": {
			organisation: governance.Organisation{ODS: "X99004", Name: "Breakwater Practice"},
			settings:     map[string]string{}, throttle: "on", user: "message", consent: "wire",
			asks: "Vision's GetPatientData", asked: "Vision's GetDemographics and one GetPatientData for each of its views",
			whole:      demoRequest{file: "vision-full.xml", what: wholeRecord, beside: consented},
			narrow:     demoRequest{file: "vision-medications.xml", what: "the view of medication", beside: consented, note: "A Vision call names one view."},
			refused:    demoRequest{file: "vision-full.xml", what: notAsked},
			overridden: demoRequest{file: "vision-full.xml", what: cannotAsk, beside: glass()},
		},
	}
}

// demoAskings are the exchanges of a pair: one each way, one with entries that
// are kept back where the holder marks any, one that is refused and one for
// which the glass is broken.
func demoAskings(p pairs.Pair) []asking {
	sides := demoSides()
	a, b := sides[p.A.Name], sides[p.B.Name]
	becomes := func(asker, holder demoSide) string {
		return fmt.Sprintf("%s becomes %s.", capital(asker.asks), holder.asked)
	}
	third := becomes(b, a)
	if len(a.marks) > 0 {
		third = fmt.Sprintf("Some entries of this record are under a restricted policy in %s. They are kept back before anything is translated, with "+
			"every link to them, and each section they would have been in says that items were excluded.", p.A.Title)
	}
	all := []asking{
		{from: p.A.Name, what: a.whole.what, request: a.whole.file, beside: a.whole.beside,
			becomes: becomes(a, b) + fmt.Sprintf(" Before that, Linkspan has read %s's own details of the patient, and shows the record only because the two agree.", p.A.Title)},
		{from: p.B.Name, what: b.narrow.what, request: b.narrow.file, beside: b.narrow.beside,
			becomes: b.narrow.note + fmt.Sprintf(" It becomes %s. What is more than was asked for is left out.", a.asked)},
		{from: p.B.Name, what: b.whole.what, request: b.whole.file, beside: b.whole.beside, becomes: third},
	}
	from, side := p.A, a
	if side.refused.file == "" {
		from, side = p.B, b
	}
	return append(all, demoGlass(from, side)...)
}

// demoGlass are the two exchanges about consent.
func demoGlass(from system.System, side demoSide) []asking {
	return []asking{
		{from: from.Name, what: side.refused.what, request: side.refused.file, beside: side.refused.beside, refused: record.ReasonNoConsent,
			becomes: "The agreement wants consent to view told with every request. The other system is not asked at all."},
		{from: from.Name, what: side.overridden.what, request: side.overridden.file, beside: side.overridden.beside, short: true,
			becomes: "The user breaks the glass: a reason from the list, words of their own, and the right to. Operations hear of it at once, both " +
				"privacy officers find it in the day's list, and a patient's own no could not have been overridden."},
	}
}

// demoClaims takes each claim from where the side has it, or else as the
// practice's own procedure has it.
func (s demoSide) claims() map[string]governance.Claim {
	glass := []string{"wire"}
	if s.consent == "message" {
		glass = []string{"message"}
	}
	claims := map[string]governance.Claim{"user": {From: []string{s.user}}, "break_glass": {From: glass}}
	for name, value := range map[string]string{"activities": "B0360", "purpose": governance.DirectCare, "relationship": "registered", "consent": governance.PatientPresent} {
		claims[name] = governance.Claim{From: []string{"wire"}, Asserted: &governance.Assertion{Value: value, Procedure: "asked at the point of care"}}
	}
	if s.consent != "" {
		claims["consent"] = governance.Claim{From: []string{s.consent}} // with every request
	}
	return claims
}

// agreed is the side of the agreement that both controllers have enabled.
func (s demoSide) agreed() governance.Side {
	marks := s.marks
	if marks == nil {
		marks = []string{}
	}
	return governance.Side{Organisations: []governance.Organisation{s.organisation}, Asks: true, Shares: []string{"all"}, ReleaseMarks: marks,
		Claims: s.claims(), BreakGlass: s.refused.file != ""}
}

// capital starts a sentence.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
