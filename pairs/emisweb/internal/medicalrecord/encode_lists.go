package medicalrecord

import (
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// without takes facts out that an element writes in its own way.
func (l factList) without(fields ...record.Field) factList {
	return slices.DeleteFunc(l, func(f fact) bool { return slices.Contains(fields, f.field) })
}

// bagged makes the bag of a coded item, with what its problem has no field for.
func (x *encoder) bagged(e *record.Entry, typ string, l factList) *bag {
	b := x.bag(e, typ, l)
	b.lines = append(b.lines, x.problemLines(e)...)
	if e.Value != nil {
		b.lines = append(b.lines, valueLines(e.Value)...)
	}
	if typ != "Event" && typ != "Allergy" && !e.Episodicity.IsZero() {
		b.line("Episodicity", record.TermOf(e.Episodicity))
	}
	return b
}

// allergy writes an Allergy. A drug code as target says what it is to, in
// Codes, which is what EMIS alerts on; any other target is its own code.
func (x *encoder) allergy(e *record.Entry) {
	a := e.Allergy
	if a == nil {
		a = &record.Allergy{}
	}
	l := facts(e).without(record.FactAllergyType, record.FactAllergyDetails, record.FactAllergySubstance, record.FactAllergyExcludes)
	substance, drugTarget := a.Substance, false
	if s := e.Target.Scheme; s == mapping.EMISDrug || s == mapping.DMD {
		substance, drugTarget = e.Target, true
	}
	list := writeSlot("drug-list", strings.TrimPrefix(string(substance.Scheme), own))
	if !drugTarget && !substance.IsZero() && substance.Scheme != mapping.EMISDrug && substance.Scheme != mapping.DMD && list == "" {
		l = append(l, substanceCode(substance))
		substance = mapping.Code{}
	} else if drugTarget && !a.Substance.IsZero() && !a.Substance.Is(e.Target) {
		l = append(l, substanceCode(a.Substance))
	}
	native, scheme := allergyType(a, !substance.IsZero())
	if list != "" && !drugTarget {
		scheme = list
	}
	b := x.bagged(e, "Allergy", l)
	x.start("Allergy", e)
	x.coded(e, b)
	x.w.Optional("Episodicity", writeSlot("episodicity", e.Episodicity.Value))
	x.w.Optional("AllergyType", native)
	if !substance.IsZero() || a.Details != "" {
		term := a.Details
		if term == "" {
			term = e.Text
		}
		x.substance(substance, scheme, term)
	}
	x.w.Optional("Exclude", a.Excludes)
	x.w.End()
}

// substanceCode is what an allergy is to where Codes cannot say it.
func substanceCode(c mapping.Code) fact {
	return factOf(record.FactAllergySubstance, record.CodeWords(c))
}

// allergyType gives the number of AllergyType and the scheme of Codes that
// goes with it.
func allergyType(a *record.Allergy, drug bool) (native, scheme string) {
	native = writeSlot("allergy-type", a.Type.Value)
	if native == "" {
		switch a.Class {
		case record.AllergyNonDrug:
			native = "0"
		case record.AllergyDrugGroup:
			native = "1"
		case record.AllergyDrug:
			native = "2"
		case record.AllergyIngredient:
			native = "3"
		default:
			if drug {
				native = "2"
			}
		}
	}
	schemes := map[string]string{"0": "EMISNONDRUGALLERGY", "1": "EMISDRUGGROUP", "2": "EMISDRUGNAME", "3": "EMISCONSTITUENT", "4": "EMISBOTH"}
	return native, schemes[native]
}

func (x *encoder) substance(c mapping.Code, scheme, term string) {
	x.w.Start("Codes")
	if strings.HasPrefix(string(c.Scheme), own) {
		x.w.Element("Value", c.Value)
	}
	x.w.Optional("Scheme", scheme)
	x.w.Element("Term", term)
	switch c.Scheme {
	case mapping.EMISDrug:
		x.w.Element("OldCode", c.Value)
	case mapping.DMD:
		x.w.Element("MapCode", c.Value)
		x.w.Element("MapScheme", "DMD")
	}
	x.w.End()
}

func (x *encoder) medication(e *record.Entry) { x.drug(e, "Medication") }

func (x *encoder) issue(e *record.Entry) { x.drug(e, "Issue") }

// drug writes a Medication or an Issue. RxText is its only free text.
func (x *encoder) drug(e *record.Entry, typ string) {
	m := e.Medication
	if m == nil {
		m = &record.MedicationBody{}
	}
	authoriser := e.Author
	l := facts(e).without(record.FactMedicationIngredient)
	if typ == "Issue" {
		authoriser = nil
		if len(m.Authorisations) > 0 {
			authoriser = m.Authorisations[0].By
			if first := m.Authorisations[0]; first.Date.IsZero() && first.Authorised == "" {
				i := slices.IndexFunc(l, func(f fact) bool { return f.field == record.FactMedicationAuthorisation })
				l = slices.Delete(l, i, i+1)
			}
		}
		if x.of(m.Course).plan == inMedications {
			l = l.without(record.FactMedicationCourse)
		}
	}
	var mixture string
	if i := slices.IndexFunc(l, func(f fact) bool { return f.label == "Mixture id" }); i >= 0 && len(m.Mixture) > 0 {
		mixture = l[i].words
		l = slices.Delete(l, i, i+1)
	}
	b := x.bag(e, typ, l)
	if !e.Episodicity.IsZero() {
		b.line("Episodicity", record.TermOf(e.Episodicity))
	}
	x.start(typ, e)
	x.ident(e)
	x.person("AuthorisedUserID", authoriser)
	x.author(e)
	x.w.Optional("AssignedDate", stamp(e.Date))
	x.put(b, "DateLastIssue", "IssueMethod", "DateRxExpire", "DoseAbbreviation", "Dosage", "Quantity", "QuantityUnits",
		"QuantityRepresentation", "Duration", "MixtureIndicator")
	x.w.Start("Drug")
	_, mapped, _, _ := beside(e)
	if len(m.Mixture) > 0 {
		x.mixture(e, m, mixture)
	} else {
		writeDrug(x.w, "PreparationID", e.Target, e.Text, mapped)
	}
	x.w.End()
	x.put(b, "PrescriptionType", "DrugSource", "RxReviewDate", "PharmacyText")
	x.lines("RxText", b.lines)
	x.put(b, "AuthorisedIssue", "IssueCount", "Status", "Advice", "Template", "TemplateComponent", "TemplateInstance")
	x.group(b, "DrugDelivery", "DoseQuantity", "DoseUnits", "Frequency", "FrequencyUnits", "DailyDose", "DailyDoseUnits")
	x.group(b, "ControlledDrug", "DduBatch", "DduPrinted", "DduCollect", "DduNextDate", "DduReduceBy", "DduAfter", "DduUntil",
		"DduNextDose", "DduOffset", "DduClWorker", "DduPickUp", "DduDoseAbbrev")
	x.links(e)
	x.put(b, "ServiceType", "DispensingInterval", "RepeatIssueCount", "RepeatInterval", "ETPIssue", "ContraceptiveIssue")
	x.policy("PolicyId", e)
	if typ == "Issue" {
		x.put(b, "EstimatedCost", "Comment")
		x.person("IssuerID", e.Author)
		x.put(b, "DateTimePrint", "DateTimeDispense", "BatchNumber")
		if m.Course != nil && written(m.Course) && x.of(m.Course).plan == inMedications {
			x.w.Start("MedicationLink")
			x.w.Element("GUID", x.guidOf(m.Course))
			x.w.End()
		}
	}
	x.w.End()
}

// mixture writes an extemporaneous mixture with its ingredients.
func (x *encoder) mixture(e *record.Entry, m *record.MedicationBody, id string) {
	x.w.Start("Mixture")
	x.w.Start("LocalMixture")
	switch {
	case integer(id):
		x.w.Element("RefID", id)
	case id != "":
		x.w.Element("GUID", x.guid(id))
	}
	x.w.End()
	x.w.Element("MixtureName", e.Text)
	for _, i := range m.Mixture {
		x.w.Start("Constituents")
		writeDrug(x.w, "PreparationID", i.Code, i.Text, mapping.Code{})
		x.w.Optional("StrengthQuantity", i.Strength)
		x.w.End()
	}
	x.w.End()
}

func (x *encoder) attachment(e *record.Entry) {
	b := x.bagged(e, "Attachment", facts(e))
	x.start("Attachment", e)
	x.coded(e, b)
	x.put(b, "Title")
	if b.has("Address") {
		x.put(b, "Address")
	} else {
		x.w.Element("Address", "") // required
	}
	x.put(b, "Version", "DDSIdentifier")
	x.w.End()
}

func (x *encoder) diary(e *record.Entry) {
	l := facts(e)
	place := ""
	if e.Diary != nil && e.Diary.Place != "" {
		place = e.Diary.Place
		l = l.without(record.FactDiaryPlace)
	}
	b := x.bagged(e, "Diary", l)
	x.start("Diary", e)
	x.coded(e, b)
	x.put(b, "TemplateID", "TemplateInstanceID", "TemplateComponentName", "DurationTerm", "Reminder", "ReminderType")
	if place != "" {
		x.ref("LocationTypeID", x.kinds.of(place))
	}
	x.w.End()
}

// alerts writes the list, first that prescribing is unsafe when the record
// warns so: an alert is what EMIS shows whatever is opened.
func (x *encoder) alerts(head []string) {
	open := false
	begin := func() {
		if !open {
			x.w.Start("AlertList")
			open = true
		}
	}
	for i, warning := range x.rec.Warnings {
		if warning.Code != record.WarnPrescribingUnsafe || len(head) == 0 {
			continue
		}
		begin()
		x.start("Alert", nil)
		x.made("alert " + strconv.Itoa(i))
		x.w.Element("AssignedDate", x.id.At.Format("02/01/2006"))
		x.ref("AuthorID", x.people.of(&bridge))
		x.w.Element("DisplayTerm", warning.Words())
		x.w.End()
	}
	for _, e := range x.rec.Entries {
		if x.of(e).plan == inAlerts {
			begin()
			x.alert(e)
		}
	}
	if open {
		x.w.End()
	}
}

func (x *encoder) alert(e *record.Entry) {
	b := x.bagged(e, "Alert", facts(e))
	x.start("Alert", e)
	x.coded(e, b)
	x.put(b, "Book", "AriveSwap")
	x.w.End()
}

// referral writes a Referral. Who and where it went are people and locations
// of the directories, made from the names when only names are known.
func (x *encoder) referral(e *record.Entry) {
	r := e.Referral
	if r == nil {
		r = &record.Referral{}
	}
	b := x.bagged(e, "Referral", facts(e).without(record.FactReferralFrom, record.FactReferralTo, record.FactReferralToPerson, record.FactReferralSpecialty))
	x.start("Referral", e)
	x.coded(e, b)
	if r.ToPerson != "" {
		x.ref("Consultant", x.people.of(x.called(r.ToPerson)))
	}
	if r.To != "" {
		x.ref("Provider", x.locations.of(x.site(r.To)))
	}
	if r.Specialty != "" {
		x.w.Start("Speciality")
		x.w.Element("Term", r.Specialty)
		x.w.End()
	}
	x.put(b, "RequestType", "ReferralReason", "Community", "Urgency", "NHS", "Transport", "ReferralRef", "Direction")
	if r.From != "" {
		x.ref("SourceLocation", x.locations.of(x.site(r.From)))
	}
	x.put(b, "DatedReferral", "Rejected", "RejectionReason", "Accepted", "Assessed", "SourceDescription", "ReferralMode")
	x.w.End()
}

// called finds or makes the person shown as name.
func (x *encoder) called(name string) *record.Person {
	for _, p := range x.people.list {
		if p.Name() == name {
			return p
		}
	}
	return &record.Person{Display: name, Surname: name}
}

// site finds or makes the location called name.
func (x *encoder) site(name string) *record.Organisation {
	for _, o := range x.locations.list {
		if o.Title() == name {
			return o
		}
	}
	return &record.Organisation{Name: name}
}

func (x *encoder) note(e *record.Entry) {
	_, l := facts(e).apart(administrative)
	b := x.bag(e, "Note", l)
	text := e.Text
	if len(b.lines) > 0 {
		text = strings.TrimLeft(text+"\n"+b.text(), "\n")
	}
	x.start("Note", e)
	x.ident(e)
	x.w.Optional("AssignedDate", e.Date.DMY())
	x.w.Optional("Time", e.Date.Clock())
	x.put(b, "Urgency")
	x.person("AuthorID", e.Author)
	x.put(b, "ActionBefore", "NoteCode", "Status")
	x.w.Optional("NoteText", text)
	x.put(b, "DataType", "ReportID")
	x.w.End()
}

func (x *encoder) appointment(e *record.Entry) {
	_, l := facts(e).apart(administrative)
	b := x.bag(e, "Appointment", l)
	text := e.Text
	if len(b.lines) > 0 {
		text = strings.TrimLeft(text+"\n"+b.text(), "\n")
	}
	x.start("Appointment", e)
	x.ident(e)
	x.person("SessionHolder", e.Author)
	x.location("LocationID", e.Place)
	x.w.Optional("AssignedDate", e.Date.DMY())
	x.w.Optional("Time", e.Date.Clock())
	if b.has("Site/ID") || b.has("Site/Name") {
		x.group(b, "Site", "ID", "Name")
	} else {
		x.w.Empty("Site") // required
	}
	x.put(b, "SessionID")
	x.w.Optional("Reason", text)
	x.put(b, "Duration", "RUB")
	x.w.End()
}
