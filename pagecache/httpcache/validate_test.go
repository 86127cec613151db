package httpcache

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// versions is a handler with versions: it answers 304 to the tag of the present one.
func versions(fields string, tag func(call int) string) origin {
	return origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
		setFields(w.Header(), fields)
		w.Header().Set("ETag", tag(call))
		if r.Header.Get("If-None-Match") == tag(call) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, "body %d", call)
	}}
}

// RFC 9111 §4.3: validation.
func TestSection4_3_validation(t *testing.T) {
	const short = "Cache-Control: max-age=10\n"
	same := func(int) string { return `"v"` }
	run(t, Options{}, []play{
		{"4.3.1 the handler agrees", versions(short, same), []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "200, fwd=stale; fwd-status=304; stored, body 1"},
			{9, "GET /a", hit(1, 9)},
			{1, "GET /a", "200, fwd=stale; fwd-status=304; stored, body 1"},
		}},
		{"4.3.3 the handler has another", versions(short, func(call int) string { return fmt.Sprint(`"`, call, `"`) }), []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "200, fwd=stale; stored, body 2"},
			{0, "GET /a", hit(2, 0)},
		}},
		{"4.3.3 the handler has another that is not stored", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call == 1 {
				setFields(w.Header(), short+"ETag: \"v\"")
			}
			fmt.Fprintf(w, "body %d", call)
		}}, []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "200, fwd=stale, body 2"},
			{0, "GET /a\nCache-Control: max-stale", lost(3)},
		}},
		{"4.3.4 about another response", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), short)
			if call == 2 {
				setFields(w.Header(), "ETag: \"w\"\nX: 2")
				w.WriteHeader(http.StatusNotModified)
				return
			}
			setFields(w.Header(), "ETag: \"v\"")
			fmt.Fprintf(w, "body %d", call)
		}}, []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "200, fwd=stale; stored, body 3"},
		}},
		{"4.3.2 the client's precondition", versions(short, same), []step{
			{0, "GET /a", miss(1)},
			{1, "GET /a\nIf-None-Match: \"v\"", "304, hit, age 1"},
			{0, "GET /a\nIf-None-Match: W/\"v\"", "304, hit, age 1"},
			{0, "GET /a\nIf-None-Match: \"u\", \"v\"", "304, hit, age 1"},
			{0, "GET /a\nIf-None-Match: \"u\"\nIf-None-Match: \"v\"", "304, hit, age 1"},
			{0, "GET /a\nIf-None-Match: *", "304, hit, age 1"},
			{0, "GET /a\nIf-None-Match: \"w\"", hit(1, 1)},
			{0, "GET /a\nIf-None-Match: v", hit(1, 1)},
			{0, "HEAD /a\nIf-None-Match: \"v\"", "304, hit, age 1"},
			{0, "GET /a\nIf-None-Match: \"w\"\nIf-Modified-Since: {now+9}", hit(1, 1)},
			{9, "GET /a\nIf-None-Match: \"v\"", "304, fwd=stale; fwd-status=304; stored"},
			{10, "GET /a\nIf-None-Match: \"w\"", "200, fwd=stale; fwd-status=304; stored, body 1"},
		}},
		{"4.3.2 If-Modified-Since", origin{fields: short + "Last-Modified: {now-100}"}, []step{
			{0, "GET /a", miss(1)},
			{1, "GET /a\nIf-Modified-Since: {now-101}", "304, hit, age 1"},
			{0, "GET /a\nIf-Modified-Since: {now-102}", hit(1, 1)},
			{0, "GET /a\nIf-Modified-Since: nonsense", hit(1, 1)},
		}},
		{"4.3.2 If-Modified-Since and no Last-Modified", versions(short, same), []step{
			{0, "GET /a", miss(1)},
			{1, "GET /a\nIf-Modified-Since: {now-1}", "304, hit, age 1"},
			{0, "GET /a\nIf-Modified-Since: {now-2}", hit(1, 1)},
		}},
		{"4.3.2 preconditions of the origin", versions(short, same), []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nIf-Match: \"v\"", "200, body 2"},
			{0, "GET /a\nIf-Unmodified-Since: {now}", "200, body 3"},
		}},
		{"a precondition when nothing is stored is the handler's", versions(short, same), []step{
			{0, "GET /a\nIf-None-Match: \"v\"", "304, fwd=uri-miss"},
			{0, "GET /a\nIf-None-Match: \"w\"", miss(2)},
		}},
		{"3.3 ranges of a whole", origin{fields: fresh + "Last-Modified: {now-100}"}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nRange: bytes=1-2", "206, hit, age 0, od"},
			{0, "GET /a\nRange: bytes=9-", "416, hit, age 0, invalid range: failed to overlap"},
			{0, "GET /a\nRange: bytes=1-2\nIf-Range: \"v\"", "206, hit, age 0, od"},
			{0, "GET /a\nRange: bytes=1-2\nIf-Range: \"w\"", hit(1, 0)},
			{0, "GET /a\nRange: bytes=1-2\nIf-None-Match: \"v\"", "304, hit, age 0"},
			{60, "GET /a\nRange: bytes=5-", "206, fwd=stale; stored, 2"},
		}},
		{"3.3 a part is not stored", origin{fields: fresh, handle: func(w http.ResponseWriter, r *http.Request, call int) {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
		}}, []step{
			{0, "GET /a\nRange: bytes=1-2", "206, fwd=uri-miss, 12"},
			{0, "GET /a", "200, fwd=uri-miss; stored, 0123456789"},
			{0, "GET /a\nRange: bytes=1-2", "206, hit, age 0, 12"},
			{60, "GET /a\nRange: bytes=1-2", "206, fwd=stale; fwd-status=304; stored, 12"},
		}},
		{"9110 §9.3.2 HEAD", origin{fields: fresh}, []step{
			{0, "HEAD /a", "200, body 1"}, // a server leaves the body away
			{0, "GET /a", miss(2)},
			{0, "HEAD /a", "200, hit, age 0"},
		}},
	})
}

