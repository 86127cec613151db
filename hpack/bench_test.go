package hpack

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// response is a 25-field response of an application behind a proxy. The values
// that a real one changes from request to request change here too.
type response struct {
	fields [25]struct{ name, value string }
	vary   [8][varied]string // values of the varying ones for each turn
}

const varied = 6

func newResponse() *response {
	r := &response{fields: [25]struct{ name, value string }{
		{":status", "200"},
		{"date", ""},
		{"content-length", ""},
		{"etag", ""},
		{"x-request-id", ""},
		{"x-runtime", ""},
		{"set-cookie", ""},
		{"content-type", "application/json; charset=utf-8"},
		{"server", "hyperion"},
		{"cache-control", "max-age=0, private, must-revalidate"},
		{"vary", "Accept-Encoding, Origin"},
		{"x-frame-options", "SAMEORIGIN"},
		{"x-xss-protection", "0"},
		{"x-content-type-options", "nosniff"},
		{"x-download-options", "noopen"},
		{"x-permitted-cross-domain-policies", "none"},
		{"referrer-policy", "strict-origin-when-cross-origin"},
		{"strict-transport-security", "max-age=63072000; includeSubDomains"},
		{"content-security-policy", "default-src 'self'; img-src 'self' data:; object-src 'none'"},
		{"access-control-allow-origin", "https://app.example.com"},
		{"access-control-allow-credentials", "true"},
		{"access-control-expose-headers", "x-request-id, x-runtime"},
		{"permissions-policy", "camera=(), microphone=(), geolocation=()"},
		{"alt-svc", `h3=":443"; ma=86400`},
		{"link", "</assets/app.css>; rel=preload; as=style"},
	}}
	for i := range r.vary {
		n := 7919 * (i + 1)
		r.vary[i] = [varied]string{
			fmt.Sprintf("Sat, 21 Nov 2026 12:%02d:%02d GMT", n%60, n%59),
			fmt.Sprint(1000 + n),
			fmt.Sprintf(`W/"%032x"`, n*n*n*104729),
			fmt.Sprintf("%08x-1f2e-4c3b-8a79-%012x", n*15485863, n*32452843),
			fmt.Sprintf("0.%06d", n*31%1000000),
			fmt.Sprintf("_session=%064x; path=/; secure; HttpOnly; SameSite=Lax", n*n*n*1299709),
		}
	}
	return r
}

// turn puts the values of one request into the fields.
func (r *response) turn(i int) {
	for j, v := range r.vary[i%len(r.vary)] {
		r.fields[1+j].value = v
	}
}

func BenchmarkEncodeResponse(b *testing.B) {
	b.Run("hyperion", func(b *testing.B) {
		r, e := newResponse(), NewEncoder()
		var out []byte
		for i := 0; b.Loop(); i++ {
			r.turn(i)
			out = e.AppendBegin(out[:0])
			for j := range r.fields {
				out = e.AppendString(out, r.fields[j].name, r.fields[j].value, Index)
			}
		}
		b.ReportMetric(float64(len(out)), "B/block")
	})
	b.Run("hyperion/IndexVarying", func(b *testing.B) {
		r, e := newResponse(), NewEncoder()
		e.SetIndexVarying(true)
		var out []byte
		for i := 0; b.Loop(); i++ {
			r.turn(i)
			out = e.AppendBegin(out[:0])
			for j := range r.fields {
				out = e.AppendString(out, r.fields[j].name, r.fields[j].value, Index)
			}
		}
		b.ReportMetric(float64(len(out)), "B/block")
	})
	b.Run("xnet", func(b *testing.B) {
		r := newResponse()
		var out bytes.Buffer
		e := xhpack.NewEncoder(&out)
		for i := 0; b.Loop(); i++ {
			r.turn(i)
			out.Reset()
			for j := range r.fields {
				e.WriteField(xhpack.HeaderField{Name: r.fields[j].name, Value: r.fields[j].value})
			}
		}
		b.ReportMetric(float64(out.Len()), "B/block")
	})
}

