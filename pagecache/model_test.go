package pagecache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
	"pgregory.net/rapid"
)

// A model is a cache without bounds: a map, and when each key was checked last.
type model struct {
	entries map[string]*pagecache.Entry
	checked map[string]time.Duration
}

func (m *model) get(key string, recheck, now time.Duration) (*pagecache.Entry, pagecache.State) {
	e := m.entries[key]
	switch {
	case e == nil:
		return nil, pagecache.Miss
	case e.Immutable || now-m.checked[key] < recheck:
		return e, pagecache.Fresh
	}
	m.checked[key] = now
	return e, pagecache.Stale
}

// The cache does what the model does, but for entries that it evicted; it never
// passes its bounds, and what it counts is true.
func TestCache_model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := pagecache.Options{
			MaxBytes:   rapid.Int64Range(1, 40<<10).Draw(t, "bytes"),
			MaxEntries: rapid.IntRange(1, 40).Draw(t, "entries"),
			MaxBody:    rapid.IntRange(1, 600).Draw(t, "body"),
			Recheck:    time.Duration(rapid.IntRange(1, 20).Draw(t, "recheck")),
		}
		if rapid.Bool().Draw(t, "roomy") {
			o.MaxBytes, o.MaxEntries, o.MaxBody = 0, 0, 0
		}
		c := pagecache.New(o)
		m := model{make(map[string]*pagecache.Entry), make(map[string]time.Duration)}
		var now time.Duration
		var lost, put int64
		keys := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("/", rapid.IntRange(0, 99).Draw(t, "key")) })
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				got, state := c.Get([]byte(key), now)
				if got == nil && m.entries[key] != nil {
					delete(m.entries, key) // evicted
					lost++
				}
				want, wantState := m.get(key, c.Options().Recheck, now)
				if got != want || state != wantState {
					t.Fatalf("Get(%s) at %v: %v, want %v", key, now, state, wantState)
				}
			},
			"put": func(t *rapid.T) {
				key, size := keys.Draw(t, "key"), rapid.IntRange(0, 700).Draw(t, "size")
				e := modelEntry(t, size)
				e.Immutable = rapid.IntRange(0, 3).Draw(t, "immutable") == 0
				if c.Put(key, e, now) {
					m.entries[key], m.checked[key] = e, now
					put++
				} else if size <= c.Options().MaxBody && o.MaxBytes == 0 {
					t.Fatalf("an entry of %d bytes was refused", size)
				}
			},
			"delete": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				if c.Delete([]byte(key)) && m.entries[key] == nil {
					t.Fatalf("Delete(%s) found an entry that was never put", key)
				}
				delete(m.entries, key)
			},
			"wait": func(t *rapid.T) { now += time.Duration(rapid.IntRange(0, 10).Draw(t, "time")) },
			"": func(t *rapid.T) {
				s := c.Stats()
				if s.Entries > int64(c.Options().MaxEntries) || s.Bytes > c.Options().MaxBytes || s.Entries < 0 || s.Bytes < 0 {
					t.Fatalf("out of bounds: %+v", s)
				}
				if s.Entries == 0 != (s.Bytes == 0) {
					t.Fatalf("miscounted: %+v", s)
				}
				if lost > s.Evictions {
					t.Fatalf("%d entries lost, %d evicted", lost, s.Evictions)
				}
			},
		})
		for key := range m.entries {
			c.Delete([]byte(key))
		}
		if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
			t.Fatalf("empty, but %+v", s)
		}
	})
}

func modelEntry(t *rapid.T, size int) *pagecache.Entry {
	e := new(pagecache.Entry)
	for coding := range pagecache.Coding(rapid.IntRange(1, pagecache.Codings).Draw(t, "codings")) {
		p, err := pagecache.Build(200, nil, make([]byte, size>>coding))
		if err != nil {
			t.Fatal(err)
		}
		e.Representations[coding] = pagecache.NewRepresentation(p, pagecache.Stamp{})
	}
	return e
}
