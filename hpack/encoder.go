package hpack

import (
	"math"
	"unsafe"
)

// An Encoder encodes the header blocks of one direction of one connection, in
// the order in which they are sent. It is for one goroutine at a time.
type Encoder struct {
	table search

	peer, limit  uint32 // what the peer and the user allow
	update       bool   // the next block starts with a table size update,
	smallest     uint32 // and this was the smallest size since the last one
	indexVarying bool
}

// DefaultTableSize is the limit of a dynamic table in octets until a
// SETTINGS_HEADER_TABLE_SIZE says otherwise (RFC 9113 section 6.5.2).
const DefaultTableSize = 4096

// NewEncoder returns an Encoder whose dynamic table has at most
// DefaultTableSize octets.
func NewEncoder() *Encoder {
	e := &Encoder{peer: DefaultTableSize, limit: DefaultTableSize, smallest: math.MaxUint32}
	e.table.max = DefaultTableSize
	return e
}

// SetMaxTableSize sets what the peer allows: its SETTINGS_HEADER_TABLE_SIZE, in
// octets. When that changes the table's limit, the next block says so.
func (e *Encoder) SetMaxTableSize(n uint32) {
	e.peer = n
	e.resize()
}

// SetMaxTableSizeLimit sets how many octets the table may have whatever the
// peer allows: DefaultTableSize unless this is called.
func (e *Encoder) SetMaxTableSizeLimit(n uint32) {
	e.limit = n
	e.resize()
}

func (e *Encoder) resize() {
	size := min(e.peer, e.limit)
	if size == e.table.max {
		return
	}
	e.table.setMax(size)
	e.smallest = min(e.smallest, size)
	e.update = true
}

// SetIndexVarying says whether values that mostly vary from response to
// response (Date, ETag, Content-Length and others) go to the table like all
// others. Without it, the default, they do not.
func (e *Encoder) SetIndexVarying(on bool) { e.indexVarying = on }

// AppendBegin starts a block: it appends the table size updates that are due.
// It must be called once for each block, before its first field.
func (e *Encoder) AppendBegin(dst []byte) []byte {
	if !e.update {
		return dst
	}
	if e.smallest < e.table.max {
		dst = appendInteger(dst, sizeUpdateBits, 5, uint64(e.smallest))
	}
	e.update, e.smallest = false, math.MaxUint32
	return appendInteger(dst, sizeUpdateBits, 5, uint64(e.table.max))
}

// AppendField appends a field as AppendString does, with NeverIndex if it is
// Sensitive, otherwise with Index.
func (e *Encoder) AppendField(dst []byte, f HeaderField) []byte {
	ix := Index
	if f.Sensitive {
		ix = NeverIndex
	}
	name := unsafe.String(unsafe.SliceData(f.Name), len(f.Name))
	value := unsafe.String(unsafe.SliceData(f.Value), len(f.Value))
	return e.AppendString(dst, name, value, ix) // which keeps neither
}

// AppendString appends a field. The name must be lower-case. It keeps neither
// string.
func (e *Encoder) AppendString(dst []byte, name, value string, ix Indexing) []byte {
	static := staticIndex(name)
	switch {
	case never(static, value):
		ix = NeverIndex
	case ix == Index && !e.indexVarying && varies(static, value):
		ix = NoIndex
	}
	if static != 0 && ix != NeverIndex {
		if i := staticMatch(static, name, value); i != 0 {
			return appendInteger(dst, indexedBits, 7, uint64(i))
		}
	}
	if ix == Index {
		return e.appendIndexed(dst, static, name, value)
	}
	index := uint64(static)
	if index == 0 {
		if number := e.table.findName(name); number != 0 {
			index = e.index(number)
		}
	}
	high := byte(withoutBits)
	if ix == NeverIndex {
		high = neverBits
	}
	return appendLiteral(dst, high, 4, index, name, value)
}

// appendIndexed appends a field that is in the table, or may go there.
func (e *Encoder) appendIndexed(dst []byte, static int, name, value string) []byte {
	number, nameNumber, worth := e.table.find(name, value)
	if number != 0 {
		return appendInteger(dst, indexedBits, 7, e.index(number))
	}
	index := uint64(static)
	if index == 0 && nameNumber != 0 {
		index = e.index(nameNumber)
	}
	if !worth || len(name)+len(value)+entryOverhead > int(e.table.max/2) {
		return appendLiteral(dst, withoutBits, 4, index, name, value)
	}
	dst = appendLiteral(dst, incrementalBits, 6, index, name, value)
	e.table.insert(name, value)
	return dst
}

// index returns the index of an entry of the dynamic table.
func (e *Encoder) index(number uint64) uint64 { return staticLen + 1 + e.table.inserted - number }

func appendLiteral(dst []byte, high byte, prefix uint, index uint64, name, value string) []byte {
	dst = appendInteger(dst, high, prefix, index)
	if index == 0 {
		dst = appendStringLiteral(dst, name)
	}
	return appendStringLiteral(dst, value)
}

// AppendStateless appends a field in a form that every decoder takes at any
// time, and that changes none: an index of the static table, or a literal
// without indexing. So blocks made of it can be kept and sent on any
// connection.
func AppendStateless(dst []byte, name, value string) []byte {
	static := staticIndex(name)
	if i := staticMatch(static, name, value); static != 0 && i != 0 {
		return appendInteger(dst, indexedBits, 7, uint64(i))
	}
	high := byte(withoutBits)
	if never(static, value) {
		high = neverBits
	}
	return appendLiteral(dst, high, 4, uint64(static), name, value)
}
