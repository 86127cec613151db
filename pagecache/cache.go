package pagecache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxBytes   = 64 << 20
	DefaultMaxEntries = 1 << 16
	DefaultMaxBody    = 64 << 10
	DefaultRecheck    = 5 * time.Second
)

// Options of a Cache. The zero value has the defaults.
type Options struct {
	MaxBytes   int64         // of all entries, with the table; 0: DefaultMaxBytes
	MaxEntries int           // 0: DefaultMaxEntries
	MaxBody    int           // bytes of the largest body; 0: DefaultMaxBody
	Recheck    time.Duration // until an entry is stale; 0: DefaultRecheck; negative: each time it is asked for
}

// A State is what Get says of a key.
type State uint8

const (
	Miss  State = iota // there is no entry
	Fresh              // the entry may be used
	Stale              // the entry's source is due for a check, and it is the caller's
)

// String returns "miss", "fresh" or "stale".
func (s State) String() string { return [...]string{"miss", "fresh", "stale"}[s] }

// A Cache maps keys to entries, within bounds of bytes and entries that it never
// passes. It is safe for any number of goroutines. A Cache must be made by New
// and not be copied.
type Cache struct {
	options Options
	seed    maphash.Seed
	shards  [shards]shard

	room sync.Mutex // held while room is made for an entry; taken before a shard's lock

	bytes, entries, evictions atomic.Int64
	hits, misses, stale       counter
}

// New returns an empty Cache.
func New(o Options) *Cache {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Recheck == 0 {
		o.Recheck = DefaultRecheck
	}
	return &Cache{options: o, seed: maphash.MakeSeed()}
}

// Options returns the options with the defaults filled in.
func (c *Cache) Options() Options { return c.options }

// Get returns the entry of a key, or nil and Miss. When an entry's time is up,
// one caller gets Stale, and has the source to check: if that has changed he
// puts a new entry or deletes the key, else there is nothing to do. All others
// go on with the old entry as Fresh meanwhile, and until the time is up again.
// With a negative Recheck every caller gets Stale.
func (c *Cache) Get(key []byte, now time.Duration) (*Entry, State) {
	hash := maphash.Bytes(c.seed, key)
	n := c.shard(hash).get(hash, key)
	if n == nil {
		c.misses.add()
		return nil, Miss
	}
	if !n.used.Load() {
		n.used.Store(true)
	}
	if n.due(c.options.Recheck, now) {
		c.stale.add()
		return n.entry, Stale
	}
	c.hits.add()
	return n.entry, Fresh
}

// Put maps a key to an entry, in the place of the one that it had. now is when
// the entry's source was looked at, so not later than it was read. Put returns
// false, and does nothing, when the entry is larger than the options allow.
func (c *Cache) Put(key string, e *Entry, now time.Duration) bool {
	cost, body := e.cost(key)
	hash := maphash.String(c.seed, key)
	if body > c.options.MaxBody || !c.reserve(cost, hash) {
		return false
	}
	n := &node{key: key, hash: hash, entry: e, cost: cost}
	n.checked.Store(int64(now))
	c.release(c.shard(hash).put(n))
	return true
}

// Delete removes the entry of a key and reports whether there was one.
func (c *Cache) Delete(key []byte) bool {
	hash := maphash.Bytes(c.seed, key)
	n := c.shard(hash).remove(hash, key)
	c.release(n)
	return n != nil
}

// reserve counts an entry that is going to be put, after evicting others until
// it fits. It fails when the entry is too large by itself, or when what is
// there are reservations of other goroutines only.
func (c *Cache) reserve(cost int64, hash uint64) bool {
	if cost > c.options.MaxBytes {
		return false
	}
	c.room.Lock()
	defer c.room.Unlock()
	for c.bytes.Load()+cost > c.options.MaxBytes || c.entries.Load() >= int64(c.options.MaxEntries) {
		if !c.evict(hash) {
			return false
		}
	}
	c.bytes.Add(cost)
	c.entries.Add(1)
	return true
}

// release uncounts a node that has left the table; nil is none.
func (c *Cache) release(n *node) {
	if n != nil {
		c.bytes.Add(-n.cost)
		c.entries.Add(-1)
	}
}

// evict makes room by one entry for a key of that hash: from the key's own
// shard, so that each keeps its share, or from the next that has one. c.room is held.
func (c *Cache) evict(hash uint64) bool {
	const step = 1 << (64 - shardBits)
	for range shards {
		if n := c.shard(hash).evict(); n != nil {
			c.release(n)
			c.evictions.Add(1)
			return true
		}
		hash += step
	}
	return false
}

// shard returns where keys of that hash are; its lower bits choose the bucket.
func (c *Cache) shard(hash uint64) *shard { return &c.shards[hash>>(64-shardBits)] }
