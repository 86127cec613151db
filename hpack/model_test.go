package hpack

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// tableModel is a dynamic table as the RFC describes it (sections 2.3.2 and 4).
type tableModel struct {
	max     int
	entries []staticEntry // newest first
}

func (m *tableModel) size() (n int) {
	for _, e := range m.entries {
		n += len(e.name) + len(e.value) + 32
	}
	return n
}

func (m *tableModel) evict(room int) {
	for len(m.entries) > 0 && m.size()+room > m.max {
		m.entries = m.entries[:len(m.entries)-1]
	}
}

func (m *tableModel) insert(e staticEntry) {
	size := len(e.name) + len(e.value) + 32
	m.evict(size)
	if size <= m.max {
		m.entries = slices.Insert(m.entries, 0, e)
	}
}

// find returns the index from 0 of the newest entry with this name and value, and
// of the newest one with this name, -1 if there is none.
func (m *tableModel) find(e staticEntry) (both, name int) {
	return slices.Index(m.entries, e),
		slices.IndexFunc(m.entries, func(f staticEntry) bool { return f.name == e.name })
}

func TestSearch_model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := tableModel{max: 4096}
		s := search{table: table{max: 4096}}
		s.end = rapid.SampledFrom([]uint32{0, math.MaxUint32 - 1000, math.MaxUint32}).Draw(t, "end") // positions wrap around
		field := rapid.Custom(func(t *rapid.T) staticEntry {
			long := rapid.SampledFrom([]int{0, 1, 10, 300, 2000, 5000}).Draw(t, "long")
			return staticEntry{
				rapid.SampledFrom([]string{"a", "b", "name", "other-name", ""}).Draw(t, "name"),
				rapid.StringMatching("[a-d]{0,2}").Draw(t, "value") + strings.Repeat("x", long),
			}
		})
		check := func(t *rapid.T, e staticEntry) {
			wantBoth, wantName := m.find(e)
			number, sameName, _ := s.find(e.name, e.value)
			at := func(number uint64) int {
				if number == 0 {
					return -1
				}
				return int(s.inserted - number)
			}
			if at(number) != wantBoth || number == 0 && at(sameName) != wantName {
				t.Fatalf("find %q: %d, %d; want %d, %d", e, at(number), at(sameName), wantBoth, wantName)
			}
			if got := at(s.findName(e.name)); got != wantName {
				t.Fatalf("find name %q: %d, want %d", e.name, got, wantName)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				e := field.Draw(t, "field")
				m.insert(e)
				s.insert(e.name, e.value)
				check(t, e)
			},
			"find": func(t *rapid.T) { check(t, field.Draw(t, "field")) },
			"setMax": func(t *rapid.T) {
				m.max = rapid.SampledFrom([]int{0, 32, 33, 100, 1000, 4096, 20000}).Draw(t, "max")
				m.evict(0)
				s.setMax(uint32(m.max))
			},
			"": func(t *rapid.T) {
				if int(s.size) != m.size() || s.count != len(m.entries) {
					t.Fatalf("%d octets in %d entries, want %d in %d", s.size, s.count, m.size(), len(m.entries))
				}
				for i, e := range m.entries {
					k, both := s.entry(s.inserted - uint64(i))
					if string(both[:k]) != e.name || string(both[k:]) != e.value {
						t.Fatalf("entry %d is %q, want %q", i, both, e)
					}
				}
				if limit := max(minBuf, 2*20000); cap(s.buf) > limit+limit/4 {
					t.Fatalf("the strings take %d octets", cap(s.buf))
				}
			},
		})
	})
}

// What the tables of a connection take, whatever the fields, is no more than the
// documentation says. Short fields first, so that there are many entries.
func TestTable_memory(t *testing.T) {
	const (
		slotSize = int(unsafe.Sizeof(slot{}))
		linkSize = int(unsafe.Sizeof(link{})) + 2*8
	)
	for _, limit := range []uint32{100, 4096, 65536} {
		for _, length := range []int{0, 8, 20, 32, 60, 100, 500, 1000, 4000, 30000} {
			s := search{table: table{max: limit}}
			for range 2 * limit / entryOverhead {
				s.insert("", "")
			}
			for i := range 5000 {
				s.insert(strings.Repeat("n", i%7*length/12), strings.Repeat("v", length/2))
			}
			decoder := cap(s.buf) + len(s.ring)*slotSize
			encoder := decoder + len(s.links)*linkSize
			if len(s.fields) != len(s.links) || len(s.names) != len(s.links) {
				t.Fatalf("%d fields, %d names, %d links", len(s.fields), len(s.names), len(s.links))
			}
			if most := max(3*int(limit), minBuf+minRing*slotSize); decoder > most {
				t.Errorf("strings of %d, limit %d: a decoder's table takes %d, want at most %d", length, limit, decoder, most)
			}
			if most := max(4*int(limit), minBuf+minRing*(slotSize+linkSize)); encoder > most {
				t.Errorf("strings of %d, limit %d: an encoder's table takes %d, want at most %d", length, limit, encoder, most)
			}
		}
	}
}
