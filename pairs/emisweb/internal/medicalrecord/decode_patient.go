package medicalrecord

import (
	"strings"

	"github.com/linkspan/linkspan/record"
)

// register keeps what the document says about the registration, in words.
func (d *decoder) register(name, words string) {
	if strings.TrimSpace(words) != "" {
		d.rec.Patient.Registration = append(d.rec.Patient.Registration, record.Qualifier{Name: name, Value: words})
	}
}

// registration reads the patient (E §2).
func (d *decoder) registration() {
	p := &d.rec.Patient
	var id ident
	var current, home record.Address
	var dead string
	var undated bool // dead on a date that is none
	for name := range d.fields(nil) {
		switch name {
		case "DateOfBirth":
			p.BirthDate = d.stamp(nil, "Date of birth as recorded", d.value())
		case "Sex":
			d.sex()
		case "PreviousNames":
			p.Previous = d.value()
		case "FamilyName":
			p.Surname = d.value()
		case "CallingName":
			p.KnownAs = d.value()
		case "FirstNames":
			p.Forenames = d.value()
		case "Title":
			p.Title = d.value()
		case "NhsNumber":
			d.nhsNumber()
		case "Address":
			current = d.address(nil)
		case "HomeAddress":
			home = d.address(nil)
		case "HomeTelephone":
			d.contactOf("home")
		case "WorkTelephone":
			d.contactOf("work")
		case "Mobile":
			d.contactOf("mobile")
		case "Email":
			d.contactOf("email")
		case "RegisteredGpID":
			d.person(nil, "Registered GP", &p.Registered)
		case "UsualGpID":
			d.person(nil, "Usual GP", &p.UsualGP)
		case "TradingHaID":
			d.named(nil, "Health authority", inLocations)
		case "PrisonDoctorGP":
			d.named(nil, "Prison doctor", inPeople)
		case "DateOfDeath":
			words := d.value()
			p.DeathDate = d.stamp(nil, "Date of death as recorded", words)
			undated = words != "" && p.DeathDate.IsZero()
		case "Dead":
			dead = d.value()
		case "PolicyId":
			d.confidential(&p.Confidential)
		case "CustomRegistrationFields":
			d.each(nil, "CustomRegistrationEntry", d.custom)
		default:
			if !id.read(d, name) {
				d.patientField(name)
			}
		}
	}
	d.dead(dead, undated)
	if key := id.name("Registration"); key != "" {
		p.ID = key
	}
	d.addresses(current, home)
}

// addresses tells the two apart: a HomeAddress is stated for a temporary
// resident, whose Address is the temporary one.
func (d *decoder) addresses(current, home record.Address) {
	p := &d.rec.Patient
	current.Use = "home"
	if !home.IsZero() {
		current.Use, home.Use = "temporary", "home"
	}
	for _, a := range []record.Address{current, home} {
		if !a.IsZero() {
			p.Addresses = append(p.Addresses, a)
		}
	}
}

func (d *decoder) dead(native string, undated bool) {
	p := &d.rec.Patient
	p.Dead = undated
	switch native {
	case "", "0":
	case "1":
		p.Dead = p.DeathDate.IsZero()
	default:
		d.register("Dead", native)
	}
	if p.Dead || !p.DeathDate.IsZero() {
		d.rec.Warn(record.Warning{Code: record.WarnDeceased, Section: record.Demographics, Detail: p.DeathDate.Words()})
	}
}

// nhsNumber reads the number; one that is none is kept as what was recorded.
func (d *decoder) nhsNumber() {
	p := &d.rec.Patient
	s := d.value()
	number, err := record.ParseNHSNumber(s)
	if err != nil && s != "" {
		p.OtherIDs = append(p.OtherIDs, record.Identifier{Type: "NHS number as recorded (not valid)", Value: s})
	}
	p.NHS = number
}

// sex reads a free string, of which EMIS's own letters are understood.
func (d *decoder) sex() {
	native := d.value()
	code, _, known := readSlot("sex", native)
	if !known {
		d.register("Sex as recorded", native)
	}
	d.rec.Patient.Sex = code
}

