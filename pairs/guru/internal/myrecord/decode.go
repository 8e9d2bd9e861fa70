package myrecord

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// part is one part of my-record: its member, the section and kind of what is in
// it (S §4.3).
type part struct {
	name    string
	section record.Section
	kind    record.Kind
}

// partsOf are the parts in the order they are written.
var partsOf = []part{
	{"allergies", record.Allergies, record.KindAllergy},
	{"drugs", record.Medication, record.KindMedication},
	{"vaccinations", record.Immunisations, record.KindImmunisation},
	{"medicalProblems", record.Problems, record.KindProblem},
	{testResults, record.Investigations, record.KindResult},
	{medicalHistory, record.Observations, record.KindObservation},
	{"recalls", record.Diary, record.KindDiary},
	{"encounters", record.Consultations, record.KindConsultation},
	{"referral", record.Referrals, record.KindReferral},
}

const (
	testResults    = "testResults"
	medicalHistory = "medicalHistory"
)

// groups are the two lists of test results, whose names are inferred.
var groups = []string{"inrResults", "pathResults"}

// Entries are the ways an entry stands in my-record, as Spell spells it. Those
// of test results are two levels down.
func Entries() []record.EntryPath {
	var all []record.EntryPath
	for _, p := range partsOf {
		paths := []string{"data"}
		if p.name == testResults {
			paths = []string{"data/inrResults/data", "data/pathResults/data"}
		}
		for _, path := range paths {
			all = append(all, record.EntryPath{EntryPath: xmlio.EntryPath{Path: "my-record/" + p.name + "/" + path + "/item"}, Section: p.section})
		}
	}
	return all
}

// count counts the entries of a document by tokens alone: what an array called
// data holds, by the members it stands in.
func count(doc []byte) []int {
	paths := Entries()
	counts := make([]int, len(paths))
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var walk func(way string)
	walk = func(way string) {
		token, err := d.Token()
		if err != nil {
			return
		}
		delim, ok := token.(json.Delim)
		if !ok {
			return
		}
		for d.More() {
			inner := way + "/item"
			if delim == '{' {
				key, err := d.Token()
				if err != nil {
					return
				}
				name, _ := key.(string)
				inner = way + "/" + name
			} else {
				for i, p := range paths {
					if p.Path == inner {
						counts[i]++
					}
				}
			}
			before := d.InputOffset()
			walk(inner)
			if d.InputOffset() == before {
				return
			}
		}
		_, _ = d.Token()
	}
	walk("my-record")
	return counts
}

// decoder is my-record while it is read.
type decoder struct {
	rec   *record.Record
	base  int
	paths []record.EntryPath
}

// Decode reads my-record. Entry.Counted is base + 1 + the index of its path in
// Entries. What hasAccess and hasErrored say becomes the state of the section: a
// part that may not be seen, or could not be read, is never an empty one (S
// §4.3). The counts are those of a pass of its own over the bytes.
func Decode(o *Object, doc []byte, base int) (*record.Record, []int, error) {
	d := &decoder{rec: record.New(record.Source{}), base: base, paths: Entries()}
	known := false
	for _, m := range o.members {
		found := false
		for _, p := range partsOf {
			if p.name == m.key {
				found, known = true, true
				d.part(p, m.value)
			}
		}
		if !found {
			d.other(m.key, m.value)
		}
	}
	if !known {
		return nil, nil, fault(0, "neither my-record nor the patient's details")
	}
	supplied := record.SectionsOf(record.Demographics, record.Unrecognised)
	for _, p := range partsOf {
		supplied |= record.SectionsOf(p.section)
		if _, ok := o.get(p.name); !ok {
			d.rec.Fail(p.section, p.name, "it is not in the answer")
		}
	}
	d.rec.Supply(supplied)
	for _, s := range record.Sections() {
		if !supplied.Has(s) {
			d.rec.Declare(s, record.NotSupported)
		}
	}
	return d.rec, count(doc), nil
}

