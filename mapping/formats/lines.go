package formats

import (
	"errors"
	"io"
	"iter"

	"github.com/linkspan/linkspan/mapping/internal/delimited"
)

// open starts a delimited file; a fault there is fatal.
func (im *importer) open(in io.Reader, o delimited.Options) (*delimited.Reader, bool) {
	o.MaxRows, o.MaxBytes = im.o.MaxRows, im.o.MaxBytes
	r, err := delimited.New(in, o)
	if err != nil {
		im.lineFault(err)
		return nil, false
	}
	return r, true
}

func (im *importer) columns(r *delimited.Reader, names ...string) ([]int, bool) {
	at, err := r.Columns(names...)
	if err != nil {
		im.lineFault(err)
		return nil, false
	}
	return at, true
}

// lineFault is what the reader of lines could not read.
func (im *importer) lineFault(err error) {
	var e *delimited.Error
	if !errors.As(err, &e) || e.Unwrap() != nil {
		im.stopped(0, err)
		return
	}
	why := "a row read wrongly gives wrong codes"
	if e.Fatal {
		why = "nothing after it can be read"
	}
	im.fault(e.Line, e.What, why, e.Mend)
}

// rowsOf yields the rows of a delimited file and counts them. A row that cannot be read is a fault where every row
// matters, else it is noted and left out.
func (im *importer) rowsOf(r *delimited.Reader, strict bool) iter.Seq[[]string] {
	im.src.rows = &im.rows
	return func(yield func([]string) bool) {
		for !im.full() {
			cells, err := r.Next()
			im.rows = r.Rows()
			var e *delimited.Error
			switch {
			case errors.Is(err, io.EOF):
				return
			case err == nil:
				if !yield(cells) {
					return
				}
			case errors.As(err, &e) && !e.Fatal && !strict:
				im.bad++
				im.note(e.Line, "left out, "+e.What)
			default:
				im.lineFault(err)
				if e == nil || e.Fatal {
					return
				}
			}
		}
	}
}
