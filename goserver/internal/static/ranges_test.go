package static

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
)

func TestParseRanges(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("0-0,", maxRanges), ",")
	for _, tc := range []struct {
		field string
		size  int64
		want  string
	}{
		{"bytes=0-499", 1000, "[{0 500}]"},
		{"bytes=500-999", 1000, "[{500 1000}]"},
		{"bytes=500-", 1000, "[{500 1000}]"},
		{"bytes=-500", 1000, "[{500 1000}]"},
		{"bytes=0-", 1000, "[{0 1000}]"},
		{"bytes=0-9999", 1000, "[{0 1000}]"},
		{"bytes=-9999", 1000, "[{0 1000}]"},
		{"bytes=999-999", 1000, "[{999 1000}]"},
		{"BYTES = 0-1", 1000, "[{0 2}]"},
		{"bytes=0-0,-1", 1000, "[{0 1} {999 1000}]"},
		{"bytes= 0-0 ,\t5-6 ,", 1000, "[{0 1} {5 7}]"},
		{"bytes=,0-0", 1000, "[{0 1}]"},
		{"bytes=500-600,601-999", 1000, "[{500 601} {601 1000}]"},
		{"bytes=500-700,601-999", 1000, "[{500 701} {601 1000}]"}, // two may overlap
		{"bytes=5-4", 1000, "ignored"},
		{"bytes=0-1,9-8", 1000, "ignored"},
		{"bytes=1000-", 1000, "none"},
		{"bytes=1000-2000", 1000, "none"},
		{"bytes=-0", 1000, "none"},
		{"bytes=1000-,0-1", 1000, "[{0 2}]"},
		{"bytes=9223372036854775807-", 1000, "none"},
		{"bytes=99999999999999999999-", 1000, "none"},
		{"bytes=0-99999999999999999999", 1000, "[{0 1000}]"},
		{"bytes=99999999999999999999-99999999999999999999", 1000, "none"},
		{"bytes=-99999999999999999999", 1000, "[{0 1000}]"},
		{"bytes=", 1000, "ignored"},
		{"bytes", 1000, "ignored"},
		{"", 1000, "ignored"},
		{"bytes=-", 1000, "ignored"},
		{"bytes=a-b", 1000, "ignored"},
		{"bytes=1", 1000, "ignored"},
		{"bytes=--1", 1000, "ignored"},
		{"bytes=-1-", 1000, "ignored"},
		{"bytes=1-2-3", 1000, "ignored"},
		{"bytes=+1-2", 1000, "ignored"},
		{"bytes=1 -2", 1000, "ignored"},
		{"items=0-1", 1000, "ignored"},
		{"bytes=0-1", 0, "ignored"},
		{"bytes=-1", 0, "ignored"},
		{"bytes=0-,0-", 1000, "ignored"},       // more bytes than there are
		{"bytes=0-1,0-2,0-3", 1000, "ignored"}, // three overlap
		{"bytes=" + many, 1000, "ignored"},     // all the same
		{"bytes=" + distinct(maxRanges), 1000, "sixteen"},
		{"bytes=" + distinct(maxRanges+1), 1000, "ignored"},
	} {
		spans, ok := parseRanges([]byte(tc.field), tc.size)
		got := fmt.Sprint(spans)
		switch {
		case !ok:
			got = "ignored"
		case len(spans) == 0:
			got = "none"
		case len(spans) == 16:
			got = "sixteen"
		}
		if got != tc.want {
			t.Errorf("%q of %d: %s, want %s", tc.field, tc.size, got, tc.want)
		}
	}
}

// distinct returns n ranges of one byte each.
func distinct(n int) string {
	var b []string
	for i := range n {
		b = append(b, fmt.Sprintf("%d-%d", 2*i, 2*i))
	}
	return strings.Join(b, ",")
}

func FuzzParseRanges(f *testing.F) {
	f.Add("bytes=0-1,5-", int64(10))
	f.Add("bytes=-99999999999999999999,1-", int64(1)<<62)
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size < 0 {
			return
		}
		spans, ok := parseRanges([]byte(field), size)
		if len(spans) > maxRanges {
			t.Errorf("%d spans", len(spans))
		}
		var total int64
		for _, r := range spans {
			if ok && (r.start < 0 || r.start >= r.end || r.end > size) {
				t.Errorf("%q of %d: %v", field, size, r)
			}
			total += r.size()
		}
		if ok && total > size {
			t.Errorf("%q of %d: %d bytes", field, size, total)
		}
	})
}

