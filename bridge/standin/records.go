package standin

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// form is a shape one patient's record may be filed in.
type form string

const (
	formCTV3          form = "systmone, CTV3"
	formSNOMED        form = "systmone, SNOMED CT"
	formMedicalRecord form = "MedicalRecord"
	formOpenHR        form = "openHealthRecord"
)

// records are the loaded files. They are never changed: every answer is made
// of a copy.
type records struct {
	roots map[string]map[form]*etree.Element // by NHS number
	names map[string]string                  // of the file, by number and form
	// statuses are those the records came with, by number and form, where their
	// files say them.
	statuses map[string]int
}

// loadRecords reads every file that has the extension of native messages. load
// recognises those of its system and adds them.
func loadRecords(files fs.FS, extension string, load func(r *records, name string, data []byte) error) (*records, error) {
	r := &records{roots: map[string]map[form]*etree.Element{}, names: map[string]string{}, statuses: map[string]int{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != extension {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return load(r, name, data)
	})
	if err == nil && len(r.roots) == 0 {
		err = errors.New("no native record in the files")
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// rootOf reads a file whose root is one of names. It is nil for any other.
func rootOf(file string, data []byte, names ...string) (*etree.Element, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	wanted := slices.ContainsFunc(names, func(n string) bool {
		return bytes.Contains(data, []byte("<"+n)) || bytes.Contains(data, []byte(":"+n))
	})
	if !wanted {
		return nil, nil
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(data); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if root := doc.Root(); root != nil && slices.Contains(names, root.Tag) {
		return root, nil
	}
	return nil, nil
}

// add files a record. One that names no patient is passed over: it is an error
// answer, or an example.
func (r *records) add(file, number string, f form, root *etree.Element) error {
	number = strings.ReplaceAll(strings.TrimSpace(number), " ", "")
	if number == "" {
		return nil
	}
	key := number + " " + string(f)
	if have := r.names[key]; have != "" {
		return fmt.Errorf("%s and %s are the record of one patient", have, file)
	}
	r.names[key] = file
	if r.roots[number] == nil {
		r.roots[number] = map[form]*etree.Element{}
	}
	r.roots[number][f] = root
	return nil
}

// find is a copy of a patient's record in the first of forms it is filed in,
// nil when there is none.
func (r *records) find(number string, forms ...form) (*etree.Element, form) {
	for _, f := range forms {
		if root := r.roots[number][f]; root != nil {
			return root.Copy(), f
		}
	}
	return nil, ""
}

func (r *records) numbers() []string { return slices.Sorted(maps.Keys(r.roots)) }

// anotherNumber is a valid number of the test range that is not the one given.
func anotherNumber(number string) string {
	if number == "9990260788" {
		return "9997550242"
	}
	return "9990260788"
}

// child is the first child element of that local name, nil when there is none,
// also of nil.
func child(e *etree.Element, name string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, c := range e.ChildElements() {
		if c.Tag == name {
			return c
		}
	}
	return nil
}

// text is the text of that child, trimmed.
func text(e *etree.Element, name string) string {
	if c := child(e, name); c != nil {
		return strings.TrimSpace(c.Text())
	}
	return ""
}

// descend is the element at the end of a chain of children, nil when it ends
// early.
func descend(e *etree.Element, names ...string) *etree.Element {
	for _, n := range names {
		e = child(e, n)
	}
	return e
}

// prune removes the children that keep does not accept.
func prune(e *etree.Element, keep func(*etree.Element) bool) {
	if e == nil {
		return
	}
	for _, c := range e.ChildElements() {
		if !keep(c) {
			e.RemoveChild(c)
		}
	}
}

// serialise writes a document whose root is e.
func serialise(e *etree.Element) []byte {
	doc := etree.NewDocumentWithRoot(e)
	doc.InsertChildAt(0, etree.NewProcInst("xml", `version="1.0" encoding="UTF-8"`))
	doc.WriteSettings.CanonicalText = true // CR stays what it is
	doc.WriteSettings.CanonicalAttrVal = true
	out, err := doc.WriteToBytes()
	if err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return append(out, '\n')
}