// RFC 9111 §3.2, §4.3.4: a 304 updates the stored fields.
func TestSection3_2_update(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call == 1 {
				setFields(w.Header(), fresh+"X-Old: 1\nX-New: 1\nX-New: 1\nContent-Encoding: gzip\nContent-Type: text/x\nVary: X")
				w.Write([]byte("body"))
				return
			}
			if r.Header.Get("If-None-Match") != `"v"` || r.Header.Get("Range") != "" {
				t.Errorf("request to validate: %v", r.Header)
			}
			setFields(w.Header(), fmt.Sprintf("X-New: 2\nX-New: 3\nContent-Encoding: br\nContent-Length: 99\nCache-Control: max-age=%d", 5*call))
			w.WriteHeader(http.StatusNotModified)
		}}
		c := New(Options{})
		h := c.Handler(&o)
		date := get(h, "GET /a").Header().Get("Date")
		time.Sleep(time.Minute)
		get(h, "GET /a\nRange: bytes=0-0")
		time.Sleep(9 * time.Second)
		res := get(h, "GET /a")
		for name, want := range map[string]string{
			"X-Old": "1", "X-New": "2|3", "Content-Encoding": "gzip", "Content-Type": "text/x", "Content-Length": "4",
			"Cache-Control": "max-age=10", "Etag": `"v"`, "Age": "9", "Cache-Status": "hyperion; hit; ttl=1",
		} {
			if got := strings.Join(res.Header()[name], "|"); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if got := res.Header().Get("Date"); got == date || res.Body.String() != "body" {
			t.Errorf("Date %q, body %q", got, res.Body)
		}
		if s := c.Stats(); s.Validated != 1 || s.Hits != 1 || s.Misses != 2 || s.Stored != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// A 304 that forbids storing ends the stored response; the client it answers gets it all.
func TestSection4_3_4_noLongerStorable(t *testing.T) {
	for _, fields := range []string{"Cache-Control: no-store", "Cache-Control: private", "Set-Cookie: a=b", "Cache-Control: max-age=0"} {
		run(t, Options{}, []play{{fields, origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call == 2 {
				setFields(w.Header(), fields)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			setFields(w.Header(), fresh)
			fmt.Fprintf(w, "body %d", call)
		}}, []step{
			{0, "GET /a", miss(1)},
			{60, "GET /a", "200, fwd=stale; fwd-status=304, body 1"},
			{0, "GET /a", miss(3)},
		}}})
	}
}

// RFC 9110 §15.4.5: what a 304 has.
func TestNotModified_fields(t *testing.T) {
	o := origin{fields: fresh + "Last-Modified: {now-9}\nContent-Type: text/x\nContent-Encoding: gzip\nContent-Location: /b\nVary: X\nContent-Security-Policy: x"}
	h := New(Options{}).Handler(&o)
	get(h, "GET /a")
	res := get(h, "GET /a\nIf-None-Match: \"v\"").Header()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Last-Modified"} {
		if len(res[name]) > 0 {
			t.Errorf("%s: %q", name, res[name])
		}
	}
	for _, name := range []string{"Etag", "Date", "Vary", "Cache-Control", "Content-Location", "Content-Security-Policy", "Age"} {
		if len(res[name]) != 1 {
			t.Errorf("%s: %q", name, res[name])
		}
	}
}
