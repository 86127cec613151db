package hpack

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// bits packs a string of 0 and 1, and fills the last octet with ones.
func bits(s string) []byte {
	s = strings.ReplaceAll(s, " ", "")
	s += strings.Repeat("1", -len(s)&7)
	out := make([]byte, len(s)/8)
	for i, c := range s {
		out[i/8] |= byte(c-'0') << (7 - i%8)
	}
	return out
}

// huffmanBlock is a block of one field x, whose value is these Huffman codes.
func huffmanBlock(codes []byte) string {
	return "\x00\x01x" + string(append(appendInteger(nil, 0x80, 7, uint64(len(codes))), codes...))
}

// literal is a string literal without Huffman codes.
func literal(s string) string { return string(appendInteger(nil, 0, 7, uint64(len(s)))) + s }

var (
	ones    = strings.Repeat("1", 64)
	eos     = ones[:30]
	aaaaaaa = strings.Repeat("00011", 7) // 35 bits
)

func TestDecode_rejects(t *testing.T) {
	for _, c := range []struct {
		name  string
		block string
		want  error
	}{
		{"index 0", "\x80", ErrIndex},
		{"index beyond the static table", "\xbe", ErrIndex},
		{"index beyond both tables", "\x40\x01a\x01b\xbf", ErrIndex},
		{"index of an entry that was evicted", "\x40\x01a\x01b" + "\x40\x01c" + literal(strings.Repeat("d", 4096-33)) + "\xbf", ErrIndex},
		{"index of a name beyond both tables", "\x7f\x00\x01v", ErrIndex},
		{"index of a name beyond both tables, not indexed", "\x0f\x30\x01v", ErrIndex},
		{"index of 2^32-1", "\xff\x80\xff\xff\xff\x0f", ErrIndex},

		{"integer of 2^32", "\xff\x81\xff\xff\xff\x0f", ErrInteger},
		{"integer of 35 bits and more", "\xff\xff\xff\xff\xff\x7f", ErrInteger},
		{"integer of six octets", "\xff\x80\x80\x80\x80\x80\x00", ErrInteger},
		{"integer without an end", "\xff" + strings.Repeat("\xff", 100), ErrInteger},
		{"length of 2^32", "\x00\x7f\x81\xff\xff\xff\x0f", ErrInteger},

		{"ends within an index", "\xff", ErrTruncated},
		{"ends within an index of two octets", "\xff\x80", ErrTruncated},
		{"ends before the name", "\x00", ErrTruncated},
		{"ends within the name", "\x00\x02x", ErrTruncated},
		{"ends before the value", "\x00\x01x", ErrTruncated},
		{"ends within the value", "\x00\x01x\x02y", ErrTruncated},
		{"ends within a Huffman value", "\x00\x01x\x82\x1f", ErrTruncated},
		{"ends within a length", "\x00\x7f", ErrTruncated},
		{"ends within a table size update", "\x3f", ErrTruncated},
		{"a length of 2^32-1", "\x00\x7f\x80\xff\xff\xff\x0f", ErrTruncated},

		{"name over the limit", "\x00" + literal(strings.Repeat("n", 137)) + "\x00", ErrStringTooLong},
		{"value over the limit", "\x00\x01x" + literal(strings.Repeat("n", 137)), ErrStringTooLong},
		{"value over the limit, to be indexed", "\x40\x01x" + literal(strings.Repeat("n", 137)), ErrStringTooLong},
		{"Huffman value over the limit", huffmanBlock(bits(strings.Repeat("00011", 137) + "111")), ErrStringTooLong},
		{"Huffman value over the limit by its length", huffmanBlock(bits(strings.Repeat(ones, 100))), ErrStringTooLong},

		{"table size over the limit", "\x3f\xe2\x1f", ErrTableSize},
		{"table size of 2^32-1", "\x3f\xe0\xff\xff\xff\x0f", ErrTableSize},
		{"table size update behind a field", "\x82\x20", ErrTableSizePlace},
		{"three table size updates", "\x20\x21\x22", ErrTableSizeCount},
		{"a thousand table size updates", strings.Repeat("\x20", 1000), ErrTableSizeCount},

		{"EOS alone", huffmanBlock(bits(eos + "11")), ErrHuffmanEOS},
		{"EOS and padding of zeros", huffmanBlock(bits(eos + "00")), ErrHuffmanEOS},
		{"EOS behind an octet", huffmanBlock(bits("00011" + eos + "11111")), ErrHuffmanEOS},
		{"EOS in a long string", huffmanBlock(bits(aaaaaaa + eos + aaaaaaa + aaaaaaa + "1")), ErrHuffmanEOS},
		{"EOS where a refill is due", huffmanBlock(bits(aaaaaaa + aaaaaaa[:15] + eos + aaaaaaa + aaaaaaa + ones[:6])), ErrHuffmanEOS},
		{"padding of 8 bits", huffmanBlock(bits(ones[:8])), ErrPaddingTooLong},
		{"padding of 8 bits behind an octet", huffmanBlock(bits("00000 00001 010100" + ones[:8])), ErrPaddingTooLong},
		{"padding of 11 bits", huffmanBlock(bits("00011" + ones[:11])), ErrPaddingTooLong},
		{"padding of 29 bits", huffmanBlock(bits("00011" + "010100" + ones[:29])), ErrPaddingTooLong},
		{"half a long code", huffmanBlock(bits("00011" + "1111111111000")[:2]), ErrPaddingTooLong},
		{"padding with a zero", huffmanBlock(bits("00011" + "110")), ErrPaddingNotOnes},
		{"padding of zeros", huffmanBlock(bits("00011" + "000")), ErrPaddingNotOnes},
		{"padding that starts with a zero", huffmanBlock(bits("010100 010100" + "0111")), ErrPaddingNotOnes},
		{"padding of half a code", huffmanBlock(bits("1111001" + "1111001 01")), ErrPaddingNotOnes},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(4096)
			d.SetMaxStringLength(136)
			if strings.Contains(c.name, "evicted") {
				d.SetMaxStringLength(1 << 20)
			}
			_, _, err := d.Decode(nil, nil, []byte(c.block))
			if !errors.Is(err, c.want) {
				t.Errorf("%.200x: %v, want %v", c.block, err, c.want)
			}
		})
	}
}

