package pagecache

import (
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A shard has the keys of one part of the hashes. Readers take no lock.
type shard struct {
	table  atomic.Pointer[table]
	absent absences

	mu    sync.Mutex // of those who change it
	taken int        // slots of the table that are not nil
	policy
	_ [64]byte // keeps the next shard off these cache lines
}

// find returns the node of a key, or nil.
func (s *shard) find(hash uint64, key []byte) *node {
	if t := s.table.Load(); t != nil {
		return t.find(hash, key)
	}
	return nil
}

// An outcome is what shard.put has done.
type outcome uint8

const (
	putNew    outcome = iota // the key had no entry
	putOver                  // in the place of another
	putOutrun                // nothing: the key does not have the entry that it should
	putFull                  // nothing: there is no room
)

// put puts e if the key has the entry old, or, when that is nil, whatever it has. A key
// that had an entry keeps its place in the policy.
func (s *shard) put(b *budget, key string, hash uint64, old, e *Entry, cost int64, now time.Duration) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.find(hash, []byte(key))
	if old != nil && (n == nil || n.entry.Load() != old) {
		return putOutrun
	}
	if n != nil {
		if !b.change(n.entry.Load(), n.cost, e, cost) {
			return putFull
		}
		n.set(e, now)
		s.resize(n, cost)
		return putOver
	}
	if !b.change(nil, 0, e, cost) {
		return putFull
	}
	n = &node{key: key, hash: hash, cost: cost}
	n.set(e, now)
	s.reserve()
	s.taken += s.table.Load().add(n)
	s.policy.add(n)
	s.absent.remove(hash, key)
	return putNew
}

const minTable = 16

// reserve makes sure that half of the slots are free when a node is added.
func (s *shard) reserve() {
	if t := s.table.Load(); t == nil || 2*(s.taken+1) > len(*t) {
		s.rebuild()
	}
}

// rebuild makes a table that is filled by a quarter to a half, with one node more.
func (s *shard) rebuild() {
	nodes := s.main.nodes + s.small.nodes
	t := make(table, max(minTable, 1<<bits.Len(uint(4*(nodes+1)-1))))
	for _, q := range []*queue{&s.small, &s.main} {
		for n := q.oldest; n != nil; n = n.next {
			t.add(n)
		}
	}
	s.taken = nodes
	s.ghosts.grow(len(t))
	s.table.Store(&t)
}

// putAbsent removes a key's entry and remembers until a time that it has none.
func (s *shard) putAbsent(b *budget, key string, hash uint64, until time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent.put(key, hash, until)
	if n := s.find(hash, []byte(key)); n != nil { // after it is known to be absent: no reader finds neither
		s.policy.remove(n)
		s.drop(b, n)
	}
}

func (s *shard) remove(b *budget, hash uint64, key []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent.remove(hash, string(key))
	n := s.find(hash, key)
	if n == nil {
		return false
	}
	s.policy.remove(n)
	s.drop(b, n)
	return true
}

func (s *shard) purge(b *budget, prefix string) (entries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent.purge(prefix)
	for _, q := range []*queue{&s.small, &s.main} {
		for n, next := q.oldest, (*node)(nil); n != nil; n = next {
			if next = n.next; strings.HasPrefix(n.key, prefix) {
				s.policy.remove(n)
				s.drop(b, n)
				entries++
			}
		}
	}
	if s.table.Load() != nil && entries > 0 {
		s.rebuild()
	}
	return entries
}

// evict removes the node that the policy chooses, to make room for an entry of a cost. It
// returns false when there is none.
func (s *shard) evict(b *budget, cost int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.policy.victim(cost)
	if n == nil {
		return false
	}
	s.drop(b, n)
	return true
}

// drop takes a node that has left the policy out of the table. Readers who are at it may use its entry.
func (s *shard) drop(b *budget, n *node) {
	b.change(n.entry.Load(), n.cost, nil, 0)
	if s.taken -= s.table.Load().take(n); s.taken == 0 {
		s.table.Store(nil)
	}
}
