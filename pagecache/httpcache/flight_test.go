package httpcache

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// crowd sends n requests at once to a handler that takes a second a call, and
// returns how often each answer came and how long all took.
func crowd(t *testing.T, h http.Handler, n int, request func(i int) string) (answers map[string]int, took time.Duration) {
	t.Helper()
	start := time.Now()
	told := make(chan string, n)
	for i := range n {
		go func() { told <- ask(h, request(i)) }()
	}
	answers = make(map[string]int)
	for range n {
		answers[<-told]++
	}
	return answers, time.Since(start)
}

func slow(fields string) *origin {
	return &origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
		time.Sleep(time.Second)
		setFields(w.Header(), fields)
		fmt.Fprintf(w, "body %d", call)
	}}
}

// RFC 9111 §4: "A cache can use a response that is stored or storable to satisfy multiple requests".
func TestFlight_collapse(t *testing.T) {
	same := func(int) string { return "GET /a" }
	for _, c := range []struct {
		name    string
		fields  string
		request func(i int) string
		calls   int64
		took    time.Duration
	}{
		{"one response for all", fresh, same, 1, time.Second},
		{"not storable: all by themselves, as soon as that is known", "", same, 50, 2 * time.Second},
		{"two variants", fresh + "Vary: X", func(i int) string { return fmt.Sprintf("GET /a\nX: %d", i%2) }, 2, 2 * time.Second},
		{"two URIs", fresh, func(i int) string { return fmt.Sprintf("GET /%d", i%2) }, 2, time.Second},
		{"credentials wait for nobody", fresh, func(int) string { return "GET /a\nCookie: a=b" }, 50, time.Second},
		{"no-cache waits for nobody", fresh, func(int) string { return "GET /a\nCache-Control: no-cache" }, 50, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := slow(c.fields)
				cache := New(Options{})
				answers, took := crowd(t, cache.Handler(o), 50, c.request)
				if o.calls.Load() != c.calls || took != c.took {
					t.Errorf("%d calls in %v, want %d in %v: %v", o.calls.Load(), took, c.calls, c.took, answers)
				}
				if s := cache.Stats(); s.Misses != c.calls || s.Hits != 50-c.calls || s.Collapsed != s.Hits {
					t.Errorf("%+v", s)
				}
				if n := len(cache.flights.byKey); n != 0 {
					t.Errorf("%d flights left", n)
				}
			})
		})
	}
}

// Those who wait go on as soon as it shows that there is nothing to wait for.
func TestFlight_released(t *testing.T) {
	for name, handle := range map[string]func(w http.ResponseWriter){
		"not storable": func(w http.ResponseWriter) { w.WriteHeader(200) },
		"flushed": func(w http.ResponseWriter) {
			setFields(w.Header(), fresh)
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1") // of no effect
			w.(http.Flusher).Flush()
		},
		"too long":    func(w http.ResponseWriter) { setFields(w.Header(), fresh); w.Write(make([]byte, 101)) },
		"declared so": func(w http.ResponseWriter) { setFields(w.Header(), fresh+"Content-Length: 101"); w.WriteHeader(200) },
	} {
		synctest.Test(t, func(t *testing.T) {
			o := &origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
				time.Sleep(time.Second) // all others come to wait
				handle(w)
				time.Sleep(time.Second)
			}}
			h := New(Options{MaxBody: 100}).Handler(o)
			answers, took := crowd(t, h, 5, func(int) string { return "GET /a" })
			if took != 3*time.Second || o.calls.Load() != 5 {
				t.Errorf("%s: %v, %d calls: %v", name, took, o.calls.Load(), answers)
			}
			if res := get(h, "GET /a").Result(); res.Header.Get("X-Late") != "" || res.Header.Get("Cache-Status") != "hyperion; fwd=uri-miss" {
				t.Errorf("%s: %v", name, res.Header)
			}
		})
	}
}

// A response that was stored between the look into the store and the beginning of a
// flight is used.
func TestFlight_justLanded(t *testing.T) {
	o := &origin{fields: fresh}
	c := New(Options{})
	h := c.Handler(o)
	r, res := httptest.NewRequest("GET", "/a", nil), httptest.NewRecorder()
	key, _ := appendKey(nil, r, nil)
	e := newExchange(c, res, r, o, parseControl(nil), key, c.lookup(key, r.Header))
	get(h, "GET /a")
	if e.run(); o.calls.Load() != 1 || res.Body.String() != "body 1" {
		t.Errorf("%d calls, %q", o.calls.Load(), res.Body)
	}
	if len(c.flights.byKey) != 0 {
		t.Error("a flight is left")
	}
}

// What could not be stored is not waited for again, for a time.
func TestFlight_lone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{}).Handler(slow(""))
		same := func(int) string { return "GET /a" }
		for i, want := range []time.Duration{2 * time.Second, time.Second, time.Second} {
			if _, took := crowd(t, h, 5, same); took != want {
				t.Errorf("crowd %d took %v, want %v", i, took, want)
			}
		}
		time.Sleep(loneTime)
		if _, took := crowd(t, h, 5, same); took != 2*time.Second {
			t.Errorf("after a time: %v", took)
		}
	})
}

