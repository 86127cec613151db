package direct

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// choices turns bytes into decisions, so that one generator serves both random
// tests and the fuzzer. When the bytes are used up it always chooses 0.
type choices []byte

func (c *choices) of(n int) int {
	if len(*c) == 0 {
		return 0
	}
	b := (*c)[0]
	*c = (*c)[1:]
	return int(b) % n
}

func (c *choices) from(list ...string) string { return list[c.of(len(list))] }

func (c *choices) pattern() string {
	var b strings.Builder
	b.WriteString(c.from("", "", "GET ", "GET ", "HEAD ", "POST ", "PUT \t"))
	b.WriteString(c.from("", "", "", "a.test", "b.test"))
	for i := range c.of(4) {
		b.WriteString("/")
		b.WriteString(c.from("a", "b", "c", "a%20b", fmt.Sprintf("{x%d}", i), fmt.Sprintf("{y%d}", i)))
	}
	b.WriteString(c.from("", "", "/", "/{$}", "/{rest...}", "/a"))
	if s := b.String(); strings.Contains(s, "/") {
		return s
	}
	return b.String() + "/"
}

func (c *choices) request() *http.Request {
	var path strings.Builder
	for range c.of(5) {
		path.WriteString("/")
		path.WriteString(c.from("a", "a", "b", "b", "c", "d", "a%20b", "%61", "%2e%2e", "a%2Fb", "..", ".", ""))
	}
	path.WriteString(c.from("", "/", "/a"))
	u, err := url.ParseRequestURI("/" + strings.TrimPrefix(path.String(), "/"))
	if err != nil {
		panic(err)
	}
	return &http.Request{
		Method: c.from("GET", "GET", "HEAD", "POST", "PUT", "BREW"),
		Host:   c.from("a.test", "b.test:8080", "c.test", ""),
		URL:    u,
	}
}

// ran is the handler of all patterns in the mux, and says that it was called.
type ran struct{ http.Handler }

// newMux registers the patterns that it can, and returns them.
func newMux(patterns []string) (mux *http.ServeMux, taken []string) {
	mux = http.NewServeMux()
	for _, p := range patterns {
		if tryMux(mux, p) {
			taken = append(taken, p)
		}
	}
	return mux, taken
}

func tryMux(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(pattern, ran{http.NotFoundHandler()})
	return
}

// likeMux registers patterns and sends requests, all made from data, to
// http.ServeMux and to Routes, which must agree on everything.
func likeMux(t *testing.T, data []byte) {
	c := choices(data)
	var patterns []string
	for range 2 + c.of(12) {
		if p := c.pattern(); !slices.Contains(patterns, p) {
			patterns = append(patterns, p)
		}
	}
	mux, taken := newMux(patterns)
	r := new(Routes)
	for _, p := range patterns {
		if err := r.Handle(p, nop); (err == nil) != slices.Contains(taken, p) {
			t.Fatalf("%q among %q: error %v, in the mux: %v", p, patterns, err, err != nil)
		}
	}
	for range 8 {
		sameMatch(t, r, mux, taken, c.request())
	}
}

func sameMatch(t *testing.T, r *Routes, mux *http.ServeMux, taken []string, req *http.Request) {
	ctx := new(Ctx)
	ctx.req = Request{Method: req.Method, Host: []byte(req.Host), Path: []byte(req.URL.EscapedPath())}
	got, ok := r.Match(ctx)
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%s %s%s with %q: Routes has %q: "+format, append([]any{
			req.Method, req.Host, req.URL.EscapedPath(), taken, got.Pattern}, args...)...)
	}
	rec := httptest.NewRecorder()
	h, pattern := mux.Handler(req)
	if _, mine := h.(ran); mine {
		if !ok || got.Pattern != pattern {
			fail("the mux has %q", pattern)
		}
		mux.ServeHTTP(rec, req)
		for _, p := range ctx.params {
			if v := req.PathValue(p.name); v != string(p.value) {
				fail("%s is %q, in the mux %q", p.name, p.value, v)
			}
		}
		if n := strings.Count(strings.ReplaceAll(pattern, "{$}", ""), "{"); n != len(ctx.params) {
			fail("%d values", len(ctx.params))
		}
		return
	}
	h.ServeHTTP(rec, req)
	switch {
	case rec.Code == http.StatusTemporaryRedirect && !clean(ctx.req.Path):
		if ok {
			fail("the path is not clean")
		}
	case rec.Code == http.StatusTemporaryRedirect:
		// The mux looked at path+"/" as well. Patterns that match it do
		// not match the path, so that without them it gives our answer.
		i := slices.Index(taken, pattern)
		without := slices.Delete(slices.Clone(taken), i, i+1)
		mux, _ := newMux(without)
		sameMatch(t, r, mux, without, req)
	case ok:
		fail("the mux answers %d", rec.Code)
	default:
		sameMethods(t, r, ctx, rec.Header().Get("Allow"), fail)
	}
}

