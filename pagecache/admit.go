package pagecache

import (
	"math/bits"
	"sync/atomic"
)

// askedFor counts requests for keys that have no entry. A word has four keys, each with
// twelve bits of its hash and a count of four bits, the last in the lowest place. A key that
// comes anew pushes out the one that was not asked for the longest, so that
// counts age with the misses, and nothing has to sweep them.
type askedFor []atomic.Uint64

const (
	askedWays     = 4
	askedBits     = 64 / askedWays
	countBits     = 4
	maxAdmitAfter = 1<<countBits - 1

	// tightAfter is how many times as many requests are wanted while there is no room: what
	// has to go for the key was asked for as well, and to make an entry costs more than to do without.
	tightAfter = 2
)

// newAskedFor returns counts for about eight times as many keys as there may be entries, so
// that a crawler does not push out those that others ask for; nil when all are admitted.
func newAskedFor(o Options) askedFor {
	if o.AdmitAfter <= 1 {
		return nil
	}
	keys := 8 * int(min(int64(o.MaxEntries), o.MaxBytes/entrySize))
	return make(askedFor, 1<<bits.Len(uint(max(0, keys/askedWays-1))))
}

// often counts a request and reports whether there were after of them.
func (a askedFor) often(hash uint64, after int) bool {
	if a == nil {
		return true
	}
	w := &a[hash&uint64(len(a)-1)]
	for {
		old := w.Load()
		new, count := counted(old, uint16(hash>>(64-askedBits))&^maxAdmitAfter)
		if w.CompareAndSwap(old, new) {
			return count >= after
		}
	}
}

// counted returns a word with one request more for the key of a mark, which
// has the lowest place then, and its count.
func counted(word uint64, mark uint16) (uint64, int) {
	for at := 0; ; at += askedBits {
		count := 0
		if slot := uint16(word >> at); slot&^maxAdmitAfter == mark {
			count = int(slot & maxAdmitAfter) // 0 in a slot of no key
		}
		if count == 0 && at < 64-askedBits {
			continue
		}
		count = min(count+1, maxAdmitAfter)
		moved := word & (1<<at - 1) << askedBits
		behind := word >> at >> askedBits << at << askedBits
		return behind | moved | uint64(mark) | uint64(count), count
	}
}

// forget takes back the requests counted for a hash.
func (a askedFor) forget(hash uint64) {
	if a == nil {
		return
	}
	w := &a[hash&uint64(len(a)-1)]
	for {
		old := w.Load()
		new := without(old, uint16(hash>>(64-askedBits))&^maxAdmitAfter)
		if old == new || w.CompareAndSwap(old, new) {
			return
		}
	}
}

// without returns a word with no request for the key of a mark, whose place becomes the last.
func without(word uint64, mark uint16) uint64 {
	for at := 0; at < 64; at += askedBits {
		if slot := uint16(word >> at); slot&^maxAdmitAfter == mark && slot&maxAdmitAfter != 0 {
			before := word & (1<<at - 1)
			return word>>at>>askedBits<<at | before
		}
	}
	return word
}
