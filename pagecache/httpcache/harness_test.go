package httpcache

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// An origin is a handler whose body tells how often it was called.
type origin struct {
	status int    // 200 if zero
	fields string // one a line
	handle func(w http.ResponseWriter, r *http.Request, call int)
	calls  atomic.Int64
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := int(o.calls.Add(1))
	setFields(w.Header(), o.fields)
	if o.handle != nil {
		o.handle(w, r, call)
		return
	}
	if o.status != 0 {
		w.WriteHeader(o.status)
	}
	fmt.Fprintf(w, "body %d", call)
}

// setFields adds fields, one a line. {now} is the time, {now+N} is N seconds later.
func setFields(h http.Header, lines string) {
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "" {
			continue
		}
		value = strings.TrimSpace(value)
		if at, found := strings.CutPrefix(value, "{now"); found {
			var n int
			fmt.Sscanf(at, "%d", &n)
			value = time.Now().Add(time.Duration(n) * time.Second).UTC().Format(http.TimeFormat)
		}
		h.Add(name, value)
	}
}

// ask sends one request, such as "GET /a" and fields, and tells of the response
// the status, what Cache-Status says without ttl, Age, and the body.
func ask(h http.Handler, request string) string {
	res := get(h, request)
	told := []string{fmt.Sprint(res.Code)}
	if s := res.Header().Get("Cache-Status"); s != "" {
		s, _, _ = strings.Cut(strings.TrimPrefix(s, "hyperion; "), "; ttl=")
		told = append(told, s)
	}
	if age := res.Header().Get("Age"); age != "" {
		told = append(told, "age "+age)
	}
	if body := strings.TrimSpace(res.Body.String()); body != "" {
		told = append(told, body)
	}
	return strings.Join(told, ", ")
}

func get(h http.Handler, request string) *httptest.ResponseRecorder {
	line, fields, _ := strings.Cut(request, "\n")
	method, target, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, target, nil)
	setFields(r.Header, fields)
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	res := httptest.NewRecorder()
	h.ServeHTTP(res, r)
	return res
}

// A step waits and asks.
type step struct {
	wait    int // seconds
	request string
	want    string
}

// A play is a sequence of steps with one origin, which begins with an empty cache.
type play struct {
	name   string
	origin origin
	steps  []step
}

// run plays all, each with a clock of its own.
func run(t *testing.T, o Options, plays []play) {
	t.Helper()
	for i := range plays {
		p := &plays[i]
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(o).Handler(&p.origin)
				for i, s := range p.steps {
					time.Sleep(time.Duration(s.wait) * time.Second)
					if got := ask(h, s.request); got != s.want {
						t.Errorf("step %d: %q: got %q, want %q", i+1, s.request, got, s.want)
					}
					synctest.Wait()
				}
			})
		})
	}
}

const fresh = "Cache-Control: max-age=60\nETag: \"v\"\n"

// miss and hit are what get tells of a request that was the nth call of the origin, and
// of one answered with its response.
func miss(n int) string     { return fmt.Sprintf("200, fwd=uri-miss; stored, body %d", n) }
func lost(n int) string     { return fmt.Sprintf("200, fwd=uri-miss, body %d", n) }
func hit(n, age int) string { return fmt.Sprintf("200, hit, age %d, body %d", age, n) }

// fetch tells of a server's answer to a method: the status, the fields but Date and
// those of this package, and the body.
func fetch(t *testing.T, srv *httptest.Server, method string) string {
	t.Helper()
	r, err := http.NewRequest(method, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity") // or the client decodes
	res, err := srv.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Date", "Age", "Cache-Status"} {
		res.Header.Del(name)
	}
	if method == "HEAD" { // need not tell it
		res.Header.Del("Content-Length")
	}
	return fmt.Sprint(res.Status, res.Header, len(body), string(body[:min(len(body), 99)]))
}
