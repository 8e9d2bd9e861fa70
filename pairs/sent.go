package pairs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opSent = "pairs: sent"

// Sent is the last link of conservation (DESIGN.md decision 6): it judges the
// bytes the consumer's codec made of rec before they go out. Every entry that
// goes out must stand in them once, as its codec says and as a count of the
// elements in the bytes shows; nothing that is withheld may; and every line of
// the record's head must. It is called after EncodeResponse and before the
// audit of the bytes; an answer it refuses must not go out.
//
// The error is a *record.Error of ReasonInternal that names the section or
// element and the counts, and nothing of a patient. The cost is a small part
// of that of encoding (BenchmarkSent).
func (d *Direction) Sent(rec *record.Record, answer []byte) error {
	answer, err := d.unwrapped(answer)
	var elements map[string]int
	if err == nil {
		elements, err = elementsOf(answer, d.Consumer.entries)
	}
	if err == nil {
		err = rec.Sent(elements)
	}
	if err == nil {
		err = headOf(answer, rec.Head(rec.Asked()))
	}
	if err != nil {
		return record.Fault(record.ReasonInternal, opSent, err)
	}
	return nil
}

// unwrapped is the answer as the XML its entries stand in.
func (d *Direction) unwrapped(answer []byte) ([]byte, error) {
	if d.Consumer.Unwrap == nil {
		return answer, nil
	}
	return d.Consumer.Unwrap(answer)
}

// headOf looks for the lines of the head in the answer as our writer spells
// them. A format may part a line where it has a line feed, and has them in
// order most of the time.
func headOf(answer []byte, head []string) error {
	w := xmlio.NewWriter(nil)
	w.Start("head")
	at := 0
	for i, lines := range head {
		for line := range strings.SplitSeq(lines, "\n") {
			from := len(w.Bytes())
			w.Text(line)
			spelt := w.Bytes()[from:]
			next := bytes.Index(answer[at:], spelt)
			if next < 0 {
				at = 0
				next = bytes.Index(answer, spelt)
			}
			if next < 0 {
				return fmt.Errorf("line %d of %d of the head is not in the answer", i+1, len(head))
			}
			at += next
		}
	}
	return nil
}

var errMarkup = errors.New("the answer is not as it was written")

// elementsOf counts the elements of the entry paths in a document, by their
// name. It is not the reader that judges what others send: it reads what our
// own writer wrote, in which "<" begins a tag and ">" ends one and neither
// stands anywhere else, and so costs little.
func elementsOf(doc []byte, ways *entryWays) (map[string]int, error) {
	counted := make([]int, len(ways.names))
	open := make([][]byte, 0, 32)
	for at := 0; ; {
		next := bytes.IndexByte(doc[at:], '<')
		if next < 0 {
			break
		}
		doc, at = doc[at+next+1:], 0
		if len(doc) > 0 && doc[0] == '/' {
			if len(open) == 0 {
				return nil, errMarkup
			}
			name := open[len(open)-1]
			open = open[:len(open)-1]
			if at = len(name) + 2; len(doc) < at || doc[at-1] != '>' || !bytes.Equal(doc[1:at-1], name) {
				return nil, errMarkup
			}
			continue
		}
		for at < len(doc) && doc[at] != ' ' && doc[at] != '/' && doc[at] != '>' {
			at++
		}
		name, size := doc[:at], 0
		if at == 0 || at == len(doc) {
			return nil, errMarkup
		}
		if doc[at] != '>' { // attributes
			size = bytes.IndexByte(doc[at:], '>')
		}
		if size < 0 {
			return nil, errMarkup
		}
		at += size + 1
		if name[0] == '?' {
			continue
		}
		open = append(open, name)
		if i, is := ways.reached(open); is {
			counted[i]++
		}
		if doc[at-2] == '/' {
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return nil, errMarkup
	}
	counts := make(map[string]int, len(counted))
	for i, n := range counted {
		if n > 0 {
			counts[ways.names[i]] = n
		}
	}
	return counts, nil
}

// entryWays are the ways to the elements that stand for entries of a system.
type entryWays struct {
	names []string
	ways  [][]way        // by the place in names, as counts are
	index map[string]int // place in names
	// initials tell most names of other elements apart, by the first letter and
	// the length, before anything is hashed.
	initials [256]uint64
}

// way is one path of elements, from the root or from anywhere.
type way struct {
	steps    []string
	anywhere bool
}

// waysOf are the paths by the name of the element they lead to. What an
// element must hold to be one kind of entry and not another is left out: here
// an element is one entry whatever its kind.
func waysOf(paths []record.EntryPath) *entryWays {
	w := &entryWays{index: make(map[string]int, len(paths))}
	seen := make(map[string]bool, len(paths))
	for _, p := range paths {
		if seen[p.Path] {
			continue
		}
		seen[p.Path] = true
		rest, anywhere := strings.CutPrefix(p.Path, "**/")
		steps := strings.Split(rest, "/")
		name := steps[len(steps)-1]
		i, known := w.index[name]
		if !known {
			i = len(w.names)
			w.index[name], w.names, w.ways = i, append(w.names, name), append(w.ways, nil)
			w.initials[name[0]] |= 1 << (len(name) % 64)
		}
		w.ways[i] = append(w.ways[i], way{steps, anywhere})
	}
	return w
}

// reached is the place of the innermost open element, or false where it stands
// for no entry.
func (w *entryWays) reached(open [][]byte) (int, bool) {
	name := open[len(open)-1]
	if w.initials[name[0]]&(1<<(len(name)%64)) == 0 {
		return 0, false
	}
	i, named := w.index[string(name)]
	return i, named && slices.ContainsFunc(w.ways[i], func(w way) bool { return w.leadsTo(open) })
}

func (w way) leadsTo(open [][]byte) bool {
	above := len(open) - len(w.steps)
	if above < 0 || above > 0 && !w.anywhere {
		return false
	}
	for i, step := range w.steps {
		if string(open[above+i]) != step {
			return false
		}
	}
	return true
}
