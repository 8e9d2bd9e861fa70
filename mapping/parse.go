package mapping

import (
	"io"
	"io/fs"
)

// Parse reads one table and reports every fault at once; with a fault there is no table.
func Parse(file string, r io.Reader) (*Table, []Fault) { return parse(file, r, "") }

func parse(file string, r io.Reader, def Layer) (*Table, []Fault) { return nil, nil }

// Load reads every *.tsv of one directory in name order. Tables without a layer line take def. All faults of all
// files are reported at once; with a fault there are no tables.
func Load(fsys fs.FS, dir string, def Layer) ([]*Table, []Fault) { return nil, nil }
