package pagecache

import (
	"sync"
	"sync/atomic"
)

// A budget counts what a cache holds. Its lock is taken inside a shard's, for a moment.
type budget struct {
	maxBytes   int64
	maxEntries int

	tight atomic.Bool // less than a sixteenth is free

	mu      sync.Mutex
	bytes   int64
	entries int
	pages   [Codings]int64
}

// change counts that old leaves and e comes; nil is none. It returns false, and does
// nothing, when e has no room.
func (b *budget) change(old *Entry, oldCost int64, e *Entry, cost int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bytes, entries := b.bytes-oldCost+cost, b.entries
	if old != nil {
		entries--
	}
	if e != nil {
		if entries++; bytes > b.maxBytes || entries > b.maxEntries {
			return false
		}
	}
	b.bytes, b.entries = bytes, entries
	b.tight.Store(bytes > b.maxBytes-b.maxBytes/16 || entries > b.maxEntries-b.maxEntries/16)
	b.count(old, -1)
	b.count(e, +1)
	return true
}

func (b *budget) count(e *Entry, by int64) {
	if e == nil {
		return
	}
	for coding, r := range e.Representations {
		if r != nil {
			b.pages[coding] += by
		}
	}
}
