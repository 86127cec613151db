package direct

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hyperion-server/hyperion/pagecache"
)

func nop(*Ctx) {}

// request makes a Ctx for "METHOD [HOST]/PATH".
func request(text string) *Ctx {
	method, target, _ := strings.Cut(text, " ")
	host, path, slash := strings.Cut(target, "/")
	if slash {
		path = "/" + path
	}
	c := new(Ctx)
	c.req = Request{Method: method, Host: []byte(host), Path: []byte(path)}
	return c
}

func routes(t testing.TB, patterns ...string) *Routes {
	r := new(Routes)
	for _, p := range patterns {
		if err := r.Handle(p, nop); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestRoutes_precedence(t *testing.T) {
	r := routes(t,
		"/", "/{$}", "/static/", "GET /static/{file}", "GET /static/logo.png", "HEAD /static/logo.png",
		"/users/{id}", "DELETE /users/{id}", "GET /users/me", "DELETE /users/me", "/users/{id}/posts/{post}", "/users/me/box/{rest...}",
		"GET /a/b/z", "GET /a/{x}/c",
		"a.test/", "POST a.test/users/me", "A.TEST/upper", "[::1]/six",
	)
	for req, want := range map[string]string{
		"GET /":                      "/{$}",
		"GET /other":                 "/",
		"GET /static":                "/",
		"GET /static/":               "/static/",
		"GET /static/logo.png":       "GET /static/logo.png",
		"HEAD /static/logo.png":      "HEAD /static/logo.png",
		"HEAD /static/x":             "GET /static/{file}",
		"POST /static/x":             "/static/",
		"GET /static/x/y":            "/static/",
		"GET /users/7":               "/users/{id}",
		"DELETE /users/7":            "DELETE /users/{id}",
		"DELETE /users/me":           "DELETE /users/me",
		"GET /users/me/box/a/1":      "/users/me/box/{rest...}",
		"GET /users/me/box/":         "/users/me/box/{rest...}",
		"GET /users/%6de":            "GET /users/me",
		"GET /users/7/posts/1":       "/users/{id}/posts/{post}",
		"GET /users/7/":              "/",
		"GET /a/b/c":                 "GET /a/{x}/c", // after /a/b has failed
		"GET a.test/users/me":        "a.test/",
		"POST a.test/users/me":       "POST a.test/users/me",
		"POST a.test:8080/users/me":  "POST a.test/users/me",
		"POST A.tEsT:/users/me":      "POST a.test/users/me",
		"PUT b.test/users/me":        "/users/{id}",
		"GET a.test/upper":           "A.TEST/upper",
		"GET [::1]:80/six":           "[::1]/six",
		"GET [::1]/six":              "[::1]/six",
		"BREW /x":                    "/",
		"GET //":                     "",
		"GET /a//b":                  "",
		"GET /users/../users/me":     "",
		"GET /users/.":               "",
		"GET /users/..":              "",
		"GET /./users":               "",
		"GET /users/%zz":             "",
		"GET /users/%4":              "",
		"OPTIONS *":                  "",
		"GET ":                       "",
		"GET /users/...":             "/users/{id}",
		"GET /users/.well-known":     "/users/{id}",
		"GET /users/..a":             "/users/{id}",
		"GET /users/%2e%2e":          "/users/{id}",
		"GET /static/a%2Fb":          "GET /static/{file}",
		"GET /users/7/posts/1/extra": "/",
	} {
		m, ok := r.Match(request(req))
		if m.Pattern != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", req, m.Pattern, ok, want)
		}
	}
}

func TestRoutes_values(t *testing.T) {
	r := routes(t,
		"GET /u/{id}/f/{path...}", "POST /u/{who}/f/{path...}", "PUT /u/{id}/f/",
		"/plain/{x}", "/ä/{ä1}")
	for _, c := range []struct{ req, names, values string }{
		{"GET /u/7/f/a/b", "id path", "7|a/b"},
		{"POST /u/7/f/a/b", "who path", "7|a/b"},
		{"GET /u/7/f/", "id path", "7|"},
		{"PUT /u/7/f/a", "id path", "7|"},
		{"GET /u/a%20b/f/c%2Fd/%41", "id path", "a b|c/d/A"},
		{"GET /u/%c3%A4/f/x", "id path", "ä|x"},
		{"GET /plain/a+b", "x", "a+b"},
		{"GET /%C3%A4/%2e%2e", "ä1", ".."},
		{"GET /plain/z", "missing", ""},
	} {
		ctx := request(c.req)
		if _, ok := r.Match(ctx); !ok {
			t.Errorf("%s: no match", c.req)
			continue
		}
		var got []string
		for name := range strings.FieldsSeq(c.names) {
			got = append(got, string(ctx.PathValue(name)))
		}
		if v := strings.Join(got, "|"); v != c.values {
			t.Errorf("%s: values %q, want %q", c.req, v, c.values)
		}
	}
}

// A second search on the same Ctx must not see the values of the first.
func TestRoutes_valuesOfTheLastMatch(t *testing.T) {
	r := routes(t, "/a/{x}", "/b")
	c := request("GET /a/1")
	r.Match(c)
	c.req.Path = []byte("/b")
	r.Match(c)
	if v := c.PathValue("x"); v != nil {
		t.Errorf("PathValue = %q after a match without wildcards", v)
	}
}

func TestRoutes_allow(t *testing.T) {
	r := routes(t, "GET /x", "POST /x", "DELETE /x", "PUT h.test/x", "/free", "PATCH /free/{$}")
	for req, want := range map[string]string{
		"BREW /x":        "DELETE, GET, HEAD, POST",
		"BREW h.test/x":  "DELETE, GET, HEAD, POST, PUT",
		"GET /free/":     "PATCH",
		"GET /none/here": "",
		"GET /../x":      "",
	} {
		c := request(req)
		if m, ok := r.Match(c); ok {
			t.Errorf("%s: matches %q", req, m.Pattern)
		}
		if got := r.Allow(string(c.req.Host), string(c.req.Path)); got != want {
			t.Errorf("%s: Allow %q, want %q", req, got, want)
		}
	}
}

func TestRoutes_refused(t *testing.T) {
	for _, c := range []struct {
		want error
		list string // separated by commas; all but the last are fine
	}{
		{ErrPatternSyntax, ""},
		{ErrPatternSyntax, "x"},
		{ErrPatternSyntax, "GET x"},
		{ErrPatternSyntax, "GET "},
		{ErrPatternMethod, "FOO /"},
		{ErrPatternMethod, "get /"},
		{ErrPatternMethod, "PRI /"},
		{ErrPatternMethod, " /"},
		{ErrPatternSyntax, "//"},
		{ErrPatternSyntax, "/a//b"},
		{ErrPatternSyntax, "/a/./b"},
		{ErrPatternSyntax, "/a/.."},
		{ErrPatternSyntax, "/{"},
		{ErrPatternSyntax, "/{}"},
		{ErrPatternSyntax, "/{...}"},
		{ErrPatternSyntax, "/a{x}"},
		{ErrPatternSyntax, "/{x}a"},
		{ErrPatternSyntax, "/{x}{y}"},
		{ErrPatternSyntax, "/{1}"},
		{ErrPatternSyntax, "/{a-b}"},
		{ErrPatternSyntax, "/{x}/{x}"},
		{ErrPatternSyntax, "/{x}/{x...}"},
		{ErrPatternSyntax, "/{x...}/y"},
		{ErrPatternSyntax, "/{x...}/"},
		{ErrPatternSyntax, "/{$}/y"},
		{ErrPatternSyntax, "/a%2"},
		{ErrPatternSyntax, "/%zz"},
		{ErrPatternSyntax, "{host}/"},
		{ErrPatternSyntax, "a.test:80/"},
		{ErrPatternSyntax, "GET a test/"},
		{ErrPatternSyntax, "GET a@b/"},

		{ErrPatternTaken, "/a,/a"},
		{ErrPatternTaken, "GET /a,GET /a"},
		{ErrPatternTaken, "GET /a,GET   /a"},
		{ErrPatternTaken, "/{x},/{y}"},
		{ErrPatternTaken, "/a/,/a/{rest...}"},
		{ErrPatternTaken, "/aä,/a%C3%a4"},
		{ErrPatternTaken, "h.test/a,H.Test/a"},

		{ErrPatternConflict, "/a/{x},/{y}/b"},
		{ErrPatternConflict, "/{y}/b,/a/{x}"},
		{ErrPatternConflict, "/a,GET /{x}"},
		{ErrPatternConflict, "GET /{x},/a"},
		{ErrPatternConflict, "/{x}/b,/a/"},
		{ErrPatternConflict, "/a/,/{x}/b"},
		{ErrPatternConflict, "HEAD /,GET /{x}"},
		{ErrPatternConflict, "/1,/2,/3,/4,/5,/6,/7,/8,/9,GET /{x}"},
	} {
		patterns := strings.Split(c.list, ",")
		last := len(patterns) - 1
		r := routes(t, patterns[:last]...)
		err := r.Handle(patterns[last], nop)
		if !errors.Is(err, c.want) {
			t.Errorf("%q: error %v, want %v", c.list, err, c.want)
		}
		if err != nil && patterns[last] != "" && !strings.Contains(err.Error(), fmt.Sprintf("%q", patterns[last])) {
			t.Errorf("%q: error %q does not name the pattern", c.list, err)
		}
	}
}

// What is refused must leave nothing behind.
func TestRoutes_refusedIsNotAdded(t *testing.T) {
	r := routes(t, "/a/{x}")
	if r.Handle("/{y}/b", nop) == nil {
		t.Fatal("no conflict")
	}
	if m, ok := r.Match(request("GET /c/b")); ok {
		t.Errorf("%q matches after it was refused", m.Pattern)
	}
	if err := r.Handle("/c/b", nop); err != nil {
		t.Error(err)
	}
}

func TestRoutes_noAnswer(t *testing.T) {
	r := new(Routes)
	if err := r.Handle("/", nil); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("nil handler: %v", err)
	}
	if err := r.HandlePage("/", nil); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("nil page: %v", err)
	}
	if _, ok := r.Match(request("GET /")); ok {
		t.Error("no routes, but a match")
	}
}

