package systmone

import (
	"context"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const (
	opDecodeRequest = "systmone: decode request"
	opEncodeRequest = "systmone: encode request"
)

// requestReader reads one ClientIntegrationRequest (S §1.2, §1.3). The first
// fault found stays; reading goes on so that the ids are there to answer with.
type requestReader struct {
	r   *xmlio.Reader
	q   record.Request
	err error

	version    string
	identities int
	filtered   bool
	flags      map[filterFlag]bool
	codes      []mapping.Code
	numerics   []mapping.Code
}

// DecodeRequest reads GetPatientRecord. Other functions, identities other than
// an NHS number and filters it does not know are ReasonUnsupported: to leave a
// filter out would answer another question than the one asked. The ids read
// are in the Request beside any error.
func (c *codec) DecodeRequest(ctx context.Context, msg []byte) (record.Request, error) {
	r, err := xmlio.Open(ctx, msg, xmlio.Options{Limits: c.limits})
	if err != nil {
		return record.Request{}, record.Fault(record.ReasonBadMessage, opDecodeRequest, err)
	}
	if r.Name() != (xmlio.Name{Local: requestRoot}) {
		return record.Request{}, fault(record.ReasonBadMessage, opDecodeRequest, r, "the root is not "+requestRoot)
	}
	d := &requestReader{r: r, flags: map[filterFlag]bool{}}
	d.q.CodeScheme, d.q.DrugScheme = mapping.CTV3, mapping.Multilex
	d.envelope()
	if err := r.Close(); err != nil {
		return d.ids(), record.Fault(record.ReasonBadMessage, opDecodeRequest, err)
	}
	d.settle()
	if d.err != nil {
		return d.ids(), d.err
	}
	return d.q, nil
}

// ids is what an answer must echo, and nothing else of a request that failed.
func (d *requestReader) ids() record.Request {
	return record.Request{MessageID: d.q.MessageID, Device: d.q.Device, Operation: d.q.Operation}
}

func (d *requestReader) fail(reason record.Reason, why string) {
	if d.err == nil {
		d.err = fault(reason, opDecodeRequest, d.r, why)
	}
}

// value reads a single-valued element without children.
func (d *requestReader) value() string {
	if d.r.Repeated() {
		d.fail(record.ReasonBadMessage, "repeated element")
		return ""
	}
	return d.listed()
}

// listed reads an element that may stand several times.
func (d *requestReader) listed() string {
	s := trim(d.r.Text())
	if d.r.Mixed() {
		d.fail(record.ReasonBadMessage, "elements where a value was expected")
	}
	return s
}

func (d *requestReader) envelope() {
	for name := range d.r.Children("") {
		switch name {
		case "APIKey":
			d.value() // the far side's secret; who may ask is not decided here
		case "DeviceID":
			d.q.Device = d.value()
		case "DeviceVersion":
			d.q.Requester.Software = d.value()
		case "RequestUID":
			if id := d.value(); d.q.MessageID == "" {
				d.q.MessageID = id
			}
		case "Function":
			if f := d.value(); d.q.Operation == "" {
				d.q.Operation = f
			}
		case "FunctionVersion":
			d.version = d.value()
		case "OutputScheme":
			d.outputScheme()
		case "FunctionParameters":
			if d.r.Repeated() {
				d.fail(record.ReasonBadMessage, "repeated element")
			}
			d.parameters()
		default:
			// An unknown part of the envelope says nothing about the record.
		}
	}
}

func (d *requestReader) outputScheme() {
	if d.r.Repeated() {
		d.fail(record.ReasonBadMessage, "repeated element")
	}
	for name := range d.r.Children("") {
		switch name {
		case "Drugs":
			switch d.value() {
			case "":
			case "Multilex", "Mulitlex": // the second is a misprint of the documents
				d.q.DrugScheme = mapping.Multilex
			case "Dmd":
				d.q.DrugScheme = mapping.DMD
			default:
				d.fail(record.ReasonUnsupported, "drug scheme not known")
			}
		case "Codes":
			switch d.value() {
			case "":
			case "CTV3":
				d.q.CodeScheme = mapping.CTV3
			case "Snomed":
				d.q.CodeScheme = mapping.SNOMED
			default:
				d.fail(record.ReasonUnsupported, "coding scheme not known")
			}
		default:
			d.fail(record.ReasonUnsupported, "output scheme for something not known")
		}
	}
}

func (d *requestReader) parameters() {
	for name := range d.r.Children("") {
		switch name {
		case "Identity":
			if d.r.Repeated() {
				d.fail(record.ReasonBadMessage, "repeated element")
			}
			d.identity()
		case "Filter":
			if d.r.Repeated() {
				d.fail(record.ReasonBadMessage, "repeated element")
			}
			d.filter()
		case "LeaveRecordOpen":
			d.value() // about the asker's own screen
		default:
			if d.q.Operation == "" || d.q.Operation == function {
				d.fail(record.ReasonUnsupported, "parameter not known")
			}
		}
	}
}

// identity accepts both spellings of the one element (S §1.2 "Casing
// ambiguity").
func (d *requestReader) identity() {
	for name := range d.r.Children("") {
		d.identities++
		switch name {
		case "NhsNumber", "NHSNumber":
			d.nhsNumber()
		case "PseudoNumber", "ClientID", "StrategicReportingIdentifier":
			d.fail(record.ReasonUnsupported, "the patient is not identified by NHS number")
		default:
			d.fail(record.ReasonUnsupported, "identity not known")
		}
	}
	if d.identities > 1 {
		d.fail(record.ReasonBadMessage, "more than one identity")
	}
}

// nhsNumber reads the patient's number. One that is none is answered as any
// number that nobody has (safety CS-07).
func (d *requestReader) nhsNumber() {
	s := d.value()
	n, err := record.ParseNHSNumber(s)
	switch {
	case s == "":
		d.fail(record.ReasonBadMessage, "no number")
	case err != nil:
		d.fail(record.ReasonNotFound, err.Error())
	}
	d.q.Patient.NHS = n
}

func (d *requestReader) filter() {
	for name := range d.r.Children("") {
		d.filtered = true
		switch name {
		case "MinEffectiveDate":
			d.bound(&d.q.Effective.From)
		case "MaxEffectiveDate":
			d.bound(&d.q.Effective.To)
		case "MinEntryDate":
			d.bound(&d.q.Entered.From)
		case "MaxEntryDate":
			d.bound(&d.q.Entered.To)
		case "ClinicalCode":
			d.codes = d.code(d.codes)
		case "Numeric":
			d.numerics = d.code(d.numerics)
		case "UserNameDoneBy":
			if user := d.listed(); user != "" {
				d.q.Authors = append(d.q.Authors, user)
			} else {
				d.fail(record.ReasonBadMessage, "empty user name")
			}
		default:
			if _, ok := filterFlag(name).sections(); !ok {
				d.fail(record.ReasonUnsupported, "filter not known")
			}
			if d.value() != "" {
				d.fail(record.ReasonBadMessage, "a value in a filter that takes none")
			}
			d.flags[filterFlag(name)] = true
		}
	}
}

func (d *requestReader) bound(to *record.Date) {
	date, err := record.ParseISO(d.value())
	if err != nil || date.IsZero() {
		d.fail(record.ReasonBadMessage, record.ErrDate.Error())
	}
	*to = date
}

// code reads a code filter, in CTV3 whatever the answer is to be in (S §1.3).
func (d *requestReader) code(to []mapping.Code) []mapping.Code {
	c, err := mapping.ParseCTV3(d.listed(), "")
	if err != nil {
		d.fail(record.ReasonBadMessage, err.Error())
		return to
	}
	return append(to, c)
}

// settle judges the whole once the order of the elements no longer matters.
func (d *requestReader) settle() {
	q := &d.q
	switch {
	case q.Operation == "":
		d.fail(record.ReasonBadMessage, "no function")
	case q.Operation != function:
		d.err = nil // what else is wrong with it is of no interest
		d.fail(record.ReasonUnsupported, "only "+function+" is carried")
	case d.version != functionVersion && d.version != "1" && d.version != "":
		d.fail(record.ReasonUnsupported, "function version not known")
	case d.identities == 0:
		d.fail(record.ReasonUnsupported, "no identity: the open record is not known here")
	case backwards(q.Effective), backwards(q.Entered):
		d.fail(record.ReasonBadMessage, "the period ends before it begins")
	}
	for f := range d.flags {
		set, _ := f.sections()
		q.Sections |= set
	}
	if len(d.codes) > 0 {
		q.Sections |= codeSections
	}
	if len(d.numerics) > 0 {
		q.Sections |= record.SectionsOf(record.Investigations, record.Observations)
	}
	// Filters are read as joined by or (S §1.3): beside a flag that asks for
	// every code, single codes narrow nothing.
	if !d.flags[flagClinicalCodes] && !d.flags[flagResults] {
		q.Codes = append(d.codes, d.numerics...)
	}
	if q.Sections == 0 {
		q.Sections = record.AllSections
	}
	q.Whole = !d.filtered
}

func backwards(p record.Period) bool {
	return !p.From.IsZero() && !p.To.IsZero() && !p.From.Within(record.Date{}, p.To)
}

// EncodeRequest writes GetPatientRecord on one line, in the order of the
// documents, with the spelling of the identity that most of them use (S §1.2).
func (c *codec) EncodeRequest(q *record.Request, id system.MessageID) ([]byte, error) {
	internal := func(why string) ([]byte, error) {
		return nil, &record.Error{Reason: record.ReasonInternal, Op: opEncodeRequest, Position: why}
	}
	if q.Patient.NHS.IsZero() {
		return internal("no NHS number")
	}
	w := c.open(id, function)
	if q.CodeScheme != "" || q.DrugScheme != "" {
		drugs, codes := nativeScheme(q.DrugScheme), nativeScheme(q.CodeScheme)
		if q.DrugScheme != "" && drugs != "Multilex" && drugs != "Dmd" || q.CodeScheme != "" && codes != "CTV3" && codes != "Snomed" {
			return internal("a scheme SystmOne does not answer in")
		}
		w.Start("OutputScheme")
		w.Optional("Drugs", drugs)
		w.Optional("Codes", codes)
		w.End()
	}
	w.Start("FunctionParameters")
	w.Start("Identity")
	w.Element("NhsNumber", q.Patient.NHS.Digits())
	w.End()
	if !q.Whole {
		if err := writeFilter(w, q); err != nil {
			return nil, err
		}
	}
	w.End()
	w.End()
	if err := w.Err(); err != nil {
		return nil, record.Fault(record.ReasonInternal, opEncodeRequest, err)
	}
	return w.Bytes(), nil
}

// open starts a request on one line and writes what stands before its
// parameters (S §1.2).
func (c *codec) open(id system.MessageID, function string) *xmlio.Writer {
	w := xmlio.NewWriter(make([]byte, 0, 1024))
	w.OneLine(true)
	w.Declaration()
	w.Start(requestRoot)
	w.Element("APIKey", c.apiKey)
	w.Element("DeviceID", c.deviceID)
	w.Element("DeviceVersion", c.deviceVersion)
	w.Element("RequestUID", id.ID)
	w.Element("Function", function)
	w.Element("FunctionVersion", functionVersion)
	return w
}

// writeFilter writes effective bounds as times, from the first second to the
// last, and bounds of entry as days, which is what the exemption of today's
// entries compares (S §1.1).
func writeFilter(w *xmlio.Writer, q *record.Request) error {
	w.Start("Filter")
	w.Optional("MinEffectiveDate", atClock(q.Effective.From, lowerDay, "00:00:00"))
	w.Optional("MaxEffectiveDate", atClock(q.Effective.To, upperDay, "23:59:59"))
	w.Optional("MinEntryDate", lowerDay(q.Entered.From))
	w.Optional("MaxEntryDate", upperDay(q.Entered.To))
	flags := flagsOf(q)
	want := make(map[filterFlag]bool, len(flags))
	for _, f := range flags {
		want[f] = true
	}
	for _, f := range flagOrder {
		if want[f] {
			w.Empty(string(f))
		}
		switch f {
		case flagClinicalCodes:
			if !want[f] {
				if err := writeCodes(w, "ClinicalCode", q.Codes); err != nil {
					return err
				}
			}
		case flagVaccinations:
			if !want[flagClinicalCodes] && q.Sections.Has(record.Investigations) {
				if err := writeCodes(w, "Numeric", q.Codes); err != nil {
					return err
				}
			}
		}
	}
	for _, user := range q.Authors {
		w.Element("UserNameDoneBy", user)
	}
	w.End()
	return nil
}

func writeCodes(w *xmlio.Writer, name string, codes []mapping.Code) error {
	for _, c := range codes {
		if c.Scheme != mapping.CTV3 && c.Scheme != mapping.TPPLocal {
			return &record.Error{Reason: record.ReasonUnmappedRequest, Op: opEncodeRequest, Position: "a code that is not CTV3"}
		}
		w.Element(name, c.Value)
	}
	return nil
}

func atClock(d record.Date, day func(record.Date) string, clock string) string {
	switch {
	case d.IsZero():
		return ""
	case d.Precision() == record.PrecisionSecond:
		return d.Wall()
	case d.Precision() == record.PrecisionMinute:
		return d.Wall() + clock[5:]
	}
	return day(d) + "T" + clock
}

// trim takes the white space of XML from both ends, and no other.
func trim(s string) string { return strings.Trim(s, " \t\r\n") }
