package hpack

import (
	"hash/maphash"
	"math"
)

// search is a dynamic table of an encoder, whose entries are found by name and
// value, or by name. Two hash tables have the newest entry for each hash, and
// each entry the one before it with the same. Nothing is deleted from them: the
// chains go from young to old, and end at the first entry that was evicted.
type search struct {
	table
	links  []link   // by number, as table.ring
	fields []uint64 // numbers by hash of name and value
	names  []uint64 // numbers by hash of the name
}

type link struct {
	field, name         uint32 // hashes
	nextField, nextName uint32 // how much lower the number of the next entry is
	left                uint32 // hash of the field of this name that was last left out of the table
	used                bool   // the entry was found again
}

// seed makes hashes that nobody outside can aim at.
var seed = maphash.MakeSeed()

func hashField(name, value string) (field, nameOnly uint32) {
	n := maphash.String(seed, name)
	v := maphash.String(seed, value)
	return uint32(n*31 + v>>16), uint32(n)
}

func (s *search) link(number uint64) *link { return &s.links[number&uint64(len(s.links)-1)] }

// find returns the number of the entry with this name and value, otherwise
// that of the newest one with this name, otherwise 0, and whether the field is
// worth an entry.
func (s *search) find(name, value string) (number, sameName uint64, worth bool) {
	if s.count == 0 {
		return 0, 0, true
	}
	field, nameHash := hashField(name, value)
	mask := uint32(len(s.links) - 1)
	for n := s.fields[field&mask]; s.live(n); {
		l := s.link(n)
		if l.field == field {
			if k, both := s.entry(n); string(both[:k]) == name && string(both[k:]) == value {
				l.used = true
				return n, n, false
			}
		}
		n -= uint64(l.nextField)
	}
	n := s.findHash(name, nameHash)
	if n == 0 {
		return 0, 0, true
	}
	l := s.link(n)
	worth = l.used || l.left == field
	l.left = field
	return 0, n, worth
}

// findName returns the number of the newest entry with this name, 0 if there
// is none.
func (s *search) findName(name string) uint64 {
	if s.count == 0 {
		return 0
	}
	return s.findHash(name, uint32(maphash.String(seed, name)))
}

func (s *search) findHash(name string, hash uint32) uint64 {
	for n := s.names[hash&uint32(len(s.links)-1)]; s.live(n); {
		l := s.link(n)
		if l.name == hash {
			if k, both := s.entry(n); string(both[:k]) == name {
				return n
			}
		}
		n -= uint64(l.nextName)
	}
	return 0
}

// insert adds a field, unless it is larger than the table.
func (s *search) insert(name, value string) {
	if !insert(&s.table, name, value) {
		return
	}
	if len(s.links) != len(s.ring) {
		s.growLinks()
	}
	l := s.link(s.inserted)
	*l = link{}
	l.field, l.name = hashField(name, value)
	s.chain(s.inserted)
}

// chain puts an entry in front of its chains.
func (s *search) chain(number uint64) {
	l := s.link(number)
	mask := uint32(len(s.links) - 1)
	field, name := &s.fields[l.field&mask], &s.names[l.name&mask]
	l.nextField, l.nextName = distance(number, *field), distance(number, *name)
	*field, *name = number, number
}

// distance returns number - older, or as much of it as leads to no entry that lives.
func distance(number, older uint64) uint32 { return uint32(min(number-older, math.MaxUint32)) }

func (s *search) growLinks() {
	old := *s
	size := len(s.ring)
	s.links, s.fields, s.names = make([]link, size), make([]uint64, size), make([]uint64, size)
	for n := s.oldest(); n < s.inserted; n++ {
		*s.link(n) = *old.link(n)
		s.chain(n)
	}
}
