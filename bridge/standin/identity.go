package standin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// The standings of Options.Standing.
const (
	StandingLeft      = "left"
	StandingDeceased  = "deceased"
	StandingTemporary = "temporary"
	StandingUnstated  = "unstated"
	StandingSensitive = "sensitive"
)

// diedOn and leftOn are when patients served as deceased or left did.
const (
	diedOn = "2016-05-02"
	leftOn = "2016-04-29"
)

// filed is the number whose record answers for the one asked, "" for none: a
// system knows a sensitive patient and says that it does not (safety §1.2,
// GPC-CORE04), in the words it has for one it does not know.
func (o Options) filed(number string) string {
	switch {
	case o.Standing == StandingSensitive:
		return ""
	case o.Instead != "":
		return o.Instead
	}
	return number
}

// disguise plays the faults of identity on a copy of a record.
func disguise(root *etree.Element, f form, number string, r *records, o Options) {
	d := disguises[f]
	if o.Swapped != "" {
		if other, _ := r.find(o.Swapped, f); other != nil {
			d.swap(root, other)
		}
	}
	switch o.Standing {
	case StandingLeft, StandingDeceased, StandingTemporary, StandingUnstated:
		d.stand(root, o.Standing)
	}
	if o.NoDemographics {
		d.strip(root)
	}
	switch {
	case o.NoPatient:
		d.nobody(root)
	case o.WrongPatient:
		d.number(root, anotherNumber(number))
	case o.Instead != "" && o.Disguised, o.Swapped != "":
		d.number(root, number)
	}
}

// disguises are the places of a patient's identity in each form.
var disguises = map[form]struct {
	number func(root *etree.Element, number string) // sets the NHS number
	nobody func(root *etree.Element)                // takes the number away
	strip  func(root *etree.Element)                // leaves the number alone of who it is
	swap   func(root, other *etree.Element)         // puts another patient's details in place
	stand  func(root *etree.Element, standing string)
}{
	formCTV3:          {numberSystmOne, nobodySystmOne, stripSystmOne, swapSystmOne, standSystmOne},
	formSNOMED:        {numberSystmOne, nobodySystmOne, stripSystmOne, swapSystmOne, standSystmOne},
	formMedicalRecord: {numberMedicalRecord, nobodyMedicalRecord, stripMedicalRecord, swapMedicalRecord, standMedicalRecord},
	formOpenHR:        {numberOpenHR, nobodyOpenHR, stripOpenHR, swapOpenHR, standOpenHR},
	formPatientFile:   {numberVision, nobodyVision, stripVision, swapVision, standVision},
	formDemographics:  {numberGuru, nobodyGuru, stripGuru, swapGuru, standNowhere},
	formExtract:       {numberExtract, nobodyExtract, stripNothing, swapNothing, standNowhere},
	formMyRecord:      {numberNowhere, stripNothing, stripNothing, swapNothing, standNowhere},
}

func numberSystmOne(root *etree.Element, number string) {
	if c := descend(root, "Response", "Identity", "NHSNumber"); c != nil {
		c.SetText(number)
	}
}

func nobodySystmOne(root *etree.Element) { remove(child(root, "Response"), "Identity") }
func stripSystmOne(root *etree.Element)  { remove(child(root, "Response"), "Demographics") }

func swapSystmOne(root, other *etree.Element) {
	if have, with := descend(root, "Response", "Demographics"), descend(other, "Response", "Demographics"); have != nil && with != nil {
		replace(have, with)
	}
}

// standSystmOne says the standing as far as SystmOne's message can: no word for
// a patient who has left is published, so the one said is nobody's.
func standSystmOne(root *etree.Element, standing string) {
	demographics := descend(root, "Response", "Demographics")
	if demographics == nil {
		return
	}
	switch standing {
	case StandingDeceased:
		remove(demographics, "DateOfDeath")
		insertAfter(demographics, "DateOfBirth", leaf("DateOfDeath", diedOn))
	case StandingUnstated:
		set(demographics, "RegistrationType", "")
	default:
		set(demographics, "RegistrationType", "The stand-in's word for "+standing)
	}
}

func numberMedicalRecord(root *etree.Element, number string) {
	set(child(root, "Registration"), "NhsNumber", number)
}