func TestRoutes_page(t *testing.T) {
	page, err := pagecache.Build(200, nil, []byte("ok"))
	if err != nil {
		t.Fatal(err)
	}
	r := new(Routes)
	for _, p := range []string{"GET /", "/{x}", "/a/{rest...}", "/a/"} {
		if err := r.HandlePage(p, page); !errors.Is(err, ErrPageWildcard) {
			t.Errorf("%q: %v, want ErrPageWildcard", p, err)
		}
	}
	for _, p := range []string{"GET /{$}", "GET h.test/health", "POST /a/b"} {
		if err := r.HandlePage(p, page); err != nil {
			t.Error(err)
		}
	}
	for req, want := range map[string]bool{
		"GET /": true, "HEAD /": true, "POST /": false,
		"HEAD h.test/health": true, "GET /health": false,
		"POST /a/b": true, "POST /a/b/": false,
	} {
		m, ok := r.Match(request(req))
		if ok != want || ok && (m.Page != page || m.Handler != nil) {
			t.Errorf("%s: %+v, %v; want the page: %v", req, m, ok, want)
		}
	}
}

// Lookups go on while routes are added; each sees at least those whose
// registration had returned before.
func TestRoutes_addedWhileServing(t *testing.T) {
	const n = 200
	r := routes(t, "/first")
	added := make(chan int, n)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			c := request("GET /first")
			for i := range added {
				for _, path := range []string{"/first", fmt.Sprint("/", i, "/x")} {
					c.req.Path = []byte(path)
					if _, ok := r.Match(c); !ok {
						t.Errorf("%s: no match after it was added", path)
					}
				}
			}
		})
	}
	for i := range n {
		if err := r.Handle(fmt.Sprint("/", i, "/{x}"), nop); err != nil {
			t.Error(err)
		}
		added <- i
	}
	close(added)
	readers.Wait()
}

