package pagecache

import (
	"math/rand/v2"
	"sync/atomic"
)

// Stats are what a Cache has counted since it was made and, of Entries and
// Bytes, what it holds now.
type Stats struct {
	Hits      int64 // lookups that found an entry to use as it is
	Misses    int64 // lookups that found none
	Stale     int64 // lookups that found an entry to check first
	Evictions int64 // entries dropped to make room
	Entries   int64
	Bytes     int64 // of the entries' pages and of their place in the table
}

// Stats may be called at any time. The counts are not of one moment.
func (c *Cache) Stats() Stats {
	return Stats{
		Hits: c.hits.total(), Misses: c.misses.total(), Stale: c.stale.total(),
		Evictions: c.evictions.Load(), Entries: c.entries.Load(), Bytes: c.bytes.Load(),
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