// Credentials keep nobody from waiting where the stored response was for all.
func TestFlight_validation(t *testing.T) {
	for _, request := range []string{"GET /a", "GET /a\nCookie: a=b"} {
		synctest.Test(t, func(t *testing.T) {
			h := New(Options{}).Handler(slow(fresh + "Cache-Control: public"))
			get(h, request)
			time.Sleep(time.Minute)
			answers, _ := crowd(t, h, 20, func(int) string { return request })
			want := map[string]int{"200, fwd=stale; stored, body 2": 1, "200, fwd=stale; collapsed, age 0, body 2": 19}
			if fmt.Sprint(answers) != fmt.Sprint(want) {
				t.Errorf("%q: %v", request, answers)
			}
		})
	}
}

// A stale response covers the error for all who wait.
func TestFlight_covered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			time.Sleep(time.Second)
			if call > 1 {
				http.Error(w, "oops", 500)
				return
			}
			setFields(w.Header(), "Cache-Control: max-age=10, stale-if-error=60\nETag: \"v\"")
			fmt.Fprintf(w, "body %d", call)
		}}
		c := New(Options{})
		h := c.Handler(o)
		get(h, "GET /a")
		time.Sleep(10 * time.Second)
		answers, _ := crowd(t, h, 20, func(int) string { return "GET /a" })
		if len(answers) != 2 || o.calls.Load() != 2 || c.Stats().CoveredErrors != 1 {
			t.Errorf("%v, %d calls, %+v", answers, o.calls.Load(), c.Stats())
		}
	})
}

// Who leads and leaves has another take over, and what was cut short is not stored. Who
// waits does so until the context ends.
func TestFlight_context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			setFields(w.Header(), fresh)
			fmt.Fprintf(w, "begin %d ", call)
			select {
			case <-r.Context().Done(): // and the rest is left out
			case <-time.After(4 * time.Second):
				fmt.Fprint(w, "end")
			}
		}}
		h := New(Options{}).Handler(o)
		start := func(limit time.Duration) <-chan string {
			told := make(chan string, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				res := httptest.NewRecorder()
				h.ServeHTTP(res, httptest.NewRequest("GET", "/a", nil).WithContext(ctx))
				told <- fmt.Sprint(res.Code, " ", res.Body)
			}()
			synctest.Wait()
			return told
		}
		first := start(time.Second)
		second := start(time.Minute)
		if got := <-first; !strings.HasPrefix(got, "200 begin 1") || strings.Contains(got, "end") {
			t.Errorf("who left: %q", got)
		}
		synctest.Wait() // until the second leads
		third := start(time.Second)
		if got := <-third; !strings.HasPrefix(got, "504") {
			t.Errorf("who waited too long: %q", got)
		}
		if got := <-second; !strings.HasPrefix(got, "200 begin 2 end") {
			t.Errorf("who took over: %q", got)
		}
		if got := ask(h, "GET /a"); got != "200, hit, age 4, begin 2 end" {
			t.Errorf("then %q", got)
		}
	})
}

// A panic in the background is logged, and the stale response stays.
func TestBackground_panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		o := &origin{handle: func(w http.ResponseWriter, r *http.Request, call int) {
			if call > 1 {
				panic("in the background")
			}
			setFields(w.Header(), "Cache-Control: max-age=1, stale-while-revalidate=60\nETag: \"v\"")
		}}
		c := New(Options{ErrorLog: log.New(&logged, "", 0)})
		h := c.Handler(o)
		get(h, "GET /a")
		time.Sleep(2 * time.Second)
		for range 2 {
			if got := ask(h, "GET /a"); got != "200, hit, age 2" {
				t.Error(got)
			}
			synctest.Wait()
		}
		if n := strings.Count(logged.String(), "panic validating /a: in the background"); n != 2 {
			t.Errorf("logged %q", logged.String())
		}
		if len(c.background) != 0 || len(c.flights.byKey) != 0 {
			t.Errorf("%d calls, %d flights left", len(c.background), len(c.flights.byKey))
		}
	})
}

// Calls in the background are bounded, outlive the request, and end.
func TestBackground_bounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{}
		o.handle = func(w http.ResponseWriter, r *http.Request, call int) {
			if r.Header.Get("If-None-Match") != "" {
				<-r.Context().Done()
			}
			setFields(w.Header(), "Cache-Control: max-age=1, stale-while-revalidate=600\nETag: \"v\"")
		}
		c := New(Options{})
		h := c.Handler(o)
		const n = backgroundCalls + 10
		for i := range n {
			get(h, fmt.Sprintf("GET /%d", i))
		}
		time.Sleep(2 * time.Second)
		for i := range n {
			ctx, cancel := context.WithCancel(t.Context())
			res := httptest.NewRecorder()
			h.ServeHTTP(res, httptest.NewRequest("GET", fmt.Sprintf("/%d", i), nil).WithContext(ctx))
			cancel()
			if res.Code != 200 || !strings.Contains(res.Header().Get("Cache-Status"), "hit") {
				t.Fatalf("%d: %d %v", i, res.Code, res.Header())
			}
		}
		synctest.Wait()
		if len(c.background) != backgroundCalls {
			t.Errorf("%d calls go on, want %d", len(c.background), backgroundCalls)
		}
		if got := o.calls.Load() - n; got != backgroundCalls {
			t.Errorf("%d calls in the background, want %d", got, backgroundCalls)
		}
		time.Sleep(backgroundTime)
		synctest.Wait()
		if len(c.background) != 0 {
			t.Errorf("%d calls still there", len(c.background))
		}
	})
}
