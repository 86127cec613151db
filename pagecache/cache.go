package pagecache

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// A State is what Get says of a key.
type State uint8

const (
	Miss   State = iota // nothing is known of the key
	Fresh               // the entry may be used
	Stale               // the entry's source is due for a check, and it is the caller's
	Absent              // the source is known to be missing
)

// String returns "miss", "fresh", "stale" or "absent".
func (s State) String() string { return [...]string{"miss", "fresh", "stale", "absent"}[s] }

// A Cache maps keys to entries, within bounds of bytes and entries that it never
// passes. It is safe for any number of goroutines. A Cache must be made by New
// and not be copied.
type Cache struct {
	options Options
	seed    maphash.Seed
	shards  []shard // a power of two
	shift   int     // of a hash, to its shard
	budget  budget
	asked   askedFor

	hits, misses, stale, negative    counter
	rebuilds, evictions, notAdmitted atomic.Int64
}

// New returns an empty Cache.
func New(o Options) *Cache {
	o = o.filled()
	c := &Cache{options: o, seed: maphash.MakeSeed(), shards: make([]shard, o.shards()), asked: newAskedFor(o)}
	c.shift = 64 - bits.TrailingZeros(uint(len(c.shards)))
	c.budget.maxBytes, c.budget.maxEntries = o.MaxBytes, o.MaxEntries
	for i := range c.shards {
		c.shards[i].absent = newAbsences(o.absences() / len(c.shards))
	}
	return c
}

// Options returns the options with the defaults filled in.
func (c *Cache) Options() Options { return c.options }

// shard returns where keys of that hash are; its lower bits choose the slot.
func (c *Cache) shard(hash uint64) *shard { return &c.shards[hash>>c.shift] }

// Get returns the entry of a key, or nil with Miss or Absent. When an entry's time
// is up, one caller gets Stale, and has the source to check: if that has changed he
// puts a new entry, or deletes the key or calls PutAbsent, else there is nothing to
// do. All others go on with the old entry as Fresh meanwhile, and until the time
// is up again. With a negative Recheck every caller gets Stale. Get never waits.
func (c *Cache) Get(key []byte, now time.Duration) (*Entry, State) {
	hash := maphash.Bytes(c.seed, key)
	s := c.shard(hash)
	n := s.find(hash, key)
	if n == nil {
		if s.absent.has(hash, key, now) {
			c.negative.add()
			return nil, Absent
		}
		c.misses.add()
		return nil, Miss
	}
	n.use()
	e, due := n.look(c.options.Recheck, now)
	if due {
		c.stale.add()
		return e, Stale
	}
	c.hits.add()
	return e, Fresh
}

// Admit counts a request for a key that missed, and reports whether it was asked
// for often enough that its entry is worth a place: Options.AdmitAfter times since it had none, or
// twice as often while another entry has to go for it. It is advice: Put does not ask it. It
// remembers the keys that missed last, about eight times as many as there may be entries,
// and takes one key for another once in a thousand times.
func (c *Cache) Admit(key []byte) bool {
	after := c.options.AdmitAfter
	if c.budget.tight.Load() {
		after = min(tightAfter*after, maxAdmitAfter)
	}
	if c.asked.often(maphash.Bytes(c.seed, key), after) {
		return true
	}
	c.notAdmitted.Add(1)
	return false
}

// Put maps a key to an entry, in the place of the one that it had. now is when
// the entry's source was looked at, so not later than it was read. Put returns
// false, and does nothing, when the entry is larger than the options allow.
func (c *Cache) Put(key string, e *Entry, now time.Duration) bool { return c.put(key, nil, e, now) }

// Replace puts e in the place of old, which must not be nil. It returns false, and does
// nothing, when the key has another entry by now or none, or when e is too large. It is for
// whoever makes a better entry of the same source in the background.
func (c *Cache) Replace(key string, old, e *Entry, now time.Duration) bool {
	return old != nil && c.put(key, old, e, now)
}

// put puts e if the key has the entry old, or, when that is nil, whatever it has.
func (c *Cache) put(key string, old, e *Entry, now time.Duration) bool {
	cost, body := e.cost(key)
	if c.options.MaxEntries < 1 || cost > c.options.MaxBytes || body > c.options.MaxBody {
		return false
	}
	hash := maphash.String(c.seed, key)
	s := c.shard(hash)
	for {
		switch s.put(&c.budget, key, hash, old, e, cost, now) {
		case putNew:
			c.asked.forget(hash)
			return true
		case putOver:
			c.rebuilds.Add(1)
			return true
		case putOutrun:
			return false
		}
		c.evict(hash, cost)
	}
}

// evict makes room by one entry: in the shard of the key that asks for it, so that each
// keeps its share, or in the next that has one.
func (c *Cache) evict(hash uint64, cost int64) {
	own := int(hash >> c.shift)
	for i := range c.shards {
		if c.shards[(own+i)%len(c.shards)].evict(&c.budget, cost) {
			c.evictions.Add(1)
			return
		}
	}
}

// PutAbsent remembers for Options.NegativeTTL from now on that a key's source is
// missing, and removes its entry. Absent keys have a share of their own and never make
// an entry go: one for each 16 of MaxEntries. Of more, the oldest are forgotten, and keys
// longer than 256 bytes are not remembered.
func (c *Cache) PutAbsent(key string, now time.Duration) {
	hash := maphash.String(c.seed, key)
	c.shard(hash).putAbsent(&c.budget, key, hash, now+c.options.NegativeTTL)
}

// Delete removes what is known of a key and reports whether it had an entry.
func (c *Cache) Delete(key []byte) bool {
	hash := maphash.Bytes(c.seed, key)
	return c.shard(hash).remove(&c.budget, hash, key)
}

// PurgePrefix removes what is known of all keys that begin with prefix, and returns
// how many had an entry. It looks at every key.
func (c *Cache) PurgePrefix(prefix string) (entries int) {
	for i := range c.shards {
		entries += c.shards[i].purge(&c.budget, prefix)
	}
	return entries
}

// Clear removes everything but the counts of Stats and of Admit.
func (c *Cache) Clear() { c.PurgePrefix("") }
