package formats

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Format is the layout of a file, told by its content.
type Format string

// The closed list of formats Read takes.
const (
	ReadSNOMED     Format = "rcsctmap2"                // NHS Data Migration: Read v2 to SNOMED CT
	CTV3SNOMED     Format = "ctv3sctmap2"              // NHS Data Migration: CTV3 to SNOMED CT
	ReadCTV3       Format = "rctctv3map"               // NHS Data Migration: Read v2 to CTV3
	CTV3Read       Format = "ctv3rctmap"               // NHS Data Migration: CTV3 to Read v2, a table of its own
	ReadValues     Format = "codesWithValues READ2"    // NHS Data Migration: alternates for entries with a value
	CTV3Values     Format = "codesWithValues CTV3"     // the same for CTV3
	EMISCodes      Format = "EMIS Coding_ClinicalCode" // EMIS Web extract
	EMISDrugs      Format = "EMIS Coding_DrugCode"     // recognised, and refused as a table: its codes are local numbers
	TPPRead        Format = "TPP SRCtv3ToVersion2"     // SystmOne extract
	TPPSNOMED      Format = "TPP SRCtv3ToSnomed"       // SystmOne extract
	DMDHistory     Format = "dm+d XML"                 // f_history1, f_vmp2, f_vtm2
	LinkspanTable  Format = "Linkspan table"           // our own TSV
	CodeList       Format = "code list"                // source_system source_code .. target_system target_code ..
	FHIRConceptMap Format = "FHIR ConceptMap"          // JSON, R4 and R5
	SSSOM          Format = "SSSOM"                    // TSV with a YAML header
)

// Limits where Options state none.
const (
	MaxBytes = 1 << 30
	MaxRows  = 5_000_000
)

// Options say what a file cannot say of itself. Every field may be empty where the file, its name or its format tells.
type Options struct {
	ID      string // of the table; with several tables, the start of their ids
	Version string // empty: the file's own, else the release
	// Layer is national for national files, derived for suppliers' files (their rows state no degree, never code, and must
	// not hide a national row), what the file says of itself for the others.
	Layer   mapping.Layer
	Author  string
	Licence string
	Source  string // who publishes it
	Use     string // "test" marks tables not for care
	// From and To are needed where a file names no scheme. Where it does, another scheme here is a fault, save dmd for
	// snomed: dm+d identifiers are SNOMED CT identifiers, and some files call them so.
	From, To mapping.Scheme
	Release  string // empty: the digits of the file's name
	// Assured says that a file without a column for it (codesWithValues) stands in the national pack's folder
	// "Clinically Assured". A path that shows the folder says the same.
	Assured  bool
	MaxBytes int64
	MaxRows  int64
	// Progress, where set, is told now and then how far reading has come, and at the end.
	Progress func(bytes, rows int64)
}

// Import is what one file came to.
type Import struct {
	Format Format
	Tables []Table
	Notes  []Note // what was left out or changed, and why, in the order of first sight
	Rows   int64  // rows read, those left out included
	Bytes  int64
	SHA256 string // of the file, in hexadecimal
}

// Table is one directional table, ready for mapping.Write: its rows are in the order of their keys, one for each key,
// and every one passes the checks mapping.Parse makes of a row.
type Table struct {
	Header mapping.Header
	Rows   []mapping.Row
}

// Note is one reason for which rows were left out or changed.
type Note struct {
	What  string
	Count int
	Lines []int // the first twenty
}

// Read recognises a file by its content and reads its tables. The name serves the messages, may hold the release, and
// breaks a tie between two layouts that look alike; it never decides alone. With a fault there is no import; faults come
// all at once, 200 at most. Neither notes nor faults repeat what a cell holds.
func Read(ctx context.Context, r io.Reader, name string, o Options) (*Import, []mapping.Fault) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = MaxBytes
	}
	if o.MaxRows <= 0 {
		o.MaxRows = MaxRows
	}
	im := &importer{o: o, name: name, src: newSource(ctx, r, o)}
	in := bufio.NewReaderSize(im.src, headSize)
	head, err := in.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		im.stopped(0, err)
		return nil, im.faults
	}
	format, fault := Sniff(head, name)
	if fault != nil {
		return nil, []mapping.Fault{*fault}
	}
	im.format = format
	if !im.expected() {
		return nil, im.faults
	}
	im.read(in)
	if len(im.faults) == 0 {
		if _, err := io.Copy(io.Discard, in); err != nil {
			im.stopped(0, err)
		}
	}
	return im.finish()
}

