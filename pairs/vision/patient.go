package vision

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// document reads a patient file or a view. Every document of an answer is about
// the one patient; a view that names nobody is about the one asked for.
func (d *decoder) document() {
	if d.rec == nil {
		d.rec = record.New(record.Source{System: title})
	}
	inner := d.r.Name() == nameRoot
	if created := d.r.Attr("created"); created != "" {
		d.rec.Source.AsOf, _ = record.ParseISO(created)
	}
	for name := range d.r.Children("") {
		switch {
		case name == "patient" && inner:
			d.patient(0)
			for name := range d.r.Children("") {
				d.item(name, true)
			}
		case name == "patient":
			d.patient(pathPatient + 1)
		case name == "#text":
			d.stray()
		default:
			d.item(name, false)
		}
	}
}

// item reads an element that is an entry.
func (d *decoder) item(name string, inner bool) {
	switch name {
	case "clinical":
		d.clinical(inner)
	case "problems":
		d.problem(inner)
	default:
		d.stray()
	}
}

// stray keeps the words of what nobody knows.
func (d *decoder) stray() {
	d.rec.Add(&record.Entry{Kind: record.KindUnrecognised, At: d.at(), Text: d.r.WordsAndAttributes()})
}

func (d *decoder) at() string { return d.r.Position().String() + " " + d.r.Name().Local }

// attribute is one that is stated.
type attribute struct{ name, value string }

// attributes are those of the current element that hold something: "" is not
// known (S §5.1).
func (d *decoder) attributes() []attribute {
	var all []attribute
	for name, value := range d.r.Attrs() {
		if v := strings.TrimSpace(value); v != "" {
			all = append(all, attribute{strings.TrimPrefix(name.Space+" "+name.Local, " "), v})
		}
	}
	return all
}

// take takes the value of an attribute out of those that are left.
func take(all *[]attribute, name string) string {
	i := slices.IndexFunc(*all, func(a attribute) bool { return a.name == name })
	if i < 0 {
		return ""
	}
	value := (*all)[i].value
	*all = slices.Delete(*all, i, i+1)
	return value
}

// internal are attributes of Vision's own housekeeping: they say nothing of the
// patient.
var internal = []string{"identity", "prac_id", "auditflag", "auditseq", "master_id", "topic", "entity_id"}

// patient reads who the file is about. Several answers give the details once;
// whoever says them again must say the same number.
func (d *decoder) patient(counted int) {
	all := d.attributes()
	stated := slices.Clone(all)
	number, old := take(&all, "newnhsno"), take(&all, "nhs_no")
	number = cmp.Or(number, old)
	nhs, err := record.ParseNHSNumber(number)
	p := &d.rec.Patient
	switch {
	case counted == 0 && number == "":
	case d.patients > 0 && nhs != p.NHS:
		d.err = cmp.Or(d.err, error(&record.Error{Reason: record.ReasonWrongPatient, Op: opDecodeResponse, Position: d.at(), Err: errors.New("a second patient")}))
		return
	case d.patients > 0 && !d.several:
		d.refuse("the patient stands twice")
		return
	}
	if counted > 0 {
		e := d.rec.Add(&record.Entry{Kind: record.KindDemographics, Counted: counted, At: d.at()})
		if d.patients > 0 {
			e.Outcome = record.Duplicate
		}
	}
	if counted > 0 {
		if inside := d.r.Words(); inside != "" {
			p.Registration = append(p.Registration, record.Qualifier{Name: "Unrecognised", Value: inside})
		}
	}
	if d.patients > 0 {
		d.again(stated)
		return
	}
	if number == "" && counted == 0 {
		return
	}
	d.patients++
	d.known = stated
	if err == nil {
		p.NHS = nhs
	} else if number != "" {
		p.Registration = append(p.Registration, record.Qualifier{Name: "NHS number as recorded", Value: number})
	}
	if old != "" && old != number {
		p.OtherIDs = append(p.OtherIDs, record.Identifier{Type: "NHS number (nhs_no)", Value: old})
	}
	p.ID = take(&all, "identity")
	p.Surname, p.Title = take(&all, "surname"), take(&all, "title")
	p.FirstName = take(&all, "forename1")
	p.Forenames = strings.TrimSpace(p.FirstName + " " + take(&all, "forename2"))
	if ods := take(&all, "prac_id"); ods != "" {
		p.Practice = &record.Organisation{ODS: ods}
	}
	p.BirthDate = d.dated(p, "Date of birth", take(&all, "dob"), take(&all, "_dob"))
	dod := take(&all, "dod")
	p.DeathDate = d.dated(p, "Date of death", dod, take(&all, "_dod"))
	if sex := take(&all, "sex"); sex != "" {
		if words := sexes[sex]; words != "" {
			p.Sex = mapping.Code{Scheme: schemeSex, Value: sex, Term: words}
		} else {
			p.Registration = append(p.Registration, record.Qualifier{Name: "Sex", Value: sex})
		}
	}
	d.address(p, &all)
	p.Status = take(&all, "reg_status")
	if p.Status == registered {
		p.Standing = record.Registered
	}
	if dod != "" {
		p.Standing = record.Deceased
	}
	if gp := take(&all, "usual_gp"); gp != "" {
		p.UsualGP = d.clinician(gp)
	}
	if gp := take(&all, "reg_gp"); gp != "" {
		p.Registered = d.clinician(gp)
	}
	if chi := take(&all, "chi_no"); chi != "" {
		p.OtherIDs = append(p.OtherIDs, record.Identifier{Type: "CHI number", Value: chi})
	}
	p.RegisteredOn = d.dated(p, "Registered on", take(&all, "accept"), take(&all, "_accept"))
	for _, a := range all {
		if !slices.Contains(internal, a.name) && !(strings.HasPrefix(a.name, "_") && a.value == "1") {
			p.Registration = append(p.Registration, record.Qualifier{Name: "Vision " + a.name, Value: a.value})
		}
	}
}

