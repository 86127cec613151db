package httpcache

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// A site is an origin whose paths have versions. Those that begin with "/v" vary by X.
type site struct {
	version map[string]int
	control string
	calls   int
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls++
	path := r.URL.Path
	if r.Method == http.MethodPost {
		s.version[path]++
		return
	}
	tag := fmt.Sprintf(`"%d"`, s.version[path])
	setFields(w.Header(), "Cache-Control: "+s.control+"\nETag: "+tag)
	x := ""
	if strings.HasPrefix(path, "/v") {
		w.Header().Set("Vary", "X")
		x = r.Header.Get("X")
	}
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	fmt.Fprint(w, path, x, s.version[path])
}

// A model of the cache: what is stored, by path and X, and when it was made.
type model map[[2]string]struct {
	body    string
	control control
	made    time.Time
}

// get returns the body that a GET must be answered with, and whether the handler is called.
func (m model) get(s *site, path, x, request string) (body string, called bool) {
	varied := ""
	if strings.HasPrefix(path, "/v") {
		varied = x
	}
	key := [2]string{path, varied}
	req, is := parseControl([]string{request}), parseControl([]string{s.control})
	if e, ok := m[key]; ok && !req.noCache {
		age := seconds(time.Since(e.made) / time.Second)
		stale := age - e.control.maxAge
		if (req.maxAge == none || age <= req.maxAge) && (req.minFresh == none || -stale >= req.minFresh) &&
			(stale < 0 || req.maxStale != none && stale <= req.maxStale && !e.control.mustRevalidate) {
			return e.body, false
		}
	}
	if req.onlyIfCached {
		return "Gateway Timeout", false
	}
	body = fmt.Sprint(path, varied, s.version[path])
	if e := m[key]; is.maxAge > 0 && !is.private {
		e.body, e.control, e.made = body, is, time.Now()
		m[key] = e
	} else {
		delete(m, key)
	}
	return body, true
}

func (m model) forget(path string) {
	for key := range m {
		if key[0] == path {
			delete(m, key)
		}
	}
}

// Random requests, waits, changes and purges are answered as the model says.
func TestModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The wrapper hides T.Deadline, which must not be asked for under a clock of its own.
		rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) {
			s := &site{version: make(map[string]int), control: "max-age=10"}
			c := New(Options{})
			h, m := c.Handler(s), make(model)
			path := rapid.SampledFrom([]string{"/p", "/q", "/v", "/vw"})
			x := rapid.SampledFrom([]string{"", "a", "b", "a,b"})
			t.Repeat(map[string]func(*rapid.T){
				"get": func(t *rapid.T) {
					path, x := path.Draw(t, "path"), x.Draw(t, "X")
					request := rapid.SampledFrom([]string{"", "", "", "max-age=5", "min-fresh=5", "max-stale", "max-stale=3", "no-cache", "only-if-cached"}).Draw(t, "request")
					before := s.calls
					want, called := m.get(s, path, x, request)
					res := get(h, fmt.Sprintf("GET %s\nX: %s\nCache-Control: %s", path, x, request))
					if got := strings.TrimSpace(res.Body.String()); got != want || s.calls != before+map[bool]int{true: 1}[called] {
						t.Fatalf("%d, %q with %d calls (%s); want %q, called %v", res.Code, got, s.calls-before, res.Header().Get("Cache-Status"), want, called)
					}
				},
				"post": func(t *rapid.T) {
					path := path.Draw(t, "path")
					get(h, "POST "+path)
					m.forget(path)
				},
				"purge": func(t *rapid.T) {
					path := path.Draw(t, "path")
					c.Purge(path)
					m.forget(path)
				},
				"purge prefix": func(t *rapid.T) {
					prefix := path.Draw(t, "prefix")
					c.PurgePrefix(prefix)
					for key := range m {
						if strings.HasPrefix(key[0], prefix) {
							delete(m, key)
						}
					}
				},
				"change": func(t *rapid.T) { s.version[path.Draw(t, "path")]++ },
				"say": func(t *rapid.T) {
					s.control = rapid.SampledFrom([]string{"max-age=10", "max-age=3", "max-age=0", "max-age=10, private", "max-age=10, must-revalidate"}).Draw(t, "control")
				},
				"wait": func(t *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 12).Draw(t, "seconds")) * time.Second) },
			})
		})
	})
}