// importer gathers what one file comes to.
type importer struct {
	o      Options
	name   string
	format Format
	src    *source
	own    mapping.Header // what the file says of itself
	drafts []*draft
	rows   int64
	bad    int64 // rows left out because a code of theirs is none
	noted  map[string]int
	notes  []Note
	faults []mapping.Fault
}

func (im *importer) read(in *bufio.Reader) {
	switch im.format {
	case ReadSNOMED, CTV3SNOMED, ReadCTV3, CTV3Read:
		im.readNational(in)
	case ReadValues, CTV3Values:
		im.readValues(in)
	case EMISCodes:
		im.readEMIS(in)
	case EMISDrugs:
		im.fault(1, "the EMIS drug dictionary", "its CodeId is a number local to EMIS, and no code of scheme emis-drug stands beside it: no record could be matched to its rows",
			"load it as a dictionary, or import a table from EMIS drug codes to dm+d")
	case TPPRead, TPPSNOMED:
		im.readTPP(in)
	case DMDHistory:
		im.readDMD(in)
	case LinkspanTable:
		im.readTable(in)
	case CodeList:
		im.readCodeList(in)
	case FHIRConceptMap:
		im.readConceptMap(in)
	case SSSOM:
		im.readSSSOM(in)
	}
}

// finish settles the drafts into tables.
func (im *importer) finish() (*Import, []mapping.Fault) {
	if in, words := im.format.tolerance(); len(im.faults) == 0 && im.bad > 10 && im.bad*in > im.rows {
		im.fault(im.firstBad(), "codes that are none in more than one row of "+words, "the file was damaged on its way, or is not what it seems",
			"take the file as it was published, and open it in no spreadsheet")
	}
	if len(im.faults) > 0 {
		return nil, im.faults
	}
	out := &Import{Format: im.format, Rows: im.rows, Bytes: im.src.bytes, SHA256: im.src.sum()}
	usable := 0
	for _, d := range im.drafts {
		rows := d.settle(im)
		if len(rows) == 0 && d.optional {
			continue
		}
		usable += len(rows)
		out.Tables = append(out.Tables, Table{Header: d.header, Rows: rows})
	}
	if usable == 0 {
		line, why := im.mostNoted()
		im.fault(line, "no row that can be used"+why, "there is nothing to translate with", "see that this is the file you meant; it was read as "+string(im.format))
	}
	for i := range out.Tables {
		im.fillHeader(&out.Tables[i], len(out.Tables) > 1)
	}
	if len(im.faults) > 0 {
		return nil, im.faults
	}
	for _, n := range im.notes {
		slices.Sort(n.Lines)
	}
	out.Notes = im.notes
	im.src.report(im.rows)
	return out, nil
}

// mostNoted is what was said of most rows, and the first line of it.
func (im *importer) mostNoted() (line int, why string) {
	most := 0
	for _, n := range im.notes {
		if n.Count <= most {
			continue
		}
		most, line, why = n.Count, 0, fmt.Sprintf(" (of %d rows %d: %s)", im.rows, n.Count, n.What)
		if len(n.Lines) > 0 {
			line = slices.Min(n.Lines)
		}
	}
	return line, why
}

// tolerance is how many rows may hide one whose code is none. A supplier's own list of codes has words and local inventions
// in it (terminology §1.3); a published table has not.
func (f Format) tolerance() (in int64, words string) {
	switch f {
	case EMISCodes, TPPRead, TPPSNOMED:
		return 10, "ten"
	}
	return 100, "a hundred"
}

// maxFaults bounds the list of faults; past it reading stops.
const maxFaults = 200

func (im *importer) fault(line int, what, why, mend string) {
	switch {
	case len(im.faults) > maxFaults:
		return
	case len(im.faults) == maxFaults:
		what, why, mend = "200 faults, the rest is not listed", "the file is not what it seems", "mend these first"
	}
	im.faults = append(im.faults, mapping.Fault{File: im.name, Line: line, What: what, Why: why, Mend: mend})
}

