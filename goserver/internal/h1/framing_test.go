package h1

import (
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// TestDecideFraming is the table of RFC 9112 §6.3, by what a head can say.
func TestDecideFraming(t *testing.T) {
	chunked := []byte("chunked")
	for _, c := range []struct {
		name   string
		fields framingFields
		max    int64
		want   Framing
		err    error
	}{
		{"nothing", framingFields{minor: 1}, 10, Framing{}, nil},
		{"nothing, no content allowed", framingFields{minor: 1}, 0, Framing{}, nil},
		{"length", framingFields{minor: 1, lengths: 1, length: []byte("10")}, 10, Framing{ContentLength, 10}, nil},
		{"length on 1.0", framingFields{lengths: 1, length: []byte("10")}, 10, Framing{ContentLength, 10}, nil},
		{"zero", framingFields{minor: 1, lengths: 1, length: []byte("0")}, 0, Framing{ContentLength, 0}, nil},
		{"over the limit", framingFields{minor: 1, lengths: 1, length: []byte("11")}, 10, Framing{}, semantics.ErrBodyTooLarge},
		{"no limit", framingFields{minor: 1, lengths: 1, length: []byte("9223372036854775807")}, -1, Framing{ContentLength, 1<<63 - 1}, nil},
		{"overflow, no limit", framingFields{minor: 1, lengths: 1, length: []byte("9223372036854775808")}, -1, Framing{}, semantics.ErrLengthOverflow},
		{"overflow and no number", framingFields{minor: 1, lengths: 1, length: []byte("99999999999999999999x")}, -1, Framing{}, semantics.ErrLengthSyntax},
		{"repeated, last good", framingFields{minor: 1, lengths: 2, length: []byte("5")}, 10, Framing{}, ErrLengthRepeated},
		{"chunked", framingFields{minor: 1, codings: 1, coding: chunked}, 10, Framing{Kind: ChunkedCoding}, nil},
		{"chunked on 1.2", framingFields{minor: 2, codings: 1, coding: chunked}, 10, Framing{Kind: ChunkedCoding}, nil},
		{"chunked on 1.0", framingFields{codings: 1, coding: chunked}, 10, Framing{}, ErrCodingHTTP10},
		{"both", framingFields{minor: 1, lengths: 1, length: []byte("5"), codings: 1, coding: chunked}, 10, Framing{}, ErrLengthWithCoding},
		{"both on 1.0", framingFields{lengths: 1, length: []byte("5"), codings: 1, coding: chunked}, 10, Framing{}, ErrCodingHTTP10},
		{"repeated, last chunked", framingFields{minor: 1, codings: 2, coding: chunked}, 10, Framing{}, ErrCodingRepeated},
		{"gzip last", framingFields{minor: 1, codings: 1, coding: []byte("chunked, gzip")}, 10, Framing{}, ErrCodingNotChunked},
		{"gzip first", framingFields{minor: 1, codings: 1, coding: []byte("gzip \t,\t CHUNKED")}, 10, Framing{}, ErrCodingUnsupported},
		{"chunked thrice", framingFields{minor: 1, codings: 1, coding: []byte("chunked, gzip, chunked")}, 10, Framing{}, ErrCodingTwice},
		{"no coding", framingFields{minor: 1, codings: 1}, 10, Framing{}, ErrCodingSyntax},
	} {
		got, err := decideFraming(&c.fields, c.max)
		if got != c.want || err != c.err {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, err, c.want, c.err)
		}
		if err == nil && got.Empty() != (got == Framing{} || got == Framing{Kind: ContentLength}) {
			t.Errorf("%s: Empty() = %v", c.name, got.Empty())
		}
	}
}
