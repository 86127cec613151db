package static

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

func codingOf(i int) pagecache.Coding { return pagecache.Coding(i) }

func TestNegotiate(t *testing.T) {
	const all = "identity gzip br zstd"
	for _, tc := range []struct{ accept, there, want string }{
		{"", all, "identity"},
		{"gzip", all, "gzip"},
		{"gzip, br", all, "br"},
		{"gzip, deflate, br, zstd", all, "br"},
		{"gzip, deflate, zstd", all, "zstd"},
		{"gzip, deflate, br, zstd", "identity gzip", "gzip"},
		{"gzip, deflate, br, zstd", "identity", "identity"},
		{"GZIP", all, "gzip"},
		{"x-gzip", all, "gzip"},
		{"br;q=0.5, gzip;q=0.8", all, "gzip"},
		{"br;q=0.001, gzip;q=0", all, "br"},
		{"br ; q=0.5 , gzip ; q=0.6", all, "gzip"},
		{"br;Q=0.5,gzip;Q=0.6", all, "gzip"},
		{"gzip;q=0", all, "identity"},
		{"gzip;q=0.000", all, "identity"},
		{"*", all, "br"},
		{"*;q=0.1", all, "br"},
		{"gzip, *;q=0", all, "gzip"},
		{"br;q=0, *", all, "zstd"},
		{"identity", all, "identity"},
		{"identity, gzip;q=0.5", all, "identity"},
		{"identity;q=0.5, gzip", all, "gzip"},
		{"identity, gzip", all, "gzip"}, // a tie: the smaller one
		{"deflate", all, "identity"},
		{"identity;q=0", all, "none"},
		{"identity;q=0, gzip", all, "gzip"},
		{"identity;q=0, gzip", "identity br", "none"},
		{"*;q=0", all, "none"},
		{"*;q=0, identity", all, "identity"},
		{"*;q=0, identity;q=0.1", all, "identity"},
		{"gzip;q=2", all, "identity"}, // malformed
		{"gzip;q=0.1234", all, "identity"},
		{"gzip;q=", all, "identity"},
		{"gzip;q=.5", all, "identity"},
		{"gzip;q=1.001", all, "gzip"},
		{"gzip;level=1;q=0.5, br;q=0.4", all, "gzip"},
		{",,gzip,,", all, "gzip"},
		{";q=1", all, "identity"},
		{"gzipped, brotli", all, "identity"},
	} {
		coding, ok := negotiate([]byte(tc.accept), func(c pagecache.Coding) bool { return strings.Contains(tc.there, c.String()) })
		got := coding.String()
		if !ok {
			got = "none"
		}
		if got != tc.want {
			t.Errorf("%q of %s: %s, want %s", tc.accept, tc.there, got, tc.want)
		}
	}
}

func TestSite_sidecars(t *testing.T) {
	text := strings.Repeat("text ", 100)
	big := strings.Repeat("big ", 32<<10)
	dir := tree(t, map[string]string{
		"a.js": text, "a.js.br": "<br>", "a.js.zst": "<zst>", "a.js.gz": "<gz>",
		"big.css": big, "big.css.br": "<big br>", "old.css": text, "old.css.gz": "<old>", "long.css": "short", "long.css.gz": "longer than that",
		"empty.css": text, "empty.css.gz": "", "dir.css": text, "dir.css.gz/": "", "p.png": text, "p.png.gz": "<png>", "only.txt.gz": "<gz>", "plain.txt": text,
	})
	check(t, os.Chtimes(filepath.Join(dir, "old.css.gz"), past, past.Add(-time.Second)))
	check(t, os.Symlink("../../secret", filepath.Join(dir, "plain.txt.br")))
	s, _ := site(t, dir, Options{NoCompression: true})
	const browser = "Accept-Encoding: gzip, deflate, br, zstd"
	tags := make(map[string]bool)
	for _, tc := range []struct {
		path, accept, body, coding, vary string
	}{
		{"/a.js", browser, "<br>", "br", "Accept-Encoding"},
		{"/a.js", "Accept-Encoding: zstd, gzip", "<zst>", "zstd", "Accept-Encoding"},
		{"/a.js", "Accept-Encoding: gzip", "<gz>", "gzip", "Accept-Encoding"},
		{"/a.js", "X: none", text, "", "Accept-Encoding"},
		{"/big.css", browser, "<big br>", "br", "Accept-Encoding"},
		{"/big.css", "Accept-Encoding: gzip", big, "", "Accept-Encoding"},
		{"/old.css", browser, text, "", ""},
		{"/long.css", browser, "short", "", ""},
		{"/empty.css", browser, text, "", ""},
		{"/dir.css", browser, text, "", ""},
		{"/p.png", browser, text, "", ""},
		{"/plain.txt", browser, text, "", ""},
		{"/a.js.br", browser, "<br>", "", ""},
		{"/only.txt.gz", browser, "<gz>", "", ""},
	} {
		var tag string
		for range 2 {
			a := ask(t, s, "GET "+tc.path, tc.accept)
			a.expect(t, tc.path+" "+tc.accept, 200, tc.body, "Content-Encoding: "+tc.coding, "Vary: "+tc.vary)
			tag = a.header.Get("ETag")
			ask(t, s, "GET "+tc.path, tc.accept, "If-None-Match: "+tag).expect(t, tc.path, 304, "", "ETag: "+tag, "Vary: "+tc.vary, "Content-Encoding:")
			if tc.coding != "" {
				ask(t, s, "GET "+tc.path, "If-None-Match: "+tag).expect(t, tc.path+" uncoded with the tag of the coded", 200, "*", "Content-Encoding:")
				ask(t, s, "GET "+tc.path, tc.accept, "Range: bytes=1-2").expect(t, tc.path+" range", 206, tc.body[1:3],
					"Content-Encoding: "+tc.coding, "Vary: Accept-Encoding", "ETag: "+tag)
			}
		}
		if tags[tag] {
			t.Errorf("%s %s: %s is another's tag", tc.path, tc.accept, tag)
		}
		tags[tag] = true
	}
	ask(t, s, "GET /a.js", browser).expect(t, "type of the coded", 200, "*", "Content-Type: text/javascript; charset=utf-8", "Last-Modified: "+pastText)
	ask(t, s, "GET /a.js.br").expect(t, "type of the sidecar itself", 200, "*", "Content-Type: application/x-brotli")
	ask(t, s, "GET /only.txt").expect(t, "sidecar without file", 404, "*")
	for _, p := range []string{"/plain.txt", "/big.css", "/a.js"} {
		ask(t, s, "GET "+p, "Accept-Encoding: identity;q=0, deflate").expect(t, "nothing acceptable", 406, "*", "Vary: Accept-Encoding")
	}
}

// weight and listed take bytes from the network: they must come to an end and to the same.
func FuzzNegotiate(f *testing.F) {
	for _, s := range []string{"gzip;q=0.5, *;q=0", "identity;q=0", `W/"a", "b`, ";;,=q"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		coding, ok := negotiate([]byte(s), func(c pagecache.Coding) bool { return c == pagecache.Gzip })
		if coding != pagecache.Identity && coding != pagecache.Gzip || !ok && coding != pagecache.Identity {
			t.Errorf("%q: %v %v", s, coding, ok)
		}
		if ok && coding == pagecache.Gzip && !strings.Contains(strings.ToLower(s), "gzip") && !strings.Contains(s, "*") {
			t.Errorf("%q: %v", s, coding)
		}
		if listed([]byte(s), `"x"`, weakComparison) && s != "*" && !strings.Contains(s, `"x"`) {
			t.Errorf("%q has \"x\"", s)
		}
	})
}
