package httpcache

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What must not share a response, since a handler can tell it apart.
func TestKey_poisoning(t *testing.T) {
	plain := func() *http.Request {
		r := httptest.NewRequest("GET", "/a?x=1&y=2", nil)
		r.Host = "example.com"
		return r
	}
	for _, c := range []struct {
		name   string
		change func(r *http.Request)
		hit    bool // by the response to plain
	}{
		{"the same", func(r *http.Request) {}, true},
		{"any other field", func(r *http.Request) { r.Header.Set("User-Agent", "x") }, true},
		{"host", func(r *http.Request) { r.Host = "evil.example" }, false},
		{"case of the host", func(r *http.Request) { r.Host = "Example.com" }, false},
		{"port", func(r *http.Request) { r.Host = "example.com:80" }, false},
		{"dot at the end of the host", func(r *http.Request) { r.Host = "example.com." }, false},
		{"scheme", func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, false},
		{"X-Forwarded-Proto", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
		{"X-Forwarded-Host", func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example") }, false},
		{"Forwarded", func(r *http.Request) { r.Header.Set("Forwarded", "host=evil.example") }, false},
		{"X-Original-URL", func(r *http.Request) { r.Header.Set("X-Original-URL", "/admin") }, false},
		{"X-Rewrite-URL", func(r *http.Request) { r.Header.Set("X-Rewrite-URL", "/admin") }, false},
		{"X-HTTP-Method-Override", func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "POST") }, false},
		{"case of the path", func(r *http.Request) { r.RequestURI, r.URL.Path = "/A?x=1&y=2", "/A" }, false},
		{"escape in the path", func(r *http.Request) {
			r.RequestURI = "/%61?x=1&y=2"
			r.URL, _ = url.ParseRequestURI(r.RequestURI)
		}, false},
		{"dot segment", func(r *http.Request) {
			r.RequestURI = "/b/../a?x=1&y=2"
			r.URL, _ = url.ParseRequestURI(r.RequestURI)
		}, false},
		{"double slash", func(r *http.Request) {
			r.RequestURI = "//a?x=1&y=2"
			r.URL, _ = url.ParseRequestURI(r.RequestURI)
		}, false},
		{"order of parameters", func(r *http.Request) { r.RequestURI, r.URL.RawQuery = "/a?y=2&x=1", "y=2&x=1" }, false},
		{"no query", func(r *http.Request) { r.RequestURI, r.URL.RawQuery = "/a", "" }, false},
		{"empty query", func(r *http.Request) { r.RequestURI, r.URL.RawQuery, r.URL.ForceQuery = "/a?", "", true }, false},
		{"path made another by a middleware", func(r *http.Request) { r.URL.Path = "/admin" }, false},
		{"query made another by a middleware", func(r *http.Request) { r.URL.RawQuery = "admin" }, false},
		{"absolute form", func(r *http.Request) {
			r.RequestURI = "http://example.com/a?x=1&y=2"
			r.URL, _ = url.ParseRequestURI(r.RequestURI)
		}, false},
		{"a body", func(r *http.Request) { r.ContentLength = 5 }, false},
		{"a body of unknown length", func(r *http.Request) { r.ContentLength = -1 }, false},
		{"a chunked body", func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, false},
		{"Upgrade", func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }, false},
		{"line break in the host", func(r *http.Request) { r.Host = "example.com\nx" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := func(h http.Handler, r *http.Request) string {
				res := httptest.NewRecorder()
				h.ServeHTTP(res, r)
				return res.Body.String()
			}
			other := plain()
			c.change(other)
			o := origin{fields: fresh}
			h := New(Options{}).Handler(&o)
			if ask(h, plain()); (ask(h, other) == "body 1") != c.hit {
				t.Errorf("hit %v, want %v", !c.hit, c.hit)
			}
			o = origin{fields: fresh}
			h = New(Options{}).Handler(&o)
			if ask(h, other); (ask(h, plain()) == "body 1") != c.hit {
				t.Errorf("the other way round: hit %v, want %v", !c.hit, c.hit)
			}
		})
	}
}

