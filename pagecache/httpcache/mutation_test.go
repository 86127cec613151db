package httpcache

import (
	"fmt"
	"net/http"
	"testing"
)

// A handler may change the request that it is given, and what it removes there has
// still selected the response.
func TestHandler_changesTheRequest(t *testing.T) {
	run(t, Options{}, []play{
		{"a field that Vary names", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			coding := r.Header.Get("Accept-Encoding")
			r.Header.Del("Accept-Encoding")
			setFields(w.Header(), fresh+"Vary: Accept-Encoding")
			fmt.Fprintf(w, "coded %s", coding)
		}}, []step{
			{0, "GET /a\nAccept-Encoding: gzip", "200, fwd=uri-miss; stored, coded gzip"},
			{0, "GET /a", "200, fwd=vary-miss; stored, coded"},
			{0, "GET /a\nAccept-Encoding: gzip", "200, hit, age 0, coded gzip"},
		}},
		{"credentials", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			user := r.Header.Get("Authorization")
			r.Header.Del("Authorization")
			setFields(w.Header(), fresh)
			fmt.Fprintf(w, "for %s", user)
		}}, []step{
			{0, "GET /a\nAuthorization: Basic x", "200, fwd=uri-miss, for Basic x"},
			{0, "GET /a", "200, fwd=uri-miss; stored, for"},
		}},
		{"URL and method", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			r.URL.Path, r.URL.RawQuery, r.Method, r.RequestURI, r.Host = "/b", "x", "HEAD", "/c", "d"
			setFields(w.Header(), fresh)
			fmt.Fprintf(w, "body %d", call)
		}}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a", hit(1, 0)},
			{0, "GET /b?x", miss(2)},
		}},
	})
}

// What the handler learns of a request reaches the middlewares around the cache.
func TestHandler_pattern(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/{name}", &origin{fields: fresh})
	cached := New(Options{}).Handler(mux)
	got := ""
	get(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cached.ServeHTTP(w, r)
		got = r.Pattern
	}), "GET /a")
	if got != "/{name}" {
		t.Errorf("pattern %q", got)
	}
	got = ""
	get(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cached.ServeHTTP(w, r)
		got = r.Pattern
	}), "GET /a\nCache-Control: no-cache") // validates with a request of its own
	if got != "/{name}" {
		t.Errorf("pattern %q", got)
	}
}