// full reports that no more faults fit, so that reading on tells nobody anything.
func (im *importer) full() bool { return len(im.faults) > maxFaults }

// maxNotedLines is how many lines a note lists.
const maxNotedLines = 20

func (im *importer) note(line int, what string) { im.noteMany(line, what, 1) }

func (im *importer) noteMany(line int, what string, count int) {
	if im.noted == nil {
		im.noted = map[string]int{}
	}
	at, ok := im.noted[what]
	if !ok {
		at = len(im.notes)
		im.noted[what] = at
		im.notes = append(im.notes, Note{What: what})
	}
	n := &im.notes[at]
	n.Count += count
	if line > 0 && len(n.Lines) < maxNotedLines {
		n.Lines = append(n.Lines, line)
	}
}

// badCode notes a row whose code is none. A number in scientific notation refuses the file: its other identifiers may
// have been rounded to ones that pass their check digit by chance.
func (im *importer) badCode(line int, which, value string, err error) {
	if scientific(value) {
		im.fault(line, which+": a number damaged by a spreadsheet", "a spreadsheet rounds long identifiers and drops trailing dots, here and unseen elsewhere",
			"take the file as it was published, and open it in no spreadsheet")
		return
	}
	im.bad++
	im.note(line, "left out, "+which+": "+strings.TrimPrefix(err.Error(), "mapping: "))
}

func (im *importer) firstBad() int {
	for _, n := range im.notes {
		if strings.HasPrefix(n.What, "left out, source code: ") || strings.HasPrefix(n.What, "left out, target code: ") {
			return n.Lines[0]
		}
	}
	return 0
}

// scientific recognises a number in scientific notation ("5.89E+17"), which no scheme has.
func scientific(value string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(value), "E+")
	return ok && exponent != "" && mantissa != "" && madeOf(mantissa, "0-9.,") && madeOf(exponent, "0-9")
}

// madeOf reports that s has no characters but those of the class, written "a-z0-9.".
func madeOf(s, class string) bool {
	for i := range len(s) {
		in := false
		for c := 0; c < len(class) && !in; c++ {
			if c+2 < len(class) && class[c+1] == '-' {
				in = s[i] >= class[c] && s[i] <= class[c+2]
				c += 2
				continue
			}
			in = s[i] == class[c]
		}
		if !in {
			return false
		}
	}
	return true
}

// stopped is a fault of reading itself: the limit, the context's end, a failing disk.
func (im *importer) stopped(line int, err error) {
	switch {
	case errors.Is(err, errTooLarge):
		im.fault(line, fmt.Sprintf("more than %d bytes", im.o.MaxBytes), "no published file of this kind is so large", "check what was copied, or raise the limit")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		im.fault(line, "reading was stopped", "half a table is no table", "import it again")
	default:
		im.fault(line, "cannot be read on", "half a table is no table", "check the disk and the file's permissions, and import it again")
	}
}

// expected refuses a file that is not what the options say.
func (im *importer) expected() bool {
	from, to := im.format.schemes()
	if from == "" {
		return true
	}
	if im.o.From != "" && im.o.From != from || im.o.To != "" && im.o.To != to {
		im.fault(0, "a file from "+string(from)+" to "+string(to)+", by its columns", "a table read in the wrong direction gives wrong codes",
			"leave the schemes out, or give the file that was meant")
		return false
	}
	return true
}

// schemes are those of a format that has one direction.
func (f Format) schemes() (from, to mapping.Scheme) {
	switch f {
	case ReadSNOMED, ReadValues:
		return mapping.ReadV2, mapping.SNOMED
	case CTV3SNOMED, CTV3Values, TPPSNOMED:
		return mapping.CTV3, mapping.SNOMED
	case ReadCTV3:
		return mapping.ReadV2, mapping.CTV3
	case CTV3Read, TPPRead:
		return mapping.CTV3, mapping.ReadV2
	case DMDHistory:
		return mapping.DMD, mapping.DMD
	}
	return "", ""
}

// base is the file's name without its folder, whichever system wrote the path.
func base(name string) string { return path.Base(strings.ReplaceAll(name, `\`, "/")) }
