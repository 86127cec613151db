package h1

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/h1/wirecase"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// seedWire gives the wire cases of moderate size to a fuzz target.
func seedWire(f *testing.F, add func(input []byte)) {
	cases, err := wirecase.Load("testdata/wire")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		if len(c.Input) < 1000 {
			add(c.Input)
		}
	}
}

// FuzzParse holds that Parse never goes beyond its input, says the same of
// input that grows, and that net/http understands what it accepts as it does.
func FuzzParse(f *testing.F) {
	seedWire(f, func(input []byte) { f.Add(input) })
	for _, c := range benchHeads[:4] {
		f.Add([]byte(c.head))
	}
	lim := semantics.Limits{HeadBytes: 2000, Fields: 20, TargetBytes: 500, BodyBytes: 1 << 30}
	f.Fuzz(func(t *testing.T, data []byte) {
		var h Head
		n, err := h.Parse(data, &lim)
		if n < 0 || n > len(data) || n > lim.HeadBytes || n > 0 && err != nil {
			t.Fatalf("n=%d of %d bytes, err=%v", n, len(data), err)
		}
		if err != nil {
			errorName(t, err)
		}
		checkPrefixes(t, data, n, err, &lim)
		if n > 0 {
			compareWithNetHTTP(t, data[:n], &h)
		}
	})
}

// checkPrefixes parses the starts of data, of which n and err are known.
func checkPrefixes(t *testing.T, data []byte, n int, err error, lim *semantics.Limits) {
	var h Head
	step := 1 + len(data)/200
	for k := 0; k < len(data); k += step {
		pn, perr := h.Parse(data[:k:k], lim)
		switch {
		case pn == 0 && perr == nil:
			if n > 0 && k >= n {
				t.Fatalf("a head of %d bytes is incomplete in %d", n, k)
			}
		case pn != n || perr != err:
			t.Fatalf("of %d bytes: %d, %v; of all %d: %d, %v", k, pn, perr, len(data), n, err)
		}
	}
}

// compareWithNetHTTP checks that net/http reads an accepted head alike. Known
// differences, all of form and none of framing:
//   - net/http takes no empty lines before the request line;
//   - it parses the target as a URI, and so refuses malformed percent-encoding
//     and some hosts (with percent-encoding, for one) that this package leaves
//     to users of the path, or that RFC 3986 allows.
func compareWithNetHTTP(t *testing.T, head []byte, h *Head) {
	head = bytes.TrimLeft(head, "\r\n")
	r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("0\r\n\r\n"))))
	if err != nil {
		target := string(h.Target)
		if h.Form == semantics.AuthorityForm {
			target = "http://" + target
		}
		if _, uerr := url.ParseRequestURI(target); uerr != nil {
			return
		}
		t.Fatalf("net/http refuses %q: %v", head, err)
	}
	if r.Method != h.Method || r.RequestURI != string(h.Target) || r.ProtoMajor != h.Major || r.ProtoMinor != h.Minor {
		t.Fatalf("net/http reads %s %s %s in %q", r.Method, r.RequestURI, r.Proto, head)
	}
	if r.Host != string(h.Host) {
		t.Fatalf("net/http has host %q, not %q, in %q", r.Host, h.Host, head)
	}
	want := map[FramingKind]int64{NoBody: 0, ContentLength: h.Framing.Length, ChunkedCoding: -1}[h.Framing.Kind]
	if r.ContentLength != want {
		t.Fatalf("net/http has length %d, not %d, in %q", r.ContentLength, want, head)
	}
	if r.Close == h.KeepAlive {
		t.Fatalf("net/http has close=%v in %q", r.Close, head)
	}
	compareFields(t, r, h)
}

// compareFields checks that net/http has the same fields, but Host, which it
// takes out, and those that it keeps elsewhere.
func compareFields(t *testing.T, r *http.Request, h *Head) {
	want := make(http.Header)
	for _, f := range h.Fields {
		want[textproto.CanonicalMIMEHeaderKey(string(f.Name))] = append(want[textproto.CanonicalMIMEHeaderKey(string(f.Name))], string(f.Value))
	}
	for _, name := range []string{"Host", "Transfer-Encoding", "Trailer"} {
		want.Del(name)
		r.Header.Del(name)
	}
	// Pragma: no-cache makes net/http add Cache-Control.
	if want.Get("Pragma") == "no-cache" && want["Cache-Control"] == nil {
		r.Header.Del("Cache-Control")
	}
	if !reflect.DeepEqual(want, r.Header) {
		t.Fatalf("net/http has fields %q, want %q", r.Header, want)
	}
}

