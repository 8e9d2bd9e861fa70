package dictionary

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/mapping/internal/dmd"
)

// dmdPassedOver are the files of dm+d that hold no product we have codes of: packs, ingredients, look-ups.
var dmdPassedOver = [...]string{"f_vmpp2", "f_ampp2", "f_ingredient2", "f_lookup2", "f_gtin2", "f_bnf1"}

// succession is a dm+d identifier and the one that took its place.
type succession struct{ previous, current uint64 }

// dmd reads a file of dm+d as a stream. A record is known by its children, not by its own name: a VTM has VTMID and NM, a
// VMP has VPID and NM, an AMP has APID and DESC or NM, an entry of the history IDCURRENT and IDPREVIOUS; one with VPPID or
// APPID is a pack.
func (f *file) dmd() {
	f.layout = "dm+d XML"
	base := strings.ToLower(filepath.Base(f.path))
	if slices.ContainsFunc(dmdPassedOver[:], func(name string) bool { return strings.HasPrefix(base, name) }) {
		f.note = "no products in it"
		return
	}
	r := dmd.NewReader(f.in)
	for {
		record, err := r.Next()
		f.line = r.Line()
		fault := (*dmd.Error)(nil)
		switch {
		case r.Root() == "schema":
			f.note = "a schema, no dictionary"
			return
		case errors.As(err, &fault):
			f.stopped(err, fault.What, fault.Mend)
			return
		case err != nil: // the end
			if f.rows == 0 {
				f.line = 0
				f.refuse("XML without a product of dm+d", "load one of: "+known())
			}
			return
		}
		f.product(record)
	}
}

// product takes what a record says of a product.
func (f *file) product(r *dmd.Record) {
	code := mapping.Code{Scheme: mapping.DMD}
	switch {
	case r.Current != "" && r.Previous != "":
		f.next()
		f.supersede(r.Previous, r.Current)
		return
	case r.VMPP != "" || r.AMPP != "":
		return
	case r.AMP != "" && (r.Description != "" || r.Name != ""):
		code.Value, code.Term = r.AMP, cmp.Or(r.Description, r.Name)
	case r.AMP != "" || r.Name == "":
		return // a part of a product: an ingredient, a route, a form
	case r.VMP != "":
		code.Value, code.Term = r.VMP, r.Name
	case r.VTM != "":
		code.Value, code.Term = r.VTM, r.Name
	default:
		return
	}
	f.next()
	f.add(code, r.Invalid != "1", true, published)
	for _, previous := range [...]string{r.PreviousVTM, r.PreviousVMP} {
		if previous != "" {
			f.supersede(previous, code.Value)
		}
	}
}

// supersede keeps for the end that one identifier took another's place. The history names every identifier, most of them
// as their own successor.
func (f *file) supersede(previous, current string) {
	if previous == current {
		return
	}
	for _, id := range [...]string{previous, current} {
		if err := (mapping.Code{Scheme: mapping.DMD, Value: id}).Check(); err != nil {
			f.fault("a superseded identifier: "+ours(err), "load the file as it was published")
			return
		}
	}
	from, _ := number(previous)
	to, _ := number(current)
	f.earlier = append(f.earlier, succession{from, to})
}

// maxHops bounds a chain of successors, which a damaged history could close to a ring.
const maxHops = 20

// joinDMD gives superseded identifiers the words of the product that is there now. One that a release still lists keeps
// its own. Whichever files and releases are loaded, all their successions are followed.
func (l *loader) joinDMD() {
	s := l.stores[mapping.DMD]
	if len(l.earlier) == 0 || s == nil {
		return
	}
	slices.SortFunc(l.earlier, func(a, b succession) int {
		return cmp.Or(cmp.Compare(a.previous, b.previous), cmp.Compare(a.current, b.current))
	})
	for i, one := range l.earlier {
		previous := strconv.FormatUint(one.previous, 10)
		if _, listed := s.find(previous, ""); listed || i > 0 && l.earlier[i-1].previous == one.previous {
			continue
		}
		term, found := l.successor(s, one.previous)
		if !found {
			continue // of a file that is not loaded
		}
		if err := s.add(mapping.Code{Scheme: mapping.DMD, Value: previous, Term: term}, false, true, published); err != nil {
			l.refuse(string(mapping.DMD), err.Error(), "codes would be missing", "load fewer files")
			return
		}
	}
}

// successor is the words of the product at the end of the chain. Where one identifier was split into products of several
// names it has no words.
func (l *loader) successor(s *store, id uint64) (term string, found bool) {
	for range maxHops {
		i, _ := slices.BinarySearchFunc(l.earlier, id, func(e succession, id uint64) int { return cmp.Compare(e.previous, id) })
		next := id
		for ; i < len(l.earlier) && l.earlier[i].previous == id; i++ {
			next = l.earlier[i].current
			at, listed := s.find(strconv.FormatUint(next, 10), "")
			if !listed {
				continue
			}
			_, _, words, _ := s.record(s.entries[at].at)
			if found && words != term {
				return "", true
			}
			term, found = words, true
		}
		if found || next == id {
			return term, found
		}
		id = next
	}
	return "", false
}
