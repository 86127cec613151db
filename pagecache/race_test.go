package pagecache_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Many goroutines read, replace and delete. No one ever gets another key's
// entry, and the bounds hold.
func TestCache_concurrent(t *testing.T) {
	const goroutines, rounds, keys = 64, 2000, 200
	c := pagecache.New(pagecache.Options{MaxEntries: keys / 2, Recheck: time.Second})
	entries := make([]*pagecache.Entry, keys)
	for i := range entries {
		entries[i] = entry(t, fmt.Sprint(i))
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range rounds {
				i := r.IntN(keys)
				key := fmt.Sprint("/", i)
				switch r.IntN(10) {
				case 0, 1:
					c.Put(key, entries[i], 0)
				case 2:
					c.Delete([]byte(key))
				default:
					if e, _ := c.Get([]byte(key), time.Duration(r.Int64N(int64(time.Hour)))); e != nil && e != entries[i] {
						t.Errorf("key %s has the entry %s", key, e.Representations[0].Page.Body())
					}
				}
				if s := c.Stats(); s.Entries > keys/2 {
					t.Errorf("%d entries", s.Entries)
				}
			}
		})
	}
	wg.Wait()
	for i := range keys {
		c.Delete(fmt.Appendf(nil, "/%d", i))
	}
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Errorf("empty, but %+v", s)
	}
}

// An entry that is in the cache is found while the table grows and while it
// is replaced by another.
func TestCache_concurrentFinds(t *testing.T) {
	c := pagecache.New(pagecache.Options{})
	e := entry(t, "x")
	c.Put("/kept", e, 0)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if _, s := c.Get([]byte("/kept"), 0); s != pagecache.Fresh {
					t.Errorf("%v", s)
					return
				}
			}
		})
	}
	for i := range 20_000 {
		c.Put(fmt.Sprint("/", i), e, 0)
		c.Put("/kept", e, 0)
	}
	stop.Store(true)
	wg.Wait()
}

// Each time an entry's time is up one goroutine is told, though all ask at once.
func TestCache_oneChecks(t *testing.T) {
	const goroutines, rounds = 4, 5000
	c := pagecache.New(pagecache.Options{Recheck: time.Second})
	c.Put("/", entry(t, "x"), 0)
	var arrived, told atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for round := 1; round <= rounds; round++ {
				for arrived.Add(1); arrived.Load() < int64(goroutines*round); {
					runtime.Gosched()
				}
				if _, s := c.Get([]byte("/"), time.Duration(round)*time.Second); s == pagecache.Stale {
					told.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := told.Load(); n != rounds {
		t.Errorf("told %d times, want %d", n, rounds)
	}
}
