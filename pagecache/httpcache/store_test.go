package httpcache

import (
	"net/http"
	"strings"
	"testing"
)

// twice asks for the same two times, and says whether the second was a hit.
func twice(t *testing.T, o Options, or *origin, request string) (stored bool) {
	t.Helper()
	h := New(o).Handler(or)
	get(h, request)
	return strings.Contains(get(h, request).Header().Get("Cache-Status"), "hit")
}

// RFC 9111 §3: storing responses in caches.
func TestSection3_storing(t *testing.T) {
	for _, c := range []struct {
		section string
		request string // GET /a if empty; a field if without target
		status  int
		fields  string
		stored  bool
	}{
		{section: "3: explicit freshness", fields: fresh, stored: true},
		{section: "3: s-maxage", fields: "Cache-Control: s-maxage=60\nETag: \"v\"", stored: true},
		{section: "3: Expires", fields: "Expires: {now+60}\nETag: \"v\"", stored: true},
		{section: "3: Last-Modified is a validator", fields: "Cache-Control: max-age=60\nLast-Modified: {now-9}", stored: true},
		{section: "3: public alone states no freshness", fields: "Cache-Control: public\nETag: \"v\""},
		{section: "3: no validator", fields: "Cache-Control: max-age=60"},
		{section: "3: two entity-tags", fields: fresh + "ETag: \"w\""},
		{section: "3: no-store", fields: fresh + "Cache-Control: no-store"},
		{section: "3: private", fields: fresh + "Cache-Control: private"},
		{section: "3: private with s-maxage", fields: "Cache-Control: private, s-maxage=9\nETag: \"v\""},
		{section: "5.2.2.7: private with fields counts for all", fields: fresh + "Cache-Control: private=\"X\""},
		{section: "5.2.2.4: no-cache", fields: fresh + "Cache-Control: no-cache"},
		{section: "5.2.2.3: must-understand does not undo no-store", fields: fresh + "Cache-Control: must-understand, no-store"},
		{section: "5.2: malformed", fields: fresh + "Cache-Control: @"},
		{section: "3: request no-store", request: "Cache-Control: no-store", fields: fresh},
		{section: "3: status 203", status: 203, fields: fresh},
		{section: "3: status 301", status: 301, fields: fresh},
		{section: "3: status 404", status: 404, fields: fresh},
		{section: "3: status 500", status: 500, fields: fresh},
		{section: "3.3: status 206", status: 206, fields: fresh + "Content-Range: bytes 0-5/9"},
		{section: "3.3: 200 with Content-Range", fields: fresh + "Content-Range: bytes 0-5/9"},
		{section: "3: POST", request: "POST /a", fields: fresh},
		{section: "3: OPTIONS", request: "OPTIONS /a", fields: fresh},
		{section: "3: Set-Cookie", fields: fresh + "Set-Cookie: a=b"},
		{section: "3: a declared trailer", fields: fresh + "Trailer: X"},
		{section: "3.5: Authorization", request: "Authorization: Basic x", fields: fresh},
		{section: "3.5: Authorization, public", request: "Authorization: Basic x", fields: fresh + "Cache-Control: public", stored: true},
		{section: "3.5: Authorization, s-maxage", request: "Authorization: Basic x", fields: fresh + "Cache-Control: s-maxage=9", stored: true},
		{section: "3.5: Authorization, must-revalidate", request: "Authorization: Basic x", fields: fresh + "Cache-Control: must-revalidate", stored: true},
		{section: "3.5: Cookie is held to the same", request: "Cookie: a=b", fields: fresh},
		{section: "3.5: Cookie, public", request: "Cookie: a=b", fields: fresh + "Cache-Control: public", stored: true},
		{section: "4.1: Vary: *", fields: fresh + "Vary: *"},
		{section: "4.1: Vary: * among others", fields: fresh + "Vary: Accept, *"},
		{section: "4.1: Vary with too many names", fields: fresh + "Vary: a, b, c, d\nVary: e, f, g, h, i"},
		{section: "4.1: Vary with repeated names", fields: fresh + "Vary: a, B, c, d\nVary: A, b, C, D, e", stored: true},
		{section: "4.2.1: max-age=0", fields: "Cache-Control: max-age=0\nETag: \"v\""},
		{section: "4.2.1: s-maxage over max-age", fields: "Cache-Control: max-age=9, s-maxage=0\nETag: \"v\""},
		{section: "4.2.1: max-age over Expires", fields: "Cache-Control: max-age=9\nExpires: 0\nETag: \"v\"", stored: true},
		{section: "4.2.1: max-age that contradict", fields: fresh + "Cache-Control: max-age=61"},
		{section: "4.2.1: two Expires", fields: "Expires: {now+60}\nExpires: {now+61}\nETag: \"v\""},
		{section: "5.3: Expires: 0", fields: "Expires: 0\nETag: \"v\""},
		{section: "5.3: Expires before Date", fields: "Expires: {now+60}\nDate: {now+61}\nETag: \"v\""},
		{section: "4.2.3: older than fresh", fields: fresh + "Age: 60"},
		{section: "4.2.3: not that old", fields: fresh + "Age: 59", stored: true},
		{section: "4.2.3: apparent age", fields: fresh + "Date: {now-60}"},
		{section: "4: Range", request: "Range: bytes=0-1", fields: fresh, stored: true},
	} {
		request := c.request
		switch {
		case request == "":
			request = "GET /a"
		case !strings.Contains(request, " /"):
			request = "GET /a\n" + request
		}
		o := origin{status: c.status, fields: c.fields}
		if got := twice(t, Options{}, &o, request); got != c.stored {
			t.Errorf("%s: stored %v, want %v", c.section, got, c.stored)
		}
		if want := map[bool]int64{true: 1, false: 2}[c.stored]; o.calls.Load() != want {
			t.Errorf("%s: %d calls, want %d", c.section, o.calls.Load(), want)
		}
	}
}