// requestBlocks are blocks of so many fields, which an encoder sends one after
// the other on a connection: the first fills the table, the others come often.
func requestBlocks(fields int, encode func(turn int, name, value string)) {
	names := []string{":method", ":path", "user-agent", ":authority", ":scheme", "accept", "accept-encoding",
		"accept-language", "cookie", "referer", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest"}
	values := []string{"GET", "/api/v1/items?page=%d&per_page=50", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
		"www.example.com", "https", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "gzip, deflate, br, zstd",
		"en-US,en;q=0.5", "_session=8f14e45fceea167a5a36dedd4bea2543; theme=dark", "https://www.example.com/items/%d", "navigate", "same-origin", "document"}
	for turn := range 16 {
		for i := range fields {
			if i < len(names) {
				v := values[i]
				if bytes.IndexByte([]byte(v), '%') >= 0 {
					v = fmt.Sprintf(v, turn*7919)
				}
				encode(turn, names[i], v)
			} else if i%4 == 0 {
				encode(turn, fmt.Sprintf("x-trace-%d", i), fmt.Sprintf("%032x", i*turn*7919*104729))
			} else {
				encode(turn, fmt.Sprintf("x-custom-header-%d", i), fmt.Sprintf("some value of field %d", i))
			}
		}
	}
}

func xblocks(fields int) (blocks [][]byte) {
	var out bytes.Buffer
	e := xhpack.NewEncoder(&out)
	last := 0
	end := func() { blocks = append(blocks, bytes.Clone(out.Bytes())); out.Reset() }
	requestBlocks(fields, func(turn int, name, value string) {
		if turn != last {
			end()
			last = turn
		}
		e.WriteField(xhpack.HeaderField{Name: name, Value: value})
	})
	end()
	return blocks
}

// repeated returns a block that fills the table with so many fields, and the
// next one, which has them all as indexes.
func repeated(fields int) (first, next []byte) {
	var out bytes.Buffer
	e := xhpack.NewEncoder(&out)
	write := func() []byte {
		out.Reset()
		requestBlocks(fields, func(turn int, name, value string) {
			if turn == 0 {
				e.WriteField(xhpack.HeaderField{Name: name, Value: value})
			}
		})
		return bytes.Clone(out.Bytes())
	}
	return write(), write()
}

// plainBlock returns a block of literals without Huffman codes, which go to no table.
func plainBlock(fields int) (block []byte) {
	requestBlocks(fields, func(turn int, name, value string) {
		if turn == 0 {
			block = append(block, 0)
			block = append(appendInteger(block, 0, 7, uint64(len(name))), name...)
			block = append(appendInteger(block, 0, 7, uint64(len(value))), value...)
		}
	})
	return block
}

// resetTable makes the table 0 octets, then 4096.
const resetTable = "\x20\x3f\xe1\x1f"

// BenchmarkDecode decodes what a client sends that indexes everything: the first
// block of a connection; its first 16, whose values vary in part; and one that
// only has indexes. Then literals that are not compressed.
func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{3, 25, 100} {
		blocks := xblocks(n)
		first, next := repeated(min(n, 25)) // which fit into the table
		for _, c := range []struct {
			name   string
			before []byte
			blocks [][]byte
		}{
			{"first", nil, append([][]byte{[]byte(resetTable)}, blocks[0])},
			{"connection", nil, append([][]byte{[]byte(resetTable)}, blocks...)},
			{"indexed", first, slices.Repeat([][]byte{next}, n/min(n, 25))},
			{"plain", nil, [][]byte{plainBlock(n)}},
		} {
			size := 0
			for _, block := range c.blocks {
				size += len(block)
			}
			name := fmt.Sprintf("%d/%s", n, c.name)
			b.Run(name+"/hyperion", func(b *testing.B) {
				b.ReportAllocs()
				var arena []byte
				var fields []HeaderField
				d := NewDecoder(4096)
				d.Decode(nil, nil, c.before)
				for b.Loop() {
					for _, block := range c.blocks {
						var err error
						if arena, fields, err = d.Decode(arena[:0], fields[:0], block); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.SetBytes(int64(size))
			})
			b.Run(name+"/xnet", func(b *testing.B) {
				b.ReportAllocs()
				var fields []xhpack.HeaderField
				d := xhpack.NewDecoder(4096, func(f xhpack.HeaderField) { fields = append(fields, f) })
				d.Write(c.before)
				d.Close()
				for b.Loop() {
					for _, block := range c.blocks {
						fields = fields[:0]
						if _, err := d.Write(block); err != nil {
							b.Fatal(err)
						}
						if err := d.Close(); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.SetBytes(int64(size))
			})
		}
	}
}
