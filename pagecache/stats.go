package pagecache

import (
	"math/rand/v2"
	"sync/atomic"
)

// Stats are what a Cache has counted since it was made and, from Entries on, what it
// holds now.
type Stats struct {
	Hits        int64 // lookups that found an entry to use as it is
	Misses      int64 // lookups that found nothing
	Stale       int64 // lookups that found an entry to check first
	Negative    int64 // lookups that found the source to be missing
	Rebuilds    int64 // entries put in the place of another of the same key
	Evictions   int64 // entries dropped to make room
	NotAdmitted int64 // requests that Admit said no to

	Entries int64
	Bytes   int64          // of memory that the entries take, with their place in the table
	Pages   [Codings]int64 // representations, by Coding
}

// Stats may be called at any time. The counts are not of one moment.
func (c *Cache) Stats() Stats {
	b := &c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{
		Hits: c.hits.total(), Misses: c.misses.total(), Stale: c.stale.total(), Negative: c.negative.total(),
		Rebuilds: c.rebuilds.Load(), Evictions: c.evictions.Load(), NotAdmitted: c.notAdmitted.Load(),
		Entries: int64(b.entries), Bytes: b.bytes, Pages: b.pages,
	}
}

// Add adds the counts of another cache.
func (s *Stats) Add(t Stats) {
	s.Hits += t.Hits
	s.Misses += t.Misses
	s.Stale += t.Stale
	s.Negative += t.Negative
	s.Rebuilds += t.Rebuilds
	s.Evictions += t.Evictions
	s.NotAdmitted += t.NotAdmitted
	s.Entries += t.Entries
	s.Bytes += t.Bytes
	for coding := range s.Pages {
		s.Pages[coding] += t.Pages[coding]
	}
}

// A counter is spread over cache lines, one of which each addition picks at
// random, so that cores that count at once seldom wait for each other.
type counter [8]struct {
	n atomic.Int64
	_ [56]byte
}

func (c *counter) add() { c[rand.Uint32()%uint32(len(c))].n.Add(1) }

func (c *counter) total() (sum int64) {
	for i := range c {
		sum += c[i].n.Load()
	}
	return sum
}
