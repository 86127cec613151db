package demo

import (
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	subBits = 4                         // sixteen buckets for each power of two: 6 % wide
	buckets = (64 - subBits) << subBits // of nanoseconds, up to the largest Duration
)

// A histogram counts durations in buckets whose width grows with the duration.
// The zero value is ready; its methods may be called by any goroutine.
type histogram [buckets]atomic.Uint64

// counts is a histogram at one time.
type counts [buckets]uint64

func (h *histogram) add(d time.Duration) { h[bucket(d)].Add(1) }

func (h *histogram) read() (c counts) {
	for i := range h {
		c[i] = h[i].Load()
	}
	return c
}

// bucket returns the index for d: below 16 ns the duration itself, else the
// exponent and the subBits bits behind the leading one.
func bucket(d time.Duration) int {
	n := uint64(max(d, 0))
	if n < 1<<subBits {
		return int(n)
	}
	exp := bits.Len64(n) - 1 - subBits
	return (exp+1)<<subBits + int(n>>exp)&(1<<subBits-1)
}

// middle returns the duration in the middle of a bucket.
func middle(i int) time.Duration {
	if i < 1<<subBits {
		return time.Duration(i)
	}
	exp := i>>subBits - 1
	low := uint64(1<<subBits+i&(1<<subBits-1)) << exp
	return time.Duration(low + 1<<exp/2)
}

// since returns what was counted after an earlier reading.
func (c *counts) since(earlier *counts) (d counts) {
	for i := range c {
		d[i] = c[i] - earlier[i]
	}
	return d
}

// quantile returns the duration that the fraction q of all did not exceed; 0
// when nothing was counted.
func (c *counts) quantile(q float64) time.Duration {
	total := uint64(0)
	for _, n := range c {
		total += n
	}
	rank, seen := uint64(q*float64(total)), uint64(0)
	for i, n := range c {
		if seen += n; seen > rank || seen == total && n > 0 {
			return middle(i)
		}
	}
	return 0
}
