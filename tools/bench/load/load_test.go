package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) Target {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Target{Addr: netip.MustParseAddrPort(s.Listener.Addr().String()), Path: "/", Size: 5}
}

func hello(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }

var self = []int{os.Getpid()}

func TestPercentiles(t *testing.T) {
	var l latencies
	for i := 200; i >= 1; i-- {
		l.add(time.Duration(i) * time.Microsecond)
	}
	var r Result
	l.percentiles(&r)
	if r.P50 != 100*time.Microsecond || r.P99 != 198*time.Microsecond {
		t.Errorf("p50 %v, p99 %v; want 100µs, 198µs", r.P50, r.P99)
	}
}

func TestParseHead(t *testing.T) {
	for _, c := range []struct {
		in     string
		length int64
		end    int
		err    error
	}{
		{in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", length: 5, end: 38},
		{in: "HTTP/1.1 200 OK\r\ncontent-length:5 \r\nX-Content-Length: 9\r\n\r\n", length: 5, end: 59},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"},
		{in: ""},
		{in: "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n", err: errStatus},
		{in: "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\n", err: errStatus},
		{in: "HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\n\r\n", err: errHead},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", err: errHead},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", err: errHead},
		{in: "SSH-2.0\r\n\r\n", err: errHead},
	} {
		length, end, err := parseHead([]byte(c.in))
		if length != c.length || end != c.end || !errors.Is(err, c.err) {
			t.Errorf("%q: %d, %d, %v; want %d, %d, %v", c.in, length, end, err, c.length, c.end, c.err)
		}
	}
}

// However a response is cut, it is whole at its last byte and not before.
func TestAnswer_pieces(t *testing.T) {
	whole := []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	for cut := range len(whole) {
		for cut2 := cut; cut2 < len(whole); cut2++ {
			a := answer{size: 5}
			for i, p := range [][]byte{whole[:cut], whole[cut:cut2], whole[cut2:]} {
				done, err := a.feed(bytes.Clone(p))
				if err != nil || done != (i == 2) {
					t.Fatalf("cut at %d and %d: piece %d: %v, %v", cut, cut2, i, done, err)
				}
			}
		}
	}
	a := answer{size: 5}
	if _, err := a.feed(append(whole, '!')); err != errExtra {
		t.Errorf("a byte too many: %v, want errExtra", err)
	}
	a = answer{size: 6}
	if _, err := a.feed(whole); !errors.Is(err, errSize) {
		t.Errorf("wrong length: %v, want errSize", err)
	}
}

// longer runs a load for longer and longer, until it did something.
func longer(t *testing.T, run func(d time.Duration) (Result, error)) Result {
	t.Helper()
	for d := 20 * time.Millisecond; ; d *= 2 {
		r, err := run(d)
		if err != nil {
			t.Fatal(err)
		}
		if r.Requests > 0 || r.Errors > 0 || d > time.Minute {
			return r
		}
	}
}

func TestKeepAlive(t *testing.T) {
	var served atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) { served.Add(1); hello(w, r) })
	r := longer(t, func(d time.Duration) (Result, error) { return KeepAlive(t.Context(), target, 10, 0, d, self) })
	if r.Errors != 0 || r.Requests > served.Load() {
		t.Errorf("%+v; the server counts %d", r, served.Load())
	}
	if r.CPU <= 0 || r.RSS <= 0 || r.P99 < r.P50 || r.Elapsed < 20*time.Millisecond || r.Bytes < 5*r.Requests {
		t.Errorf("figures: %+v", r)
	}
}

func TestKeepAlive_countsErrors(t *testing.T) {
	var n atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 3 { // after the opening
			w.WriteHeader(http.StatusTeapot)
		}
		hello(w, r)
	})
	r := longer(t, func(d time.Duration) (Result, error) {
		n.Store(0)
		return KeepAlive(t.Context(), target, 3, 0, d, self)
	})
	if r.Errors > 3 || r.Requests != 0 || !strings.Contains(r.Problem, "418") {
		t.Errorf("%+v; want an error a connection that says 418, and no request", r)
	}
}

func TestIdle(t *testing.T) {
	r, err := Idle(t.Context(), serve(t, hello), 20, time.Millisecond, self)
	if err != nil || r.Requests != 20 || r.Errors != 0 || r.RSS <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestIdle_countsLost(t *testing.T) {
	var n atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		hello(w, r)
	})
	h, err := OpenHerd(t.Context(), target, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for deadline := time.Now().Add(time.Minute); h.Result().Errors != 5; {
		if time.Now().After(deadline) {
			t.Fatalf("%+v, want 5 errors", h.Result())
		}
	}
}

// events makes ?n= events, and flushes every second one if it merges.
// ready, unless nil, is received from before each event but the first.
func events(merge bool, ready <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range n {
			if i > 0 && ready != nil {
				<-ready
			}
			w.Write(AppendEvent(nil, time.Now()))
			if !merge || i%2 == 1 {
				w.(http.Flusher).Flush()
			}
		}
	}
}

func TestStream(t *testing.T) {
	target := serve(t, events(false, nil))
	r := longer(t, func(d time.Duration) (Result, error) { return Stream(t.Context(), target, 3, 10, 0, d, self) })
	if r.Errors != 0 || r.CPU <= 0 || r.P99 < r.P50 {
		t.Errorf("%+v", r)
	}
}

func TestStream_merged(t *testing.T) {
	r, err := Stream(t.Context(), serve(t, events(true, nil)), 3, 10, 0, time.Millisecond, self)
	if err != nil || r.Errors != 3 || !strings.Contains(r.Problem, "flushed") {
		t.Errorf("%+v, %v; want an error for each client", r, err)
	}
}

func TestLive(t *testing.T) {
	ready := make(chan struct{}, 3)
	target := serve(t, events(false, ready))
	if err := live(target, 3, 0, func() { ready <- struct{}{} }); err != nil {
		t.Error(err)
	}
}

// A server that makes all events at once and sends them later is not live.
func TestLive_heldBack(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		made := time.Now()
		for i := range 3 {
			w.Write(AppendEvent(nil, made.Add(time.Duration(i))))
			w.(http.Flusher).Flush()
		}
	})
	if err := Live(target, 3, 0); err != errLate {
		t.Errorf("err = %v, want errLate", err)
	}
}

func TestAppendEvent(t *testing.T) {
	made := time.Unix(1_700_000_000, 123456789)
	e := AppendEvent(nil, made)
	if len(e) != EventSize {
		t.Errorf("%d bytes: %q", len(e), e)
	}
	if got, err := eventTime(e); !got.Equal(made) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", strings.Repeat("x", EventSize), "data: x" + string(e[7:]), string(e[:48]) + ".\n"} {
		if _, err := eventTime([]byte(bad)); err != errEvent {
			t.Errorf("%q: %v, want errEvent", bad, err)
		}
	}
}

func TestRun_cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	target := serve(t, hello)
	for name, f := range map[string]func() (Result, error){
		"KeepAlive": func() (Result, error) { return KeepAlive(ctx, target, 2, time.Hour, time.Hour, self) },
		"Random":    func() (Result, error) { return Random(ctx, target, 2, time.Hour, time.Hour, self) },
		"Idle":      func() (Result, error) { return Idle(ctx, target, 2, time.Hour, self) },
		"Stream":    func() (Result, error) { return Stream(ctx, target, 2, 10, time.Hour, time.Hour, self) },
	} {
		if _, err := f(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
}

func ExampleAppendEvent() {
	fmt.Printf("%q", AppendEvent(nil, time.Unix(1, 0)))
	// Output: "data: 1000000000................................\n\n"
}
