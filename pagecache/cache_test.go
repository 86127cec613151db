package pagecache_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
	want := pagecache.Stats{Hits: 5, Misses: 2, Stale: 2, Rebuilds: 1}
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

func TestCache_PutAbsent(t *testing.T) {
	c := pagecache.New(pagecache.Options{NegativeTTL: time.Second})
	key, e := []byte("/a"), entry(t, "a")
	expect := func(now time.Duration, want *pagecache.Entry, state pagecache.State) {
		t.Helper()
		if got, s := c.Get(key, now); got != want || s != state {
			t.Errorf("at %v: %v, want %v", now, s, state)
		}
	}
	c.Put("/a", e, 0)
	c.PutAbsent("/a", time.Second)
	expect(time.Second, nil, pagecache.Absent)
	expect(2*time.Second-1, nil, pagecache.Absent)
	expect(2*time.Second, nil, pagecache.Miss)
	c.PutAbsent("/a", 2*time.Second)
	expect(2*time.Second, nil, pagecache.Absent)
	c.Put("/a", e, 2*time.Second)
	expect(2*time.Second, e, pagecache.Fresh)
	if !c.Delete(key) {
		t.Error("PutAbsent hides the entry that was put after it")
	}
	expect(2*time.Second, nil, pagecache.Miss) // and does not come back when the entry goes
	for name, forget := range map[string]func(){
		"Delete": func() { c.Delete(key) }, "PurgePrefix": func() { c.PurgePrefix("/") }, "Clear": c.Clear,
	} {
		if c.PutAbsent("/a", 2*time.Second); name == "Delete" && c.Delete([]byte("/b")) {
			t.Error("a key that was never put was deleted")
		}
		expect(2*time.Second, nil, pagecache.Absent)
		t.Log(name)
		forget()
		expect(2*time.Second, nil, pagecache.Miss)
	}
	one := pagecache.New(pagecache.Options{MaxEntries: 1})
	one.PutAbsent("/a", 0)
	one.Put("/a", e, 0)
	one.Put("/b", e, 0)
	if _, s := one.Get(key, 0); s != pagecache.Miss {
		t.Errorf("an entry that was evicted: %v", s)
	}
	long := strings.Repeat("x", 257)
	c.PutAbsent(long, 0)
	if _, s := c.Get([]byte(long), 0); s != pagecache.Miss {
		t.Errorf("a key of %d bytes: %v", len(long), s)
	}
	c = pagecache.New(pagecache.Options{NegativeTTL: -1})
	c.Put("/a", e, 0)
	c.PutAbsent("/a", 0)
	expect(0, nil, pagecache.Miss)
}

// However many keys are absent, no entry goes, and no more memory is used than their share.
func TestCache_PutAbsent_flood(t *testing.T) {
	const room = 2048
	c := pagecache.New(pagecache.Options{MaxEntries: room})
	e := entry(t, "x")
	for i := range room {
		c.Put(fmt.Sprint("/", i), e, 0)
	}
	before, held := c.Stats(), heap()
	for i := range 20 * room {
		c.PutAbsent(fmt.Sprintf("/absent/%0200d", i), time.Duration(i))
	}
	if grown := heap() - held; grown > room/16*400 {
		t.Errorf("%d bytes for absent keys", grown)
	}
	if after := c.Stats(); after != before {
		t.Errorf("%+v before, %+v after", before, after)
	}
	known := 0
	for i := range 20 * room {
		if _, s := c.Get(fmt.Appendf(nil, "/absent/%0200d", i), 20*room); s == pagecache.Absent {
			if known++; i < 10*room {
				t.Errorf("the %dth of %d is still remembered", i, 20*room)
			}
		}
	}
	if known < room/16*9/10 || known > room/16 || c.Stats().Negative != int64(known) {
		t.Errorf("%d keys are known to be absent, %+v", known, c.Stats())
	}
	runtime.KeepAlive(c)
}

func TestCache_Replace(t *testing.T) {
	c := pagecache.New(pagecache.Options{MaxBody: 10})
	old, better, large := entry(t, "old"), entry(t, "better"), entry(t, "more than fits")
	if c.Replace("/", old, better, 0) || c.Replace("/", nil, better, 0) {
		t.Error("replaced what is not there")
	}
	c.Put("/", old, 0)
	if c.Replace("/", better, old, 0) || c.Replace("/", old, large, 0) {
		t.Error("replaced another than the old one, or by one too large")
	}
	if !c.Replace("/", old, better, 0) {
		t.Error("not replaced")
	}
	if e, _ := c.Get([]byte("/"), 0); e != better {
		t.Error("the old entry is still there")
	}
}

