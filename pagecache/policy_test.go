package pagecache_test

import (
	"container/list"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/pagecache"
)

// A lookup asks a cache for a key, puts it when it missed, and reports whether it hit.
type lookup func(key int) bool

// cached returns the lookup of a Cache with room for so many entries.
func cached(t testing.TB, room, admitAfter int) lookup {
	c := pagecache.New(pagecache.Options{MaxEntries: room, AdmitAfter: admitAfter})
	e := entry(t, "x")
	var key []byte
	return func(k int) bool {
		key = strconv.AppendInt(append(key[:0], '/'), int64(k), 10)
		if _, s := c.Get(key, 0); s != pagecache.Miss {
			return true
		}
		if c.Admit(key) {
			c.Put(string(key), e, 0)
		}
		return false
	}
}

// lru returns the lookup of a cache that drops what was not asked for the longest.
func lru(room int) lookup {
	order, at := list.New(), make(map[int]*list.Element)
	return func(k int) bool {
		if e := at[k]; e != nil {
			order.MoveToFront(e)
			return true
		}
		at[k] = order.PushFront(k)
		if order.Len() > room {
			delete(at, order.Remove(order.Back()).(int))
		}
		return false
	}
}

// A zipf draws keys, of which the i-th has a share of 1/i^alpha.
type zipf struct {
	r    *rand.Rand
	sums []float64
}

func newZipf(keys int, alpha float64) *zipf {
	z := &zipf{r: rand.New(rand.NewPCG(1, 2))}
	sum := 0.0
	for i := range keys {
		sum += math.Pow(float64(i+1), -alpha)
		z.sums = append(z.sums, sum)
	}
	return z
}

func (z *zipf) draw() int {
	i, _ := slices.BinarySearch(z.sums, z.r.Float64()*z.sums[len(z.sums)-1])
	return i
}

// best returns the hit ratio of a cache that knows the shares and has what is asked for most.
func (z *zipf) best(room int) float64 { return z.sums[room-1] / z.sums[len(z.sums)-1] }

// A crawler asks for keys that nobody else asks for: for so many, each so often in a row, after
// every so many requests of others.
type crawler struct{ every, keys, times int }

// ratio returns the hits of Zipf traffic with a crawler in between.
func ratio(get lookup, z *zipf, requests int, cr crawler) float64 {
	hits, counted, crawled := 0, 0, len(z.sums)
	for i := range requests {
		hit := get(z.draw())
		if i >= requests/4 { // it is warm
			counted++
			if hit {
				hits++
			}
		}
		if cr.every == 0 || i%cr.every != cr.every-1 {
			continue
		}
		for range cr.keys {
			for range cr.times {
				get(crawled)
			}
			crawled++
		}
	}
	return float64(hits) / float64(counted)
}

// With and without a crawler, the hit ratio is near that of a cache which knows the future
// shares of all keys, and ahead of LRU's, the more so the more is crawled. The seed of the
// hash moves the ratios by half a hundredth; the bounds leave three times that.
func TestCache_hitRatio(t *testing.T) {
	const keys, room, requests = 6_000, 300, 20_000
	for _, tc := range []struct {
		name     string
		alpha    float64
		crawler  crawler
		overLRU  float64 // our ratio and LRU's, at least
		overBest float64 // our ratio and the best one, at least
	}{
		{"no crawler, 0.7", 0.7, crawler{}, 1.2, 0.75},
		{"no crawler, 0.9", 0.9, crawler{}, 1.1, 0.87},
		{"no crawler, 1.1", 1.1, crawler{}, 1.03, 0.92},
		{"as many requests again", 0.9, crawler{1, 1, 1}, 1.4, 0.88},
		{"each twice", 0.9, crawler{1, 1, 2}, 1.3, 0.8},
		{"ten times the room at once", 0.9, crawler{2_500, 10 * room, 1}, 1.2, 0.88},
	} {
		z := newZipf(keys, tc.alpha)
		best := z.best(room)
		plain := ratio(lru(room), newZipf(keys, tc.alpha), requests, tc.crawler)
		second := ratio(cached(t, room, 2), newZipf(keys, tc.alpha), requests, tc.crawler)
		ours := ratio(cached(t, room, 1), newZipf(keys, tc.alpha), requests, tc.crawler)
		t.Logf("%-27s LRU %.3f, ours %.3f, and admitted after two %.3f, best %.3f", tc.name, plain, ours, second, best)
		for _, r := range []float64{ours, second} {
			if r < tc.overLRU*plain || r < tc.overBest*best {
				t.Errorf("%s: %.3f, with LRU's %.3f and the best %.3f", tc.name, r, plain, best)
			}
		}
	}
}

// What was in use stays though nobody asks for it while a scan of ten times the room passes,
// whichever bound is reached, and of whatever size what is scanned is.
func TestCache_scan(t *testing.T) {
	const hot = 500
	for _, tc := range []struct {
		name      string
		options   pagecache.Options
		hot, scan int // bytes of a body
		keys      int // scanned
		times     int // that each is asked for
	}{
		{"entries", pagecache.Options{MaxEntries: 2 * hot}, 1, 1, 20 * hot, 1},
		{"entries, each twice", pagecache.Options{MaxEntries: 2 * hot}, 1, 1, 20 * hot, 2},
		{"entries, small", pagecache.Options{MaxEntries: 2 * hot, MaxBytes: 1 << 30}, 16 << 10, 1, 20 * hot, 1},
		{"bytes", pagecache.Options{MaxBytes: 8 << 20}, 8 << 10, 8 << 10, 20 * hot, 1},
		{"bytes, small", pagecache.Options{MaxBytes: 8 << 20}, 8 << 10, 1, 100 * hot, 1},
		{"bytes, large", pagecache.Options{MaxBytes: 8 << 20}, 8 << 10, 64 << 10, 1250, 1},
	} {
		c := pagecache.New(tc.options)
		ask := func(k int, e *pagecache.Entry) bool {
			key := fmt.Appendf(nil, "/%d", k)
			if _, s := c.Get(key, 0); s != pagecache.Miss {
				return true
			}
			c.Put(string(key), e, 0)
			return false
		}
		e := entry(t, strings.Repeat("x", tc.hot))
		for range 4 {
			for k := range hot {
				ask(k, e)
			}
		}
		e = entry(t, strings.Repeat("x", tc.scan))
		for k := range tc.keys {
			for range tc.times {
				ask(hot+k, e)
			}
		}
		kept := 0
		for k := range hot {
			if _, s := c.Get(fmt.Appendf(nil, "/%d", k), 0); s != pagecache.Miss {
				kept++
			}
		}
		if kept < hot*98/100 || c.Stats().Evictions < int64(tc.keys)/2 {
			t.Errorf("%s: %d of %d keys kept, %+v", tc.name, kept, hot, c.Stats())
		}
	}
}