func (d *decoder) contactOf(use string) {
	if v := d.value(); v != "" {
		p := &d.rec.Patient
		p.Contacts = append(p.Contacts, record.Contact{Use: use, Value: v})
	}
}

// patientField reads a field of the patient by labels.tsv.
func (d *decoder) patientField(name string) {
	l, ok := labels["Registration"].byElement[name]
	switch {
	case !ok:
		d.register(unrecognised, d.all())
	case l.form == "id":
		if v := d.value(); v != "" {
			d.rec.Patient.OtherIDs = append(d.rec.Patient.OtherIDs, record.Identifier{Type: l.name, Value: v})
		}
	default:
		words := d.value()
		d.register(l.name, words)
		switch name {
		case "DeductedDate":
			d.standing.deducted = words
		case "Archived":
			d.standing.archived = words
		}
	}
}

// stand sets how the patient stands, now that all of it is read.
func (d *decoder) stand() {
	p := &d.rec.Patient
	p.Standing, p.LeftOn = d.standing.judge()
	if p.Dead || !p.DeathDate.IsZero() {
		p.Standing = record.Deceased
	}
	p.Superseded = p.Former(p.NHS)
}

// custom reads a field the practice made up.
func (d *decoder) custom() {
	var field, value string
	for name := range d.fields(nil) {
		switch name {
		case "FieldName":
			field = d.value()
		case "FieldValue":
			value = d.value()
		default:
			d.unknown(nil)
		}
	}
	if value == "" && field != "" {
		value = "(no value)"
	}
	d.register(field, value)
}

// registrationChange reads one change of the registration.
func (d *decoder) registrationChange() {
	var field, value, date string
	var by *record.Person
	for name := range d.fields(nil) {
		switch name {
		case "FieldName":
			field = d.value()
		case "FieldValue":
			value = d.value()
		case "DateChanged":
			date = d.value()
		case "UserID":
			d.person(nil, "Registration changed by", &by)
		default:
			d.unknown(nil)
		}
	}
	i := len(d.rec.Patient.Registration)
	d.rec.Patient.Registration = append(d.rec.Patient.Registration, record.Qualifier{Name: "Until changed: " + field})
	d.late = append(d.late, func() {
		words := value + " (changed " + date
		if by != nil {
			words += " by " + by.Name()
		}
		d.rec.Patient.Registration[i].Value = words + ")"
	})
}

// miscellaneous reads what is about the patient and not in the registration.
// The prescribing message is a warning EMIS shows on its prescribing screen.
func (d *decoder) miscellaneous() {
	for name := range d.fields(nil) {
		switch name {
		case "MedicationMessage":
			if words := strings.TrimSpace(d.text()); words != "" {
				d.rec.Warn(record.Warning{Code: record.WarnSender, Section: record.Medication, Detail: words})
			}
		case "AutomaticWeekNumber":
			d.register(labels["MiscellaneousData"].byElement[name].name, d.value())
		default:
			d.unknown(nil)
		}
	}
}

// registrationStatus reads where the registration stands and how it came there.
func (d *decoder) registrationStatus() {
	for name := range d.fields(nil) {
		switch name {
		case "CurrentStatus":
			status, kind := d.status(&d.standing)
			d.rec.Patient.Status = status
			d.register(patientType, kind)
		case "StatusHistoryList":
			d.each(nil, "StatusHistory", func() {
				var earlier standing
				status, kind := d.status(&earlier)
				d.register("Earlier registration status", sentence(status, earlier.since, kind))
			})
		case "RegistrationHistoryList":
			d.each(nil, "RegistrationHistory", d.registrationHistory)
		default:
			d.unknown(nil)
		}
	}
}

const patientType = "Patient type"

