package mapping

import (
	"embed"
	"errors"
)

//go:embed tables
var starter embed.FS

// Starter reads the tables the product ships: public facts, reviewed, marked "use: test", never for care.
func Starter() ([]*Table, error) {
	tables, faults := Load(starter, "tables", Options{Layer: StarterLayer})
	if len(faults) == 0 {
		return tables, nil
	}
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return nil, errors.Join(errs...)
}