func TestSite_ranges(t *testing.T) {
	dir := tree(t, map[string]string{"s.txt": "0123456789", "l.txt": large, "e.txt": ""})
	s, _ := site(t, dir, Options{})
	for _, path := range []string{"/s.txt", "/l.txt"} {
		whole := ask(t, s, "GET "+path).body
		n := len(whole)
		for _, tc := range []struct{ field, body, contentRange string }{
			{"bytes=0-0", whole[:1], fmt.Sprintf("bytes 0-0/%d", n)},
			{"bytes=2-5", whole[2:6], fmt.Sprintf("bytes 2-5/%d", n)},
			{"bytes=7-", whole[7:], fmt.Sprintf("bytes 7-%d/%d", n-1, n)},
			{"bytes=-3", whole[n-3:], fmt.Sprintf("bytes %d-%d/%d", n-3, n-1, n)},
			{"bytes=0-", whole, fmt.Sprintf("bytes 0-%d/%d", n-1, n)},
			{"bytes=9999999-,1-2", whole[1:3], fmt.Sprintf("bytes 1-2/%d", n)}, // one is left
		} {
			ask(t, s, "GET "+path, "Range: "+tc.field).expect(t, path+" "+tc.field, 206, tc.body,
				"Content-Range: "+tc.contentRange, "Content-Type: text/plain; charset=utf-8", "Last-Modified: "+pastText, "Cache-Control: public, max-age=3600")
		}
		ask(t, s, "GET "+path, "Range: bytes=9999999-").expect(t, path, 416, "*", fmt.Sprintf("Content-Range: bytes */%d", n), "Accept-Ranges:")
		ask(t, s, "GET "+path, "Range: pages=1").expect(t, path+" other unit", 200, whole, "Content-Range:")
		testMultipart(t, ask(t, s, "GET "+path, "Range: bytes=0-1, 4-6, -2"), whole)
	}
	ask(t, s, "GET /e.txt", "Range: bytes=0-0").expect(t, "an empty file", 200, "")
}

func testMultipart(t *testing.T, a *answer, whole string) {
	t.Helper()
	n := len(whole)
	kind, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if a.status != 206 || err != nil || kind != "multipart/byteranges" || a.header.Get("Content-Range") != "" || a.header.Get("ETag") == "" {
		t.Errorf("%d %v %v", a.status, a.header, err)
	}
	r := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	for _, want := range []struct{ body, contentRange string }{
		{whole[:2], fmt.Sprintf("bytes 0-1/%d", n)},
		{whole[4:7], fmt.Sprintf("bytes 4-6/%d", n)},
		{whole[n-2:], fmt.Sprintf("bytes %d-%d/%d", n-2, n-1, n)},
	} {
		p, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if string(body) != want.body || p.Header.Get("Content-Range") != want.contentRange || p.Header.Get("Content-Type") != "text/plain; charset=utf-8" || err != nil {
			t.Errorf("part %q %v %v, want %v", body, p.Header, err, want)
		}
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

// A set of ranges of a coded file names the coding where it is: in the parts.
func TestSite_rangesOfCoded(t *testing.T) {
	dir := tree(t, map[string]string{"s.css": strings.Repeat("a", 100), "s.css.gz": "0123456789", "l.css": large, "l.css.gz": large[1:]})
	s, _ := site(t, dir, Options{NoCompression: true, AdmitAfter: 1})
	for _, path := range []string{"/s.css", "/l.css"} {
		ask(t, s, "GET "+path, "Accept-Encoding: gzip", "Range: bytes=1-2").expect(t, path+", one range", 206, "*", "Content-Encoding: gzip")
		a := ask(t, s, "GET "+path, "Accept-Encoding: gzip", "Range: bytes=1-2,4-5")
		a.expect(t, path+", two ranges", 206, "*", "Content-Encoding:", "Vary: Accept-Encoding")
		if strings.Count(a.body, "\r\nContent-Encoding: gzip\r\n") != 2 || strings.Count(a.body, "\r\nContent-Type: text/css; charset=utf-8\r\n") != 2 {
			t.Errorf("%s: %q", path, a.body)
		}
	}
}
