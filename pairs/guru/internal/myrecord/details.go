package myrecord

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

func decimal(n int) string { return strconv.Itoa(n) }

// IsDetails tells the patient's details from my-record.
func IsDetails(o *Object) bool {
	_, nhs := o.get("nhs")
	_, surname := o.get("surname")
	return nhs || surname
}

// sexes are the spellings of the member sex that were not published but are
// plain; any other stays as words.
var sexes = map[string]string{"m": "M", "male": "M", "f": "F", "female": "F", "i": "I", "indeterminate": "I", "u": "U", "unknown": "U"}

// Details reads the patient's details (S §4.3 "demographics").
func Details(o *Object) (*record.Patient, error) {
	f := &fields{left: o.members}
	p := &record.Patient{Title: f.take("title"), Surname: f.take("surname"), FirstName: f.take("forenames1")}
	p.Forenames = strings.TrimSpace(p.FirstName + " " + f.take("forenames2"))
	number := f.take("nhs")
	nhs, err := record.ParseNHSNumber(number)
	switch {
	case err == nil:
		p.NHS = nhs
	case number == "":
		return nil, &record.Error{Reason: record.ReasonNoPatient, Op: opDecode, Position: "nhs", Err: errors.New("no patient")}
	default:
		p.Registration = append(p.Registration, record.Qualifier{Name: "NHS number as recorded", Value: number})
	}
	born := f.take("dob")
	if p.BirthDate, err = record.ParseISO(born); err != nil {
		p.Registration = append(p.Registration, record.Qualifier{Name: "Date of birth as recorded", Value: born})
	}
	if p.BirthDate.Clock() != "" {
		p.BirthDate = p.BirthDate.Truncate(record.PrecisionDay)
	}
	sex := f.take("sex")
	if value := sexes[strings.ToLower(sex)]; value != "" {
		p.Sex = mapping.Code{Scheme: "guru.sex", Value: value, Term: sex}
	} else if sex != "" {
		p.Registration = append(p.Registration, record.Qualifier{Name: "Sex", Value: sex})
	}
	a := record.Address{House: f.take("houseName"), Street: f.take("roadName"), Village: f.take("locality"), Town: f.take("post_town"), County: f.take("county"),
		Postcode: f.take("postcode")}
	if !a.IsZero() {
		p.Addresses = append(p.Addresses, a)
	}
	for _, key := range []string{"telephone1", "telephone2", "email"} {
		if v := f.take(key); v != "" {
			p.Contacts = append(p.Contacts, record.Contact{Use: strings.TrimRight(key, "12"), Value: v})
		}
	}
	for _, m := range f.left {
		if w := strings.Join(words(m.value), "; "); w != "" {
			p.Registration = append(p.Registration, record.Qualifier{Name: m.key, Value: w})
		}
	}
	return p, nil
}

// EncodeDetails writes the patient's details. The head of the record, and all that
// is known of the patient in words, stands in a member of ours, which a reader of
// the published ones passes over.
func EncodeDetails(rec *record.Record, head []string) ([]byte, error) {
	p := &rec.Patient
	first, others := p.FirstName, strings.TrimSpace(strings.TrimPrefix(p.Forenames, p.FirstName))
	if first == "" {
		first, others, _ = strings.Cut(p.Forenames, " ")
	}
	sex := p.Sex.Value
	var a record.Address
	if len(p.Addresses) > 0 {
		a = p.Addresses[0]
	}
	contact := func(email bool, n int) string {
		for _, c := range p.Contacts {
			if strings.Contains(c.Value, "@") == email {
				if n--; n < 0 {
					return c.Value
				}
			}
		}
		return ""
	}
	return json.Marshal(struct {
		Title     string   `json:"title"`
		Surname   string   `json:"surname"`
		First     string   `json:"forenames1"`
		Others    string   `json:"forenames2"`
		Born      string   `json:"dob"`
		Sex       string   `json:"sex"`
		NHS       string   `json:"nhs"`
		House     string   `json:"houseName"`
		Road      string   `json:"roadName"`
		Locality  string   `json:"locality"`
		Town      string   `json:"post_town"`
		County    string   `json:"county"`
		Postcode  string   `json:"postcode"`
		Email     string   `json:"email"`
		Telephone string   `json:"telephone1"`
		Second    string   `json:"telephone2"`
		Linkspan  []string `json:"linkspan"`
	}{p.Title, p.Surname, first, others, p.BirthDate.Wall(), sex, p.NHS.Digits(), strings.TrimSpace(a.House + " " + a.Number), a.Street, a.Village, a.Town, a.County,
		a.Postcode, contact(true, 0), contact(false, 0), contact(false, 1), lines(append(head, patientLines(p)...))})
}

// lines are never null, and each is one line.
func lines(all []string) []string {
	out := []string{}
	for _, l := range all {
		out = append(out, strings.Split(l, "\n")...)
	}
	return out
}
