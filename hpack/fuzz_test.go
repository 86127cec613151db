package hpack

import (
	"bytes"
	"errors"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// stricter are the errors of blocks that the oracle takes: it knows no limit of
// a list, allows larger integers, more updates, and updates anywhere while its
// table is empty.
var stricter = []error{ErrListTooLong, ErrStringTooLong, ErrInteger, ErrTableSizeCount, ErrTableSizePlace}

// Any octets, as two blocks of one connection: what is decoded is what the
// oracle decodes, and within the limits.
func FuzzDecode(f *testing.F) {
	for _, ex := range examples {
		for _, block := range ex.blocks {
			f.Add(unhex(f, block.octets), unhex(f, block.octets))
		}
	}
	f.Add([]byte("\x3f\xe1\x1f\x82"), []byte("\x20\x82"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		const maxString, maxList = 1 << 10, 4 << 10
		d := NewDecoder(512)
		d.SetMaxStringLength(maxString)
		d.SetMaxListSize(maxList)
		var xfields []HeaderField
		x := xhpack.NewDecoder(512, func(f xhpack.HeaderField) {
			xfields = append(xfields, HeaderField{[]byte(f.Name), []byte(f.Value), f.Sensitive})
		})
		for _, block := range [][]byte{first, second} {
			before := bytes.Clone(block)
			arena, fields, err := d.Decode([]byte("kept"), nil, block)
			if !bytes.Equal(block, before) || string(arena[:4]) != "kept" {
				t.Fatal("Decode changed the block, or what was in the arena")
			}
			size := 0
			for _, f := range fields {
				size += f.Size()
				if len(f.Name) > maxString || len(f.Value) > maxString {
					t.Fatalf("string of %d and %d octets", len(f.Name), len(f.Value))
				}
			}
			if size > maxList || d.table.size > d.table.max || d.table.max > 512 {
				t.Fatalf("list of %d, table of %d", size, d.table.size)
			}
			xfields = xfields[:0]
			xerr := xdecode(x, block)
			for _, s := range stricter {
				if errors.Is(err, s) {
					return
				}
			}
			if (err == nil) != (xerr == nil) {
				t.Fatalf("%x: %v, the oracle says %v", block, err, xerr)
			}
			if err != nil {
				return
			}
			if err := sameList(fields, xfields, false); err != nil {
				t.Fatalf("%x: %v", block, err)
			}
		}
	})
}

// Any lists, as two blocks of one connection, come out as they went in, here
// and at the oracle.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("\x05name\x05value\x04date\x02x"), []byte("\x05name\x05value"), uint16(100))
	f.Add([]byte("\x0aset-cookie\x03a=b"), []byte{}, uint16(4096))
	f.Fuzz(func(t *testing.T, first, second []byte, size uint16) {
		e, d := NewEncoder(), NewDecoder(DefaultTableSize)
		d.SetMaxListSize(1 << 30)
		e.SetIndexVarying(size%2 == 0)
		var xfields []HeaderField
		x := xhpack.NewDecoder(DefaultTableSize, func(f xhpack.HeaderField) {
			xfields = append(xfields, HeaderField{[]byte(f.Name), []byte(f.Value), f.Sensitive})
		})
		for _, in := range [][]byte{first, second} {
			want := fieldsOf(in)
			block := e.AppendBegin(nil)
			for _, f := range want {
				block = e.AppendField(block, f)
			}
			_, fields, err := d.Decode(nil, nil, block)
			if err == nil {
				err = sameList(fields, want, true)
			}
			if err != nil {
				t.Fatalf("%x: %v", block, err)
			}
			xfields = xfields[:0]
			if err = xdecode(x, block); err == nil {
				err = sameList(xfields, want, true)
			}
			if err != nil {
				t.Fatalf("%x: the oracle: %v", block, err)
			}
			e.SetMaxTableSize(uint32(min(size, DefaultTableSize)))
		}
	})
}

// fieldsOf makes fields of any octets: each string is as long as the octet
// before it says, whose highest bit says that the field is sensitive.
func fieldsOf(b []byte) (fields []HeaderField) {
	next := func() (s []byte, high bool) {
		n := min(int(b[0]&0x7f), len(b)-1)
		s, high = b[1:1+n], b[0] >= 0x80
		b = b[1+n:]
		return s, high
	}
	for len(b) > 1 {
		var f HeaderField
		f.Name, f.Sensitive = next()
		if len(b) > 0 {
			f.Value, _ = next()
		}
		fields = append(fields, f)
	}
	return fields
}