func TestKey_fields(t *testing.T) {
	run(t, Options{KeyFields: []string{"x-forwarded-proto"}}, []play{{"proxy", origin{fields: fresh}, []step{
		{0, "GET /a", miss(1)},
		{0, "GET /a\nX-Forwarded-Proto: https", miss(2)},
		{0, "GET /a\nX-Forwarded-Proto: http", miss(3)},
		{0, "GET /a\nX-Forwarded-Proto: https\nX-Forwarded-Proto: http", miss(4)},
		{0, "GET /a\nX-Forwarded-Proto: https", hit(2, 0)},
		{0, "GET /a\nX-Forwarded-Proto: https\nX-Forwarded-Host: x", "200, body 5"},
		{0, "GET /b\nX-Forwarded-Proto: a\nX-Forwarded-Proto: b", miss(6)},
		{0, "GET /b\nX-Forwarded-Proto: ab", miss(7)},
		{0, "POST /a\nX-Forwarded-Proto: https", "200, body 8"},
		{0, "GET /a\nX-Forwarded-Proto: https", miss(9)},
		{0, "GET /a\nX-Forwarded-Proto: http", hit(3, 0)},
	}}})
}

func TestKey_long(t *testing.T) {
	o := origin{fields: fresh}
	h := New(Options{}).Handler(&o)
	long := "GET /" + strings.Repeat("a", maxKey)
	if got := ask(h, long) + ask(h, long); got != "200, body 1200, body 2" {
		t.Error(got)
	}
}

// RFC 9111 §4.1: calculating keys with Vary.
func TestSection4_1_vary(t *testing.T) {
	const varied = "200, fwd=vary-miss; stored, body "
	run(t, Options{}, []play{
		{"values", origin{fields: fresh + "Vary: Accept-Encoding"}, []step{
			{0, "GET /a\nAccept-Encoding: gzip", miss(1)},
			{0, "GET /a\nAccept-Encoding: br", varied + "2"},
			{0, "GET /a", varied + "3"},
			{0, "GET /a\nAccept-Encoding: gzip", hit(1, 0)},
			{0, "GET /a\nAccept-Encoding: br", hit(2, 0)},
			{0, "GET /a", hit(3, 0)},
			{0, "GET /b\nAccept-Encoding: br", miss(4)},
			{60, "GET /a\nAccept-Encoding: br", "200, fwd=stale; stored, body 5"},
		}},
		{"values that mean the same", origin{fields: fresh + "Vary: accept-encoding"}, []step{
			{0, "GET /a\nAccept-Encoding: gzip, br;q=0.5", miss(1)},
			{0, "GET /a\nAccept-Encoding: BR; q=0.5 ,gzip", hit(1, 0)},
			{0, "GET /a\nAccept-Encoding: br;q=0.50,gzip", varied + "2"},
		}},
		{"other values are taken as they are", origin{fields: fresh + "Vary: X"}, []step{
			{0, "GET /a\nX: a, b", miss(1)},
			{0, "GET /a\nX: a,b", varied + "2"},
			{0, "GET /a\nX: a\nX: b", varied + "3"},
			{0, "GET /a\nX: ", varied + "4"},
			{0, "GET /a", varied + "5"},
			{0, "GET /a\nX: a, b", hit(1, 0)},
		}},
		{"fields do not run into each other", origin{fields: fresh + "Vary: X, Y"}, []step{
			{0, "GET /a\nX: a\nY: b", miss(1)},
			{0, "GET /a\nX: b\nY: a", varied + "2"},
			{0, "GET /a\nX: a\nX: b", varied + "3"},
			{0, "GET /a\nY: b\nX: a", hit(1, 0)},
		}},
		{"a handler that names more later", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), fresh)
			w.Header().Set("Vary", []string{"", "X", "X, Y", "Y", "X"}[call])
			fmt.Fprintf(w, "body %d", call)
		}}, []step{
			{0, "GET /a\nX: 1\nY: 1", miss(1)},
			{0, "GET /a\nX: 2\nY: 1", varied + "2"},
			{0, "GET /a\nX: 1\nY: 1", "200, fwd=vary-miss; stored, body 3"}, // the first was dropped
			{0, "GET /a\nX: 3\nY: 1", varied + "4"},
			{0, "GET /a\nX: 3\nY: 1", hit(4, 0)},
		}},
	})
}

