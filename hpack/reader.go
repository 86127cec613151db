package hpack

import "slices"

// A reader is what Decode has of one block.
type reader struct {
	*Decoder
	rest  []byte // of the block
	arena []byte

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

// list reads the fields, and appends them to fields.
func (r *reader) list(fields []HeaderField) ([]HeaderField, error) {
	left := r.maxList // octets; below 0 once the list is too long
	for len(r.rest) > 0 {
		kept, n := len(r.arena), len(fields)
		fields = append(fields, HeaderField{})
		f := &fields[n]
		err := r.field(f, left >= 0)
		if err == nil && left >= 0 {
			left -= f.Size()
		}
		if err != nil || left < 0 {
			r.arena, fields = r.arena[:kept], fields[:n]
		}
		if err != nil {
			return fields, err
		}
	}
	if left < 0 {
		return fields, ErrListTooLong
	}
	return fields, nil
}

// field reads one representation into f, which is empty. A field that is not
// wanted takes its place in the table; what f has of it then may be incomplete.
func (r *reader) field(f *HeaderField, wanted bool) (err error) {
	switch c := r.rest[0]; {
	case c >= indexedBits:
		index, err := r.integer(7)
		if err != nil {
			return err
		}
		return r.indexed(f, index, wanted)
	case c >= incrementalBits:
		if err = r.literal(f, 6, true); err == nil {
			insert(&r.table, f.Name, f.Value)
		}
		return err
	case c >= sizeUpdateBits:
		return ErrTableSizePlace
	default:
		f.Sensitive = c >= neverBits
		return r.literal(f, 4, wanted)
	}
}

// indexed finds the field with this index. If it is in the dynamic table its
// octets are copied to arena.
func (r *reader) indexed(f *HeaderField, index uint32, wanted bool) error {
	if index-1 < staticLen {
		*f = staticFields[index]
		return nil
	}
	number, err := r.number(index)
	if err != nil || !wanted {
		return err
	}
	name, both := r.table.entry(number)
	both = r.keep(both)
	f.Name, f.Value = both[:name:name], both[name:]
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
func (r *reader) literal(f *HeaderField, prefix uint, wanted bool) error {
	index, err := r.integer(prefix)
	switch {
	case err != nil:
		return err
	case index == 0:
		if f.Name, err = r.string(); err != nil {
			return err
		}
	case index <= staticLen:
		f.Name = staticFields[index].Name
	default:
		number, err := r.number(index)
		if err != nil {
			return err
		}
		if wanted {
			name, both := r.table.entry(number)
			f.Name = r.keep(both[:name])
		}
	}
	f.Value, err = r.string()
	return err
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
