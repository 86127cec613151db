package goserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// With http.FileServer we agree on what a file, a range and a date are.
func TestStatic_asFileServer(t *testing.T) {
	dir := siteDir(t, map[string]string{
		"index.html": "<p>home", "d/index.html": "<p>d", "d/a b.txt": "spaced", "ten.txt": "0123456789", "large.bin": strings.Repeat("0123456789", 20_000), "empty.txt": "", "x.css": "body{}",
	})
	ours := serveSite(t, dir, nil)
	std := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer std.Close()
	const last, before, after = "Sat, 03 Feb 2024 04:05:06 GMT", "Fri, 02 Feb 2024 04:05:06 GMT", "Sun, 04 Feb 2024 04:05:06 GMT"
	lines := []string{
		"X-None: x", "Range: bytes=0-3", "Range: bytes=4-", "Range: bytes=-2", "Range: bytes=-99999999", "Range: bytes=9-99999999", "Range: bytes=99999999-", "Range: bytes=0-0,4-5",
		"Range: bytes=99999999-,1-2", "Range: bytes=0-99999999", "If-Modified-Since: " + last, "If-Modified-Since: " + before, "If-Modified-Since: " + after, "If-Modified-Since: never", "If-Unmodified-Since: " + last,
		"If-Unmodified-Since: " + before, "If-Unmodified-Since: " + after, "If-None-Match: *", `If-None-Match: "other"`, "If-Match: *", `If-Match: "other"`,
		"If-Range: " + last + "|Range: bytes=1-2", "If-Range: " + before + "|Range: bytes=1-2", `If-Range: "other"|Range: bytes=1-2`,
		"If-None-Match: *|Range: bytes=1-2", `If-None-Match: "other"|If-Modified-Since: ` + after, "If-Match: *|If-Unmodified-Since: " + before,
	}
	n := 0
	for _, path := range []string{"/", "/ten.txt", "/large.bin", "/empty.txt", "/x.css", "/d", "/d/", "/d/a%20b.txt", "/none.txt", "/d/none/"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, line := range lines {
				if method == "HEAD" && strings.Contains(line, "Range") || path == "/empty.txt" && strings.Contains(line, "=-") {
					continue // see TestStatic_unlikeFileServer
				}
				n++
				what := method + " " + path + " " + line
				a, aBody := visit(t, ours, method+" "+path, strings.Split(line, "|")...)
				b, bBody := visit(t, std.URL, method+" "+path, strings.Split(line, "|")...)
				if a.StatusCode != b.StatusCode {
					t.Errorf("%s: %d, net/http %d", what, a.StatusCode, b.StatusCode)
					continue
				}
				names := []string{"Content-Range", "Content-Type", "Last-Modified", "Accept-Ranges", "Content-Length"}
				switch {
				case a.StatusCode == 304: // see TestStatic_unlikeFileServer
					names = names[:1]
				case a.StatusCode >= 400: // the words of an error are everyone's own
					names, aBody, bBody = names[:1], "", ""
				case strings.HasPrefix(a.Header.Get("Content-Type"), "multipart/"): // boundaries are random
					names = names[2:4]
					aBody, bBody = parts(t, a, aBody), parts(t, b, bBody)
				case a.StatusCode == 301:
					names = nil
					if resolve(t, ours, path, a) != resolve(t, std.URL, path, b) {
						t.Errorf("%s: to %s, net/http %s", what, a.Header.Get("Location"), b.Header.Get("Location"))
					}
				}
				for _, name := range names {
					if av, bv := a.Header.Get(name), b.Header.Get(name); av != bv {
						t.Errorf("%s: %s: %q, net/http %q", what, name, av, bv)
					}
				}
				if aBody != bBody {
					t.Errorf("%s: body %.50q, net/http %.50q", what, aBody, bBody)
				}
			}
		}
	}
	t.Logf("%d requests", n)
}