// The variants of a URI are bounded; the oldest goes.
func TestSection4_1_bounded(t *testing.T) {
	o := origin{fields: fresh + "Vary: X"}
	c := New(Options{MaxVariants: 3})
	h := c.Handler(&o)
	for i := range 100 {
		get(h, fmt.Sprintf("GET /a\nX: %d", i))
	}
	if n := c.Stats().Entries; n != 4 {
		t.Errorf("%d entries, want 3 and an index", n)
	}
	if got := ask(h, "GET /a\nX: 97") + ask(h, "GET /a\nX: 96"); got != hit(98, 0)+"200, fwd=vary-miss; stored, body 101" {
		t.Error(got)
	}
	if c.invalidate([]byte("/a\nhttp://example.com\n")); c.Stats().Entries != 0 {
		t.Errorf("%+v after invalidation", c.Stats())
	}
}

// RFC 9111 §4.4: invalidation.
func TestSection4_4_invalidation(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		gone   bool
	}{
		{"POST", 200, true}, {"POST", 201, true}, {"POST", 303, true}, {"PUT", 204, true}, {"DELETE", 200, true}, {"PATCH", 200, true},
		{"UNKNOWN", 200, true}, {"POST", 400, false}, {"DELETE", 404, false}, {"POST", 500, false},
		{"OPTIONS", 200, false}, {"TRACE", 200, false}, {"HEAD", 200, false}, {"POST", 0, true},
	} {
		for _, vary := range []string{"", "Vary: X"} {
			o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
				switch {
				case r.Method == "GET":
					setFields(w.Header(), fresh+vary)
					fmt.Fprintf(w, "body %d", call)
				case c.status != 0:
					w.WriteHeader(c.status)
				}
			}}
			h := New(Options{}).Handler(&o)
			get(h, "GET /a")
			get(h, "GET /a\nX: 1")
			get(h, "GET /b")
			get(h, c.method+" /a")
			want := map[string]bool{"GET /a": !c.gone, "GET /b": true}
			if vary != "" {
				want["GET /a\nX: 1"] = !c.gone
			}
			for request, want := range want {
				if got := strings.Contains(ask(h, request), "hit"); got != want {
					t.Errorf("%s %d: %q is a hit: %v, want %v", c.method, c.status, request, got, want)
				}
			}
		}
	}
}

// A response that was made before an invalidation, and comes after it, is not stored.
func TestSection4_4_race(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *Cache
		o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), fresh)
			fmt.Fprintf(w, "body %d", call)
			if call == 1 {
				time.Sleep(time.Second)
			}
		}}
		for name, invalidate := range map[string]func(h http.Handler){
			"POST":        func(h http.Handler) { get(h, "POST /a") },
			"Purge":       func(http.Handler) { c.Purge("/a") },
			"PurgePrefix": func(http.Handler) { c.PurgePrefix("/") },
		} {
			o.calls.Store(0)
			c = New(Options{})
			h := c.Handler(&o)
			done := make(chan string)
			go func() { done <- ask(h, "GET /a") }()
			synctest.Wait()
			invalidate(h)
			if got := <-done; got != "200, fwd=uri-miss, age 1, body 1" {
				t.Errorf("%s: %q", name, got)
			}
			if got := ask(h, "GET /a"); strings.Contains(got, "hit") {
				t.Errorf("%s: then %q", name, got)
			}
		}
	})
}