// again compares what another view says of the patient with what the first said:
// one born on another day is another patient, and what else differs stands
// beside it.
func (d *decoder) again(stated []attribute) {
	for _, a := range stated {
		i := slices.IndexFunc(d.known, func(k attribute) bool { return k.name == a.name })
		switch {
		case i >= 0 && d.known[i].value == a.value, slices.Contains(internal, a.name), strings.HasPrefix(a.name, "_"):
		case i >= 0 && a.name == "dob":
			d.err = cmp.Or(d.err, error(&record.Error{Reason: record.ReasonWrongPatient, Op: opDecodeResponse, Position: d.at(), Err: errors.New("a second date of birth")}))
		default:
			d.known = append(d.known, a)
			d.rec.Patient.Registration = append(d.rec.Patient.Registration, record.Qualifier{Name: "Vision " + a.name + ", in another view", Value: a.value})
		}
	}
}

// registered is the one status of S §5.1; what others mean is not published, so
// that they say nothing of the standing.
const registered = "REG002"

// sexes are the two of S §5.1; others stand as they are.
var sexes = map[string]string{"SEX001": "Male", "SEX002": "Female"}

// addressParts are the attributes of an address. Of these only postcode is in
// the published sample; the others are inferred.
func (d *decoder) address(p *record.Patient, all *[]attribute) {
	a := record.Address{House: take(all, "house"), Street: take(all, "road"), Village: take(all, "locality"), Town: take(all, "town"),
		County: take(all, "county"), Postcode: take(all, "postcode")}
	if !a.IsZero() {
		p.Addresses = append(p.Addresses, a)
	}
	if telephone := take(all, "telephone"); telephone != "" {
		p.Contacts = append(p.Contacts, record.Contact{Value: telephone})
	}
}

// dated reads a date of the patient. The flag beside it is 1 in all that was
// seen: with another nobody knows how much of the date is true.
func (d *decoder) dated(p *record.Patient, label, value, flag string) record.Date {
	date, err := day(value, flag)
	if err != nil {
		p.Registration = append(p.Registration, record.Qualifier{Name: label + " as recorded", Value: value})
	}
	return date
}

var errPrecision = errors.New("a precision nobody knows")

// day reads a date, which always has a time of midnight, or a time where that
// is another.
func day(value, flag string) (record.Date, error) {
	date, err := record.ParseISO(value)
	switch {
	case err != nil:
		return record.Date{}, err
	case value != "" && flag != "" && flag != "1":
		return record.Date{}, errPrecision
	case date.Clock() == "00:00:00" || date.Clock() == "00:00":
		return date.Truncate(record.PrecisionDay), nil
	}
	return date, nil
}

// clinician is a member of staff by Vision's own number; who that is, no message
// says.
func (d *decoder) clinician(number string) *record.Person {
	if p := d.staff[number]; p != nil {
		return p
	}
	p := &record.Person{ID: number, Display: number}
	if strings.Trim(number, "1234567890") == "" {
		p.Display = "Clinician " + number
	}
	d.staff[number] = p
	return p
}