func nobodyMedicalRecord(root *etree.Element) { remove(root, "Registration") }

func stripMedicalRecord(root *etree.Element) {
	prune(child(root, "Registration"), func(e *etree.Element) bool { return e.Tag == "NhsNumber" })
}

func swapMedicalRecord(root, other *etree.Element) {
	if have, with := child(root, "Registration"), child(other, "Registration"); have != nil && with != nil {
		replace(have, with)
	}
}

// standMedicalRecord writes RegistrationStatus anew, and the dates that
// Registration has for it (fields-medicalrecord38).
func standMedicalRecord(root *etree.Element, standing string) {
	registration := child(root, "Registration")
	if registration == nil {
		return
	}
	remove(root, "RegistrationStatus")
	for _, name := range []string{"DeductedDate", "DateOfDeath", "Dead"} {
		remove(registration, name)
	}
	practice, kind := "1", "4"
	switch standing {
	case StandingUnstated:
		return
	case StandingLeft:
		practice = "0"
		registration.AddChild(leaf("DeductedDate", dmy(leftOn)))
	case StandingTemporary:
		kind = "5"
	case StandingDeceased:
		registration.AddChild(leaf("DateOfDeath", dmy(diedOn)))
		registration.AddChild(leaf("Dead", "1"))
	}
	status := etree.NewElement("RegistrationStatus")
	current := status.CreateElement("CurrentStatus")
	current.CreateElement("PatientType").AddChild(leaf("Value", kind))
	current.AddChild(leaf("PracticeRegistered", practice))
	root.AddChild(status)
}

func numberOpenHR(root *etree.Element, number string) {
	for _, p := range nhsIdentifiers(root) {
		child(p, "value").SetText(number)
	}
}

func nobodyOpenHR(root *etree.Element) {
	for _, p := range nhsIdentifiers(root) {
		p.Parent().RemoveChild(p)
	}
}

func stripOpenHR(root *etree.Element) {
	prune(personOpenHR(root), func(e *etree.Element) bool { return e.Tag == "id" })
}

func swapOpenHR(root, other *etree.Element) {
	have, with := personOpenHR(root), personOpenHR(other)
	if have == nil || with == nil {
		return
	}
	id := text(have, "id")
	with = with.Copy()
	set(with, "id", id)
	replace(have, with)
}

// personOpenHR is the person the patient is (E §1.2).
func personOpenHR(root *etree.Element) *etree.Element {
	admin := child(root, "adminDomain")
	if admin == nil {
		return nil
	}
	id := text(child(admin, "patient"), "patientPerson")
	for _, e := range admin.ChildElements() {
		if e.Tag == "person" && text(e, "id") == id && id != "" {
			return e
		}
	}
	return nil
}

// standOpenHR writes caseloadPatient anew, and the date of death
// (fields-openhr-vocabulary).
func standOpenHR(root *etree.Element, standing string) {
	patient := descend(root, "adminDomain", "patient")
	if patient == nil {
		return
	}
	organisation := text(child(patient, "caseloadPatient"), "organisation")
	if organisation == "" {
		organisation = text(descend(root, "adminDomain", "organisation"), "id")
	}
	for _, name := range []string{"dateOfDeath", "dead", "caseloadPatient"} {
		remove(patient, name)
	}
	status, state, kind := "8", "REG", "REG"
	switch standing {
	case StandingUnstated:
		return
	case StandingLeft:
		status, state = "36", "LEFT"
	case StandingTemporary:
		kind = "TMP"
	case StandingDeceased:
		status, state = "11", "DEAD"
		insertAfter(patient, "patientPerson", within(patient, leaf("dateOfDeath", diedOn)))
	}
	caseload := etree.NewElement("caseloadPatient")
	caseload.CreateAttr("updateMode", "add")
	caseload.AddChild(leaf("organisation", organisation))
	caseload.AddChild(leaf("dateRecorded", leftOn+"T00:00:00"))
	stated := caseload.CreateElement("patientStatus")
	stated.AddChild(leaf("status", status))
	stated.AddChild(leaf("caseloadStatus", state))
	caseload.AddChild(leaf("patientType", kind))
	patient.AddChild(within(patient, caseload))
}

