package pagecache_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
	"pgregory.net/rapid"
)

// A model is a cache without bounds: maps of the entries, of when each was checked
// last, and of until when a key is absent.
type model struct {
	entries map[string]*pagecache.Entry
	checked map[string]time.Duration
	absent  map[string]time.Duration
}

func (m *model) get(key string, recheck, now time.Duration) (*pagecache.Entry, pagecache.State) {
	e := m.entries[key]
	switch {
	case e == nil && now < m.absent[key]:
		return nil, pagecache.Absent
	case e == nil:
		return nil, pagecache.Miss
	case e.Immutable || now-m.checked[key] < recheck:
		return e, pagecache.Fresh
	}
	if recheck >= 0 {
		m.checked[key] = now
	}
	return e, pagecache.Stale
}

func (m *model) put(key string, e *pagecache.Entry, now time.Duration) {
	m.entries[key], m.checked[key] = e, now
	delete(m.absent, key)
}

func (m *model) purge(prefix string) (purged int) {
	for _, key := range slices.Collect(maps.Keys(m.entries)) {
		if strings.HasPrefix(key, prefix) {
			delete(m.entries, key)
			purged++
		}
	}
	maps.DeleteFunc(m.absent, func(key string, _ time.Duration) bool { return strings.HasPrefix(key, prefix) })
	return purged
}

// The cache does what the model does, but for entries that it evicted and absent
// keys that it forgot; it never passes its bounds, and what it counts is true.
func TestCache_model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := pagecache.Options{
			MaxBytes:    rapid.Int64Range(1, 40<<10).Draw(t, "bytes"),
			MaxEntries:  rapid.IntRange(1, 40).Draw(t, "entries"),
			MaxBody:     rapid.IntRange(1, 600).Draw(t, "body"),
			Recheck:     time.Duration(rapid.IntRange(-1, 20).Draw(t, "recheck")),
			NegativeTTL: time.Duration(rapid.IntRange(-1, 20).Draw(t, "negative")),
		}
		roomy := rapid.Bool().Draw(t, "roomy")
		if roomy {
			o.MaxBytes, o.MaxEntries, o.MaxBody = 0, 0, 0
		}
		c := pagecache.New(o)
		o = c.Options()
		m := model{make(map[string]*pagecache.Entry), make(map[string]time.Duration), make(map[string]time.Duration)}
		var now time.Duration
		var lost int64
		keys := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("/", rapid.IntRange(0, 99).Draw(t, "key")) })
		// settle makes the model forget what the cache does not have.
		settle := func(key string, e *pagecache.Entry, s pagecache.State) {
			if e == nil && m.entries[key] != nil {
				delete(m.entries, key)
				lost++
			}
			if s == pagecache.Miss {
				delete(m.absent, key)
			}
		}
		entries := func(t *rapid.T) *pagecache.Entry {
			e := modelEntry(t, rapid.IntRange(0, 700).Draw(t, "size"))
			e.Immutable = rapid.IntRange(0, 3).Draw(t, "immutable") == 0
			return e
		}
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				got, state := c.Get([]byte(key), now)
				settle(key, got, state)
				want, wantState := m.get(key, o.Recheck, now)
				if got != want || state != wantState {
					t.Fatalf("Get(%s) at %v: %v, want %v", key, now, state, wantState)
				}
			},
			"put": func(t *rapid.T) {
				key, e := keys.Draw(t, "key"), entries(t)
				if c.Put(key, e, now) {
					m.put(key, e, now)
				} else if roomy {
					t.Fatal("an entry was refused")
				}
			},
			"replace": func(t *rapid.T) {
				key, e := keys.Draw(t, "key"), entries(t)
				old := m.entries[key]
				if rapid.IntRange(0, 3).Draw(t, "outrun") == 0 {
					old = new(pagecache.Entry)
				}
				replaced := c.Replace(key, old, e, now)
				switch {
				case replaced && (old == nil || old != m.entries[key]):
					t.Fatalf("Replace(%s) replaced another entry than the old one", key)
				case replaced:
					m.put(key, e, now)
				case roomy && old != nil && old == m.entries[key]:
					t.Fatalf("Replace(%s) did not replace", key)
				}
			},
			"absent": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				c.PutAbsent(key, now)
				delete(m.entries, key)
				m.absent[key] = now + o.NegativeTTL
			},
			"delete": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				if c.Delete([]byte(key)) && m.entries[key] == nil {
					t.Fatalf("Delete(%s) found an entry that was never put", key)
				}
				delete(m.entries, key)
				delete(m.absent, key)
			},
			"purge": func(t *rapid.T) {
				prefix := rapid.SampledFrom([]string{"/1", "/77", "/x", ""}).Draw(t, "prefix")
				if got, most := c.PurgePrefix(prefix), m.purge(prefix); got > most || roomy && got != most {
					t.Fatalf("PurgePrefix(%q) removed %d of %d entries", prefix, got, most)
				}
			},
			"wait": func(t *rapid.T) { now += time.Duration(rapid.IntRange(0, 10).Draw(t, "time")) },
			"": func(t *rapid.T) {
				s := c.Stats()
				var pages int64
				for _, n := range s.Pages {
					pages += n
				}
				switch {
				case s.Entries > int64(o.MaxEntries) || s.Bytes > o.MaxBytes || s.Entries < 0 || s.Bytes < 0:
					t.Fatalf("out of bounds: %+v", s)
				case s.Entries == 0 != (s.Bytes == 0) || pages < s.Entries || pages > pagecache.Codings*s.Entries:
					t.Fatalf("miscounted: %+v", s)
				case s.Entries > int64(len(m.entries)):
					t.Fatalf("%d entries of %d that were put", s.Entries, len(m.entries))
				case lost > s.Evictions || roomy && s.Evictions > 0:
					t.Fatalf("%d entries lost, %d evicted", lost, s.Evictions)
				}
			},
		})
		c.Clear()
		if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 || s.Pages != [pagecache.Codings]int64{} {
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
