package pagecache

import (
	"sync/atomic"
	"time"
)

// A node is a key and its entry. Readers reach it without a lock.
type node struct {
	key     string
	hash    uint64
	entry   atomic.Pointer[Entry]
	checked atomic.Int64  // when the source was looked at last, a time.Duration
	uses    atomic.Uint32 // lookups since the policy looked, up to maxUses

	main       bool // which queue it is in; these belong to the shard's lock
	cost       int64
	prev, next *node
}

const maxUses = 3

// use counts a lookup. A node that is asked for often is not written to, so
// that cores share its cache line. A use that is lost to another core's does no harm.
func (n *node) use() {
	if u := n.uses.Load(); u < maxUses {
		n.uses.Store(u + 1)
	}
}

// look returns the entry, and whether its source must be checked by the caller.
func (n *node) look(recheck, now time.Duration) (e *Entry, due bool) {
	e = n.entry.Load() // before checked, which set stores first: a new entry is never judged by the old one's time
	switch checked := n.checked.Load(); {
	case e.Immutable:
		return e, false
	case recheck < 0:
		return e, true
	case now-time.Duration(checked) < recheck:
		return e, false
	default:
		return e, n.checked.CompareAndSwap(checked, int64(now)) // who fails was outrun
	}
}

func (n *node) set(e *Entry, now time.Duration) {
	n.checked.Store(int64(now))
	n.entry.Store(e)
}

// A table is a hash table with open addressing and linear probing, whose length is
// a power of two. One writer at a time changes it while any number of readers look.
// A node never moves: it keeps its slot until it is taken out, and a larger table
// is another one, which takes the place of the old when it is complete; the old is
// not written to any more. So a reader who does not find a key can be sure that there was
// a moment, while he looked, at which it was not there.
type table []atomic.Pointer[node]

// gone stands in the slot of a node that was taken out while the next slot is in
// use: readers go on behind it.
var gone = new(node)

// find returns the node of a key, or nil.
func (t table) find(hash uint64, key []byte) *node {
	for i := range uint64(len(t)) {
		n := t.slot(hash + i).Load()
		if n == nil {
			return nil
		}
		if n.hash == hash && n != gone && n.key == string(key) {
			return n
		}
	}
	return nil
}

func (t table) slot(i uint64) *atomic.Pointer[node] { return &t[i&uint64(len(t)-1)] }

// add puts n, whose key is not there, into the first free slot. It returns how many
// slots more are in use: none when it found one that was gone.
func (t table) add(n *node) int {
	for i := n.hash; ; i++ {
		switch s := t.slot(i); s.Load() {
		case nil:
			s.Store(n)
			return 1
		case gone:
			s.Store(n)
			return 0
		}
	}
}

// take takes n out and returns how many slots are free by that: those of nodes
// that are gone need no mark when nothing stands behind them.
func (t table) take(n *node) (freed int) {
	i := n.hash
	for t.slot(i).Load() != n {
		i++
	}
	if t.slot(i+1).Load() != nil {
		t.slot(i).Store(gone)
		return 0
	}
	t.slot(i).Store(nil)
	for freed = 1; t.slot(i-1).Load() == gone; freed++ {
		i--
		t.slot(i).Store(nil)
	}
	return freed
}
