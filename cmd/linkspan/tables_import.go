package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/formats"
)

type tablesImport struct {
	tablesSettings
	To         string         `help:"Folder for the drafts; default that of --dir."`
	Out        string         `help:"File for the draft, where there is only one."`
	Replace    bool           `help:"Write over drafts that are there."`
	ID         string         `name:"id" help:"Id of the table; default the one of the file or its format."`
	Version    string         `name:"table-version" help:"Version of the table; default the release."`
	Layer      mapping.Layer  `enum:",derived,national,supplier,local" default:"" help:"derived, national, supplier or local; default that of the file's format."`
	Author     string         `help:"Who made the table, and may not approve it; default what the file says, else the user of this machine."`
	Licence    string         `help:"The terms the table may be used on."`
	Source     string         `help:"Who publishes the file."`
	Release    string         `help:"Release of the file; default the digits in its name."`
	Use        string         `help:"Write test for tables that are not for care."`
	SourceCode mapping.Scheme `name:"from-scheme" help:"Scheme of the source codes, where the file names none."`
	TargetCode mapping.Scheme `name:"to-scheme" help:"Scheme of the target codes, where the file names none."`
	Assured    bool           `help:"A codesWithValues file stands in the national folder Clinically Assured."`
	MaxBytes   int64          `help:"Largest file read, in bytes; default 1 GiB."`
	Files      []string       `arg:"" name:"file" help:"The file as it was published, unpacked; - is standard input."`
}

// imported is one file and what it came to.
type imported struct {
	file string
	*formats.Import
	drafts []*draft
}

// draft is one table on its way into the folder.
type draft struct {
	table    *formats.Table
	path     string
	text     []byte
	above    int // lines of text above its rows
	warnings []mapping.Warning
}

// Run reads every file, checks every table that comes of it as linkspan run would, and writes all or none.
func (c tablesImport) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	folder := cmp.Or(c.To, c.Dir)
	if folder == "" && c.Out == "" {
		return usageError{errors.New("where to? Add --to DIR or --out FILE, or set LINKSPAN_TABLES")}
	}
	var files []imported
	var faults []mapping.Fault
	written, tables := map[string]bool{}, 0
	for _, file := range c.Files {
		read, found := c.read(ctx, d, file)
		faults = append(faults, found...)
		if read == nil {
			continue
		}
		one := imported{file: shownPath(file), Import: read}
		for i := range read.Tables {
			draft, found := c.draft(d, read, &read.Tables[i], folder, file)
			faults = append(faults, found...)
			if draft == nil {
				continue
			}
			tables++
			if written[draft.path] && c.Out == "" {
				faults = append(faults, mapping.Fault{File: shownPath(draft.path), What: "two tables of this import have this name", Why: "one would take the other's place", Mend: "import the files one after another, each with its own --id"})
			}
			written[draft.path] = true
			one.drafts = append(one.drafts, draft)
		}
		files = append(files, one)
	}
	if c.Out != "" && tables > 1 && len(faults) == 0 {
		return usageError{fmt.Errorf("--out is for one table, and there are %d: use --to", tables)}
	}
	if len(faults) > 0 {
		return d.refuse("nothing was written", withFlags(faults))
	}
	for _, file := range files {
		for _, draft := range file.drafts {
			if err := writeNew(draft.path, draft.text, 0o644, c.Replace); err != nil {
				return err
			}
		}
	}
	return d.print(importJSON(files), func(out io.Writer) { printImport(out, files) })
}

// withFlags names the flag that states what a file does not.
func withFlags(faults []mapping.Fault) []mapping.Fault {
	for i, f := range faults {
		flag := map[string]string{"no version": "--table-version or --release", "no licence": "--licence", "no layer": "--layer"}[f.What]
		if flag != "" {
			faults[i].Mend += ", with " + flag
		}
	}
	return faults
}

// read reads one file by what is in it.
func (c tablesImport) read(ctx context.Context, d *desk, file string) (*formats.Import, []mapping.Fault) {
	in, length, fault := openSource(file)
	if fault != nil {
		return nil, []mapping.Fault{*fault}
	}
	defer in.Close()
	show := newProgress(d.to)
	defer show.end()
	return formats.Read(ctx, in, file, formats.Options{ID: c.ID, Version: c.Version, Layer: c.Layer, Author: c.Author, Licence: c.Licence, Source: c.Source,
		Use: c.Use, From: c.SourceCode, To: c.TargetCode, Release: c.Release, Assured: c.Assured, MaxBytes: c.MaxBytes,
		Progress: func(bytes, rows int64) {
			show.line("%s: %s rows, %s of %s", filepath.Base(file), number(int(rows)), size(bytes), size(max(length, bytes)))
		}})
}

func openSource(file string) (io.ReadCloser, int64, *mapping.Fault) {
	if file == "-" {
		return io.NopCloser(os.Stdin), 0, nil
	}
	gone := &mapping.Fault{File: file, What: "cannot be read", Why: "there is nothing to import", Mend: "see that the file is there and may be read"}
	info, err := os.Stat(file)
	if err != nil {
		return nil, 0, gone
	}
	if info.IsDir() {
		return nil, 0, &mapping.Fault{File: file, What: "a folder", Why: "each file of a release is another table", Mend: "name the files to import"}
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, 0, gone
	}
	return in, info.Size(), nil
}

