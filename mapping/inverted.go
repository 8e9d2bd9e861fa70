package mapping

import "fmt"

// fewMirrored is how many mirrored rows two tables may have before they are looked at as a whole.
const fewMirrored = 20

// inverted refuses a table that was made by turning another round: a synonym comes back as the wrong term, and an
// allergy may come back as something else (terminology §0.3). A table whose every row was reviewed in its own direction
// says so in its header.
func (s *Set) inverted(t *Table) []Fault {
	if t.From.Enumeration() || t.To.Enumeration() || t.From == t.To || t.InverseReviewed != "" {
		return nil
	}
	for _, other := range s.between(t.To, t.From) {
		if other.InverseReviewed != "" { // of two mirrors it is the one that was looked at
			continue
		}
		if mirrored, mapped := mirrors(t, other); mirrored > fewMirrored && mirrored*100 > mapped*99 {
			return []Fault{{File: t.File, What: fmt.Sprintf("%d of %d rows are those of %s turned round", mirrored, mapped, other.File),
				Why:  "a table of one direction says nothing of the way back",
				Mend: `review every row in this direction and say who did: "# inverse-reviewed: name"`}}
		}
	}
	return nil
}

// mirrors counts the rows of t that stand in other with source and target exchanged. It stops where too few do.
func mirrors(t, other *Table) (mirrored, mapped int) {
	for _, row := range t.packed.rows() {
		if row.relation() == NoMap {
			continue
		}
		mapped++
		value, termCode := row.target()
		for _, back := range other.packed.group(other.packed.index.find(&other.packed, value)) {
			target, targetTermCode := back.target()
			if target == row.value() && sameOrUnstated(targetTermCode, row.termCode()) && sameOrUnstated(back.termCode(), termCode) {
				mirrored++
				break
			}
		}
		if mapped-mirrored > fewMirrored && mirrored*100 < mapped*90 {
			return mirrored, mapped
		}
	}
	return mirrored, mapped
}

func sameOrUnstated(a, b string) bool { return a == b || a == "" || b == "" }
