package pagecache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// entry returns an entry with one representation whose body is given.
func entry(t testing.TB, body string) *pagecache.Entry {
	t.Helper()
	p, err := pagecache.Build(200, []pagecache.Field{{"ETag", `"` + fmt.Sprint(len(body)) + `"`}}, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	e := new(pagecache.Entry)
	e.Representations[pagecache.Identity] = pagecache.NewRepresentation(p, pagecache.Stamp{Size: int64(len(body))})
	return e
}

func TestCache_states(t *testing.T) {
	c := pagecache.New(pagecache.Options{Recheck: 5 * time.Second})
	key, e := []byte("/a"), entry(t, "a")
	expect := func(now time.Duration, want *pagecache.Entry, state pagecache.State) {
		t.Helper()
		if got, s := c.Get(key, now); got != want || s != state {
			t.Errorf("at %v: %v, want %v", now, s, state)
		}
	}
	expect(0, nil, pagecache.Miss)
	c.Put("/a", e, time.Second)
	expect(2*time.Second, e, pagecache.Fresh)
	expect(6*time.Second-1, e, pagecache.Fresh)
	expect(6*time.Second, e, pagecache.Stale) // one caller checks
	expect(6*time.Second, e, pagecache.Fresh) // the others go on
	expect(11*time.Second-1, e, pagecache.Fresh)
	expect(11*time.Second, e, pagecache.Stale) // nothing was put: the old one is checked again
	changed := entry(t, "changed")
	c.Put("/a", changed, 11*time.Second)
	expect(12*time.Second, changed, pagecache.Fresh)
	if !c.Delete(key) || c.Delete(key) {
		t.Error("Delete does not tell whether there was an entry")
	}
	expect(12*time.Second, nil, pagecache.Miss)
	want := pagecache.Stats{Hits: 5, Misses: 2, Stale: 2}
	if got := c.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestCache_recheck(t *testing.T) {
	each := pagecache.New(pagecache.Options{Recheck: -1})
	each.Put("/", entry(t, "x"), 0)
	for range 2 {
		if _, s := each.Get([]byte("/"), 0); s != pagecache.Stale {
			t.Errorf("Recheck < 0: %v, want stale each time", s)
		}
	}
	never := entry(t, "x")
	never.Immutable = true
	each.Put("/", never, 0)
	if _, s := each.Get([]byte("/"), time.Hour); s != pagecache.Fresh {
		t.Errorf("immutable: %v, want fresh", s)
	}
}

func TestCache_limits(t *testing.T) {
	c := pagecache.New(pagecache.Options{MaxBytes: 8 << 10, MaxBody: 16 << 10})
	for _, tc := range []struct {
		body int
		want bool
	}{{4 << 10, true}, {8 << 10, false}, {16<<10 + 1, false}} {
		if got := c.Put("/", entry(t, strings.Repeat("x", tc.body)), 0); got != tc.want {
			t.Errorf("Put of %d bytes: %v, want %v", tc.body, got, tc.want)
		}
	}
	if e, _ := c.Get([]byte("/"), 0); e == nil || len(e.Representations[0].Page.Body()) != 4<<10 {
		t.Error("an entry that was refused took the place of the old one")
	}
	c = pagecache.New(pagecache.Options{MaxBody: 10})
	if !c.Put("/", entry(t, strings.Repeat("x", 10)), 0) || c.Put("/", entry(t, strings.Repeat("x", 11)), 0) {
		t.Error("MaxBody is not the largest body that is kept")
	}
	one := pagecache.New(pagecache.Options{MaxEntries: 1})
	one.Put("/a", entry(t, "a"), 0)
	one.Put("/b", entry(t, "b"), 0)
	one.Put("/b", entry(t, "bb"), 0)
	if e, _ := one.Get([]byte("/b"), 0); e == nil || string(e.Representations[0].Page.Body()) != "bb" || one.Stats().Entries != 1 {
		t.Errorf("with room for one entry: %+v", one.Stats())
	}
}

func TestCache_withoutNotModified(t *testing.T) {
	e := entry(t, "x")
	e.Representations[pagecache.Identity].NotModified = nil
	c := pagecache.New(pagecache.Options{})
	if got, _ := c.Get([]byte("/"), 0); !c.Put("/", e, 0) || got != nil {
		t.Error("Put refused a page without its 304 response")
	}
	if got, _ := c.Get([]byte("/"), 0); got != e {
		t.Errorf("Get = %v, want what was put", got)
	}
}

// What is asked for stays when a crowd passes that is not.
func TestCache_evictsByUse(t *testing.T) {
	const room, used, crowd = 4096, 512, 40_000
	c := pagecache.New(pagecache.Options{MaxEntries: room})
	e := entry(t, "x")
	warm := make([][]byte, used)
	for i := range warm {
		warm[i] = fmt.Appendf(nil, "/warm%d", i)
		c.Put(string(warm[i]), e, 0)
	}
	for i := range crowd {
		c.Put(fmt.Sprint("/crowd", i), e, 0)
		c.Get(warm[i%used], 0)
	}
	kept := 0
	for _, key := range warm {
		if _, s := c.Get(key, 0); s != pagecache.Miss {
			kept++
		}
	}
	if kept < used*9/10 {
		t.Errorf("%d of %d entries in use were kept", kept, used)
	}
	if s := c.Stats(); s.Entries != room || s.Evictions < crowd-room {
		t.Errorf("%+v", s)
	}
}

// Of entries that nobody asks for, the new ones stay.
func TestCache_evictsOld(t *testing.T) {
	const room = 1024
	c := pagecache.New(pagecache.Options{MaxEntries: room})
	e := entry(t, "x")
	for i := range 4 * room {
		c.Put(fmt.Sprint("/", i), e, 0)
	}
	old := 0
	for i := range 2 * room {
		if c.Delete(fmt.Appendf(nil, "/%d", i)) {
			old++
		}
	}
	if old > room/100 {
		t.Errorf("%d of %d entries are old", old, room)
	}
}

func TestCache_Get_allocs(t *testing.T) {
	c := pagecache.New(pagecache.Options{})
	c.Put("/assets/application.css", entry(t, "x"), 0)
	hit, miss := []byte("/assets/application.css"), []byte("/none")
	if n := testing.AllocsPerRun(100, func() { c.Get(hit, 0); c.Get(miss, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCache_Get(b *testing.B) {
	c := pagecache.New(pagecache.Options{})
	keys := make([][]byte, 1024)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "/assets/application-%d.css", i)
		c.Put(string(keys[i]), entry(b, "x"), 0)
	}
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if e, _ := c.Get(keys[i%len(keys)], 0); e == nil {
				b.Fatal("miss")
			}
		}
	})
	b.Run("hit-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				c.Get(keys[i%len(keys)], 0)
			}
		})
	})
	b.Run("miss", func(b *testing.B) {
		key := []byte("/favicon.ico")
		for b.Loop() {
			c.Get(key, 0)
		}
	})
}

func BenchmarkCache_Put(b *testing.B) {
	c := pagecache.New(pagecache.Options{MaxEntries: 1024})
	keys := make([]string, 4096)
	for i := range keys {
		keys[i] = fmt.Sprintf("/assets/application-%d.css", i)
	}
	e := entry(b, "x")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Put(keys[i%len(keys)], e, 0)
	}
}
