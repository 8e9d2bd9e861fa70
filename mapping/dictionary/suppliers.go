package dictionary

import (
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// The code lists of the suppliers' extracts (terminology §1.4), and the site's own file.

// own reads a row of our dictionary file: scheme, code, term code, term, active as yes or no. It corrects every other.
func (f *file) own(cells []string) {
	if cells[4] != "yes" && cells[4] != "no" {
		f.fault("active is neither yes nor no", "write yes or no")
		return
	}
	code := mapping.Code{Scheme: mapping.Scheme(cells[0]), Value: cells[1], TermCode: cells[2], Term: cells[3]}
	preferred := code.TermCode == "" || code.Scheme == mapping.ReadV2 && code.TermCode == preferredTermCode
	f.add(code, cells[4] == "yes", preferred, site)
}

// emisClinical reads a row of Coding_ClinicalCode: term, EMIS's spelling of a Read or local code, SNOMED CT concept. The
// term is the Read code's; of the concept only the existence is taken.
func (f *file) emisClinical(cells []string) {
	term, native, concept := cells[1], cells[2], cells[3]
	if native == "" && concept == "" {
		f.fault("neither a Read nor a SNOMED CT code", "restore the row from the supplier's file")
		return
	}
	if native != "" {
		code, err := mapping.ParseEMIS(native, term)
		if err != nil {
			f.fault("the ReadTermId: "+ours(err), "copy the row again from the supplier's file, as text")
		} else {
			f.add(code, true, code.TermCode == "" || code.TermCode == preferredTermCode, supplier)
		}
	}
	if concept != "" && concept != "0" {
		f.add(mapping.Code{Scheme: mapping.SNOMED, Value: concept}, true, true, existence)
	}
}

// emisDrug reads a row of Coding_DrugCode: name and dm+d identifier. A drug without one, or with an identifier EMIS or
// Vision made for itself, is none of dm+d's.
func (f *file) emisDrug(cells []string) {
	id := cells[2]
	if id == "" || id == "0" || (mapping.Code{Scheme: mapping.SNOMED, Value: id}).Private() {
		return
	}
	f.add(mapping.Code{Scheme: mapping.DMD, Value: id, Term: cells[1]}, true, true, supplier)
}

// tpp reads a row of SRCtv3: code and text, and whether the extract takes the row back.
func (f *file) tpp(cells []string) {
	removed, ok := removedData(cells[2])
	if !ok {
		f.fault("a RemovedData that is neither 0 nor 1", "restore the row from the supplier's file")
		return
	}
	if removed {
		return
	}
	code, err := mapping.ParseCTV3(cells[0], cells[1])
	if err != nil {
		f.fault(ours(err), "copy the row again from the supplier's file, as text")
		return
	}
	f.add(code, true, true, supplier)
}

// removedData reads the mark of SystmOne's extracts; an extract that has no such column takes nothing back.
func removedData(cell string) (removed, ok bool) {
	switch strings.ToLower(cell) {
	case "", "0", "false", "n", "no":
		return false, true
	case "1", "true", "y", "yes":
		return true, true
	}
	return false, false
}