// flag reads a boolean, which some builds send as a string (S §4.3).
func flag(o *Object, key string) (set, ok bool) {
	switch v, _ := o.get(key); v {
	case true, "true":
		return true, true
	case false, "false":
		return false, true
	}
	return false, false
}

func (d *decoder) part(p part, value any) {
	o, ok := value.(*Object)
	if !ok {
		d.rec.Fail(p.section, p.name, "not an object")
		return
	}
	access, stated := flag(o, "hasAccess")
	errored, also := flag(o, "hasErrored")
	switch {
	case !stated || !also:
		d.rec.Fail(p.section, p.name, "it does not say whether it may be seen and could be read")
	case errored:
		d.rec.Fail(p.section, p.name, "Guru could not read it")
	case !access:
		d.rec.Declare(p.section, record.Denied)
	}
	d.others(p.name, o, "hasAccess", "hasErrored", "count", "data")
	data, _ := o.get("data")
	if data == nil && stated && !access { // nothing of it is there to be counted
		return
	}
	held := 0
	if p.name == testResults {
		held = d.groups(p, data)
	} else {
		held = d.items(p, p.name, data)
	}
	d.counted(p, o, held)
	if held > 0 && stated && !access {
		d.rec.Fail(p.section, p.name, "entries of what may not be seen")
	}
}

// groups reads the lists of test results.
func (d *decoder) groups(p part, data any) int {
	inner, ok := data.(*Object)
	if !ok {
		d.rec.Fail(p.section, p.name, "data is no object")
		d.other(p.name+"/data", data)
		return 0
	}
	held := 0
	for _, g := range groups {
		v, there := inner.get(g)
		if !there {
			continue
		}
		list, _ := v.(*Object)
		at := p.name + "/data/" + g
		entries, _ := list.get("data")
		n := d.items(p, at, entries)
		d.counted(p, list, n)
		d.others(at, list, "count", "data")
		held += n
	}
	d.others(p.name+"/data", inner, groups...)
	return held
}

// others keeps the words of the members of an object that are none of those
// known.
func (d *decoder) others(at string, o *Object, known ...string) {
	if o == nil {
		return
	}
	for _, m := range o.members {
		if !slices.Contains(known, m.key) {
			d.other(at+"/"+m.key, m.value)
		}
	}
}

// other keeps the words of what is not known.
func (d *decoder) other(at string, value any) {
	if w := strings.Join(words(value), "; "); w != "" {
		d.rec.Add(&record.Entry{Kind: record.KindUnrecognised, At: at, Text: at + ": " + w})
	}
}

// counted holds what a part says it has against what it has.
func (d *decoder) counted(p part, o *Object, held int) {
	said := ""
	switch v, _ := o.get("count"); v := v.(type) {
	case json.Number:
		said = string(v)
	case string: // as flags are in some builds
		said = v
	}
	if said != decimal(held) {
		d.rec.Fail(p.section, p.name, "the count is not that of the data")
	}
}

// items reads the entries of a list.
func (d *decoder) items(p part, at string, data any) int {
	list, ok := data.([]any)
	if !ok {
		d.rec.Fail(p.section, at, "data is no list")
		d.other(at+"/data", data)
		return 0
	}
	for _, v := range list {
		e := &record.Entry{Kind: p.kind, At: at}
		for i, path := range d.paths {
			if path.Path == "my-record/"+at+"/data/item" {
				e.Counted = d.base + i + 1
			}
		}
		d.rec.Add(e)
		item, ok := v.(*Object)
		if !ok {
			e.Kind, e.Text = record.KindUnrecognised, strings.Join(words(v), "; ")
			d.rec.Fail(p.section, at, "an entry that is no object")
			continue
		}
		d.item(e, item)
		if e.Text == "" && (e.Kind == record.KindAllergy || e.Kind == record.KindMedication) {
			d.rec.Fail(p.section, at, "an entry that does not say to what or of what it is")
		}
	}
	return len(list)
}