// parts returns a multipart body with its boundary taken out.
func parts(t *testing.T, r *http.Response, body string) string {
	t.Helper()
	_, boundary, ok := strings.Cut(r.Header.Get("Content-Type"), "boundary=")
	if !ok {
		t.Error(r.Header)
	}
	// net/http writes the fields of a part in the order of their names, as we do not.
	lines := strings.Split(strings.ReplaceAll(body, boundary, "B"), "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func resolve(t *testing.T, base, path string, r *http.Response) string {
	t.Helper()
	u, err := url.Parse(base + path)
	must(t, err)
	u, err = u.Parse(r.Header.Get("Location"))
	must(t, err)
	return u.RequestURI()
}

// Where we mean to differ from http.FileServer.
func TestStatic_unlikeFileServer(t *testing.T) {
	dir := siteDir(t, map[string]string{"index.html": "home", "ten.txt": "0123456789", "d/x.txt": "x", ".env": "secret", "empty.txt": "", "upload": "<html><script>alert(1)</script>"})
	ours := serveSite(t, dir, nil)
	std := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer std.Close()
	for _, tc := range []struct {
		why, request, line string
		ours, std          int
	}{
		{"index files are files like others", "GET /index.html", "", 200, 301},
		{"a file is no directory", "GET /ten.txt/", "", 404, 301},
		{"directories are listed when that is asked for", "GET /d/", "", 404, 200},
		{"dotfiles are hidden", "GET /.env", "", 404, 200},
		{"files take no POST (RFC 9110 §15.5.6)", "POST /ten.txt", "", 405, 200},
		{"nor DELETE", "DELETE /ten.txt", "", 405, 200},
		{"OPTIONS tells the methods (RFC 9110 §9.3.7)", "OPTIONS /ten.txt", "", 204, 200},
		{"Range is for GET (RFC 9110 §14.2)", "HEAD /ten.txt", "Range: bytes=0-1", 200, 206},
		{"a malformed Range is ignored (RFC 9110 §14.2 allows both)", "GET /ten.txt", "Range: bytes=5-4", 200, 416},
		{"nothing has no last bytes (RFC 9110 §14.4 has no form for them)", "GET /empty.txt", "Range: bytes=-2", 200, 206},
		{"an unknown unit is ignored (RFC 9110 §14.2: MUST)", "GET /ten.txt", "Range: lines=1-2", 200, 416},
		{"three overlapping ranges are abuse (RFC 9110 §14.2)", "GET /ten.txt", "Range: bytes=0-1,1-2,1-1", 200, 206},
		{"no coding is acceptable (RFC 9110 §12.5.3)", "GET /ten.txt", "Accept-Encoding: identity;q=0", 406, 200},
		{"an escaped slash is none", "GET /d%2fx.txt", "", 404, 200},
	} {
		a, _ := visit(t, ours, tc.request, tc.line)
		b, _ := visit(t, std.URL, tc.request, tc.line)
		if a.StatusCode != tc.ours || b.StatusCode != tc.std {
			t.Errorf("%s: %s %s: %d, want %d; net/http %d, want %d", tc.why, tc.request, tc.line, a.StatusCode, tc.ours, b.StatusCode, tc.std)
		}
	}
	a, _ := visit(t, ours, "GET /ten.txt")
	tag := a.Header.Get("ETag")
	if tag == "" || a.Header.Get("Cache-Control") == "" {
		t.Errorf("no ETag or Cache-Control: %v", a.Header)
	}
	if a, _ := visit(t, ours, "GET /ten.txt", "If-None-Match: "+tag); a.StatusCode != 304 || a.Header.Get("Last-Modified") != "" || a.Header.Get("ETag") != tag {
		t.Errorf("a 304 has the tag and no representation metadata beside it (RFC 9110 §15.4.5): %d %v", a.StatusCode, a.Header)
	}
	for base, want := range map[string]string{ours: "text/plain; charset=utf-8", std.URL: "text/html; charset=utf-8"} {
		if a, _ := visit(t, base, "GET /upload"); a.Header.Get("Content-Type") != want {
			t.Errorf("what has no extension is never taken for HTML by us: %q, want %q", a.Header.Get("Content-Type"), want)
		}
	}
}
