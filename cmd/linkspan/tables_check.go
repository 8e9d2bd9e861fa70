package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/mapset"
)

type tablesCheck struct {
	tablesSettings
	Files []string `arg:"" optional:"" name:"file" help:"Check only these files, each by itself; default all drafts as one set, with approvals and the pair's needs."`
}

// Run tells every fault at once and changes nothing.
func (c tablesCheck) Run(ctx context.Context, to streams) error {
	d, err := c.open(ctx, to)
	if err != nil {
		return err
	}
	if len(c.Files) > 0 {
		return d.checkFiles(c.Files)
	}
	if err := d.needPair(); err != nil {
		return err
	}
	done := newProgress(to).during("checking the drafts in " + shownPath(d.Dir))
	report := d.folder.Check(d.policy, nil)
	done()
	result := checkedJSON{Ready: len(report.Faults) == 0, Faults: faultsJSON(report.Faults), Notices: append([]string{}, report.Notices...), Difference: &report.Difference}
	sets, err := d.folder.Sets()
	if err != nil {
		return err
	}
	acting := actingIn(sets)
	for _, s := range report.Tables {
		if !s.Starter() {
			result.Tables = append(result.Tables, d.statusJSON(s, "", acting))
		}
	}
	warnings, others := ownWarnings(report.Warnings)
	result.Warnings, result.StarterWarnings = warningsJSON(warnings), others
	err = d.print(result, func(out io.Writer) {
		d.printCheck(out, report, result)
		if len(report.Faults) == 0 {
			fmt.Fprint(out, "\nactivated, against what is active now: ")
			printDirections(out, report.Difference)
		}
	})
	if err == nil && len(report.Faults) > 0 {
		return errRefused
	}
	return err
}

// ownWarnings leaves out those of the program's own tables, and counts them.
func ownWarnings(warnings []mapping.Warning) (own []mapping.Warning, others int) {
	for _, w := range warnings {
		if strings.HasPrefix(w.File, "starter/") {
			others++
			continue
		}
		own = append(own, w)
	}
	return own, others
}

type checkedJSON struct {
	Ready           bool               `json:"ready"`
	Faults          []faultJSON        `json:"faults"`
	Warnings        []faultJSON        `json:"warnings"`
	StarterWarnings int                `json:"starter_warnings"`
	Notices         []string           `json:"notices"`
	Tables          []statusJSON       `json:"tables"`
	Difference      *mapset.Difference `json:"difference,omitempty"`
}

func (d *desk) printCheck(out io.Writer, report mapset.Report, result checkedJSON) {
	drafts := len(result.Tables)
	verdict := "ready to activate"
	if !result.Ready {
		verdict = "not ready: nothing can be activated, and what is active stays"
	}
	for _, notice := range report.Notices {
		if notice == mapset.Unapproved {
			verdict += "; nobody is named who approves, and in test nobody need"
		}
	}
	fmt.Fprintln(out, wrapped("", fmt.Sprintf("%s in %s, %s, %s: %s", plural(drafts, "readable draft", "readable drafts"), shownPath(d.Dir),
		plural(len(report.Faults), "fault", "faults"), plural(len(result.Warnings), "kind of warning", "kinds of warning"), verdict)))
	for _, f := range report.Faults {
		fmt.Fprintln(out, shownFault(f).Error())
	}
	if warnings, _ := ownWarnings(report.Warnings); len(warnings) > 0 {
		printWarnings(out, warnings)
	}
	if result.StarterWarnings > 0 {
		fmt.Fprintf(out, "\n%s of the program's own tables are left out\n", plural(result.StarterWarnings, "warning", "warnings"))
	}
	if drafts > 0 {
		fmt.Fprintln(out)
		printStatus(out, result.Tables)
	}
	for _, notice := range report.Notices {
		if notice != mapset.Unapproved {
			fmt.Fprintln(out, wrapped("", "note: "+notice))
		}
	}
}

// checkFiles checks files one by one: what is wrong in each, not what the set lacks.
func (d *desk) checkFiles(files []string) error {
	var faults []mapping.Fault
	var warnings []mapping.Warning
	var tables []statusJSON
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			faults = append(faults, mapping.Fault{File: file, What: "cannot be read", Why: "there is nothing to check", Mend: "name a file that is there and may be read"})
			continue
		}
		t, found := mapping.ReadFile(os.DirFS(filepath.Dir(file)), filepath.Base(file), mapping.Options{Layer: mapping.LocalLayer, Dictionary: d.words()})
		for _, f := range found {
			f.File = file
			faults = append(faults, f)
		}
		if t == nil {
			continue
		}
		for _, w := range t.Warnings() {
			w.File = file
			warnings = append(warnings, w)
		}
		tables = append(tables, statusJSON{File: shownPath(file), ID: t.ID, Version: t.Version, Layer: t.Layer, From: t.From, To: t.To, Rows: t.Len()})
	}
	result := checkedJSON{Ready: len(faults) == 0, Faults: faultsJSON(faults), Warnings: warningsJSON(warnings), Tables: tables, Notices: []string{}}
	err := d.print(result, func(out io.Writer) {
		fmt.Fprintf(out, "%s of %s sound, %s, %s\n", number(len(tables)), plural(len(files), "file", "files"), plural(len(faults), "fault", "faults"),
			plural(len(warnings), "kind of warning", "kinds of warning"))
		for _, f := range faults {
			fmt.Fprintln(out, shownFault(f).Error())
		}
		printWarnings(out, warnings)
	})
	if err == nil && len(faults) > 0 {
		return errRefused
	}
	return err
}
