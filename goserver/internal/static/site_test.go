package static

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var large = strings.Repeat("0123456789abcdef", 8<<10) // 128 KiB

func TestSite_get(t *testing.T) {
	dir := tree(t, map[string]string{
		"index.html": "<p>home", "a.css": "body{}", "b/index.html": "<p>b", "b/c d+é.txt": "odd", "empty.txt": "",
		"app.3f9a1c2b.js": "x", "large.txt": large, "data": "plain words", "noise": "\x00\x01", "archive.tar.gz": "zip",
		"README.MD": "# read", ".hidden": "no", ".git/config": "no", ".well-known/security.txt": "Contact:", "b/.well-known/x": "no", ".well-known/.x": "no", "listless/": "",
	})
	s, _ := site(t, dir, Options{})
	for _, tc := range []struct {
		request string
		status  int
		body    string
		lines   []string
	}{
		{"GET /", 200, "<p>home", []string{"Content-Type: text/html; charset=utf-8", "Cache-Control: no-cache", "Last-Modified: " + pastText, "Accept-Ranges: bytes", "Vary:"}},
		{"GET /index.html", 200, "<p>home", nil},
		{"GET /?q=1", 200, "<p>home", nil},
		{"HEAD /", 200, "", []string{"Content-Type: text/html; charset=utf-8"}},
		{"GET /a.css", 200, "body{}", []string{"Content-Type: text/css; charset=utf-8", "Cache-Control: public, max-age=3600"}},
		{"GET /%61.css", 200, "body{}", nil},
		{"GET /b/", 200, "<p>b", nil},
		{"GET /b", 301, "", []string{"Location: /b/"}},
		{"GET /b?x=1&y=%20", 301, "", []string{"Location: /b/?x=1&y=%20"}},
		{"GET /%62?a=\"<", 301, "", []string{"Location: /b/?a=%22%3C"}},
		{"HEAD /b", 301, "", []string{"Location: /b/"}},
		{"GET /b/c%20d+%C3%A9.txt", 200, "odd", []string{"Content-Type: text/plain; charset=utf-8"}},
		{"GET /b/index.html/", 404, "*", nil},
		{"GET /empty.txt", 200, "", []string{"Last-Modified: " + pastText}},
		{"GET /app.3f9a1c2b.js", 200, "x", []string{"Cache-Control: public, max-age=31536000, immutable", "Content-Type: text/javascript; charset=utf-8"}},
		{"GET /large.txt", 200, large, []string{"Content-Type: text/plain; charset=utf-8", "Last-Modified: " + pastText, "Accept-Ranges: bytes"}},
		{"HEAD /large.txt", 200, "", []string{"Content-Type: text/plain; charset=utf-8"}},
		{"GET /data", 200, "plain words", []string{"Content-Type: text/plain; charset=utf-8"}},
		{"GET /noise", 200, "\x00\x01", []string{"Content-Type: application/octet-stream"}},
		{"GET /archive.tar.gz", 200, "zip", []string{"Content-Type: application/gzip", "Content-Encoding:"}},
		{"GET /README.MD", 200, "# read", []string{"Content-Type: text/markdown; charset=utf-8"}},
		{"GET /none", 404, "404 Not Found\n", []string{"Content-Type: text/plain; charset=utf-8", "Cache-Control: no-store"}},
		{"GET /.hidden", 404, "*", nil},
		{"GET /.git/config", 404, "*", nil},
		{"GET /%2egit/config", 404, "*", nil},
		{"GET /.well-known/security.txt", 200, "Contact:", nil},
		{"GET /b/.well-known/x", 404, "*", nil},
		{"GET /.well-known/.x", 404, "*", nil},
		{"GET /listless/", 404, "*", nil},
		{"GET /listless", 301, "", []string{"Location: /listless/"}},
		{"POST /a.css", 405, "405 Method Not Allowed\n", []string{"Allow: GET, HEAD, OPTIONS"}},
		{"BREW /none", 405, "*", []string{"Allow: GET, HEAD, OPTIONS"}},
		{"OPTIONS /a.css", 204, "", []string{"Allow: GET, HEAD, OPTIONS"}},
	} {
		for range 2 { // from the file and from the cache
			ask(t, s, tc.request).expect(t, tc.request, tc.status, tc.body, tc.lines...)
		}
	}
	if st := s.Stats(); st.Entries == 0 || st.Hits == 0 {
		t.Errorf("nothing was cached: %+v", st)
	}
}