// RFC 9111 §3.1: fields of the connection are not stored, nor is what a middleware
// outside has set.
func TestSection3_1_storedFields(t *testing.T) {
	o := origin{fields: fresh + "Connection: close, X-Hop\nX-Hop: 1\nKeep-Alive: 5\nProxy-Authenticate: Basic\nX-End: 1\nX-Two: a\nX-Two: b\nDate: {now}\nContent-Language: en"}
	id := 0
	inner := New(Options{}).Handler(&o)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id++
		w.Header().Set("X-Id", string(rune('0'+id)))
		w.Header().Set("Vary", "Origin")
		inner.ServeHTTP(w, r)
	})
	first, second := get(h, "GET /a"), get(h, "GET /a")
	if got := first.Header().Get("X-Id") + second.Header().Get("X-Id"); got != "12" {
		t.Errorf("X-Id %q", got)
	}
	for _, name := range []string{"X-Hop", "Keep-Alive", "Proxy-Authenticate", "Connection"} {
		if got := second.Header()[name]; len(got) > 0 {
			t.Errorf("%s: %q was stored", name, got)
		}
	}
	if got := first.Header().Get("Connection"); got == "" {
		t.Error("Connection did not reach the first client")
	}
	for _, name := range []string{"X-End", "X-Two", "Content-Language", "Etag", "Cache-Control", "Vary", "Content-Length", "Date", "Content-Type"} {
		a, b := strings.Join(first.Header()[name], "|"), strings.Join(second.Header()[name], "|")
		if a != b || a == "" {
			t.Errorf("%s: first %q, second %q", name, a, b)
		}
	}
}

// What says what the response is counts, and is stored, whoever has set it.
func TestSection3_1_middleware(t *testing.T) {
	inner := New(Options{}).Handler(&origin{})
	n := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			setFields(w.Header(), fresh)
		}
		inner.ServeHTTP(w, r)
	})
	if got := ask(h, "GET /a") + ask(h, "GET /a"); got != miss(1)+hit(1, 0) {
		t.Error(got)
	}
}

// RFC 9111 §3.5: who sends credentials is given what is declared to be for all, or nothing.
func TestSection3_5_use(t *testing.T) {
	run(t, Options{}, []play{
		{"not declared", origin{fields: fresh}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nCookie: a=b", "200, fwd=request, body 2"},
			{0, "GET /a\nAuthorization: Basic x", "200, fwd=request, body 3"},
			{0, "GET /a\nCookie: a=b\nCache-Control: only-if-cached", "504, Gateway Timeout"},
			{0, "GET /a", hit(1, 0)},
		}},
		{"public", origin{fields: fresh + "Cache-Control: public"}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nCookie: a=b", hit(1, 0)},
			{0, "GET /a\nAuthorization: Basic x", hit(1, 0)},
		}},
	})
}

// RFC 9211 §2: those nearer to the origin come first.
func TestCacheStatus_chain(t *testing.T) {
	h := New(Options{}).Handler(&origin{fields: fresh + "Cache-Status: near; hit"})
	for _, want := range []string{"near; hit|hyperion; fwd=uri-miss; stored; ttl=60", "near; hit|hyperion; hit; ttl=60"} {
		if got := strings.Join(get(h, "GET /a").Header()["Cache-Status"], "|"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A field whose name was not made canonical may be any that forbids storing.
func TestStoring_hiddenField(t *testing.T) {
	o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
		setFields(w.Header(), fresh)
		w.Header()["set-cookie"] = []string{"a=b"}
	}}
	if twice(t, Options{}, &o, "GET /a") {
		t.Error("stored")
	}
}

func TestStoring_bounds(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   int
		fields string
		stored bool
	}{
		{"as large as may be", 100, "", true},
		{"too large", 101, "", false},
		{"declared too large", 101, "Content-Length: 101", false},
		{"declared", 100, "Content-Length: 100", true},
		{"less than declared", 99, "Content-Length: 100", false},
		{"more than declared", 100, "Content-Length: 99", false},
		{"declared as nonsense", 99, "Content-Length: x", false},
	} {
		body := strings.Repeat("x", c.body)
		o := origin{fields: fresh + c.fields, handle: func(w http.ResponseWriter, r *http.Request, call int) {
			for i := range len(body) {
				w.Write([]byte(body[i : i+1]))
			}
		}}
		if got := twice(t, Options{MaxBody: 100}, &o, "GET /a"); got != c.stored {
			t.Errorf("%s: stored %v, want %v", c.name, got, c.stored)
		}
		if got := get(New(Options{MaxBody: 100}).Handler(&o), "GET /a").Body.String(); got != body {
			t.Errorf("%s: body has %d bytes, want %d", c.name, len(got), len(body))
		}
	}
}