// words are a value's texts.
func words(v any) []string {
	switch t := v.(type) {
	case string:
		return []string{t}
	case json.Number:
		return []string{string(t)}
	case bool:
		return []string{map[bool]string{true: "true", false: "false"}[t]}
	case []any:
		var all []string
		for _, inner := range t {
			all = append(all, words(inner)...)
		}
		return all
	case *Object:
		var all []string
		for _, m := range t.members {
			if w := strings.Join(words(m.value), " "); w != "" {
				all = append(all, m.key+": "+w)
			}
		}
		return all
	}
	return nil
}

// fields are the members of an entry that were not read yet. odd says that one
// that is read as text was something else, whose words were kept.
type fields struct {
	left []member
	odd  bool
}

func (f *fields) take(key string) string {
	for i, m := range f.left {
		if m.key == key {
			f.left = append(f.left[:i:i], f.left[i+1:]...)
			switch m.value.(type) {
			case bool, []any, *Object:
				f.odd = true
			}
			return strings.TrimSpace(strings.Join(words(m.value), "; "))
		}
	}
	return ""
}

// item reads one entry. What its kind has no place for stays as words.
func (d *decoder) item(e *record.Entry, o *Object) {
	f := &fields{left: o.members}
	e.ID = f.take("id")
	switch e.Kind {
	case record.KindAllergy:
		allergy(e, f)
	case record.KindMedication:
		drug(e, f)
	case record.KindProblem:
		problem(e, f)
	case record.KindImmunisation:
		e.Text, e.Date = f.take("description"), date(e, f, "date")
		e.Immunisation = &record.Immunisation{NotGiven: saysNotGiven(e.Text)}
	case record.KindResult:
		result(e, f)
	case record.KindDiary:
		e.Diary = &record.DiaryBody{}
		e.Text, e.Recorded, e.Date = f.take("name"), date(e, f, "recordDate"), date(e, f, "nextDate")
		e.Texts = unlabelled(f.take("description"))
	case record.KindReferral:
		e.Referral = &record.Referral{Specialty: f.take("speciality"), Reference: f.take("ubrn")}
		e.Text, e.Date = f.take("description"), date(e, f, "recordDate")
	case record.KindConsultation:
		e.Consultation = &record.Consultation{}
		e.Text, e.Date = f.take("description"), date(e, f, "date")
	default:
		e.Text, e.Date = f.take("rubric"), date(e, f, "start_date")
		e.Texts = unlabelled(f.take("description"))
		if mapping.ClassOf(e.Text) == mapping.FamilyHistory {
			e.Kind = record.KindFamilyHistory
		}
	}
	if f.odd {
		d.rec.Fail(e.Kind.Section(), e.At, "a member that should be text")
	}
	for _, m := range f.left {
		if w := strings.TrimSpace(strings.Join(words(m.value), "; ")); w != "" {
			e.Texts = append(e.Texts, record.Text{Label: label(m.key), Value: w})
		}
	}
}

// unlabelled is a text without a label, or none.
func unlabelled(words string) []record.Text {
	if words == "" {
		return nil
	}
	return []record.Text{{Value: words}}
}

// date reads a date or a date with a time; other words stay as they are.
func date(e *record.Entry, f *fields, key string) record.Date {
	value := f.take(key)
	d, err := record.ParseISO(value)
	if err != nil {
		e.Notes = append(e.Notes, label(key)+" as recorded: "+value)
	}
	return d
}

// saysNotGiven tells a vaccination that was not given by the one phrase that
// means nothing else; words such as "no reaction" are about one that was.
func saysNotGiven(words string) bool {
	return strings.Contains(strings.ToLower(firstLine(words)), "not given")
}

// firstLine leaves out the lines that were put behind an entry's own words.
func firstLine(words string) string {
	line, _, _ := strings.Cut(words, "\n")
	return line
}

