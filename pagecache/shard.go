package pagecache

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	shardBits = 4
	shards    = 1 << shardBits
	buckets   = 16 // of a shard at first; doubled when there are more nodes
)

// A node is one key in a shard. The first fields never change.
type node struct {
	key   string
	hash  uint64
	entry *Entry
	cost  int64

	used    atomic.Bool  // asked for since the hand passed
	checked atomic.Int64 // when the source was looked at last, a time.Duration
	next    atomic.Pointer[node]
	slot    int // in shard.ring; owned by its lock
}

// due reports whether the node's source must be checked by the caller.
func (n *node) due(recheck, now time.Duration) bool {
	switch checked := n.checked.Load(); {
	case n.entry.Immutable:
		return false
	case recheck < 0:
		return true
	case now-time.Duration(checked) < recheck:
		return false
	default:
		return n.checked.CompareAndSwap(checked, int64(now)) // who fails was outrun
	}
}

// A shard is a hash table with chains. Readers walk them without the lock while a
// writer, who holds it, changes them. A reader may then miss a node, but never
// finds a wrong one, and looks again under the lock before he says so.
type shard struct {
	table atomic.Pointer[table]
	mu    sync.Mutex
	ring  []*node  // all nodes, in no order
	hand  int      // in ring: the node to judge next
	_     [80]byte // keeps the next shard off these cache lines
}

// A table has the heads of the chains. Its length is a power of two.
type table []atomic.Pointer[node]

func (t *table) head(hash uint64) *atomic.Pointer[node] {
	return &(*t)[hash&uint64(len(*t)-1)]
}

// get returns the node of a key, or nil.
func (s *shard) get(hash uint64, key []byte) *node {
	if n := s.find(hash, key); n != nil {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(hash, key)
}

func (s *shard) find(hash uint64, key []byte) *node {
	t := s.table.Load()
	if t == nil {
		return nil
	}
	for n := t.head(hash).Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.key == string(key) {
			return n
		}
	}
	return nil
}

// put adds n and returns the node that its key had, now removed, or nil.
func (s *shard) put(n *node) (old *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = s.find(n.hash, []byte(n.key))
	if t := s.table.Load(); t == nil || len(s.ring) >= len(*t) {
		s.grow()
	}
	n.slot = len(s.ring)
	s.ring = append(s.ring, n)
	s.table.Load().link(n)
	if old != nil {
		s.unlink(old) // after its successor is in place, so that no reader misses both
	}
	return old
}

// link puts n before the others of its chain.
func (t *table) link(n *node) {
	head := t.head(n.hash)
	n.next.Store(head.Load())
	head.Store(n)
}

// grow makes a table of twice the size. Readers of the old one may be led into
// chains of the new one; as a node in those is only followed by nodes that were
// moved before it, they come to an end.
func (s *shard) grow() {
	size := buckets
	if t := s.table.Load(); t != nil {
		size = 2 * len(*t)
	}
	t := make(table, size)
	for _, n := range s.ring {
		t.link(n)
	}
	s.table.Store(&t)
}

// remove removes the node of a key and returns it, or nil.
func (s *shard) remove(hash uint64, key []byte) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.find(hash, key)
	if n != nil {
		s.unlink(n)
	}
	return n
}

// evict removes a node that was not asked for since the hand passed it last, and
// returns it; nil when there is no node.
func (s *shard) evict() *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) == 0 {
		return nil
	}
	for judged := 0; ; judged++ {
		s.hand %= len(s.ring)
		n := s.ring[s.hand]
		if n.used.Swap(false) && judged < 2*len(s.ring) { // readers may mark all again and again
			s.hand++
			continue
		}
		s.unlink(n)
		s.hand++ // past the newest node, which was moved here
		return n
	}
}

// unlink takes n out of its chain and of the ring. n goes on to lead to the rest
// of the chain those readers who are at it.
func (s *shard) unlink(n *node) {
	p := s.table.Load().head(n.hash)
	for p.Load() != n {
		p = &p.Load().next
	}
	p.Store(n.next.Load())
	last := s.ring[len(s.ring)-1]
	s.ring[n.slot], last.slot = last, n.slot
	s.ring[len(s.ring)-1] = nil
	s.ring = s.ring[:len(s.ring)-1]
}