func TestRoutes_noAllocation(t *testing.T) {
	r := manyRoutes(t, 1000)
	for _, req := range []string{
		"GET /health", "HEAD /route/500", "GET /item/7/part/8", "GET /item/a%20b/part/%41",
		"GET h.test:80/files/a/b%2Fc", "GET /nothing/there", "GET /%zz",
	} {
		c := request(req)
		r.Match(c) // grows the buffers
		if n := testing.AllocsPerRun(100, func() { r.Match(c) }); n != 0 {
			t.Errorf("%s: %v allocations", req, n)
		}
	}
}

// 10 000 routes must keep less than 300 bytes each, beside their patterns' text.
func TestRoutes_memory(t *testing.T) {
	const n = 10_000
	patterns := make([]string, n)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("GET /api/v1/route%d", i)
	}
	before := heap()
	r := routes(t, patterns...)
	r.Match(request("GET /api/v1/route0"))
	kept := heap() - before
	runtime.KeepAlive(r)
	runtime.KeepAlive(patterns)
	if per := kept / n; per > 300 {
		t.Errorf("%d bytes a route, want at most 300", per)
	} else {
		t.Logf("%d bytes a route", per)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func manyRoutes(t testing.TB, n int) *Routes {
	r := routes(t, "GET /health", "GET /item/{id}/part/{part}", "h.test/files/{path...}")
	for i := range n {
		if err := r.Handle(fmt.Sprintf("GET /route/%d", i), nop); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func BenchmarkRoutes_Match(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		r := manyRoutes(b, n)
		for name, req := range map[string]string{
			"exact": "GET /health", "exact2": "GET /route/5", "wildcards": "GET /item/7/part/8",
			"escaped": "GET /item/a%20b/part/%41", "none": "GET /nothing/there",
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				c := request(req)
				b.ReportAllocs()
				for b.Loop() {
					r.Match(c)
				}
			})
		}
	}
}

func BenchmarkRoutes_Handle(b *testing.B) {
	for b.Loop() {
		manyRoutes(b, 10_000)
	}
}
