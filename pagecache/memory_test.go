package pagecache_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/hyperion-server/hyperion/pagecache"
)

// fileEntry returns an entry as a file server makes it.
func fileEntry(t testing.TB, size int) *pagecache.Entry {
	p, err := pagecache.Fill(200, []pagecache.Field{
		{"Content-Type", "text/css; charset=utf-8"},
		{"Vary", "Accept-Encoding"},
		{"ETag", `"0123456789abcdef-400"`},
		{"Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"},
		{"Cache-Control", "public, max-age=3600"},
		{"Accept-Ranges", "bytes"},
	}, size, func([]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	e := new(pagecache.Entry)
	e.Representations[pagecache.Identity] = pagecache.NewRepresentation(p, pagecache.Stamp{Size: int64(size)})
	return e
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // the first has not swept yet what it found
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a cache says it holds is what it holds, within a tenth, and that is not much more
// than the bodies that it is for.
func TestCache_memory(t *testing.T) {
	for _, tc := range []struct {
		name    string
		size    func() int
		entries int
		most    float64 // times the bodies; 0: whatever
	}{
		{"200 B", func() int { return 200 }, 20_000, 0},
		{"1 KiB", func() int { return 1 << 10 }, 20_000, 0},
		{"8 KiB", func() int { return 8 << 10 }, 4_000, 1.3},
		{"64 KiB", func() int { return 64 << 10 }, 400, 1.3},
		{"up to 8 KiB", func() int { return rand.IntN(8<<10 + 1) }, 5_000, 1.3},
		{"up to 64 KiB", func() int { return rand.IntN(64<<10 + 1) }, 800, 1.3},
	} {
		c := pagecache.New(pagecache.Options{MaxBytes: 1 << 30, MaxEntries: 1 << 20})
		before := heap()
		var bodies, pages int64
		for i := range tc.entries {
			size := tc.size()
			e := fileEntry(t, size)
			bodies += int64(size)
			r := e.Representations[0]
			pages += int64(len(r.Page.Bytes()) + len(r.NotModified.Bytes()))
			if !c.Put(fmt.Sprintf("/assets/images/%06d.css", i), e, 0) {
				t.Fatal("refused")
			}
		}
		held, counted := heap()-before, c.Stats().Bytes
		t.Logf("%12s: %6d B an entry, %.2f × its page and 304, %.2f × its body; counted %+.1f %%", tc.name,
			held/int64(tc.entries), float64(held)/float64(pages), float64(held)/float64(bodies), 100*float64(counted-held)/float64(held))
		if counted < held*9/10 || counted > held*11/10 {
			t.Errorf("%s: %d bytes counted, %d held", tc.name, counted, held)
		}
		if tc.most != 0 && float64(held) > tc.most*float64(bodies) {
			t.Errorf("%s: %d bytes held for bodies of %d", tc.name, held, bodies)
		}
		c.Clear()
		if left := heap() - before; left > held/10 {
			t.Errorf("%s: %d of %d bytes left when it is empty", tc.name, left, held)
		}
	}
}

// Fields are read where they are.
func TestPage_Fields_allocs(t *testing.T) {
	p := fileEntry(t, 100).Representations[0].Page
	if n := testing.AllocsPerRun(100, func() {
		if p.Field("cache-control") != "public, max-age=3600" || p.Field("X-None") != "" {
			t.Error("a field is wrong")
		}
		for f := range p.Fields() {
			if f.Name == "" {
				t.Error("no name")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations to read fields", n)
	}
}
