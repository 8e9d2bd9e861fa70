package bridge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linkspan/linkspan/mapping"
)

// LoadTables builds the map set: the starter tables where allowed, and those of
// the directories, each in the layer it states, local where it states none.
// Every fault of every table is reported at
// once, and with a fault there is no set.
func LoadTables(dirs []string, starter bool) (*mapping.Set, error) {
	var tables []*mapping.Table
	if starter {
		own, err := mapping.Starter()
		if err != nil {
			return nil, err
		}
		tables = own
	}
	var faults []error
	for _, dir := range dirs {
		loaded, found := mapping.Load(os.DirFS(dir), ".", mapping.Options{Layer: mapping.LocalLayer})
		for _, f := range found {
			f.File = filepath.Join(dir, f.File)
			faults = append(faults, f)
		}
		for _, t := range loaded {
			t.File = filepath.Join(dir, t.File)
		}
		tables = append(tables, loaded...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("tables refused:\n%w", err)
	}
	set, found := mapping.NewSet(tables...)
	for _, f := range found {
		faults = append(faults, f)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("tables refused:\n%w", err)
	}
	return set, nil
}
