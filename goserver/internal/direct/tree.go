package direct

import (
	"errors"
	"fmt"
	"iter"
	"maps"
)

// Errors of a pattern beside those that are registered already. They come
// wrapped with both.
var (
	ErrPatternTaken    = errors.New("goserver: pattern matches the same requests as one before it")
	ErrPatternConflict = errors.New("goserver: patterns match some requests both, and neither is more specific")
)

// A tree holds the routes of all hosts, by segments of their paths. Routes are
// immutable and may be shared between trees.
type tree struct {
	any   node             // patterns without host
	hosts map[string]*node // by host in lower case
}

// A node is a place between two segments. Its routes are those that end here.
type node struct {
	end   *route           // nothing follows
	slash *route           // just a slash follows: {$}
	multi *route           // a slash and anything follows
	wild  *node            // behind any one segment
	few   []edge           // behind a literal one, while there are at most maxFew
	many  map[string]*node // the same once there are more
}

type edge struct {
	text string
	to   *node
}

// maxFew edges are searched one after the other: up to here that is no slower
// than a map, and takes a fifth of its memory.
const maxFew = 8

// A route is one registered pattern; next has the same path, another method.
type route struct {
	Match
	method string
	names  []string
	next   *route
}

// add puts a route in, or says why it can't be there.
func (t *tree) add(p *pattern, m Match) error {
	n := &t.any
	if p.host != "" {
		if n = t.hosts[p.host]; n == nil {
			n = new(node)
		}
	}
	var err error
	n.meet(p.segs, 0, func(r *route, w width) {
		if err == nil {
			err = r.conflict(p, w)
		}
	})
	if err != nil {
		return err
	}
	if p.host != "" {
		if t.hosts == nil {
			t.hosts = make(map[string]*node)
		}
		t.hosts[p.host] = n
	}
	at := n.place(p.segs)
	*at = &route{Match: m, method: p.method, names: p.names(), next: *at}
	return nil
}

// place returns where the routes of that path hang, and makes the way there.
func (n *node) place(segs []segment) **route {
	for _, s := range segs {
		switch s.kind {
		case slash:
			return &n.slash
		case multi:
			return &n.multi
		case wild:
			if n.wild == nil {
				n.wild = new(node)
			}
			n = n.wild
		case literal:
			n = n.grow(s.text)
		}
	}
	return &n.end
}

// grow returns the node behind a literal segment, new or not.
func (n *node) grow(text string) *node {
	if to := n.behind([]byte(text)); to != nil {
		return to
	}
	to := new(node)
	switch {
	case n.many != nil:
		n.many[text] = to
	case len(n.few) < maxFew:
		n.few = append(n.few, edge{text, to})
	default:
		n.many = maps.Collect(n.literals())
		n.many[text] = to
		n.few = nil
	}
	return to
}

// behind returns the node behind a literal segment, or nil.
func (n *node) behind(text []byte) *node {
	if n.many != nil {
		return n.many[string(text)]
	}
	for i := range n.few {
		if n.few[i].text == string(text) {
			return n.few[i].to
		}
	}
	return nil
}

// literals yields the edges of the node.
func (n *node) literals() iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) {
		for _, e := range n.few {
			if !yield(e.text, e.to) {
				return
			}
		}
		for text, to := range n.many {
			if !yield(text, to) {
				return
			}
		}
	}
}

// width is how two patterns relate that match some path both. Without a bit
// they match the same; with one bit, one of them matches more; with both bits
// each matches something that the other does not.
type width uint8

const (
	newWider width = 1 << iota
	oldWider
)

// meet calls found for the routes behind n that share a path with a pattern of
// which segs is the rest. w is the relation up to here; found gets the whole.
func (n *node) meet(segs []segment, w width, found func(*route, width)) {
	if n == nil {
		return
	}
	if len(segs) == 0 {
		found(n.end, w)
		return
	}
	first, rest := segs[0], segs[1:]
	if first.kind == multi {
		found(n.multi, w)
		n.meetBehind(w|newWider, found)
		return
	}
	found(n.multi, w|oldWider)
	switch first.kind {
	case slash:
		found(n.slash, w)
	case wild:
		for _, to := range n.literals() {
			to.meet(rest, w|newWider, found)
		}
		n.wild.meet(rest, w, found)
	default:
		n.behind([]byte(first.text)).meet(rest, w, found)
		n.wild.meet(rest, w|oldWider, found)
	}
}

// meetBehind calls found for all that a multi at n covers, but for n's own multi.
func (n *node) meetBehind(w width, found func(*route, width)) {
	found(n.slash, w)
	behind := func(to *node) {
		found(to.end, w)
		found(to.multi, w)
		to.meetBehind(w, found)
	}
	for _, to := range n.literals() {
		behind(to)
	}
	if n.wild != nil {
		behind(n.wild)
	}
}

// conflict compares p with the routes of one path, to which its path stands as w
// says: it must not match the same requests, nor be wider and narrower at once.
func (r *route) conflict(p *pattern, w width) error {
	for ; r != nil; r = r.next {
		m, both := compareMethods(p.method, r.method)
		switch {
		case both && w|m == 0:
			return fmt.Errorf("%w: %q and %q", ErrPatternTaken, r.Pattern, p.text)
		case both && w|m == newWider|oldWider:
			return fmt.Errorf("%w: %q and %q", ErrPatternConflict, r.Pattern, p.text)
		}
	}
	return nil
}

// compareMethods relates the methods of a new and an old pattern. GET takes
// HEAD requests too, and no method takes all.
func compareMethods(new, old string) (w width, both bool) {
	switch {
	case new == old:
		return 0, true
	case new == "", new == "GET" && old == "HEAD":
		return newWider, true
	case old == "", old == "GET" && new == "HEAD":
		return oldWider, true
	}
	return 0, false
}

func (t *tree) clone() *tree {
	c := &tree{any: *t.any.clone()}
	if t.hosts != nil {
		c.hosts = make(map[string]*node, len(t.hosts))
		for host, n := range t.hosts {
			c.hosts[host] = n.clone()
		}
	}
	return c
}

func (n *node) clone() *node {
	if n == nil {
		return nil
	}
	c := *n
	c.wild = n.wild.clone()
	c.few = nil
	for _, e := range n.few {
		c.few = append(c.few, edge{e.text, e.to.clone()})
	}
	if n.many != nil {
		c.many = make(map[string]*node, len(n.many))
		for text, to := range n.many {
			c.many[text] = to.clone()
		}
	}
	return &c
}