// What is just within each limit.
func TestDecode_accepts(t *testing.T) {
	a136 := strings.Repeat("a", 136)
	for _, c := range []struct {
		name, block, value string
	}{
		{"value of the limit", "\x00\x01x" + literal(a136), a136},
		{"Huffman value of the limit", huffmanBlock(bits(strings.Repeat("00011", 136))), a136},
		{"Huffman value whose codes are over the limit", huffmanBlock(bits(strings.Repeat(ones[:28]+"00", 40))), strings.Repeat("\n", 40)},
		{"empty value", "\x00\x01x\x00", ""},
		{"empty Huffman value", "\x00\x01x\x80", ""},
		{"padding of 7 bits", huffmanBlock(bits("00000 010100 010100" + ones[:7])), "0  "},
		{"no padding", huffmanBlock(bits("00000 00001 010100")), "01 "},
		{"an integer in more octets than it needs", "\x00\x01x\x7f\x80\x80\x80\x80\x00" + strings.Repeat("a", 127), strings.Repeat("a", 127)},
		{"table size of the limit", "\x3f\xe1\x1f\x00\x01x\x01y", "y"},
		{"two table size updates", "\x20\x3f\xe1\x1f\x00\x01x\x01y", "y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(4096)
			d.SetMaxStringLength(136)
			_, fields, err := d.Decode(nil, nil, []byte(c.block))
			if err != nil || len(fields) != 1 || string(fields[0].Value) != c.value {
				t.Errorf("%x: %q, %v; want the value %q", c.block, text(fields), err, c.value)
			}
		})
	}
}

func TestDecode_tableSizeMissing(t *testing.T) {
	d := NewDecoder(4096)
	d.SetMaxTableSize(100)
	for _, c := range []struct {
		block string
		want  error
	}{
		{"\x3f\x45", nil}, // 100
		{"\x82", nil},
	} {
		if _, _, err := d.Decode(nil, nil, []byte(c.block)); err != c.want {
			t.Errorf("%x: %v, want %v", c.block, err, c.want)
		}
	}
	d.SetMaxTableSize(99)
	if _, _, err := d.Decode(nil, nil, []byte("\x82")); err != ErrTableSizeMissing {
		t.Errorf("no update: %v, want ErrTableSizeMissing", err)
	}
	if _, _, err := d.Decode(nil, nil, []byte("\x3f\x45")); err != ErrTableSize {
		t.Errorf("update to the old limit: %v, want ErrTableSize", err)
	}
}

