// Package dictionary holds a site's own dictionaries: for each coding scheme its codes, their words and whether they are
// in use. They are read from the publishers' and suppliers' files as those come; none of them ships with the product.
//
// A dictionary is no table: it translates nothing. It tells reviewers the words of a code, lets a table's rows be judged
// by the words of both sides, and finds targets that do not exist or are no longer in use.
package dictionary

import (
	"iter"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/mapping"
)

// Dictionary is what Load read. It does not change, and any number of goroutines may use it. A nil Dictionary is empty.
type Dictionary struct {
	stores  map[mapping.Scheme]*store
	sources []Source
}

var _ mapping.Dictionary = (*Dictionary)(nil)

// Source is what one file gave to one scheme.
type Source struct {
	File   string // its base name
	SHA256 string // of its bytes, in hexadecimal
	Layout string // what it was recognised as
	Scheme mapping.Scheme
	Rows   int // rows that gave the scheme a code, or a word of one
	Faulty int // rows of the file that were refused, in whichever scheme
}

// Holds reports whether a dictionary of the scheme is loaded.
func (d *Dictionary) Holds(s mapping.Scheme) bool { return d.Len(s) > 0 }

// Look finds a code by value and term code.
//
// Where the code states no term code, the preferred term answers (Read v2 "00", CTV3 type P); where the value has several
// terms and none of them is preferred, it is found without words. Where the loaded files have no term codes for the value,
// as SystmOne's list, a stated one is found without words, but for Read v2's preferred "00": a synonym may mean something
// else, and its words are not known. A term code that its value does not have, where the files have others, is not found.
//
// A superseded dm+d identifier is found, not in use, with the words of the product that has taken its place: lint must
// warn of a target that is no longer prescribed under that identifier, and a reviewer must see which product it was. A
// SNOMED CT concept known only from EMIS's list of codes is found without words: those that stand beside it there are of
// the Read code, and a row judged by them would agree with itself.
func (d *Dictionary) Look(c mapping.Code) (term string, active, found bool) {
	s := d.store(c.Scheme)
	if s == nil {
		return "", false, false
	}
	return s.look(&c)
}

// Codes yields every code of a scheme with its term, and whether it is in use, in the order of value and term code.
func (d *Dictionary) Codes(s mapping.Scheme) iter.Seq2[mapping.Code, bool] {
	return func(yield func(mapping.Code, bool) bool) {
		if store := d.store(s); store != nil {
			store.codes(yield)
		}
	}
}

// Len is the number of entries of a scheme: codes with their term codes, in use or not.
func (d *Dictionary) Len(s mapping.Scheme) int {
	if store := d.store(s); store != nil {
		return len(store.entries)
	}
	return 0
}

// Schemes are the schemes held, in the order of their names.
func (d *Dictionary) Schemes() []mapping.Scheme {
	if d == nil {
		return nil
	}
	var schemes []mapping.Scheme
	for scheme := range d.stores {
		schemes = append(schemes, scheme)
	}
	slices.SortFunc(schemes, func(a, b mapping.Scheme) int { return strings.Compare(string(a), string(b)) })
	return schemes
}

// Sources are the files read, in the order they were read, and for each its schemes in the order of their names.
func (d *Dictionary) Sources() []Source {
	if d == nil {
		return nil
	}
	return slices.Clone(d.sources)
}

func (d *Dictionary) store(s mapping.Scheme) *store {
	if d == nil {
		return nil
	}
	return d.stores[s]
}
