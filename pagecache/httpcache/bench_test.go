package httpcache

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sink is a ResponseWriter that costs nothing, with one header map.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

func hits(fields, requestFields string) (h http.Handler, w *sink, r *http.Request) {
	o := &origin{fields: fresh + "Content-Type: text/plain\n" + fields}
	h = New(Options{}).Handler(o)
	w = &sink{make(http.Header)}
	r = httptest.NewRequest("GET", "/a/path/of/usual/length?with=a&query", nil)
	setFields(r.Header, "User-Agent: x\nAccept: */*\nAccept-Encoding: gzip, br\n"+requestFields)
	h.ServeHTTP(w, r)
	return h, w, r
}

func BenchmarkHit(b *testing.B) {
	for _, c := range []struct{ name, fields, request string }{
		{"plain", "", ""},
		{"vary", "Vary: Accept-Encoding", ""},
		{"304", "", "If-None-Match: \"v\""},
	} {
		b.Run(c.name, func(b *testing.B) {
			h, w, r := hits(c.fields, c.request)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkMiss(b *testing.B) {
	h, w, r := hits("", "")
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		r.Header.Set("Cache-Control", "no-cache")
		h.ServeHTTP(w, r)
	}
}

// A hit allocates one string and one slice for all its fields, and one string that
// decides whether it is one.
func TestHit_allocations(t *testing.T) {
	for _, fields := range []string{"", "Vary: Accept-Encoding"} {
		h, w, r := hits(fields, "")
		if got := w.h.Get("Cache-Status"); !strings.Contains(got, "stored") {
			t.Fatal(got)
		}
		got := testing.AllocsPerRun(100, func() {
			clear(w.h)
			h.ServeHTTP(w, r)
		})
		if got > 3 {
			t.Errorf("%q: %v allocations, want 3", fields, got)
		}
	}
}