// draft writes a table into memory and checks it there. Its faults and warnings name the lines of the file it came from.
func (c tablesImport) draft(d *desk, read *formats.Import, t *formats.Table, folder, from string) (*draft, []mapping.Fault) {
	t.Header.Author = cmp.Or(t.Header.Author, userName())
	w := &draft{table: t, path: cmp.Or(c.Out, filepath.Join(folder, draftName(t.Header, c.ID)))}
	if _, err := os.Lstat(w.path); err == nil && !c.Replace {
		return nil, []mapping.Fault{{File: shownPath(w.path), What: "is there already", Why: "somebody's work would be gone", Mend: "give the new table its own --id, or add --replace"}}
	}
	if c.Layer != "" && t.Header.Layer != c.Layer && t.Header.Layer != mapping.DerivedLayer {
		return nil, []mapping.Fault{{File: from, What: "the file says that it is of the layer " + string(t.Header.Layer), Why: "a table of another layer overrules other tables",
			Mend: "leave --layer out, or change the file and review it as a table of that layer"}}
	}
	table, faults := c.sound(d, w, read, from)
	if table == nil {
		return nil, faults
	}
	for _, warning := range table.Warnings() {
		w.original(&warning.Fault)
		w.warnings = append(w.warnings, warning)
	}
	return w, nil
}

// sound checks the table as linkspan run would. A row of somebody else's file that would refuse the table is left out and
// noted: nobody here can mend it, and its code is then carried in words. Of our own tables every such row is a fault.
func (c tablesImport) sound(d *desk, w *draft, read *formats.Import, from string) (*mapping.Table, []mapping.Fault) {
	const passes = 100 // a table that after so many still has faults is not one
	defer newProgress(d.to).during(fmt.Sprintf("%s: checking %s", filepath.Base(from), plural(len(w.table.Rows), "row", "rows")))()
	for pass := 1; ; pass++ {
		var text bytes.Buffer
		if err := mapping.Write(&text, w.table.Header, w.table.Rows); err != nil {
			return nil, []mapping.Fault{{File: from, What: err.Error(), Why: "half a table is no table", Mend: "import it again"}}
		}
		w.text = text.Bytes()
		w.above = 1 + bytes.Count(w.text[:max(0, bytes.Index(w.text, []byte("\nsource_code\t"))+1)], []byte("\n"))
		table, faults := mapping.Parse(from, bytes.NewReader(w.text), mapping.Options{Layer: mapping.LocalLayer, Dictionary: d.words()})
		if table != nil {
			return table, nil
		}
		if read.Format == formats.LinkspanTable || pass == passes || !w.leaveOut(read, faults) {
			for i := range faults {
				w.original(&faults[i])
			}
			return nil, faults
		}
	}
}

// row is the place of the row that a line of the draft holds, -1 for a line above the rows.
func (w *draft) row(line int) int {
	if at := line - w.above - 1; at >= 0 && at < len(w.table.Rows) {
		return at
	}
	return -1
}

// original makes a fault of the draft one of the file it came from.
func (w *draft) original(f *mapping.Fault) {
	if at := w.row(f.Line); at >= 0 {
		f.Line = w.table.Rows[at].Line
		return
	}
	f.Line = 0
}

// leaveOut takes the rows with faults away and notes why, unless a fault is of the table as a whole or no row would be left.
func (w *draft) leaveOut(read *formats.Import, faults []mapping.Fault) bool {
	out := map[int]string{}
	for _, f := range faults {
		at := w.row(f.Line)
		if at < 0 {
			return false
		}
		out[at] = cmp.Or(out[at], f.What+": "+f.Mend)
	}
	if len(out) == len(w.table.Rows) {
		return false
	}
	kept := w.table.Rows[:0:0]
	for at, row := range w.table.Rows {
		what, faulty := out[at]
		if !faulty {
			kept = append(kept, row)
			continue
		}
		what = "left out, " + what
		i := slices.IndexFunc(read.Notes, func(n formats.Note) bool { return n.What == what })
		if i < 0 {
			i = len(read.Notes)
			read.Notes = append(read.Notes, formats.Note{What: what})
		}
		n := &read.Notes[i]
		if n.Count++; len(n.Lines) < 20 {
			n.Lines = append(n.Lines, row.Line)
		}
	}
	w.table.Rows = kept
	return true
}

// draftName is the direction, and the id where one was asked for that says more, else what the id says after the direction.
func draftName(h mapping.Header, id string) string {
	name := string(h.From) + "-" + string(h.To)
	_, more, _ := strings.Cut(h.ID, name)
	switch {
	case id == "" && h.From == h.To: // a history: its id says of what
		name = h.ID
	case id == "" && strings.HasPrefix(more, "-"): // -with-value, -derived
		name += more
	case id != "" && strings.HasPrefix(h.ID, name):
		name = h.ID
	case id != "":
		name += "-" + h.ID
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("-._", r)) {
			return r
		}
		return '_'
	}, name[:min(len(name), 96)]) + ".tsv"
}

