package hpack

// A table is a dynamic table (RFC 7541 section 2.3.2): a ring of entries, whose
// strings are one behind the other in a buffer. It allocates while it grows
// towards its limit, and then no more.
//
// Entries have numbers, counted up from 1 as they are inserted. A number stays
// the same as long as the entry lives, its index (section 2.3.3) does not.
type table struct {
	max      uint32 // limit of size, in octets
	size     uint32 // of the entries that live (section 4.1)
	count    int    // of the entries that live
	inserted uint64 // the newest entry's number

	ring []slot // by number modulo its length, which is a power of two
	buf  []byte // strings; those of entries that live are at its end
	end  uint32 // the position of buf's end
}

// slot says where an entry is: its name at that position, its value behind it.
// A position counts all octets ever inserted, and wraps around: those that live
// are less than 2^32 from the end.
type slot struct {
	at          uint32 // position
	name, value uint32 // lengths in octets
}

func (t *table) live(number uint64) bool { return t.inserted-number < uint64(t.count) }

// oldest returns the number of the oldest entry, when there is one.
func (t *table) oldest() uint64 { return t.inserted - uint64(t.count) + 1 }

func (t *table) slot(number uint64) *slot { return &t.ring[number&uint64(len(t.ring)-1)] }

// entry returns name and value of an entry that lives, one behind the other, and
// the length of the name. The next insert may overwrite them.
func (t *table) entry(number uint64) (name int, both []byte) {
	s := t.slot(number)
	return int(s.name), t.from(s)[:s.name+s.value]
}

// from returns the strings from those of an entry that lives to the newest.
func (t *table) from(s *slot) []byte { return t.buf[len(t.buf)-int(t.end-s.at):] }

// setMax changes the limit, and evicts what is over it (section 4.3).
func (t *table) setMax(max uint32) {
	t.max = max
	t.evict(0)
}

// evict makes room for so many octets, at most max.
func (t *table) evict(room uint32) {
	for t.count > 0 && t.size > t.max-room {
		s := t.slot(t.oldest())
		t.size -= s.name + s.value + entryOverhead
		t.count--
	}
}

// insert adds an entry, and evicts the oldest to make room (section 4.4). One
// that is larger than the table empties it, and is not inserted.
func insert[S string | []byte](t *table, name, value S) (inserted bool) {
	size := uint64(len(name)) + uint64(len(value)) + entryOverhead
	if size > uint64(t.max) {
		t.count, t.size = 0, 0
		return false
	}
	t.evict(uint32(size))
	if t.count == len(t.ring) {
		t.growRing()
	}
	t.reserve(len(name) + len(value))
	t.inserted++
	*t.slot(t.inserted) = slot{t.end, uint32(len(name)), uint32(len(value))}
	t.buf = append(append(t.buf, name...), value...)
	t.end += uint32(len(name) + len(value))
	t.count++
	t.size += uint32(size)
	return true
}

const (
	minRing = 16  // entries
	minBuf  = 512 // octets
)

func (t *table) growRing() {
	old := *t
	t.ring = make([]slot, max(minRing, 2*len(old.ring)))
	for n := t.inserted; t.live(n); n-- {
		*t.slot(n) = *old.slot(n)
	}
}

// reserve makes room for n octets at the end of buf. It moves what lives to
// its start. That is never more than half of buf, so an octet is moved once
// for each octet that was inserted, at most.
func (t *table) reserve(n int) {
	if len(t.buf)+n <= cap(t.buf) {
		return
	}
	var strings []byte
	if t.count > 0 {
		strings = t.from(t.slot(t.oldest()))
	}
	if need := 2 * (len(strings) + n); need > cap(t.buf) {
		t.buf = append(make([]byte, 0, max(minBuf, min(need+need/2, 2*int(t.max)))), strings...)
	} else {
		t.buf = t.buf[:copy(t.buf[:cap(t.buf)], strings)]
	}
}