func allergy(e *record.Entry, f *fields) {
	e.Text, e.Date = f.take("description"), date(e, f, "start_date")
	a := &record.Allergy{Absent: record.SaysNoAllergies(firstLine(e.Text))}
	e.Allergy = a
	switch kind := f.take("type"); kind {
	case "Drug":
		a.Class = record.AllergyDrug
	case "":
	default: // which may be a drug too
		e.Texts = append(e.Texts, record.Text{Label: "Type", Value: kind})
	}
	if severity := f.take("severity"); severity != "" && severity != noSeverity {
		e.Texts = append(e.Texts, record.Text{Label: "Severity", Value: severity})
	}
}

func drug(e *record.Entry, f *fields) {
	m := &record.MedicationBody{Dosage: f.take("dosage"), QuantityWords: f.take("quantity")}
	e.Medication = m
	e.Text, e.Date = f.take("name"), date(e, f, "prescribed_date")
	m.FirstIssue = date(e, f, "first_prescribed_date")
	switch kind := f.take("status"); kind {
	case "Repeat":
		m.Type = mapping.Code{Scheme: "guru.prescription-type", Value: "repeat", Term: kind}
	case "Acute":
		m.Type = mapping.Code{Scheme: "guru.prescription-type", Value: "acute", Term: kind}
	case "":
	default:
		e.Notes = append(e.Notes, "Type as recorded: "+kind)
	}
	switch state := f.take("type"); state {
	case "Current":
		m.Status = mapping.Code{Scheme: "guru.drug-status", Value: "active", Term: state}
	case "History":
		m.Status = mapping.Code{Scheme: "guru.drug-status", Value: "ended", Term: state}
	case "":
	default:
		e.Notes = append(e.Notes, "Status as recorded: "+state)
	}
}

func problem(e *record.Entry, f *fields) {
	p := &record.Problem{}
	e.Problem = p
	e.Text, e.Date = f.take("rubric"), date(e, f, "start_date")
	switch end := f.take("finish_date"); end {
	case "Ongoing":
		p.Status = mapping.Code{Scheme: "guru.problem-status", Value: "active", Term: "Active problem"}
	case "":
	default:
		d, err := record.ParseISO(end)
		if err != nil {
			e.Notes = append(e.Notes, "End date as recorded: "+end)
			break
		}
		p.End = d
		p.Status = mapping.Code{Scheme: "guru.problem-status", Value: "inactive", Term: "Inactive problem"}
	}
}

func result(e *record.Entry, f *fields) {
	name, element := f.take("name"), f.take("elementName")
	if e.Text = element; e.Text == "" {
		e.Text = f.take("codeDescr")
	}
	if name != "" && name != e.Text {
		e.Texts = append(e.Texts, record.Text{Label: "Test", Value: name})
	}
	if e.Date = date(e, f, "recordDate"); e.Date.IsZero() {
		e.Date = date(e, f, "recordDateTime")
	}
	value, unit := f.take("value"), f.take("units")
	number := strings.Trim(value, "1234567890.") == "" && strings.Count(value, ".") < 2 && strings.Trim(value, ".") != ""
	switch {
	case value == "" && unit == "":
	case value == "":
		e.Value = &record.Value{Unit: unit}
	case number:
		e.Value = &record.Value{Number: value, Unit: unit}
	default:
		e.Value = &record.Value{Text: strings.TrimSpace(value + " " + unit)}
	}
}

// label is what a reader calls a member.
func label(key string) string {
	if l := labels[key]; l != "" {
		return l
	}
	return key
}

var labels = map[string]string{"severity": "Severity", "reason": "Reason", "nextDate": "Next", "status": "Status", "result": "Result", "description": "Description",
	"therapy": "Therapy", "target": "Target", "dose": "Dose", "nextTestDate": "Next test", "start_date": "Date", "recordDate": "Recorded", "date": "Date",
	"prescribed_date": "Prescribed", "first_prescribed_date": "First prescribed", "recordDateTime": "Recorded"}
