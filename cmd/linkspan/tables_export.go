package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/formats"
)

type tablesExport struct {
	tablesSettings
	Set     string `default:"active" help:"active, drafts, previous, the start of a digest, or a folder."`
	Format  string `required:"" enum:"conceptmap,sssom,tsv" help:"conceptmap (FHIR R4, JSON), sssom or tsv."`
	Out     string `help:"File for the table; default standard output."`
	Replace bool   `help:"Write over a file that is there."`
	Table   string `arg:"" help:"The table, by its id or file name in the set, or the path of any table file."`
}

// Run writes a table with all its rows, those not in force today included.
func (c tablesExport) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	d.policy.Day = ""
	table, err := c.find(d)
	if err != nil {
		return err
	}
	rows := slices.Collect(table.Rows())
	var text bytes.Buffer
	switch c.Format {
	case "conceptmap":
		err = formats.WriteConceptMap(&text, table.Header, rows)
	case "sssom":
		err = formats.WriteSSSOM(&text, table.Header, rows)
	default:
		err = mapping.Write(&text, table.Header, rows)
	}
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err := to.out.Write(text.Bytes())
		return err
	}
	if err := writeNew(c.Out, text.Bytes(), 0o644, c.Replace); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("export: %s is there already: add --replace, or name another file", shownPath(c.Out))
	} else if err != nil {
		return err
	}
	fmt.Fprintln(to.err, wrapped("", fmt.Sprintf("%s %s, %s, written to %s as %s", table.ID, table.Version, plural(len(rows), "row", "rows"), shownPath(c.Out), c.Format)))
	return nil
}

// like are the ids of the tables that hold a part of the name, or of all that lead from codes to codes where none does.
func like(tables []*mapping.Table, name string) []string {
	parts := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '.' || r == '_' })
	var all, some []string
	for _, t := range tables {
		if !t.From.Enumeration() && !t.To.Enumeration() {
			all = append(all, t.ID)
		}
		if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(t.ID, part) }) {
			some = append(some, t.ID)
		}
	}
	if len(some) > 0 {
		return some
	}
	return all
}

// find takes the file where there is one, else looks in the set.
func (c tablesExport) find(d *desk) (*mapping.Table, error) {
	if info, err := os.Stat(c.Table); err == nil && info.Mode().IsRegular() {
		table, faults := mapping.ReadFile(os.DirFS(filepath.Dir(c.Table)), filepath.Base(c.Table), mapping.Options{Layer: mapping.LocalLayer, Dictionary: d.words()})
		for i := range faults {
			faults[i].File = c.Table
		}
		if len(faults) > 0 {
			return nil, d.refuse("nothing was written", faults)
		}
		return table, nil
	}
	at, err := d.choose(c.Set)
	if err != nil {
		return nil, err
	}
	var found []*mapping.Table
	for _, t := range at.set.Tables() {
		if name := filepath.Base(t.File); t.ID == c.Table || name == c.Table || name == c.Table+".tsv" {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		fmt.Fprintln(d.to.err, wrapped("", fmt.Sprintf("refused: no table is called %q in %s; there are %s", c.Table, at.label, strings.Join(like(at.set.Tables(), c.Table), ", "))))
		return nil, errRefused
	case 1:
		return found[0], nil
	}
	return nil, errors.New("export: several layers have a table of that name: write its file")
}
