package h1

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/h1/wirecase"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// TestWire runs the cases of testdata/wire on Parse and Chunked alone: at
// once, byte by byte, and in pieces of random length.
func TestWire(t *testing.T) {
	cases, err := wirecase.Load("testdata/wire")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 200 {
		t.Fatalf("%d cases, want at least 200", len(cases))
	}
	met := make(map[string]bool) // errors that a case expects
	for _, c := range cases {
		for _, o := range c.Want {
			met[o.Error] = true
		}
		t.Run(strings.TrimSuffix(c.File, ".md")+"/"+c.Name, func(t *testing.T) {
			whole := converse(t, c.Input, func() int { return len(c.Input) })
			checkOutcomes(t, c.Want, whole)
			pieces := map[string]func() int{
				"byte by byte":     func() int { return 1 },
				"in small pieces":  func() int { return 1 + rand.IntN(8) },
				"in larger pieces": func() int { return 1 + rand.IntN(200) },
			}
			for name, next := range pieces {
				if got := converse(t, c.Input, next); !reflect.DeepEqual(got, whole) {
					t.Errorf("%s: %v\nat once: %v", name, got, whole)
				}
			}
		})
	}
	// These are not the parser's: time, load and the URL decide.
	byServer := map[string]bool{
		"ErrTargetURL": true, "ErrHeaderTimeout": true, "ErrBodyTimeout": true, "ErrBodyTooSlow": true, "ErrOverload": true, "ErrPanic": true,
	}
	for name := range named {
		if !met[name] && !byServer[name] {
			t.Errorf("no case expects %s", name)
		}
	}
}

// checkOutcomes compares what came of a case with what was wanted, as far as that says.
func checkOutcomes(t *testing.T, want, got []wirecase.Outcome) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d outcomes, want %d: %v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Status != w.Status || g.Error != w.Error || g.Close != w.Close {
			t.Errorf("outcome %d: %d %q close=%v, want %d %q close=%v", i+1, g.Status, g.Error, g.Close, w.Status, w.Error, w.Close)
		}
		for name, value := range w.Facts {
			if v, ok := g.Facts[name]; v != value || !ok {
				t.Errorf("outcome %d: %s=%q, want %q", i+1, name, v, value)
			}
		}
	}
}

// A wire is a connection in memory, as a session would keep one.
type wire struct {
	t    testing.TB
	buf  []byte // received, not used up
	seen int    // bytes of buf that Parse has found incomplete
	head Head
	body []byte
	left int64    // of a body with Content-Length
	dec  *Chunked // of a chunked body
	busy bool     // the head was read, the body was not
	out  []wirecase.Outcome
	over bool
}

// converse feeds input in pieces and returns what comes of it.
func converse(t testing.TB, input []byte, piece func() int) []wirecase.Outcome {
	w := wire{t: t}
	for len(input) > 0 && !w.over {
		n := min(piece(), len(input))
		w.buf = append(w.buf, input[:n]...)
		input = input[n:]
		for w.step(len(input) == 0) {
		}
	}
	if !w.over && (w.busy || len(w.buf) > 0) {
		w.out = append(w.out, wirecase.Outcome{})
	}
	return w.out
}

// step reads a head or takes part of a body, and reports whether it could.
// last says that no input is left.
func (w *wire) step(last bool) bool {
	if w.over || len(w.buf) == 0 && !w.busy {
		return false
	}
	if w.busy {
		return w.readBody()
	}
	if w.seen > 0 && !last && !w.head.Ready(w.buf, w.seen, &testLimits) {
		return false
	}
	n, err := w.head.Parse(w.buf, &testLimits)
	if err != nil {
		w.fail(err)
		return false
	}
	if w.seen = len(w.buf); n == 0 {
		return false
	}
	if n > len(w.buf) {
		w.t.Fatalf("a head of %d bytes in %d", n, len(w.buf))
	}
	w.buf, w.seen = w.buf[n:], 0
	w.busy, w.body, w.left, w.dec = true, nil, w.head.Framing.Length, nil
	if w.head.Framing.Kind == ChunkedCoding {
		w.dec = new(Chunked)
	}
	return true
}

// readBody takes what there is of the body.
func (w *wire) readBody() bool {
	if w.dec == nil {
		n := min(w.left, int64(len(w.buf)))
		w.body = append(w.body, w.buf[:n]...)
		w.buf, w.left = w.buf[n:], w.left-n
		if w.left > 0 {
			return false
		}
		w.accept()
		return true
	}
	data, n, done, err := w.dec.Next(w.buf, &testLimits)
	if err != nil {
		if len(data) > 0 {
			w.t.Fatalf("data %q beside error %v", data, err)
		}
		if _, _, _, again := w.dec.Next(w.buf[n:], &testLimits); again != err {
			w.t.Fatalf("error %v, then %v", err, again)
		}
		w.fail(err)
		return false
	}
	w.body = append(w.body, data...)
	w.buf = w.buf[n:]
	if done {
		w.accept()
	}
	return n > 0
}

// fail notes a refused request.
func (w *wire) fail(err error) {
	name := errorName(w.t, err)
	w.out = append(w.out, wirecase.Outcome{Status: named[name].Status, Error: name, Close: true})
	w.over = true
}

// accept notes a complete request, as the echo handler sees it.
func (w *wire) accept() {
	h := &w.head
	o := wirecase.Outcome{Status: 200, Close: !h.KeepAlive, Facts: facts(h)}
	if h.Method == "CONNECT" {
		o.Status = 405
	}
	o.Facts["body"] = string(w.body)
	var trailers []string
	if w.dec != nil {
		for _, f := range w.dec.Trailers() {
			trailers = append(trailers, string(f.Name)+":"+string(f.Value))
		}
	}
	o.Facts["trailer"] = strings.Join(trailers, ";")
	w.out = append(w.out, o)
	w.busy, w.over = false, o.Close
}

// facts says what a head holds, copied.
func facts(h *Head) map[string]string {
	yes := map[bool]string{true: "yes", false: "no"}
	m := map[string]string{
		"method": h.Method, "target": string(h.Target), "path": string(h.Path), "query": string(h.Query),
		"form":    map[semantics.TargetForm]string{semantics.OriginForm: "origin", semantics.AbsoluteForm: "absolute", semantics.AuthorityForm: "authority", semantics.AsteriskForm: "asterisk"}[h.Form],
		"scheme":  string(h.Scheme),
		"host":    string(h.Host),
		"version": fmt.Sprintf("%d.%d", h.Major, h.Minor),
		"framing": map[FramingKind]string{NoBody: "none", ContentLength: fmt.Sprint(h.Framing.Length), ChunkedCoding: "chunked"}[h.Framing.Kind],
		"expect":  yes[h.Expect100],
		"upgrade": yes[h.Upgrade],
		"fields":  fmt.Sprint(len(h.Fields)),
	}
	for _, f := range h.Fields {
		if name := "field:" + string(f.Name); m[name] == "" {
			m[name] = string(f.Value)
		}
	}
	return m
}