// dmy turns YYYY-MM-DD round into the day of a MedicalRecord.
func dmy(day string) string {
	p := strings.Split(day, "-")
	return p[2] + "/" + p[1] + "/" + p[0]
}

func leaf(name, value string) *etree.Element {
	e := etree.NewElement(name)
	e.SetText(value)
	return e
}

// within gives a new element and all in it the prefix of the document it is to
// stand in.
func within(parent, e *etree.Element) *etree.Element {
	e.Space = parent.Space
	for _, c := range e.ChildElements() {
		within(parent, c)
	}
	return e
}

// set sets the text of a child, which is added at the end when it is not there.
func set(parent *etree.Element, name, value string) {
	if parent == nil {
		return
	}
	if c := child(parent, name); c != nil {
		c.SetText(value)
		return
	}
	parent.AddChild(within(parent, leaf(name, value)))
}

// remove removes all children of that name.
func remove(parent *etree.Element, name string) {
	prune(parent, func(e *etree.Element) bool { return e.Tag != name })
}

// replace puts an element of another document in place of one.
func replace(have, with *etree.Element) {
	parent, at := have.Parent(), have.Index()
	parent.RemoveChildAt(at)
	parent.InsertChildAt(at, within(parent, with.Copy()))
}

// insertAfter adds an element behind the child of that name, or at the end.
func insertAfter(parent *etree.Element, name string, e *etree.Element) {
	if c := child(parent, name); c != nil {
		parent.InsertChildAt(c.Index()+1, e)
		return
	}
	parent.AddChild(e)
}

// What Guru's messages say of the patient: the details all but the standing, for
// which no word is published (S §4.3), an extract the number alone, my-record
// nothing.
func numberGuru(root *etree.Element, number string) { set(root, "nhs", strconv.Quote(number)) }
func nobodyGuru(root *etree.Element)                { remove(root, "nhs") }

func stripGuru(root *etree.Element) {
	prune(root, func(e *etree.Element) bool { return e.Tag == "nhs" })
}

func swapGuru(root, other *etree.Element) {
	prune(root, func(*etree.Element) bool { return false })
	for _, e := range other.ChildElements() {
		root.AddChild(e.Copy())
	}
}

func numberExtract(root *etree.Element, number string) {
	if id := descend(root, "ControlActEvent", "subject", "EhrExtract", "recordTarget", "patient", "id"); id != nil {
		id.CreateAttr("extension", number)
	}
}

func nobodyExtract(root *etree.Element) {
	remove(descend(root, "ControlActEvent", "subject", "EhrExtract"), "recordTarget")
}

func numberNowhere(*etree.Element, string) {}
func stripNothing(*etree.Element)          {}
func swapNothing(_, _ *etree.Element)      {}
func standNowhere(*etree.Element, string)  {}

func numberVision(root *etree.Element, number string) {
	if patient := child(root, "patient"); patient != nil {
		patient.CreateAttr("newnhsno", number)
		if patient.SelectAttr("nhs_no") != nil {
			patient.CreateAttr("nhs_no", number)
		}
	}
}

func nobodyVision(root *etree.Element) { remove(root, "patient") }

func stripVision(root *etree.Element) {
	if patient := child(root, "patient"); patient != nil {
		patient.Attr = slices.DeleteFunc(patient.Attr, func(a etree.Attr) bool { return a.Key != "nhs_no" && a.Key != "newnhsno" })
	}
}

func swapVision(root, other *etree.Element) {
	if have, with := child(root, "patient"), child(other, "patient"); have != nil && with != nil {
		replace(have, with)
	}
}

// standVision says the standing as far as Vision's file can: of its words for it
// the one for a patient who is registered is known (S §5.1), so the one said of
// those who are not is nobody's.
func standVision(root *etree.Element, standing string) {
	patient := child(root, "patient")
	if patient == nil {
		return
	}
	switch standing {
	case StandingDeceased:
		patient.CreateAttr("dod", diedOn+"T00:00:00")
		patient.CreateAttr("_dod", "1")
	case StandingUnstated:
		patient.RemoveAttr("reg_status")
	default:
		patient.CreateAttr("reg_status", "REG000")
	}
}