// Cached and uncached, a file has the same response.
func TestSite_uncachedIsTheSame(t *testing.T) {
	dir := tree(t, map[string]string{"a.html": "<p>" + strings.Repeat("a", 100), "a.html.br": "br", "a.html.gz": "gz", "data": "text", "e.txt": ""})
	cached, _ := site(t, dir, Options{})
	uncached, _ := site(t, dir, Options{MaxCachedFile: -1})
	for _, path := range []string{"/a.html", "/data", "/e.txt", "/none"} {
		plain := ask(t, cached, "GET "+path)
		for _, line := range []string{"X: y", "Accept-Encoding: gzip", "Accept-Encoding: br;q=0.5, gzip", "Accept-Encoding: identity;q=0",
			"Range: bytes=1-2", "Range: bytes=0-0,2-2", "Range: bytes=900-", "If-None-Match: " + plain.header.Get("ETag"), "If-None-Match: *",
			"If-Modified-Since: " + pastText, "If-Match: \"no\"", "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT"} {
			for _, method := range []string{"GET", "HEAD"} {
				a, b := ask(t, cached, method+" "+path, line), ask(t, uncached, method+" "+path, line)
				if strings.HasPrefix(a.header.Get("Content-Type"), "multipart/") {
					continue // the boundary is random
				}
				if a.status != b.status || a.body != b.body || headText(a.header) != headText(b.header) {
					t.Errorf("%s %s, %s:\ncached   %d %q %s\nuncached %d %q %s", method, path, line, a.status, a.body, headText(a.header), b.status, b.body, headText(b.header))
				}
			}
		}
	}
	if st := uncached.Stats(); st.Entries != 0 {
		t.Errorf("MaxCachedFile < 0, but %d entries", st.Entries)
	}
}

func headText(h http.Header) string {
	var b bytes.Buffer
	h.Write(&b)
	return b.String()
}

func TestSite_prefix(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "home", "a/x.txt": "x"})
	s, err := New("/files/", dir, Options{Listing: true}, stopped)
	check(t, err)
	defer s.Close()
	ask(t, s, "GET /files/").expect(t, "root", 200, "home")
	ask(t, s, "GET /files/a/x.txt").expect(t, "file", 200, "x")
	ask(t, s, "GET /files/a").expect(t, "directory", 301, "", "Location: /files/a/")
	ask(t, s, "GET /a/x.txt").expect(t, "outside", 404, "*")
	ask(t, s, "GET /files").expect(t, "no slash", 404, "*")
}

func TestSite_options(t *testing.T) {
	dir := tree(t, map[string]string{".hidden": "h", "d/home.htm": "htm", "d/index.html": "html", "e/index.html/": "", "x.css": "x", "x.css.gz": "g"})
	s, _ := site(t, dir, Options{
		Dotfiles: true, NoSidecars: true, Index: []string{"home.htm", "index.html"},
		CacheControl: func(name string) string {
			if name == "x.css" {
				return ""
			}
			return "max-age=7"
		},
	})
	ask(t, s, "GET /.hidden").expect(t, "dotfile", 200, "h", "Cache-Control: max-age=7")
	ask(t, s, "GET /../x").expect(t, "dots", 404, "*")
	ask(t, s, "GET /d/").expect(t, "index", 200, "htm")
	ask(t, s, "GET /e/").expect(t, "index that is a directory", 404, "*")
	ask(t, s, "GET /x.css", "Accept-Encoding: gzip").expect(t, "no sidecars", 200, "x", "Cache-Control:", "Vary:")
	none, _ := site(t, dir, Options{Index: []string{}})
	ask(t, none, "GET /d/").expect(t, "no index", 404, "*")
}