func TestPurge(t *testing.T) {
	all := []string{"GET /a", "GET /a\nHost: x", "GET /a?b", "GET /ab", "GET /a/b", "GET /c\nX: 1", "GET /c\nX: 2"}
	for _, c := range []struct {
		name  string
		purge func(c *Cache) int
		n     int
		gone  []string
	}{
		{"path", func(c *Cache) int { return c.Purge("/a") }, 2, all[:2]},
		{"query", func(c *Cache) int { return c.Purge("/a?b") }, 1, all[2:3]},
		{"variants", func(c *Cache) int { return c.Purge("/c") }, 3, all[5:]},
		{"prefix", func(c *Cache) int { return c.PurgePrefix("/a/") }, 1, all[4:5]},
		{"all", func(c *Cache) int { return c.PurgePrefix("") }, 8, all},
		{"none", func(c *Cache) int { return c.Purge("a") }, 0, nil},
	} {
		o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), fresh)
			if r.URL.Path == "/c" {
				w.Header().Set("Vary", "X")
			}
		}}
		cache := New(Options{})
		h := cache.Handler(&o)
		for _, request := range all {
			get(h, request)
		}
		if n := c.purge(cache); n != c.n {
			t.Errorf("%s: %d entries purged, want %d", c.name, n, c.n)
		}
		for _, request := range all {
			if got, want := !strings.Contains(ask(h, request), "hit"), slices.Contains(c.gone, request); got != want {
				t.Errorf("%s: %q gone %v, want %v", c.name, request, got, want)
			}
		}
	}
}

// Nothing that parts a key is in one of its parts.
func TestKey_parts(t *testing.T) {
	for _, change := range []func(r *http.Request){
		func(r *http.Request) { r.Host = "a\nb" },
		func(r *http.Request) { r.RequestURI = "/a\rb" },
		func(r *http.Request) { r.Header.Set("X", "a\nb") },
	} {
		r := httptest.NewRequest("GET", "/a", nil)
		if _, ok := appendKey(nil, r, []string{"X"}); !ok {
			t.Error("a plain request has no key")
		}
		change(r)
		if key, ok := appendKey(nil, r, []string{"X"}); ok {
			t.Errorf("key %q", key)
		}
	}
}

// The variants of an index that is gone are not found by the next one.
func TestSection4_1_generations(t *testing.T) {
	c := New(Options{})
	h := c.Handler(&origin{fields: fresh + "Vary: X"})
	get(h, "GET /a\nX: 1")
	get(h, "GET /a\nX: 2")
	c.pages.Delete([]byte("/a\nhttp://example.com\n")) // as if evicted
	for i, request := range []string{"GET /a\nX: 1", "GET /a\nX: 2"} {
		if got := ask(h, request); strings.Contains(got, "hit") {
			t.Errorf("%d: %q", i, got)
		}
	}
}

// A variant that is stored anew takes no other's place.
func TestSection4_1_same(t *testing.T) {
	h := New(Options{MaxVariants: 2}).Handler(&origin{fields: fresh + "Vary: X"})
	get(h, "GET /a\nX: 1")
	for range 5 {
		get(h, "GET /a\nX: 2\nCache-Control: no-cache")
	}
	if got := ask(h, "GET /a\nX: 1"); got != hit(1, 0) {
		t.Error(got)
	}
}

// What is stored is removed before the client knows of the success, and again
// when the handler has done all it does.
func TestSection4_4_twice(t *testing.T) {
	var h http.Handler
	o := origin{}
	o.handle = func(w http.ResponseWriter, r *http.Request, call int) {
		if r.Method == "POST" {
			w.WriteHeader(200)
			if got := ask(h, "GET /a"); strings.Contains(got, "hit") {
				t.Errorf("while the handler works: %q", got)
			}
			return
		}
		setFields(w.Header(), fresh)
	}
	h = New(Options{}).Handler(&o)
	get(h, "GET /a")
	get(h, "POST /a")
	if got := ask(h, "GET /a"); strings.Contains(got, "hit") {
		t.Errorf("after it: %q", got)
	}
}
