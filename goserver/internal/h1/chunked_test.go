package h1

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// TestChunkedDataIsPassedOn holds that data leaves as it comes, aliases the
// input, and that a call which has data looks ahead as far as it can.
func TestChunkedDataIsPassedOn(t *testing.T) {
	var d Chunked
	for _, step := range []struct {
		input, data string
		n           int
		done        bool
		err         error
	}{
		{"5\r\nhe", "he", 5, false, nil},
		{"l", "l", 1, false, nil},
		{"lo\r\n1\r\n!\r\n", "lo", 7, false, nil}, // a second chunk waits
		{"!\r\n0\r\n\r\nGET", "!", 8, true, nil},
	} {
		buf := []byte(step.input)
		data, n, done, err := d.Next(buf, &testLimits)
		if string(data) != step.data || n != step.n || done != step.done || err != step.err {
			t.Fatalf("Next(%q) = %q, %d, %v, %v", step.input, data, n, done, err)
		}
		if i := bytes.Index(buf, data); &data[0] != &buf[i] {
			t.Errorf("data of %q is a copy", step.input)
		}
	}
	if d.Trailers() != nil {
		t.Errorf("trailers %q", d.Trailers())
	}
}

// TestChunkedErrorComesAfterData holds that good data before an error is not lost.
func TestChunkedErrorComesAfterData(t *testing.T) {
	var d Chunked
	input := []byte("3\r\nabcX")
	data, n, done, err := d.Next(input, &testLimits)
	if string(data) != "abc" || n != len("3\r\nabc") || done || err != nil {
		t.Fatalf("%q, %d, %v, %v", data, n, done, err)
	}
	for range 2 {
		if data, n, done, err := d.Next(input[6:], &testLimits); data != nil || n != 0 || done || err != ErrChunkEnd {
			t.Fatalf("%q, %d, %v, %v", data, n, done, err)
		}
	}
}

// TestTrailersAreCopied holds that they outlive the buffer they came in.
func TestTrailersAreCopied(t *testing.T) {
	var d Chunked
	const input = "0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"
	for i := range input {
		buf := []byte{input[i]}
		if _, _, done, err := d.Next(buf, &testLimits); err != nil || done != (i == len(input)-1) {
			t.Fatal(i, done, err)
		}
		buf[0] = '!'
	}
	var got []string
	for _, f := range d.Trailers() {
		got = append(got, string(f.Name)+string(f.Value))
	}
	if strings.Join(got, " ") != "A1 B2 C3" {
		t.Errorf("trailers %q", got)
	}
}

// TestChunkedLimits is for those that wire cases with the default limits do not reach.
func TestChunkedLimits(t *testing.T) {
	for _, c := range []struct {
		name, input string
		lim         semantics.Limits
		want        error
	}{
		{"exactly the limit", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", semantics.Limits{BodyBytes: 5}, nil},
		{"no content allowed", "0\r\n\r\n", semantics.Limits{}, nil},
		{"no content allowed, one byte", "1\r\na", semantics.Limits{}, semantics.ErrBodyTooLarge},
		{"one byte over", "3\r\nabc\r\n3\r\n", semantics.Limits{BodyBytes: 5}, semantics.ErrBodyTooLarge},
		{"no limit, one chunk", "7fffffffffffffff\r\nabc", semantics.Limits{BodyBytes: -1}, nil},
		{"no limit, sum beyond 63 bits", "1\r\na\r\n7fffffffffffffff\r\n", semantics.Limits{BodyBytes: -1}, ErrChunkSizeOverflow},
		{"extension limit", "0;ab\r\n\r\n", semantics.Limits{ChunkExtBytes: 3}, nil},
		{"extension limit passed", "0;abc\r\n\r\n", semantics.Limits{ChunkExtBytes: 3}, ErrChunkExtTooLong},
		{"white space counts", "0   ;\r\n\r\n", semantics.Limits{ChunkExtBytes: 3}, ErrChunkExtTooLong},
		{"trailer limit", "0\r\na:1\r\n\r\n", semantics.Limits{Fields: 1, TrailerBytes: 7}, nil},
		{"trailer limit passed", "0\r\na:12\r\n\r\n", semantics.Limits{Fields: 1, TrailerBytes: 7}, ErrTrailerTooLong},
		{"trailer count passed", "0\r\na:1\r\n\r\n", semantics.Limits{}, ErrTooManyTrailers},
	} {
		for _, piece := range []int{1, len(c.input)} {
			if _, _, _, _, err := decode(t, []byte(c.input), &c.lim, func() int { return piece }); err != c.want {
				t.Errorf("%s, in pieces of %d: %v, want %v", c.name, piece, err, c.want)
			}
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	for name, size := range map[string]int{"64B": 64, "4KiB": 4096} {
		body := AppendChunkHeader(nil, size)
		body = append(body, strings.Repeat("x", size)+"\r\n"...)
		body = append(AppendChunkHeader(bytes.Repeat(body, 8), 0), "\r\n"...)
		b.Run("8x"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(8 * size))
			for b.Loop() {
				var d Chunked
				for buf, done := body, false; !done; {
					var n int
					var err error
					if _, n, done, err = d.Next(buf, &testLimits); err != nil {
						b.Fatal(err)
					}
					buf = buf[n:]
				}
			}
		})
	}
}
