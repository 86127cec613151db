package pagecache_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// Many goroutines do all that a cache can do. No one ever gets another key's
// entry, and the bounds hold.
func TestCache_concurrent(t *testing.T) {
	const goroutines, rounds, keys = 64, 1000, 200
	c := pagecache.New(pagecache.Options{MaxEntries: keys / 2, Recheck: time.Second})
	entries := make([][2]*pagecache.Entry, keys)
	for i := range entries {
		entries[i] = [2]*pagecache.Entry{entry(t, fmt.Sprint(i)), entry(t, fmt.Sprint(i))}
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range rounds {
				i, now := r.IntN(keys), time.Duration(r.Int64N(int64(time.Hour)))
				key := fmt.Sprint("/", i)
				switch r.IntN(20) {
				case 0, 1, 2:
					c.Put(key, entries[i][r.IntN(2)], now)
				case 3:
					c.Delete([]byte(key))
				case 4:
					c.PutAbsent(key, now)
				case 5:
					c.Replace(key, entries[i][0], entries[i][1], now)
				case 6:
					c.Admit([]byte(key))
				case 7:
					if r.IntN(20) == 0 {
						c.PurgePrefix(key)
					}
				default:
					if e, _ := c.Get([]byte(key), now); e != nil && e != entries[i][0] && e != entries[i][1] {
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
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 || s.Pages != [pagecache.Codings]int64{} {
		t.Errorf("empty, but %+v", s)
	}
}

// A key that is in the cache is found whatever happens to others and to its entry:
// while tables grow and shrink, while slots are given up and taken, while its entry is replaced.
func TestCache_concurrentFinds(t *testing.T) {
	c := pagecache.New(pagecache.Options{})
	e := entry(t, "x")
	const kept, passing = 50, 2000
	for i := range kept {
		c.Put(fmt.Sprint("/kept", i), e, 0)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := g; !stop.Load(); i++ {
				if _, s := c.Get(fmt.Appendf(nil, "/kept%d", i%kept), 0); s != pagecache.Fresh {
					t.Errorf("%v", s)
					return
				}
			}
		})
	}
	for range 5 {
		for i := range passing {
			c.Put(fmt.Sprint("/passing", i), e, 0)
			c.Put(fmt.Sprint("/kept", i%kept), e, 0)
			c.Delete(fmt.Appendf(nil, "/passing%d", (i+passing/2)%passing))
		}
		c.PurgePrefix("/passing")
	}
	stop.Store(true)
	wg.Wait()
}

// A key that turns absent is never unknown meanwhile.
func TestCache_concurrentAbsence(t *testing.T) {
	const rounds = 20_000
	c := pagecache.New(pagecache.Options{})
	e := entry(t, "x")
	c.Put("/", e, 0)
	var round atomic.Int64 // even: the entry is there, and turns absent next
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				before := round.Load()
				_, s := c.Get([]byte("/"), 0)
				if s == pagecache.Miss && before%2 == 0 && before == round.Load() {
					t.Errorf("round %d: %v", before, s)
				}
				if before >= rounds || t.Failed() {
					return
				}
			}
		})
	}
	for range rounds / 2 {
		c.PutAbsent("/", 0)
		round.Add(1)
		c.Put("/", e, 0)
		round.Add(1)
	}
	wg.Wait()
}

// A new entry is never taken for as old as the one before.
func TestCache_concurrentChecks(t *testing.T) {
	const rounds = 20_000
	c := pagecache.New(pagecache.Options{Recheck: 1})
	entries := make([]*pagecache.Entry, rounds)
	for i := range entries {
		entries[i] = new(pagecache.Entry)
	}
	var round atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				r := round.Load()
				if e, s := c.Get([]byte("/"), time.Duration(r)); e == entries[r] && s != pagecache.Fresh {
					t.Errorf("round %d: %v", r, s)
				}
				if r == rounds-1 || t.Failed() {
					return
				}
			}
		})
	}
	for r := range entries {
		round.Store(int64(r))
		c.Put("/", entries[r], time.Duration(r))
	}
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

// While 64 goroutines replace and evict entries, those who hold a page send it to slow
// clients: a few bytes at a time, in turns with the others. Every byte is that of the page they
// got, however many collections pass.
func TestCache_slowReaders(t *testing.T) {
	const goroutines, rounds, keys, size = 64, 20, 400, 4 << 10
	c := pagecache.New(pagecache.Options{MaxBytes: 512 << 10, Recheck: -1})
	body := func(i, version int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%03d.%04d", i, version), size/8) }
	var version atomic.Int64
	put := func(i int) *pagecache.Entry {
		b := body(i, int(version.Add(1)%10_000))
		p, err := pagecache.Fill(200, []pagecache.Field{{"ETag", string(b[:8])}}, size, func(dst []byte) error { copy(dst, b); return nil })
		if err != nil {
			t.Fatal(err)
		}
		e := new(pagecache.Entry)
		e.Representations[0] = pagecache.NewRepresentation(p, pagecache.Stamp{})
		c.Put(fmt.Sprint("/", i), e, 0)
		return e
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(g)))
			for round := range rounds {
				i := r.IntN(keys)
				e, _ := c.Get(fmt.Appendf(nil, "/%d", i), 0)
				if e == nil {
					e = put(i)
				}
				rep := e.Representations[0]
				etag := rep.ETag
				for rest := rep.Page.Body(); len(rest) > 0; rest = rest[512:] {
					if want := bytes.Repeat([]byte(etag), 512/8); !bytes.Equal(rest[:512], want) || etag[:3] != fmt.Sprintf("%03d", i) {
						t.Errorf("key %d, ETag %s: %q", i, etag, rest[:16])
						return
					}
					put(r.IntN(keys)) // others are evicted, or this very page
					runtime.Gosched()
				}
				if string(rep.NotModified.Field("ETag")) != etag || rep.Page.Field("ETag") != etag {
					t.Errorf("key %d: the ETag %s has changed", i, etag)
				}
				if g == 0 && round%4 == 0 {
					runtime.GC()
				}
			}
		})
	}
	wg.Wait()
	if s := c.Stats(); s.Evictions == 0 || s.Rebuilds == 0 {
		t.Errorf("nothing was evicted or replaced: %+v", s)
	}
}
