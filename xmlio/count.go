package xmlio

import (
	"slices"
	"strings"
)

// counter matches Options.Count while the document goes by. The paths are one
// trie, so that paths with a common beginning cost one comparison; the nodes
// that an element stands on are in states, each element's own from frame.states
// on. "**" makes it possible to stand on several.
type counter struct {
	paths   []EntryPath
	counts  []int
	nodes   []node // nodes[0] is the place before the root element
	states  []int
	pending []decision
	found   []int // scratch
}

// node is one step of a path.
type node struct {
	step string
	next []int // nodes of the steps that may follow
	ends []int // indexes of the paths that end here
}

const anyChain = "**"

// decision is one path that a current element may yet match by a child.
type decision struct {
	path    int
	decided bool
}

func (c *counter) active() bool { return len(c.paths) > 0 }

func (c *counter) compile(paths []EntryPath) {
	if c.paths = paths; len(paths) == 0 {
		return
	}
	c.counts = make([]int, len(paths))
	c.nodes = append(c.nodes, node{})
	for i, p := range paths {
		at := 0
		for step := range strings.SplitSeq(p.Path, "/") {
			at = c.step(at, step)
		}
		c.nodes[at].ends = append(c.nodes[at].ends, i)
	}
	c.stand(0, 0)
}

// step returns the node of a step after node at.
func (c *counter) step(at int, step string) int {
	for _, n := range c.nodes[at].next {
		if c.nodes[n].step == step {
			return n
		}
	}
	c.nodes = append(c.nodes, node{step: step})
	n := len(c.nodes) - 1
	c.nodes[at].next = append(c.nodes[at].next, n)
	return n
}

// stand adds a node to those stood on since index from, and with it the "**"
// that follow it, which may match nothing at all.
func (c *counter) stand(from, n int) {
	if slices.Contains(c.states[from:], n) {
		return
	}
	c.states = append(c.states, n)
	for _, next := range c.nodes[n].next {
		if c.nodes[next].step == anyChain {
			c.stand(from, next)
		}
	}
}

// countStart matches the start of element f, the current one.
func (r *Reader) countStart(f *frame) {
	c := &r.counter
	lo, hi := 0, f.states
	if depth := len(r.frames); depth > 1 {
		parent := &r.frames[depth-2]
		lo = parent.states
		if parent.pending < f.pending {
			r.decide(parent, f, false)
		}
	} else {
		// The root's parent is the place before it, which compile stands on.
		hi = len(c.states)
		f.states = hi
	}
	for i := lo; i < hi; i++ {
		n := c.states[i]
		if c.nodes[n].step == anyChain {
			c.stand(f.states, n)
		}
		for _, next := range c.nodes[n].next {
			if c.nodes[next].step == f.name.Local {
				c.stand(f.states, next)
			}
		}
	}
	if len(c.states) == f.states {
		return
	}
	c.found = c.found[:0]
	for _, n := range c.states[f.states:] {
		c.found = append(c.found, c.nodes[n].ends...)
	}
	if len(c.found) == 0 {
		return
	}
	slices.Sort(c.found)
	for _, path := range slices.Compact(c.found) {
		attribute, own := strings.CutPrefix(c.paths[path].Child, "@")
		switch {
		case own && !r.holds(attribute, c.paths[path].Value):
		case c.paths[path].Child == "", own:
			if len(c.pending) == f.pending {
				r.counted(path)
				return
			}
			c.pending = append(c.pending, decision{path, true})
			return
		default:
			c.pending = append(c.pending, decision{path, false})
		}
	}
}

// holds reports that the current element has an attribute with that value, as
// EntryPath.Value has it.
func (r *Reader) holds(attribute, value string) bool {
	text, stated := r.AttrOK(attribute)
	switch value {
	case "*":
		return stated
	case "":
		return !blank(text)
	}
	return strings.Trim(text, " \t\r\n") == value
}

// counted counts one entry of a path.
func (r *Reader) counted(path int) {
	r.counter.counts[path]++
	if r.entries++; r.entries > r.limits.Entries {
		r.fail(r.pos, FaultLimit, "too many entries")
	}
}

// countEnd decides what the end of element f decides.
func (r *Reader) countEnd(f *frame) {
	if depth := len(r.frames); depth > 1 && r.frames[depth-2].pending < f.pending {
		r.decide(&r.frames[depth-2], f, true)
	}
	for _, d := range r.counter.pending[f.pending:] {
		if d.decided {
			r.counted(d.path)
			return
		}
	}
}

// decide tells the undecided paths of a parent that child starts or has ended.
func (r *Reader) decide(parent, child *frame, ended bool) {
	c := &r.counter
	pending := c.pending[parent.pending:child.pending]
	for i := range pending {
		d := &pending[i]
		p := &c.paths[d.path]
		if d.decided || p.Child != child.name.Local {
			continue
		}
		switch {
		case p.Value == "*":
			d.decided = true
		case !ended:
		case p.Value == "":
			d.decided = !blank(r.ownText(child))
		default:
			d.decided = strings.Trim(r.ownText(child), " \t\r\n") == p.Value
		}
	}
}
