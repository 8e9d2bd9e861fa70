package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pages are the readable pages of docs/safety, by file name.
func pages(e Evidence) map[string]string {
	return map[string]string{
		"hazards.md": listPage(e.Hazards, "hazards.yaml"),
		"threats.md": listPage(e.Threats, "threats.yaml"),
		"outages.md": outagePage(e.Outages),
	}
}

func writePages(root string, e Evidence) error {
	for name, text := range pages(e) {
		if err := os.WriteFile(filepath.Join(root, "docs/safety", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const generated = "<!-- Written by `go run ./scripts/evidence pages` from %s. Change that file. -->\n\n"

func listPage(l List, file string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", l.Title)
	fmt.Fprintf(&b, generated, file)
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(l.Note))
	fmt.Fprintf(&b, "| id | what | before | after | first test |\n|---|---|---|---|---|\n")
	for _, r := range l.Rows {
		title := r.Title
		if r.Until != "" {
			title += " (until " + r.Until + ")"
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %d | %d | %s |\n", r.ID, strings.ToLower(r.ID), cell(title), r.Initial.Score, r.Residual.Score, testCell(r.Tests[0]))
	}
	for _, r := range l.Rows {
		row(&b, r)
	}
	return b.String()
}

func row(b *strings.Builder, r Row) {
	fmt.Fprintf(b, "\n## %s\n\n**%s**\n\n", r.ID, r.Title)
	if r.Until != "" {
		fmt.Fprintf(b, "Belongs to %s, which the product does not have yet; its test shows that nothing of it can be reached.\n\n", r.Until)
	}
	if r.Asset != "" {
		fmt.Fprintf(b, "- Asset: %s\n- Actor: %s\n", r.Asset, r.Actor)
	}
	fmt.Fprintf(b, "- Harm: %s\n", strings.TrimSpace(r.Harm))
	points(b, "Cause", r.Causes)
	fmt.Fprintf(b, "- Before: %s\n", rating(r.Initial))
	points(b, "Design", r.Controls.Design)
	points(b, "Test", r.Controls.Test)
	points(b, "Training", r.Controls.Training)
	points(b, "Business process", r.Controls.Process)
	for _, t := range r.Tests {
		fmt.Fprintf(b, "- Proved by: %s\n", testCell(t))
	}
	for _, f := range r.Faults {
		test, _ := r.test(f)
		becomes := "is gone"
		if f.Becomes != "" {
			becomes = "becomes `" + inCode(f.Becomes) + "`"
		}
		fmt.Fprintf(b, "- Planted fault: in `%s`, `%s` %s; `%s` must fail\n", f.File, inCode(f.Line), becomes, test.Name)
	}
	fmt.Fprintf(b, "- After: %s\n", rating(r.Residual))
	points(b, "Transferred to the deploying organisation", r.Transferred)
}

func points(b *strings.Builder, what string, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(b, "- %s: %s\n", what, line)
	}
}

func rating(r Rating) string {
	return fmt.Sprintf("%s by %s = %d", r.Consequence, r.Likelihood, r.Score)
}

func testCell(t Test) string { return fmt.Sprintf("`%s` in `%s`", t.Name, t.Package) }

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// inCode is a line of Go as it may stand between back quotes.
func inCode(line string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(line), " "), "`", "'")
}

func outagePage(o Outages) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", o.Title)
	fmt.Fprintf(&b, generated, "outages.yaml")
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(o.Note))
	fmt.Fprintf(&b, "| component | new request | request in flight | write-back | back again |\n|---|---|---|---|---|\n")
	for _, c := range o.Components {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(c.Name), outageCell(c.New), outageCell(c.InFlight), outageCell(c.Writes), cell(c.Back))
	}
	return b.String()
}

func outageCell(c Cell) string {
	answer := c.Answer
	if c.Reason != "" {
		answer += " `" + c.Reason + "`"
	}
	return fmt.Sprintf("**%s**. %s (%s)", answer, cell(c.Says), testCell(c.Test))
}