// writeNew writes a file whole or not at all. Where one is there it stays, unless it may be replaced.
func writeNew(file string, text []byte, mode fs.FileMode, replace bool) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(file), ".linkspan-*")
	if err != nil {
		return err
	}
	defer os.Remove(t.Name())
	_, err = t.Write(text)
	err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close())
	if err != nil {
		return err
	}
	if replace {
		return os.Rename(t.Name(), file)
	}
	if err := os.Link(t.Name(), file); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: %w", shownPath(file), fs.ErrExist)
	} else if err != nil {
		return err
	}
	return nil
}

func noMaps(t *formats.Table) (n int) {
	for i := range t.Rows {
		if t.Rows[i].Relation == mapping.NoMap {
			n++
		}
	}
	return n
}

type importedJSON struct {
	File   string              `json:"file"`
	Format formats.Format      `json:"format"`
	SHA256 string              `json:"sha256"`
	Bytes  int64               `json:"bytes"`
	Rows   int64               `json:"rows"`
	Notes  []noteJSON          `json:"notes"`
	Tables []importedTableJSON `json:"tables"`
}

type noteJSON struct {
	What  string `json:"what"`
	Count int    `json:"count"`
	Lines []int  `json:"lines"`
}

type importedTableJSON struct {
	File     string         `json:"file"`
	ID       string         `json:"id"`
	Version  string         `json:"version"`
	Layer    mapping.Layer  `json:"layer"`
	From     mapping.Scheme `json:"from"`
	To       mapping.Scheme `json:"to"`
	Licence  string         `json:"licence"`
	Author   string         `json:"author"`
	Rows     int            `json:"rows"`
	NoMap    int            `json:"no_map"`
	Warnings []faultJSON    `json:"warnings"`
}

func importJSON(files []imported) any {
	all := []importedJSON{}
	for _, f := range files {
		one := importedJSON{File: f.file, Format: f.Format, SHA256: f.SHA256, Bytes: f.Bytes, Rows: f.Rows, Notes: []noteJSON{}, Tables: []importedTableJSON{}}
		for _, n := range f.Notes {
			one.Notes = append(one.Notes, noteJSON{n.What, n.Count, slices.Concat([]int{}, n.Lines)})
		}
		for _, w := range f.drafts {
			h := w.table.Header
			one.Tables = append(one.Tables, importedTableJSON{File: shownPath(w.path), ID: h.ID, Version: h.Version, Layer: h.Layer, From: h.From, To: h.To,
				Licence: h.Licence, Author: h.Author, Rows: len(w.table.Rows), NoMap: noMaps(w.table), Warnings: warningsJSON(w.warnings)})
		}
		all = append(all, one)
	}
	return struct {
		Files []importedJSON `json:"files"`
	}{all}
}

func printImport(out io.Writer, files []imported) {
	tables, rows := 0, 0
	for _, f := range files {
		tables += len(f.drafts)
		for _, w := range f.drafts {
			rows += len(w.table.Rows)
		}
	}
	fmt.Fprintf(out, "imported %s: %s with %s; drafts until linkspan tables activate\n", plural(len(files), "file", "files"),
		plural(tables, "table", "tables"), plural(rows, "row", "rows"))
	for _, f := range files {
		fmt.Fprintf(out, "\n%s\n", wrapped("", f.file))
		fmt.Fprintln(out, wrapped("  ", fmt.Sprintf("%s, %s, %s read, SHA-256 %.16s…", f.Format, size(f.Bytes), plural(int(f.Rows), "row", "rows"), f.SHA256)))
		for _, w := range f.drafts {
			h := w.table.Header
			fmt.Fprintln(out, wrapped("  ", fmt.Sprintf("→ %s: %s of %s read, %s no-map; %s %s, layer %s", shownPath(w.path), plural(len(w.table.Rows), "row", "rows"),
				number(int(f.Rows)), number(noMaps(w.table)), h.ID, h.Version, h.Layer)))
			fmt.Fprintln(out, wrapped("    ", "licence "+h.Licence+"; author "+h.Author+", who may not approve it"))
		}
		for _, n := range f.Notes {
			lines := make([]string, 0, 5)
			for _, line := range n.Lines[:min(len(n.Lines), 5)] {
				lines = append(lines, strconv.Itoa(line))
			}
			where := ""
			if len(lines) > 0 {
				where = " (line " + strings.Join(lines, ", ")
				if n.Count > len(lines) {
					where += " …"
				}
				where += ")"
			}
			fmt.Fprintln(out, wrapped("    ", number(n.Count)+" × "+n.What+where))
		}
		var warnings []mapping.Warning
		for _, w := range f.drafts {
			warnings = append(warnings, w.warnings...)
		}
		printWarnings(out, warnings)
	}
	fmt.Fprintln(out, "\nnext: linkspan tables check")
}
