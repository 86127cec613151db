package httpcache

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// RFC 9111 §4.2: freshness.
func TestSection4_2_freshness(t *testing.T) {
	sameETag := func(fields string) origin { return origin{fields: fields} }
	run(t, Options{}, []play{
		{"4.2.1 max-age", sameETag(fresh), []step{
			{0, "GET /a", miss(1)},
			{59, "GET /a", hit(1, 59)},
			{1, "GET /a", "200, fwd=stale; stored, body 2"},
			{0, "GET /a", hit(2, 0)},
		}},
		{"4.2.1 s-maxage over max-age", sameETag("Cache-Control: max-age=9, s-maxage=3\nETag: \"v\""), []step{
			{0, "GET /a", miss(1)},
			{2, "GET /a", hit(1, 2)},
			{1, "GET /a", "200, fwd=stale; stored, body 2"},
		}},
		{"4.2.1 Expires", sameETag("Expires: {now+5}\nETag: \"v\""), []step{
			{0, "GET /a", miss(1)},
			{4, "GET /a", hit(1, 4)},
			{1, "GET /a", "200, fwd=stale; stored, body 2"},
		}},
		{"4.2.3 Age of the handler's response counts", sameETag(fresh + "Age: 50"), []step{
			{0, "GET /a", "200, fwd=uri-miss; stored, age 50, body 1"},
			{9, "GET /a", hit(1, 59)},
			{1, "GET /a", "200, fwd=stale; stored, age 50, body 2"},
		}},
		{"4.2.3 so does how long it took", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			time.Sleep(3 * time.Second)
			setFields(w.Header(), fresh+"Age: 50")
			fmt.Fprintf(w, "body %d", call)
		}}, []step{
			{0, "GET /a", "200, fwd=uri-miss; stored, age 53, body 1"},
		}},
		{"4.2.3 an old Date counts", sameETag(fresh + "Date: {now-58}"), []step{
			{0, "GET /a", "200, fwd=uri-miss; stored, age 58, body 1"},
			{1, "GET /a", hit(1, 59)},
			{1, "GET /a", "200, fwd=stale; stored, age 58, body 2"},
		}},
		{"4.2.4 what is stale is not sent", sameETag("Cache-Control: max-age=1, public\nETag: \"v\""), []step{
			{0, "GET /a", miss(1)},
			{1, "GET /a", "200, fwd=stale; stored, body 2"},
		}},
	})
}

// RFC 9111 §5.2.1: request directives.
func TestSection5_2_1_requestDirectives(t *testing.T) {
	run(t, Options{}, []play{
		{"5.2.1.1 max-age", origin{fields: fresh}, []step{
			{0, "GET /a", miss(1)},
			{5, "GET /a\nCache-Control: max-age=5", hit(1, 5)},
			{1, "GET /a\nCache-Control: max-age=5", "200, fwd=request; stored, body 2"},
			{0, "GET /a\nCache-Control: max-age=0", hit(2, 0)},
		}},
		{"5.2.1.2 max-stale", origin{fields: "Cache-Control: max-age=10\nETag: \"v\""}, []step{
			{0, "GET /a", miss(1)},
			{15, "GET /a\nCache-Control: max-stale=5", hit(1, 15)},
			{1, "GET /a\nCache-Control: max-stale", hit(1, 16)},
			{0, "GET /a\nCache-Control: max-stale=5", "200, fwd=stale; stored, body 2"},
		}},
		{"5.2.2.2 must-revalidate over max-stale", origin{fields: fresh + "Cache-Control: must-revalidate"}, []step{
			{0, "GET /a", miss(1)},
			{60, "GET /a\nCache-Control: max-stale", "200, fwd=stale; stored, body 2"},
		}},
		{"5.2.2.8 proxy-revalidate over max-stale", origin{fields: fresh + "Cache-Control: proxy-revalidate"}, []step{
			{0, "GET /a", miss(1)},
			{60, "GET /a\nCache-Control: max-stale", "200, fwd=stale; stored, body 2"},
		}},
		{"5.2.2.10 s-maxage over max-stale", origin{fields: "Cache-Control: s-maxage=60\nETag: \"v\""}, []step{
			{0, "GET /a", miss(1)},
			{60, "GET /a\nCache-Control: max-stale", "200, fwd=stale; stored, body 2"},
		}},
		{"5.2.1.3 min-fresh", origin{fields: fresh}, []step{
			{0, "GET /a", miss(1)},
			{50, "GET /a\nCache-Control: min-fresh=10", hit(1, 50)},
			{1, "GET /a\nCache-Control: min-fresh=10", "200, fwd=request; stored, body 2"},
		}},
		{"5.2.1.4 no-cache", origin{fields: fresh}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nCache-Control: no-cache", "200, fwd=request; stored, body 2"},
			{0, "GET /a", hit(2, 0)},
		}},
		{"5.2.1.5 no-store", origin{fields: fresh}, []step{
			{0, "GET /a\nCache-Control: no-store", "200, body 1"},
			{0, "GET /a", miss(2)},
			{0, "GET /a\nCache-Control: no-store", "200, body 3"},
			{0, "GET /a", hit(2, 0)},
		}},
		{"5.2.1.7 only-if-cached", origin{fields: fresh}, []step{
			{0, "GET /a\nCache-Control: only-if-cached", "504, Gateway Timeout"},
			{0, "GET /a", miss(1)},
			{0, "GET /a\nCache-Control: only-if-cached", hit(1, 0)},
			{60, "GET /a\nCache-Control: only-if-cached", "504, Gateway Timeout"},
			{0, "GET /a\nCache-Control: only-if-cached, max-stale=1", hit(1, 60)},
		}},
		{"5.2 malformed", origin{fields: fresh}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nCache-Control: max-age=x", "200, body 2"},
		}},
		{"5.4 Pragma is ignored", origin{fields: fresh}, []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nPragma: no-cache", hit(1, 0)},
		}},
	})
}