// A list that is too long is an error, behind which the connection goes on: its
// block has changed the table as any other.
func TestDecode_listTooLong(t *testing.T) {
	e, d := NewEncoder(), NewDecoder(4096)
	d.SetMaxListSize(3 * 40)
	list := func(n int) (block []byte) {
		block = e.AppendBegin(nil)
		for i := range n {
			block = e.AppendString(block, "name", "abc"+string(rune('a'+i)), Index)
			block = e.AppendString(block, "nam"+string(rune('a'+i)), "abcd", Index)
		}
		return block
	}
	for _, c := range []struct {
		pairs, fields int
		want          error
	}{{1, 2, nil}, {2, 3, ErrListTooLong}, {20, 3, ErrListTooLong}, {1, 2, nil}, {20, 3, ErrListTooLong}} {
		block := list(c.pairs)
		arena, fields, err := d.Decode(nil, nil, block)
		if err != c.want || len(fields) != c.fields {
			t.Errorf("%d fields: %d, %v; want %d, %v", 2*c.pairs, len(fields), err, c.fields, c.want)
		}
		most := 3 * 8
		if d.lengths != nil {
			most += huffmanDecodedMax(len(block)) // that were decoded ahead
		}
		if len(arena) > most {
			t.Errorf("%d fields: %d octets kept", 2*c.pairs, len(arena))
		}
		if got, want := d.table.dump(), e.table.dump(); got != want {
			t.Errorf("%d fields: table\n%swant\n%s", 2*c.pairs, got, want)
		}
	}
}

// A list counts 32 for each field, also for those of the static table.
func TestDecode_listSizeOfStaticFields(t *testing.T) {
	d := NewDecoder(4096)
	d.SetMaxListSize(10 * 42) // of ":method: GET"
	for n, want := range map[int]error{10: nil, 11: ErrListTooLong} {
		_, fields, err := d.Decode(nil, nil, bytes.Repeat([]byte{0x82}, n))
		if err != want || len(fields) != 10 {
			t.Errorf("%d fields: %d, %v; want 10, %v", n, len(fields), err, want)
		}
	}
}

// A small block of many references to a large entry makes no large arena.
func TestDecode_bomb(t *testing.T) {
	d := NewDecoder(4096)
	block := append([]byte("\x40\x01x"+literal(strings.Repeat("v", 4000))), bytes.Repeat([]byte{0xbe}, 16<<10)...)
	arena, fields, err := d.Decode(nil, nil, block)
	if err != ErrListTooLong || len(fields) != DefaultMaxListSize/4033 || cap(arena) > 3*DefaultMaxListSize {
		t.Errorf("%d fields, arena of %d, %v", len(fields), cap(arena), err)
	}
}

// Nor does one of many references to a large name, once the list is too long.
func TestDecode_bombOfNames(t *testing.T) {
	d := NewDecoder(4096)
	name := strings.Repeat("n", 4000)
	if _, _, err := d.Decode(nil, nil, []byte("\x40"+literal(name)+"\x00")); err != nil {
		t.Fatal(err)
	}
	d.SetMaxListSize(32)
	for _, c := range []struct{ name, reference string }{{"without", "\x0f\x2f\x00"}, {"never", "\x1f\x2f\x00"}, {"indexed", "\xbe"}} {
		arena, fields, err := d.Decode(nil, nil, []byte("\x82"+strings.Repeat(c.reference, 300)))
		if err != ErrListTooLong || len(fields) != 0 || cap(arena) > 100 {
			t.Errorf("%s: %d fields, arena of %d, %v", c.name, len(fields), cap(arena), err)
		}
	}
	// One that goes to the table is there whole, wanted or not.
	if _, _, err := d.Decode(nil, nil, []byte("\x82\x7e\x01v")); err != ErrListTooLong {
		t.Fatal(err)
	}
	if got, want := d.table.dump(), name+": v\n4033\n"; got != want {
		t.Errorf("table %.100q, want %.100q", got, want)
	}
}

// What the fields before an error are, and where they are, does not depend on it.
func TestDecode_arenaGrows(t *testing.T) {
	block := []byte("\x00\x01a\x01b" + "\x40\x01c\x01d" + "\xbe" + "\x82" + "\x80")
	arena, fields, err := d4096().Decode(make([]byte, 0, 3), nil, block)
	if got := text(fields); got != "a: b\nc: d\nc: d\n:method: GET\n" || err != ErrIndex {
		t.Errorf("%s, %v", got, err)
	}
	clear(block)
	clear(arena[:cap(arena)][len(arena):])
	if got := text(fields); got != "a: b\nc: d\nc: d\n:method: GET\n" {
		t.Errorf("afterwards: %s", got)
	}
	for _, f := range fields {
		if cap(f.Value) != len(f.Value) || cap(f.Name) != len(f.Name) {
			t.Errorf("%s: appending to it would overwrite another", f.Name)
		}
	}
}

func d4096() *Decoder { return NewDecoder(4096) }
