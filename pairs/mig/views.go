package mig

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
)

//go:embed views.tsv
var viewRows string

// view is one view of the detailed care record: the sections it holds whole,
// and those it holds a part of.
type view struct {
	name        string
	whole, part record.SectionSet
}

// views are the ten, in the order of the table.
func views() []view {
	var all []view
	for line := range strings.Lines(viewRows) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "view\t") {
			continue
		}
		cells := strings.Split(line, "\t")
		i := slices.IndexFunc(all, func(v view) bool { return v.name == cells[0] })
		if i < 0 {
			i = len(all)
			all = append(all, view{name: cells[0]})
		}
		section := sectionOf(cells[1])
		if cells[2] == "" {
			all[i].whole |= section
		} else {
			all[i].part |= section
		}
	}
	for i := range all {
		all[i].part &^= all[i].whole
		all[i].whole |= record.SectionsOf(record.Demographics) // every answer says whose it is
	}
	return all
}

func sectionOf(kind string) record.SectionSet {
	for _, k := range record.Kinds() {
		if k.String() == kind {
			return record.SectionsOf(k.Section())
		}
	}
	return 0
}

// sections are all that a view says anything of.
func (v view) sections() record.SectionSet { return v.whole | v.part }

// viewOf finds a view by its name.
func viewOf(name string) (view, bool) {
	all := views()
	i := slices.IndexFunc(all, func(v view) bool { return v.name == name })
	if i < 0 {
		return view{}, false
	}
	return all[i], true
}

// viewsFor are the views that together say most of the sections: each that adds
// a section, a part where no view has the whole.
func viewsFor(asked record.SectionSet) []view {
	var chosen []view
	all, whole := views(), record.SectionSet(0)
	for _, v := range all {
		whole |= v.whole
	}
	have := record.SectionSet(0)
	for _, v := range all {
		if v.whole&asked&^have != 0 || v.part&asked&^whole != 0 {
			chosen = append(chosen, v)
			have |= v.whole
		}
	}
	return chosen
}
