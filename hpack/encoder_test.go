package hpack

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// conversation sends blocks from an encoder to a decoder.
type conversation struct {
	*testing.T
	encoder *Encoder
	decoder *Decoder
}

func newConversation(t *testing.T) *conversation {
	return &conversation{t, NewEncoder(), NewDecoder(DefaultTableSize)}
}

// block sends fields "name: value", and returns the block.
func (c *conversation) block(lines ...string) []byte {
	c.Helper()
	b := c.encoder.AppendBegin(nil)
	want := ""
	for _, line := range lines {
		at := strings.LastIndex(line, ": ")
		b = c.encoder.AppendString(b, line[:at], line[at+2:], Index)
		want += line + "\n"
	}
	_, fields, err := c.decoder.Decode(nil, nil, b)
	if got := text(fields); err != nil || got != want {
		c.Fatalf("%x: %q, %v; want %q", b, got, err, want)
	}
	if ours, theirs := c.encoder.table.dump(), c.decoder.table.dump(); ours != theirs {
		c.Fatalf("the encoder's table is\n%sthe decoder's is\n%s", ours, theirs)
	}
	return b
}

// The representation of a field, by the first octet of the block that has it.
func representation(block []byte) string {
	switch c := block[0]; {
	case c >= indexedBits:
		return "indexed"
	case c >= incrementalBits:
		return "incremental"
	case c >= sizeUpdateBits:
		return "size update"
	case c >= neverBits:
		return "never"
	}
	return "without"
}