// RFC 5861 §3: stale-while-revalidate.
func TestStaleWhileRevalidate(t *testing.T) {
	const swr = "Cache-Control: max-age=10, stale-while-revalidate=5\nETag: \"v\"\n"
	run(t, Options{}, []play{
		{"in the time", origin{fields: swr}, []step{
			{0, "GET /a", miss(1)},
			{15, "GET /a", hit(1, 15)},
			{0, "GET /a", hit(2, 0)},
		}},
		{"by HEAD", origin{fields: swr}, []step{
			{0, "GET /a", miss(1)},
			{15, "HEAD /a", "200, hit, age 15"},
			{0, "GET /a", hit(2, 0)},
		}},
		{"by HEAD, to which the handler sends no body", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), swr)
			if r.Method != "HEAD" {
				fmt.Fprintf(w, "body %d", call)
			}
		}}, []step{
			{0, "GET /a", miss(1)},
			{15, "HEAD /a", "200, hit, age 15"},
			{0, "GET /a", hit(2, 0)},
		}},
		{"later", origin{fields: swr}, []step{
			{0, "GET /a", miss(1)},
			{16, "GET /a", "200, fwd=stale; stored, body 2"},
		}},
		{"the handler fails", origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call == 2 {
				panic(http.ErrAbortHandler)
			}
			setFields(w.Header(), swr)
		}}, []step{
			{0, "GET /a", "200, fwd=uri-miss; stored"},
			{11, "GET /a", "200, hit, age 11"},
			{0, "GET /a", "200, hit, age 11"},
			{0, "GET /a", "200, hit, age 0"},
		}},
		{"the client wants none older", origin{fields: swr}, []step{
			{0, "GET /a", miss(1)},
			{12, "GET /a\nCache-Control: max-age=11", "200, fwd=stale; stored, body 2"},
		}},
		{"RFC 9111 §4.2.4: must-revalidate", origin{fields: swr + "Cache-Control: must-revalidate"}, []step{
			{0, "GET /a", miss(1)},
			{11, "GET /a", "200, fwd=stale; stored, body 2"},
		}},
	})
}

// RFC 5861 §4: stale-if-error.
func TestStaleIfError(t *testing.T) {
	failing := func(status int, fields string) origin {
		return origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call > 1 {
				w.Header().Set("X-Error", "1")
				w.Header().Set("Set-Cookie", "a=b")
				http.Error(w, "oops", status)
				return
			}
			setFields(w.Header(), fields)
			w.Write([]byte("body 1"))
		}}
	}
	const sie = "Cache-Control: max-age=10, stale-if-error=5\nETag: \"v\"\n"
	run(t, Options{}, []play{
		{"503", failing(503, sie), []step{
			{0, "GET /a", miss(1)},
			{15, "GET /a", "200, fwd=stale; fwd-status=503, age 15, body 1"},
			{1, "GET /a", "503, fwd=stale, oops"},
		}},
		{"404 is an answer", failing(404, sie), []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "404, fwd=stale, oops"},
			{0, "GET /a", "404, fwd=uri-miss, oops"},
		}},
		{"no directive", failing(503, "Cache-Control: max-age=10\nETag: \"v\""), []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "503, fwd=stale, oops"},
			{0, "GET /a\nCache-Control: max-stale", hit(1, 10)},
		}},
		{"must-revalidate", failing(500, sie+"Cache-Control: must-revalidate"), []step{
			{0, "GET /a", miss(1)},
			{10, "GET /a", "500, fwd=stale, oops"},
		}},
		{"no-cache", failing(500, sie), []step{
			{0, "GET /a", miss(1)},
			{0, "GET /a\nCache-Control: no-cache", "500, fwd=request, oops"},
		}},
	})
}

// Nothing of an error that is covered reaches the client.
func TestStaleIfError_fields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{}).Handler(&origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call > 1 {
				setFields(w.Header(), "Set-Cookie: a=b\nX-Error: 1")
				w.WriteHeader(500)
				return
			}
			setFields(w.Header(), "Cache-Control: max-age=1, stale-if-error=60\nETag: \"v\"")
		}})
		get(h, "GET /a")
		time.Sleep(2 * time.Second)
		if res := get(h, "GET /a"); res.Code != 200 || res.Header().Get("X-Error")+res.Header().Get("Set-Cookie") != "" {
			t.Errorf("%d %v", res.Code, res.Header())
		}
	})
}
