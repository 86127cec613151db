package static

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hyperion-server/hyperion/pagecache"
)

// A memFile is a file for the model.
type memFile struct {
	file
	name string
	open bool
}

func (f *memFile) Close() error {
	if !f.open {
		panic("closed twice")
	}
	f.open = false
	return nil
}

// The cache never has more open than it may, closes each file once, and none that
// somebody has a reference to.
func TestOpenFiles_model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now time.Duration
		most := rapid.IntRange(1, 40).Draw(t, "most")
		f := newOpenFiles(most, func() time.Duration { return now })
		held := make(map[*opened]int)
		var all []*opened
		paths := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("/", rapid.IntRange(0, 60).Draw(t, "path")) })
		latest := make(map[string]*opened) // what get may return
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				p := paths.Draw(t, "path")
				o := newOpened(&target{f: &memFile{name: p, open: true}, path: p}, f, now)
				for i := range rapid.IntRange(1, pagecache.Codings).Draw(t, "descriptors") {
					o.stamps[i].Size = 1
				}
				f.put(o)
				held[o]++
				all = append(all, o)
				latest[p] = o
			},
			"get": func(t *rapid.T) {
				p := paths.Draw(t, "path")
				o := f.get([]byte(p))
				if o == nil {
					return
				}
				if o.path != p || latest[p] != o || !o.f.(*memFile).open {
					t.Fatalf("get(%s): %s, the latest %v, open %v", p, o.path, latest[p] == o, o.f.(*memFile).open)
				}
				held[o]++
			},
			"release": func(t *rapid.T) {
				for o := range held {
					if held[o]--; held[o] == 0 {
						delete(held, o)
					}
					o.Close()
					return
				}
			},
			"drop": func(t *rapid.T) {
				if len(all) > 0 {
					o := rapid.SampledFrom(all).Draw(t, "file")
					f.drop(o)
					if latest[o.path] == o {
						delete(latest, o.path)
					}
				}
			},
			"forget": func(t *rapid.T) {
				p := paths.Draw(t, "path")
				f.forget([]byte(p))
				delete(latest, p)
			},
			"shed": func(t *rapid.T) {
				f.shed()
				for i := range f.shards {
					for _, o := range f.shards[i].ring {
						if held[o] == 0 {
							t.Fatal("a file that nobody uses was not given back")
						}
					}
				}
			},
			"sweep": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second
				f.sweep(now)
			},
			"": func(t *rapid.T) {
				kept := make(map[*opened]bool)
				used := 0
				for i := range f.shards {
					sh := &f.shards[i]
					n := 0
					for at, o := range sh.ring {
						if o.at != at || sh.files[o.path] != o {
							t.Fatal("the ring and the table differ")
						}
						kept[o] = true
						n += o.descriptors()
					}
					if n != sh.used || n > sh.most || len(sh.files) != len(sh.ring) {
						t.Fatalf("%d descriptors, %d counted, at most %d", n, sh.used, sh.most)
					}
					used += n
				}
				if used > most {
					t.Fatalf("%d descriptors of %d", used, most)
				}
				for _, o := range all {
					if open := o.f.(*memFile).open; open != (kept[o] || held[o] > 0) {
						t.Fatalf("%s: open %v, kept %v, %d references", o.path, open, kept[o], held[o])
					}
				}
			},
		})
		f.close()
		for _, o := range all {
			if o.f.(*memFile).open != (held[o] > 0) {
				t.Fatal("after close")
			}
		}
	})
}

// A file that does not fit takes the place of an older one all the same: what was
// kept for its path is not what is there.
func TestOpenFiles_tooLarge(t *testing.T) {
	f := newOpenFiles(1, stopped)
	put := func(descriptors int) *opened {
		o := newOpened(&target{f: &memFile{name: "/", open: true}, path: "/"}, f, 0)
		for i := range descriptors {
			o.stamps[i].Size = 1
		}
		f.put(o)
		o.Close()
		return o
	}
	old := put(1)
	put(2)
	if o := f.get([]byte("/")); o != nil || old.f.(*memFile).open {
		t.Fatalf("get: %v, the older file open: %v", o, old.f.(*memFile).open)
	}
}

// A crawl over many files does not drive out one in demand.
func TestOpenFiles_crawl(t *testing.T) {
	f := newOpenFiles(64, stopped)
	put := func(p string) {
		o := newOpened(&target{f: &memFile{name: p, open: true}, path: p}, f, 0)
		o.stamps[0].Size = 1
		f.put(o)
		o.Close()
	}
	put("/hot")
	for i := range 10_000 {
		put(fmt.Sprint("/", i))
		o := f.get([]byte("/hot"))
		if o == nil {
			t.Fatalf("gone after %d others", i)
		}
		o.Close()
	}
}