func TestEncoder_representations(t *testing.T) {
	long := strings.Repeat("v", DefaultTableSize/2)
	for _, c := range []struct {
		name, value string
		ix          Indexing
		varying     bool // SetIndexVarying
		want        string
	}{
		{":status", "200", Index, false, "indexed"},
		{":status", "200", NoIndex, false, "indexed"},
		{":status", "200", NeverIndex, false, "never"},
		{":status", "201", Index, false, "incremental"},
		{":status", "201", NoIndex, false, "without"},
		{"x-new", "1", Index, false, "incremental"},
		{"x-new", "1", NoIndex, false, "without"},
		{"x-new", "1", NeverIndex, false, "never"},
		{"x-new", long, Index, false, "without"},
		{"x-new", long[:len(long)-len("x-new")-32], Index, false, "incremental"},

		{"date", "Sat, 21 Nov 2026 12:00:00 GMT", Index, false, "without"},
		{"date", "Sat, 21 Nov 2026 12:00:00 GMT", Index, true, "incremental"},
		{"etag", `"x"`, Index, false, "without"},
		{"content-length", "1234", Index, false, "without"},
		{"last-modified", "Sat, 21 Nov 2026 12:00:00 GMT", Index, false, "without"},
		{":path", "/search?q=1", Index, false, "without"},
		{":path", "/search?q=1", Index, true, "incremental"},
		{":path", "/search", Index, false, "incremental"},
		{":path", "/", Index, false, "indexed"},

		{"set-cookie", "id=0123456789abcdef0123", Index, true, "never"},
		{"set-cookie", "id=0123456789abcdef0123", NoIndex, false, "never"},
		{"authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Index, false, "never"},
		{"proxy-authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Index, false, "never"},
		{"cookie", "pin=1234", Index, false, "never"},
		{"cookie", "id=0123456789abcdef0123", Index, false, "incremental"},
	} {
		e := NewEncoder()
		e.SetIndexVarying(c.varying)
		b := e.AppendString(nil, c.name, c.value, c.ix)
		if got := representation(b); got != c.want {
			t.Errorf("%s: %.30s (%v, %v): %s, want %s", c.name, c.value, c.ix, c.varying, got, c.want)
		}
		stateless := AppendStateless(nil, c.name, c.value)
		want := map[string]string{"incremental": "without", "size update": ""}[c.want]
		if want == "" {
			want = c.want
		}
		if got := representation(stateless); got != want && c.ix == Index {
			t.Errorf("%s: %.30s: stateless %s, want %s", c.name, c.value, got, want)
		}
	}
}

// A Sensitive field is never found in the table either: its length must not
// depend on what is there.
func TestEncoder_sensitive(t *testing.T) {
	e := NewEncoder()
	secret := HeaderField{Name: []byte("x-token"), Value: []byte("secret")}
	e.AppendField(nil, secret)
	secret.Sensitive = true
	b := e.AppendField(nil, secret)
	if representation(b) != "never" || !bytes.HasSuffix(b, appendStringLiteral(nil, "secret")) {
		t.Errorf("%x: want a never-indexed literal with its value", b)
	}
	d := NewDecoder(DefaultTableSize)
	d.Decode(nil, nil, []byte("\x40\x07x-token\x00"))
	if _, fields, err := d.Decode(nil, nil, b); err != nil || !fields[0].Sensitive {
		t.Errorf("%v, %v: want a sensitive field", fields, err)
	}
}

// Which values of one name go to the table.
func TestEncoder_learns(t *testing.T) {
	for _, c := range []struct{ values, want string }{ // I: indexed, +: put into the table, -: left out
		{"aaaa", "+III"},
		{"abcdef", "+-----"},
		{"abbb", "+-+I"},
		{"ababab", "+-I+II"},
		{"aabbcc", "+I+I+I"},
		{"abcbcc", "+----+"},
	} {
		conv, got := newConversation(t), ""
		for _, v := range c.values {
			b := conv.block("x-name: " + string(v))
			got += map[string]string{"indexed": "I", "incremental": "+", "without": "-"}[representation(b)]
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.values, got, c.want)
		}
	}
}

func TestEncoder_tableSizeUpdates(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls func(e *Encoder)
		want  string // the octets before the field
	}{
		{"none", func(e *Encoder) {}, ""},
		{"to what it was", func(e *Encoder) { e.SetMaxTableSize(4096) }, ""},
		{"larger than we want", func(e *Encoder) { e.SetMaxTableSize(65536) }, ""},
		{"larger, and we may", func(e *Encoder) { e.SetMaxTableSizeLimit(8192); e.SetMaxTableSize(65536) }, "3fe13f"},
		{"smaller", func(e *Encoder) { e.SetMaxTableSize(100) }, "3f45"},
		{"smaller by ourselves", func(e *Encoder) { e.SetMaxTableSizeLimit(100) }, "3f45"},
		{"to nothing", func(e *Encoder) { e.SetMaxTableSize(0) }, "20"},
		{"to nothing and back", func(e *Encoder) { e.SetMaxTableSize(0); e.SetMaxTableSize(4096) }, "203fe11f"},
		{"the smallest and the last of many", func(e *Encoder) {
			for _, n := range []uint32{100, 30, 200, 70} {
				e.SetMaxTableSize(n)
			}
		}, "3e3f27"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conv := newConversation(t)
			conv.decoder.SetMaxTableSize(65536)
			conv.block("x-a: 1", "x-b: 2")
			c.calls(conv.encoder)
			for i := range 3 {
				b := conv.block("x-a: 1", "x-c: 3")
				prefix := ""
				for len(b) > 0 && representation(b) == "size update" {
					_, n, _ := readInteger(b, 5)
					prefix += fmt.Sprintf("%x", b[:n])
					b = b[n:]
				}
				if want := map[bool]string{true: c.want}[i == 0]; prefix != want {
					t.Errorf("block %d: updates %s, want %s", i, prefix, want)
				}
			}
		})
	}
}

// Entries are evicted when the table shrinks, and what is sent after names none of them.
func TestEncoder_evicts(t *testing.T) {
	conv := newConversation(t)
	for i := range 500 {
		lines := []string{"server: hyperion"}
		for j := range i % 7 {
			lines = append(lines, fmt.Sprintf("x-%d: %s", i*j%300, strings.Repeat("v", i%200)))
		}
		conv.block(lines...)
		if i%50 == 0 {
			conv.encoder.SetMaxTableSize(uint32(i * 4 % 4096))
		}
	}
	if conv.encoder.table.inserted < 300 {
		t.Errorf("only %d entries were inserted", conv.encoder.table.inserted)
	}
}

func TestAppendStateless_table(t *testing.T) {
	b := AppendStateless(nil, "x-a", "1")
	b = AppendStateless(b, ":status", "200")
	b = AppendStateless(b, "content-type", "text/plain")
	for _, size := range []uint32{0, 4096} {
		d := NewDecoder(size)
		_, fields, err := d.Decode(nil, nil, b)
		if got := text(fields); err != nil || got != "x-a: 1\n:status: 200\ncontent-type: text/plain\n" || d.table.count != 0 {
			t.Errorf("%q, %v, %d entries", got, err, d.table.count)
		}
	}
}
