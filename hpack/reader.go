package hpack

import "slices"

// A reader is what Decode has of one block.
type reader struct {
	*Decoder
	rest   []byte // of the block
	arena  []byte
	fields []HeaderField
	left   int // octets of the list; below 0 once it is too long: then fields are not wanted

	// Strings that were decoded ahead: their lengths, and where in arena the
	// next one is.
	ahead   []uint32
	aheadAt int
}

// First bits of a representation (RFC 7541 section 6).
const (
	indexedBits     = 0x80 // 6.1
	incrementalBits = 0x40 // 6.2.1
	sizeUpdateBits  = 0x20 // 6.3
	neverBits       = 0x10 // 6.2.3
	withoutBits     = 0x00 // 6.2.2
)

// tableSizeUpdates applies the updates at the start of a block.
func (r *reader) tableSizeUpdates() error {
	const most = 2 // the smallest size since the last block, then the one that holds
	for count := 1; len(r.rest) > 0 && r.rest[0]&0xe0 == sizeUpdateBits; count++ {
		size, err := r.integer(5)
		switch {
		case err != nil:
			return err
		case size > r.allowed:
			return ErrTableSize
		case count > most:
			return ErrTableSizeCount
		}
		r.table.setMax(size)
	}
	if r.table.max > r.allowed {
		return ErrTableSizeMissing
	}
	return nil
}

// list reads the fields.
func (r *reader) list() error {
	for len(r.rest) > 0 {
		kept := len(r.arena)
		err := r.field()
		if err != nil || r.left < 0 {
			r.arena = r.arena[:kept]
		}
		if err != nil {
			return err
		}
	}
	if r.left < 0 {
		return ErrListTooLong
	}
	return nil
}

// field reads one representation.
func (r *reader) field() error {
	switch c := r.rest[0]; {
	case c >= indexedBits:
		return r.indexed()
	case c >= incrementalBits:
		name, value, err := r.literal(6, true)
		if err == nil {
			insert(&r.table, name, value)
			r.add(name, value, false)
		}
		return err
	case c >= sizeUpdateBits:
		return ErrTableSizePlace
	default:
		name, value, err := r.literal(4, r.left >= 0)
		if err == nil {
			r.add(name, value, c >= neverBits)
		}
		return err
	}
}

// add adds a field to the list, if there is room.
func (r *reader) add(name, value []byte, sensitive bool) {
	if r.left < 0 {
		return
	}
	if r.left -= len(name) + len(value) + entryOverhead; r.left < 0 {
		return
	}
	n := len(r.fields)
	r.fields = slices.Grow(r.fields, 1)[:n+1]
	f := &r.fields[n] // written in place: append would copy it there, which waits for the stores
	f.Name, f.Value, f.Sensitive = name, value, sensitive
}

// indexed reads an index of a field. If that is in the dynamic table and wanted,
// its octets are copied to arena.
func (r *reader) indexed() error {
	index, err := r.integer(7)
	if err != nil {
		return err
	}
	if index-1 < staticLen {
		f := &staticFields[index]
		r.add(f.Name, f.Value, false)
		return nil
	}
	number, err := r.number(index)
	if err != nil || r.left < 0 {
		return err
	}
	name, both := r.table.entry(number)
	both = r.keep(both)
	r.add(both[:name:name], both[name:], false)
	return nil
}

// number returns the number of the dynamic table's entry with this index.
func (r *reader) number(index uint32) (uint64, error) {
	age := uint64(index) - staticLen - 1
	if index <= staticLen || age >= uint64(r.table.count) {
		return 0, ErrIndex
	}
	return r.table.inserted - age, nil
}

// literal reads a literal representation, whose index of the name has so many
// bits. If the name is in the dynamic table and wanted, it is copied to arena.
func (r *reader) literal(prefix uint, wanted bool) (name, value []byte, err error) {
	index, err := r.integer(prefix)
	switch {
	case err != nil:
		return nil, nil, err
	case index == 0:
		if name, err = r.string(); err != nil {
			return nil, nil, err
		}
	case index <= staticLen:
		name = staticFields[index].Name
	default:
		number, err := r.number(index)
		if err != nil {
			return nil, nil, err
		}
		if wanted {
			n, both := r.table.entry(number)
			name = r.keep(both[:n])
		}
	}
	value, err = r.string()
	return name, value, err
}

// integer reads an integer with a prefix of so many bits.
func (r *reader) integer(prefix uint) (uint32, error) {
	most := uint32(1)<<prefix - 1
	if len(r.rest) > 0 && uint32(r.rest[0])&most < most { // most are of one octet
		v := uint32(r.rest[0]) & most
		r.rest = r.rest[1:]
		return v, nil
	}
	return r.longInteger(prefix)
}

func (r *reader) longInteger(prefix uint) (uint32, error) {
	v, n, err := readInteger(r.rest, prefix)
	if err != nil {
		return 0, err
	}
	r.rest = r.rest[n:]
	return v, nil
}

// string reads a string literal (section 5.2) into arena.
func (r *reader) string() ([]byte, error) {
	huffman := len(r.rest) > 0 && r.rest[0] >= 0x80
	size, err := r.integer(7)
	switch {
	case err != nil:
		return nil, err
	case uint64(size) > uint64(len(r.rest)):
		return nil, ErrTruncated
	}
	raw := r.rest[:size]
	r.rest = r.rest[size:]
	if huffman {
		return r.huffman(raw)
	}
	if len(raw) > r.maxString {
		return nil, ErrStringTooLong
	}
	return r.keep(raw), nil
}

// huffman decodes a string of Huffman codes into arena.
func (r *reader) huffman(coded []byte) ([]byte, error) {
	if len(coded)*8/huffmanMaxBits > r.maxString {
		return nil, ErrStringTooLong
	}
	if len(r.ahead) > 0 {
		return r.takeAhead()
	}
	start := len(r.arena)
	if room := huffmanDecodedMax(len(coded)) + huffmanSlack; cap(r.arena)-start < room {
		r.arena = slices.Grow(r.arena, room)
	}
	n, err := huffmanDecodeGeneric(r.arena[start:cap(r.arena)], coded)
	switch {
	case err != nil:
		return nil, err
	case n > r.maxString:
		return nil, ErrStringTooLong
	}
	r.arena = r.arena[:start+n]
	return r.arena[start : start+n : start+n], nil
}

// takeAhead returns the next of the strings that were decoded ahead.
func (r *reader) takeAhead() ([]byte, error) {
	start, end := r.aheadAt, r.aheadAt+int(r.ahead[0])
	r.ahead, r.aheadAt = r.ahead[1:], end
	if end-start > r.maxString {
		return nil, ErrStringTooLong
	}
	return r.arena[start:end:end], nil
}

// keep appends s to arena, and returns it there.
func (r *reader) keep(s []byte) []byte {
	start := len(r.arena)
	r.arena = append(r.arena, s...)
	return r.arena[start:len(r.arena):len(r.arena)]
}