// decode decodes input in pieces whose lengths piece gives. rest is how many
// bytes are left when the body is done.
func decode(t *testing.T, input []byte, lim *semantics.Limits, piece func() int) (body []byte, trailers []direct.Field, rest int, done bool, err error) {
	var d Chunked
	var buf []byte
	for len(input) > 0 {
		n := min(piece(), len(input))
		buf = append(buf, input[:n]...)
		input = input[n:]
		for {
			data, n, done, err := d.Next(buf, lim)
			if n < 0 || n > len(buf) || len(data) > n || err != nil && len(data) > 0 {
				t.Fatalf("%d bytes of data and n=%d of %d bytes, err=%v", len(data), n, len(buf), err)
			}
			body = append(body, data...)
			buf = buf[n:]
			if done || err != nil {
				return body, d.Trailers(), len(buf) + len(input), done, err
			}
			if n == 0 {
				break
			}
		}
	}
	return body, nil, len(buf), false, nil
}

// FuzzChunked holds that a body is the same in pieces as at once, that what a
// good encoder writes is decoded to what it was, and that net/http decodes
// what is accepted alike.
func FuzzChunked(f *testing.F) {
	seedWire(f, func(input []byte) {
		if _, body, ok := bytes.Cut(input, []byte("\r\n\r\n")); ok && bytes.Contains(input, []byte("hunked")) {
			f.Add(body, uint64(1))
		}
	})
	lim := semantics.Limits{Fields: 10, BodyBytes: 10_000, ChunkExtBytes: 40, TrailerBytes: 200}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		body, trailers, rest, done, err := decode(t, input, &lim, func() int { return len(input) })
		if err != nil {
			errorName(t, err)
		}
		for name, piece := range map[string]func() int{
			"byte by byte": func() int { return 1 },
			"in pieces":    func() int { return 1 + random.IntN(10) },
		} {
			b, tr, r, dn, e := decode(t, input, &lim, piece)
			if !bytes.Equal(b, body) || dn != done || e != err || err == nil && (r != rest || !reflect.DeepEqual(tr, trailers)) {
				t.Fatalf("%s: %q %q rest=%d done=%v %v\nat once: %q %q rest=%d done=%v %v",
					name, b, tr, r, dn, e, body, trailers, rest, done, err)
			}
		}
		if done {
			compareWithChunkedReader(t, input, body)
		}
		roundTrip(t, input, random)
	})
}

// compareWithChunkedReader checks that net/http decodes an accepted body
// alike. Known differences: it may refuse one with much framing for little
// data, by a rule of its own, and refuses the bad white space before an
// extension that RFC 9112 §7.1.1 wants to be parsed.
func compareWithChunkedReader(t *testing.T, input, want []byte) {
	got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(input)))
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "too much overhead"):
		return
	case bytes.Contains(input, []byte(" ;")) || bytes.Contains(input, []byte("\t;")):
		return
	}
	// The trailer section is not read by that reader.
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("net/http decodes %q to %q, %v; want %q", input, got, err, want)
	}
}

// roundTrip encodes content in random chunks, by net/http's encoder and by
// this package's, and decodes it.
func roundTrip(t *testing.T, content []byte, random *rand.Rand) {
	var theirs bytes.Buffer
	var ours []byte
	w := httputil.NewChunkedWriter(&theirs)
	for rest := content; len(rest) > 0; {
		n := 1 + random.IntN(len(rest))
		w.Write(rest[:n])
		ours = append(AppendChunkHeader(ours, n), rest[:n]...)
		ours = append(ours, "\r\n"...)
		rest = rest[n:]
	}
	w.Close()
	theirs.WriteString("\r\n")
	ours = append(AppendChunkHeader(ours, 0), "\r\n"...)
	if !bytes.Equal(ours, theirs.Bytes()) {
		t.Fatalf("encoded %q, net/http %q", ours, theirs.Bytes())
	}
	lim := semantics.Limits{BodyBytes: int64(len(content))}
	body, _, rest, done, err := decode(t, append(ours, "next"...), &lim, func() int { return 1 + random.IntN(50) })
	if !bytes.Equal(body, content) || rest != len("next") || !done || err != nil {
		t.Fatalf("%q comes back as %q, rest=%d done=%v err=%v", content, body, rest, done, err)
	}
}