// status reads a StatusType. The numbers of the status are EMIS's own and not
// published; its term is what a reader sees. What the current one says of the
// registration is kept in words too.
func (d *decoder) status(s *standing) (status, kind string) {
	current := s == &d.standing
	var id ident
	for name := range d.fields(nil) {
		if id.read(d, name) {
			continue
		}
		l, ok := labels["CurrentStatus"].byElement[name]
		switch {
		case name == "Code":
			status, _ = d.integerCode("", "code ")
		case name == "PatientType":
			kind, s.kind = d.integerCode("patient-type", "type ")
		case name == "StatusDate" && !current:
			s.since = d.value()
		case !current || !ok:
			d.register(unrecognised, d.all())
		default:
			native := d.value()
			switch name {
			case "StatusDate":
				s.since = native
			case "PracticeRegistered":
				s.practice = native
			}
			if l.form[0] == '=' {
				d.register(l.name, spell(l.form[1:], native))
			} else {
				d.register(l.name, native)
			}
		}
	}
	return status, kind
}

// integerCode reads an IntegerCodeType into words, with its value.
func (d *decoder) integerCode(slot, prefix string) (words, value string) {
	n := d.code(nil)
	words = n.term
	if words == "" && slot != "" {
		_, words, _ = readSlot(slot, n.value)
	}
	if words == "" && n.value != "" {
		words = prefix + n.value
	}
	return sentence(words, n.scheme, n.oldCode, n.mapCode, n.mapScheme), n.value
}

// registrationHistory reads one registration. One without an end is when the
// patient was registered.
func (d *decoder) registrationHistory() {
	var from, to, kind, native string
	for name := range d.fields(nil) {
		switch name {
		case "DateRegistered":
			from = d.value()
		case "DateDeregistered":
			to = d.value()
		case "PatientType":
			kind, native = d.integerCode("patient-type", "type ")
		default:
			d.unknown(nil)
		}
	}
	d.standing.history = append(d.standing.history, registered{from, to, native})
	p := &d.rec.Patient
	if date, err := record.ParseDMY(from); err == nil && to == "" && kind == "" && p.RegisteredOn.IsZero() {
		p.RegisteredOn = date
		return
	}
	if from != "" {
		from = "from " + from
	}
	if to != "" {
		to = "until " + to
	}
	d.register("Registration", sentence(from, to, kind))
}

// sentence joins what is stated.
func sentence(parts ...string) string {
	var stated []string
	for _, p := range parts {
		if p != "" {
			stated = append(stated, p)
		}
	}
	return strings.Join(stated, ", ")
}

// originator reads who sent the document.
func (d *decoder) originator() {
	for name := range d.fields(nil) {
		switch name {
		case "System":
			var system, version string
			for name := range d.fields(nil) {
				switch name {
				case "Name":
					system = d.value()
				case "Version":
					version = d.value()
				default:
					d.unknown(nil)
				}
			}
			if s := strings.TrimSpace(system + " " + version); system != "" {
				d.rec.Source.System = s
			} else if version != "" {
				d.rec.Source.System += " " + version
			}
		case "Organisation":
			id := d.reference(nil)
			d.late = append(d.late, func() {
				if o, ok := d.locations.find(id); ok {
					d.rec.Source.Organisation, d.rec.Source.ODS = o.Name, o.ODS
					d.rec.Patient.Practice = o
				}
			})
		case "OrganisationType":
		default:
			d.unknown(nil)
		}
	}
}

// messageInformation reads when the document was made, and the error it may
// hold instead of a record. Why it was made is the envelope's business.
func (d *decoder) messageInformation() {
	var day, clock string
	for name := range d.fields(nil) {
		switch name {
		case "MessagingError":
			d.refusal = &MessagingError{}
			for name := range d.fields(nil) {
				switch name {
				case "ErrorString":
					d.refusal.Words = d.value()
				case "Errornumber":
					d.refusal.Number = d.value()
				default:
					d.unknown(nil)
				}
			}
		case "DateCreated":
			day = d.value()
		case "TimeCreated":
			clock = d.value()
		case "MessagePurpose":
		default:
			d.unknown(nil)
		}
	}
	if made, err := record.ParseDMY(day); err == nil {
		d.rec.Source.AsOf, _ = made.WithClock(clock) // as it was, where the time is none
	}
}
