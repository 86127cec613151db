package pagecache

import (
	"math"
	"strings"
	"sync/atomic"
	"time"
)

// absences remember keys that have no source, in sets of absenceWays. Readers take no lock.
type absences []atomic.Pointer[absence]

type absence struct {
	key   string
	hash  uint64
	until time.Duration
}

const (
	absenceWays = 4
	maxAbsent   = 256 // bytes of a key that is remembered
	absenceSize = maxAbsent + 48
)

func newAbsences(n int) absences { return make(absences, n/absenceWays*absenceWays) }

func (a absences) set(hash uint64) absences {
	if len(a) == 0 {
		return nil
	}
	i := int(hash >> 8 % uint64(len(a)/absenceWays) * absenceWays)
	return a[i : i+absenceWays]
}

func (b *absence) is(hash uint64, key string) bool { return b.hash == hash && b.key == key }

// has reports whether a key is known to be absent at a time.
func (a absences) has(hash uint64, key []byte, now time.Duration) bool {
	set := a.set(hash)
	for i := range set {
		if b := set[i].Load(); b != nil && b.hash == hash && b.key == string(key) {
			return now < b.until
		}
	}
	return false
}

// put remembers a key, in its own slot, or in one that is free, or in that which ends first.
func (a absences) put(key string, hash uint64, until time.Duration) {
	if len(a) == 0 || len(key) > maxAbsent {
		return
	}
	set := a.set(hash)
	slot := &set[0]
	for i := range set {
		b := set[i].Load()
		if b != nil && b.is(hash, key) {
			slot = &set[i]
			break
		}
		if b.end() < slot.Load().end() {
			slot = &set[i]
		}
	}
	slot.Store(&absence{key: key, hash: hash, until: until})
}

// end returns when b ends; a free slot has ended always.
func (b *absence) end() time.Duration {
	if b == nil {
		return math.MinInt64
	}
	return b.until
}

func (a absences) remove(hash uint64, key string) {
	set := a.set(hash)
	for i := range set {
		if b := set[i].Load(); b != nil && b.is(hash, key) {
			set[i].Store(nil)
		}
	}
}

func (a absences) purge(prefix string) {
	for i := range a {
		if b := a[i].Load(); b != nil && strings.HasPrefix(b.key, prefix) {
			a[i].Store(nil)
		}
	}
}