// sameMethods checks Allow of a path without match. The mux may list more,
// since it looks at path+"/" as well; what we list must match, the rest not.
func sameMethods(t *testing.T, r *Routes, ctx *Ctx, mux string, fail func(string, ...any)) {
	t.Helper()
	allow := strings.Split(r.Allow(string(ctx.req.Host), string(ctx.req.Path)), ", ")
	for _, m := range []string{"GET", "HEAD", "POST", "PUT"} {
		ctx.req.Method = m
		_, ok := r.Match(ctx)
		if listed := slices.Contains(allow, m); listed != ok {
			fail("Allow %q, but a match for %s: %v", allow, m, ok)
		} else if listed && !strings.Contains(mux, m) {
			fail("Allow %q, in the mux %q", allow, mux)
		}
	}
}

func TestRoutes_likeServeMux(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	data := make([]byte, 200)
	for range 4000 {
		random.Read(data)
		likeMux(t, data)
	}
}

func FuzzRoutes_likeServeMux(f *testing.F) {
	f.Add([]byte("some bytes to choose by, and then some more"))
	f.Fuzz(likeMux)
}

// FuzzRoutes_pattern feeds any text as a pattern: what we take the mux takes.
func FuzzRoutes_pattern(f *testing.F) {
	for _, seed := range []string{
		"/", "GET /a/{b}/{c...}", "a.test/{$}", "POST [::1]/x%20y", "/{a}/{a}", "GET\t//", "{x}/", "/a{b}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if _, err := parsePattern(pattern); err == nil && !tryMux(http.NewServeMux(), pattern) {
			t.Errorf("the mux refuses %q", pattern)
		}
	})
}

// FuzzRoutes_path feeds any path to fixed routes: the values of the wildcards
// must be what url.PathUnescape makes of the segments.
func FuzzRoutes_path(f *testing.F) {
	r := routes(f, "GET /{a}/x/{rest...}", "GET /{a}", "GET /lit/{$}")
	for _, seed := range []string{"/a", "/a/x/b/c", "/%41/x/%zz", "/lit/", "//", "/../x/", "/%2f/x/%2F/"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, path []byte) {
		c := new(Ctx)
		c.req = Request{Method: "GET", Path: path}
		m, ok := r.Match(c)
		if !ok {
			return
		}
		a, rest, _ := strings.Cut(strings.TrimPrefix(string(path), "/"), "/")
		if m.Pattern == "GET /lit/{$}" {
			if u, _ := url.PathUnescape(a); u != "lit" || rest != "" {
				t.Errorf("%q matches %q", path, m.Pattern)
			}
			return
		}
		if want, err := url.PathUnescape(a); err != nil || string(c.PathValue("a")) != want {
			t.Errorf("%q: a is %q, want %q, %v", path, c.PathValue("a"), want, err)
		}
		if _, rest, more := strings.Cut(rest, "/"); more {
			if want, err := url.PathUnescape(rest); err != nil || string(c.PathValue("rest")) != want {
				t.Errorf("%q: rest is %q, want %q, %v", path, c.PathValue("rest"), want, err)
			}
		}
	})
}
