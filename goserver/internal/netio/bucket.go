package netio

import (
	"sync"
	"time"
)

// A bucket lets through rate events a second, and as many at once; all when rate is 0.
type bucket struct {
	rate int
	mu   sync.Mutex
	full time.Duration // when it is full again, by Clock.Exact
}

// take takes a token at the time now; there may be none.
func (b *bucket) take(now time.Duration) bool {
	if b.rate <= 0 {
		return true
	}
	each := time.Second / time.Duration(b.rate)
	b.mu.Lock()
	defer b.mu.Unlock()
	full := max(b.full, now) + each
	if full-now > time.Second {
		return false
	}
	b.full = full
	return true
}
