package static

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSite_conditions(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "0123456789"})
	cached, _ := site(t, dir, Options{})
	uncached, _ := site(t, dir, Options{MaxCachedFile: -1})
	tag := ask(t, cached, "GET /a.txt").header.Get("ETag")
	const before, after = "Fri, 02 Feb 2024 04:05:06 GMT", "Sun, 04 Feb 2024 04:05:06 GMT"
	for _, tc := range []struct {
		lines  string // separated by "|"; ~ stands for the entity-tag
		status int
	}{
		{"If-None-Match: ~", 304},
		{"If-None-Match: W/~", 304}, // weak comparison
		{"If-None-Match: *", 304},
		{`If-None-Match: "a", ~`, 304},
		{`If-None-Match: "a,b" , W/"c",, ~`, 304},
		{`If-None-Match: "a"|If-None-Match: ~`, 304}, // lines are one list
		{`if-none-match: ~`, 304},
		{`If-None-Match: "a"`, 200},
		{`If-None-Match: unquoted`, 200},
		{`If-None-Match: "unfinished`, 200},
		{`If-None-Match: `, 200},
		{"If-Modified-Since: " + pastText, 304},
		{"If-Modified-Since: " + after, 304},
		{"If-Modified-Since: " + before, 200},
		{"If-Modified-Since: Saturday, 03-Feb-24 04:05:06 GMT", 304}, // RFC 850
		{"If-Modified-Since: Sat Feb  3 04:05:06 2024", 304},         // asctime
		{"If-Modified-Since: yesterday", 200},
		{"If-Modified-Since: " + pastText + "|If-Modified-Since: " + pastText, 200}, // no date
		{`If-None-Match: "a"|If-Modified-Since: ` + after, 200},                     // §13.1.3: ignored beside If-None-Match
		{"If-None-Match: ~|If-Modified-Since: " + before, 304},
		{"If-Match: ~", 200},
		{"If-Match: *", 200},
		{`If-Match: "a", ~`, 200},
		{"If-Match: W/~", 412}, // strong comparison
		{`If-Match: "a"`, 412},
		{"If-Unmodified-Since: " + pastText, 200},
		{"If-Unmodified-Since: " + after, 200},
		{"If-Unmodified-Since: " + before, 412},
		{"If-Unmodified-Since: tomorrow", 200},
		{"If-Match: ~|If-Unmodified-Since: " + before, 200}, // §13.1.4: ignored beside If-Match
		{"If-Match: ~|If-None-Match: ~", 304},
		{`If-Match: "a"|If-None-Match: ~`, 412}, // §13.2.2: If-Match goes first
		{"If-Unmodified-Since: " + before + "|If-Modified-Since: " + after, 412},
		{"If-Unmodified-Since: " + after + "|If-None-Match: ~", 304},
		// Ranges come last, and If-Range decides on them alone.
		{"Range: bytes=0-1", 206},
		{"Range: bytes=0-1|If-None-Match: ~", 304},
		{`Range: bytes=0-1|If-Match: "a"`, 412},
		{"Range: bytes=0-1|If-Range: ~", 206},
		{"Range: bytes=0-1|If-Range: W/~", 200}, // strong comparison
		{`Range: bytes=0-1|If-Range: "a"`, 200},
		{"Range: bytes=0-1|If-Range: " + pastText, 206},
		{"Range: bytes=0-1|If-Range: " + after, 200}, // an exact match only
		{"Range: bytes=0-1|If-Range: " + before, 200},
		{"Range: bytes=0-1|If-Range: soon", 200},
		{`Range: bytes=99-|If-Range: "a"`, 200},
		{"Range: bytes=99-|If-Range: ~", 416},
		{"If-Range: ~", 200},
		{"Range: bytes=0-1|Range: bytes=2-3", 200}, // no range-set
	} {
		lines := strings.Split(strings.ReplaceAll(tc.lines, "~", tag), "|")
		for name, s := range map[string]*Site{"cached": cached, "uncached": uncached} {
			for _, method := range []string{"GET", "HEAD"} {
				status := tc.status
				if method == "HEAD" && (status == 206 || status == 416) {
					status = 200 // RFC 9110 §14.2: Range is for GET
				}
				a := ask(t, s, method+" /a.txt", lines...)
				if a.status != status {
					t.Errorf("%s, %s, %s: %d, want %d", name, method, tc.lines, a.status, status)
				}
				switch a.status {
				case 304: // RFC 9110 §15.4.5
					a.expect(t, tc.lines, 304, "", "ETag: "+tag, "Cache-Control: public, max-age=3600", "Content-Type:", "Last-Modified:", "Accept-Ranges:")
				case 412, 416:
					a.expect(t, tc.lines, a.status, "*", "ETag:", "Cache-Control: no-store")
				}
			}
		}
	}
}

func TestSite_unknownTime(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a", "b.txt": "b"})
	check(t, os.Chtimes(filepath.Join(dir, "a.txt"), time.Unix(0, 0), time.Unix(0, 0)))
	future := time.Now().Add(24 * time.Hour)
	check(t, os.Chtimes(filepath.Join(dir, "b.txt"), future, future))
	s, _ := site(t, dir, Options{})
	for _, p := range []string{"/a.txt", "/b.txt"} {
		a := ask(t, s, "GET "+p)
		a.expect(t, p, 200, "*", "Last-Modified:")
		if a.header.Get("ETag") == "" {
			t.Errorf("%s: no ETag", p)
		}
		for _, line := range []string{"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"} {
			ask(t, s, "GET "+p, line).expect(t, p+" "+line, 200, "*")
		}
	}
}

// Tags tell apart what times and sizes do not: a file that was replaced by
// one of the same time and size, and codings.
func TestEntityTag(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "aaa", "b.txt": "bbb"})
	s, now := site(t, dir, Options{MaxCachedFile: -1, OpenFiles: -1})
	a := ask(t, s, "GET /a.txt").header.Get("ETag")
	if a != ask(t, s, "GET /a.txt").header.Get("ETag") {
		t.Error("the tag changes though the file does not")
	}
	check(t, os.Rename(filepath.Join(dir, "b.txt"), filepath.Join(dir, "a.txt")))
	now.now += time.Hour
	if b := ask(t, s, "GET /a.txt").header.Get("ETag"); a == b {
		t.Errorf("%s for both files", a)
	}
	seen := make(map[string]bool)
	st, _ := os.Stat(filepath.Join(dir, "a.txt"))
	for coding := range sidecars {
		seen[entityTag(stamp(st), codingOf(coding))] = true
	}
	later := stamp(st)
	later.Time++
	seen[entityTag(later, 0)] = true
	if len(seen) != len(sidecars)+1 {
		t.Errorf("%v", seen)
	}
}
