package pagecache_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Many goroutines read, replace and delete. No one ever gets another key's
// entry, or one older than the last that was surely put; each time an entry's
// time is up one goroutine is told so.
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

func TestCache_oneChecks(t *testing.T) {
	c := pagecache.New(pagecache.Options{Recheck: time.Second})
	c.Put("/", entry(t, "x"), 0)
	for round := range 100 {
		now := time.Duration(round+1) * time.Second
		var told atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, s := c.Get([]byte("/"), now); s == pagecache.Stale {
					told.Add(1)
				}
			})
		}
		wg.Wait()
		if n := told.Load(); n != 1 {
			t.Fatalf("%d goroutines were told to check", n)
		}
	}
}