func TestCache_PurgePrefix(t *testing.T) {
	c := pagecache.New(pagecache.Options{})
	e := entry(t, "x")
	for i := range 1000 {
		c.Put(fmt.Sprint("/a/", i), e, 0)
		c.Put(fmt.Sprint("/b/", i), e, 0)
	}
	if n := c.PurgePrefix("/a/1"); n != 111 {
		t.Errorf("%d purged, want 1, 10..19 and 100..199", n)
	}
	for key, want := range map[string]pagecache.State{"/a/1": pagecache.Miss, "/a/199": pagecache.Miss, "/a/2": pagecache.Fresh, "/b/1": pagecache.Fresh} {
		if _, s := c.Get([]byte(key), 0); s != want {
			t.Errorf("%s: %v", key, s)
		}
	}
	if n := c.PurgePrefix("/a/"); n != 889 {
		t.Errorf("%d purged, want the rest", n)
	}
	c.Clear()
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 || s.Evictions != 0 {
		t.Errorf("%+v", s)
	}
}

func TestCache_Admit(t *testing.T) {
	for _, tc := range []struct{ after, refused int }{{0, 1}, {1, 0}, {3, 2}, {15, 14}, {100, 14}} {
		c := pagecache.New(pagecache.Options{AdmitAfter: tc.after})
		for _, key := range []string{"/a", "/b"} {
			for i := range 20 {
				if got := c.Admit([]byte(key)); got != (i >= tc.refused) {
					t.Errorf("AdmitAfter %d, request %d for %s: %v", tc.after, i+1, key, got)
				}
			}
		}
		if n := c.Stats().NotAdmitted; n != int64(2*tc.refused) {
			t.Errorf("%d not admitted", n)
		}
		if !c.Put("/c", entry(t, "x"), 0) {
			t.Error("Put asks Admit")
		}
	}
}

// A key is mostly remembered while as many others miss as there may be entries, and forgotten after many
// times as many; keys are hardly ever taken for one another.
func TestCache_Admit_ages(t *testing.T) {
	const room = 1024
	c := pagecache.New(pagecache.Options{MaxEntries: room})
	first, mistaken := 0, 0
	for i := range 20 * room {
		if c.Admit(fmt.Appendf(nil, "/%d", i)) {
			mistaken++
		}
		if i >= room/2 && c.Admit(fmt.Appendf(nil, "/%d", i-room/2)) { // after so many new keys, and as many again
			first++
		}
	}
	if first < 14*room || mistaken > room/10 {
		t.Errorf("of %d keys %d were remembered, %d mistaken", 20*room, first, mistaken)
	}
	again := 0
	for i := range room {
		if c.Admit(fmt.Appendf(nil, "/%d", i)) {
			again++
		}
	}
	if again > room/10 {
		t.Errorf("%d of %d old keys are remembered", again, room)
	}
}

// What is refused by a negative bound is refused, and nothing waits for room that never comes.
func TestCache_keepsNothing(t *testing.T) {
	for _, o := range []pagecache.Options{{MaxEntries: -1}, {MaxBytes: -1}, {MaxBody: -1}} {
		c := pagecache.New(o)
		c.PutAbsent("/b", 0)
		if c.Put("/a", entry(t, "x"), 0) || c.Admit([]byte("/c")) {
			t.Errorf("%+v: something was kept", o)
		}
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
		b.ReportAllocs()
		key := []byte("/favicon.ico")
		for b.Loop() {
			c.Get(key, 0)
		}
	})
	b.Run("miss-parallel", func(b *testing.B) {
		key := []byte("/favicon.ico")
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Get(key, 0)
			}
		})
	})
	b.Run("hit-while-writing", func(b *testing.B) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			e := entry(b, "x")
			for i := 0; !stop.Load(); i++ {
				c.Put(fmt.Sprint("/other/", i%4096), e, 0)
			}
		})
		for i := 0; b.Loop(); i++ {
			c.Get(keys[i%len(keys)], 0)
		}
		stop.Store(true)
		wg.Wait()
	})
	b.Run("admit", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c.Admit(keys[i%len(keys)])
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