func TestNew_refuses(t *testing.T) {
	dir := tree(t, map[string]string{"a.html": "a", "big.html": strings.Repeat("x", maxErrorPage+1), "d/": "", ".x/spa.html": "s"})
	for _, tc := range []struct {
		prefix, dir string
		o           Options
		text        string
	}{
		{"", dir, Options{}, `prefix of static files: ""`},
		{"/a", dir, Options{}, `"/a": expected a slash at both ends`},
		{"/{x}/", dir, Options{}, `"/{x}/"`},
		{"/", dir, Options{Index: []string{"a/b"}}, `.Index: "a/b": expected`},
		{"/", dir, Options{Index: []string{""}}, `.Index: "": expected`},
		{"/", dir, Options{Immutable: []string{"*", "["}}, `.Immutable: "[": expected a pattern`},
		{"/", dir, Options{SPA: "none.html"}, `.SPA: "none.html": no such file`},
		{"/", dir, Options{SPA: "d"}, `.SPA: "d": not a regular file`},
		{"/", dir, Options{SPA: "../a.html"}, `.SPA: "../a.html": expected`},
		{"/", dir, Options{SPA: ".x/spa.html"}, `.SPA: ".x/spa.html": expected`},
		{"/", dir, Options{ErrorPages: map[int]string{404: "none.html"}}, `.ErrorPages: "404=none.html": no such file`},
		{"/", dir, Options{ErrorPages: map[int]string{404: "../a.html"}}, `.ErrorPages: "404=../a.html": path escapes from parent, expected`},
		{"/", dir, Options{ErrorPages: map[int]string{200: "a.html"}}, `.ErrorPages: "200=a.html": expected one of the statuses [403 404`},
		{"/", dir, Options{ErrorPages: map[int]string{502: "a.html"}}, `"502=a.html"`}, // would never be sent
		{"/", dir, Options{ErrorPages: map[int]string{404: "big.html"}}, "1048577 bytes, expected at most 1048576"},
		{"/", dir, Options{AdmitAfter: -1}, `.AdmitAfter: "-1": expected 1 to 15, or 0`},
		{"/", dir, Options{AdmitAfter: 16}, `.AdmitAfter: "16"`},
		{"/", dir, Options{CacheBytes: -1}, `.CacheBytes: "-1": expected 1 or more, or 0`},
		{"/", dir, Options{CacheEntries: -1}, `.CacheEntries: "-1": expected`},
	} {
		_, err := New(tc.prefix, tc.dir, tc.o, stopped)
		wrong := (*OptionError)(nil)
		if isOption := errors.As(err, &wrong); err == nil || isOption == errors.Is(err, ErrPrefix) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%q %+v: %v, want %q", tc.prefix, tc.o, err, tc.text)
		}
		if err != nil && strings.Contains(err.Error(), "statat") {
			t.Errorf("%v: names a system call", err)
		}
	}
	if _, err := New("/", filepath.Join(dir, "none"), Options{}, stopped); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none") {
		t.Errorf("missing directory: %v", err)
	}
	if _, err := New("/", filepath.Join(dir, "a.html"), Options{}, stopped); err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestSite_spa(t *testing.T) {
	dir := tree(t, map[string]string{"app.html": "<p>app", "assets/x.js": "x"})
	s, _ := site(t, dir, Options{SPA: "app.html"})
	for _, tc := range []struct {
		request string
		line    string
		status  int
	}{
		{"GET /", "Accept: text/html", 200}, // no index file
		{"GET /users/7", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", 200},
		{"HEAD /users/7", "Accept: text/html", 200},
		{"GET /users/john.doe", "Accept: text/html", 200},
		{"GET /users/7/", "Accept: */*", 200},
		{"GET /users/7", "X: no Accept", 200},
		{"GET /users/7", "Accept: application/json", 404},
		{"GET /users/7", "Accept: text/html;q=0", 404},
		{"GET /assets/none.js", "Accept: text/html", 404},
		{"GET /assets/none.png", "Accept: */*", 404},
		{"GET /none.html", "Accept: text/html", 404},
		{"POST /users/7", "Accept: text/html", 405},
	} {
		a := ask(t, s, tc.request, tc.line)
		body := "*"
		if tc.status == 200 && strings.HasPrefix(tc.request, "GET") {
			body = "<p>app"
		}
		a.expect(t, tc.request+" "+tc.line, tc.status, body)
		if tc.status == 200 {
			a.expect(t, tc.request, 200, body, "Cache-Control: no-cache", "Content-Type: text/html; charset=utf-8", "Vary: Accept, Sec-Fetch-Mode")
		}
	}
	script := []string{"Accept: */*", "Sec-Fetch-Mode: cors"}
	ask(t, s, "GET /api/users", script...).expect(t, "fetch by a script", 404, "*")
	ask(t, s, "GET /users", "Accept: */*", "Sec-Fetch-Mode: navigate").expect(t, "navigation", 200, "<p>app")
	ask(t, s, "GET /users", "Accept: */*", "Accept: image/png").expect(t, "two lines are one list", 200, "<p>app")
	etag := ask(t, s, "GET /users").header.Get("ETag")
	ask(t, s, "GET /users", "If-None-Match: "+etag).expect(t, "conditional", 304, "", "ETag: "+etag)
	ask(t, s, "GET /app.html").expect(t, "by its name", 200, "<p>app", "ETag: "+etag, "Vary:")
	if n := s.Stats().Entries; n != 2 { // by its name, and in the place of others
		t.Errorf("%d entries: paths without a file must not fill the cache", n)
	}
	check(t, os.Remove(filepath.Join(dir, "app.html")))
	gone, _ := site(t, dir, Options{})
	gone.spa = []byte("/app.html")
	ask(t, gone, "GET /users").expect(t, "the fallback has gone", 404, "*")
}

func TestSite_errorPages(t *testing.T) {
	dir := tree(t, map[string]string{".err/404.html": "<p>none here", ".err/404.html.gz": "<gz>", ".err/405.html": "<p>not so", "x.txt": "abc"})
	s, now := site(t, dir, Options{ErrorPages: map[int]string{404: ".err/404.html", 405: ".err/405.html", 416: ".err/405.html"}})
	for range 2 {
		ask(t, s, "GET /none").expect(t, "404", 404, "<p>none here",
			"Content-Type: text/html; charset=utf-8", "Cache-Control: no-store", "ETag:", "Last-Modified:", "Accept-Ranges:", "Vary: Accept-Encoding")
		ask(t, s, "GET /none", "If-None-Match: *", "Range: bytes=0-1").expect(t, "404 with conditions", 404, "<p>none here")
		ask(t, s, "GET /none", "Accept-Encoding: gzip").expect(t, "404 coded", 404, "<gz>", "Content-Encoding: gzip")
		ask(t, s, "PUT /x.txt").expect(t, "405", 405, "<p>not so", "Allow: GET, HEAD, OPTIONS", "Content-Type: text/html; charset=utf-8")
		ask(t, s, "GET /x.txt", "Range: bytes=9-").expect(t, "416", 416, "<p>not so", "Content-Range: bytes */3")
		ask(t, s, "GET /.err/404.html").expect(t, "by its name", 404, "<p>none here")
	}
	write(t, filepath.Join(dir, ".err/404.html"), "<p>changed", false)
	now.now += time.Hour
	ask(t, s, "GET /none").expect(t, "changed", 404, "<p>changed")
	check(t, os.Remove(filepath.Join(dir, ".err/404.html")))
	now.now += time.Hour
	ask(t, s, "GET /none").expect(t, "gone", 404, "404 Not Found\n")
}

func TestSite_errorsByAccept(t *testing.T) {
	s, _ := site(t, tree(t, nil), Options{})
	for line, html := range map[string]bool{
		"Accept: text/html": true, "accept: Text/HTML;q=0.1": true, "Accept: application/xhtml+xml": true,
		"Accept: */*": false, "Accept: text/plain": false, "Accept: text/html;q=0": false, "X: y": false,
	} {
		a := ask(t, s, "GET /none", line)
		if got := strings.HasPrefix(a.header.Get("Content-Type"), "text/html"); got != html || got != strings.Contains(a.body, "<h1>404 Not Found</h1>") {
			t.Errorf("%s: html %v: %q", line, got, a.body)
		}
	}
}

func TestSite_specialFiles(t *testing.T) {
	dir := tree(t, map[string]string{"x.txt": "x"})
	for name, make := range specialFiles(t) {
		make(filepath.Join(dir, name))
		ask(t, s1(t, dir), "GET /"+name).expect(t, name, 404, "*")
		ask(t, s1(t, dir), "GET /").expect(t, name+" listed", 200, "*")
		if body := ask(t, s1(t, dir), "GET /").body; strings.Contains(body, name) || !strings.Contains(body, "x.txt") {
			t.Errorf("%s is in the listing, or x.txt is not", name)
		}
	}
	if os.Getuid() != 0 { // root may read all
		check(t, os.Chmod(filepath.Join(dir, "x.txt"), 0))
		ask(t, s1(t, dir), "GET /x.txt").expect(t, "unreadable", 403, "*")
	}
}

func s1(t *testing.T, dir string) *Site {
	s, _ := site(t, dir, Options{Listing: true})
	return s
}

func TestKindOf(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want kind
	}{
		{fs.ErrNotExist, missing}, {fs.ErrPermission, forbidden}, {fs.ErrClosed, busy},
		{errors.New("path escapes from parent"), missing},
	} {
		if got := kindOf(&fs.PathError{Err: tc.err}); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

func TestSite_closed(t *testing.T) {
	s, _ := site(t, tree(t, map[string]string{"x": "x"}), Options{})
	check(t, s.Close())
	ask(t, s, "GET /x").expect(t, "closed", 503, "*", "Retry-After: 1")
}

// A site without a descriptor to spare goes on with what it has in memory. A closed
// one has none.
func TestSite_noDescriptorLeft(t *testing.T) {
	s, now := site(t, tree(t, map[string]string{"x": "x", "404.html": "none"}), Options{ErrorPages: map[int]string{404: "404.html", 503: "404.html"}})
	ask(t, s, "GET /x").expect(t, "before", 200, "x")
	ask(t, s, "GET /none").expect(t, "before", 404, "none")
	check(t, s.Close())
	for range 2 {
		now.now += time.Hour
		ask(t, s, "GET /x").expect(t, "cached", 200, "x")
		ask(t, s, "POST /x").expect(t, "not cached", 405, "405 Method Not Allowed\n")
		ask(t, s, "GET /%zz").expect(t, "error page", 404, "none")
		ask(t, s, "GET /y").expect(t, "not cached", 503, "503 Service Unavailable\n")
	}
}

// A CacheControl function that gives what no field may hold is a mistake that
// must not pass in silence.
func TestSite_badCacheControl(t *testing.T) {
	for _, max := range []int{0, -1} {
		s, _ := site(t, tree(t, map[string]string{"x": "x"}), Options{CacheControl: func(string) string { return "a\r\nb" }, MaxCachedFile: max})
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("MaxCachedFile %s: no panic", strconv.Itoa(max))
				}
			}()
			ask(t, s, "GET /x")
		}()
	}
}

// stopped is a clock that stands.
func stopped() time.Duration { return 0 }
