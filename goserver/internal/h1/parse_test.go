package h1

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// TestParseStartsAfresh holds that nothing of a head is left in the next.
func TestParseStartsAfresh(t *testing.T) {
	const full = "POST http://b/p?q HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: x\r\n" +
		"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
	for _, second := range []string{
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.1\r\n",
		"\x00",
		"",
	} {
		var used, fresh Head
		if n, err := used.Parse([]byte(full), &testLimits); n != len(full) || err != nil {
			t.Fatal(n, err)
		}
		used.Parse([]byte(second), &testLimits)
		fresh.Parse([]byte(second), &testLimits)
		f, u := facts(&fresh), facts(&used)
		for name := range u {
			if f[name] != u[name] {
				t.Errorf("after %q: %s=%q, fresh %q", second, name, u[name], f[name])
			}
		}
		if len(f) != len(u) || used.KeepAlive != fresh.KeepAlive || used.options != fresh.options {
			t.Errorf("after %q: %+v, fresh %+v", second, used, fresh)
		}
	}
}

// TestParseKeepsWhatItRead is for the log of refused requests.
func TestParseKeepsWhatItRead(t *testing.T) {
	var h Head
	_, err := h.Parse([]byte("PUT /a?b HTTP/1.1\r\nHost: c\r\nX : y\r\n\r\n"), &testLimits)
	if err != ErrSpaceBeforeColon || h.Method != "PUT" || string(h.Path) != "/a" || string(h.Query) != "b" || len(h.Fields) != 1 {
		t.Errorf("%v: %+v", err, h)
	}
}

// TestParseAliases holds that slices are of the buffer, and cannot grow into it.
func TestParseAliases(t *testing.T) {
	buf := []byte("GET http://a/b?c HTTP/1.1\r\nHost: d\r\nE: f \r\n\r\nnext")
	before := bytes.Clone(buf)
	var h Head
	if _, err := h.Parse(buf, &testLimits); err != nil {
		t.Fatal(err)
	}
	slices := [][]byte{h.Target, h.Path, h.Query, h.Scheme, h.Host}
	for _, f := range h.Fields {
		slices = append(slices, f.Name, f.Value)
	}
	for _, s := range slices {
		_ = append(s, '!')
	}
	if !bytes.Equal(buf, before) {
		t.Errorf("appending to the slices made %q", buf)
	}
	for i := range buf {
		buf[i] = '!'
	}
	for i, s := range slices {
		if !bytes.Equal(s, bytes.Repeat([]byte{'!'}, len(s))) {
			t.Errorf("slice %d is a copy: %q", i, s)
		}
	}
}

func TestMethodNamesAreConstants(t *testing.T) {
	for _, name := range []string{"GET", "HEAD", "PROPFIND", "UPDATEREDIRECTREF"} {
		buf := []byte(name)
		if n := testing.AllocsPerRun(10, func() {
			if methodName(buf) != name {
				t.Fatalf("%s is %s", name, methodName(buf))
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	buf := []byte("BREW")
	m := methodName(buf)
	if buf[0] = 'C'; m != "BREW" {
		t.Errorf("an unregistered method is not a copy: %s", m)
	}
}

func TestKeepAlive(t *testing.T) {
	for _, c := range []struct {
		connection string
		minor      int
		want       bool
	}{
		{"", 1, true}, {"", 0, false}, {"", 5, true},
		{"close", 1, false}, {"close", 0, false},
		{"keep-alive", 1, true}, {"keep-alive", 0, true},
		{"keep-alive, close", 1, false}, {"close, keep-alive", 0, false},
		{"foo,\tKEEP-alive ", 0, true}, {"keepalive", 0, false}, {"keep-alive=1", 0, false},
	} {
		if got := connectionOptions([]byte(c.connection)).keepAlive(c.minor); got != c.want {
			t.Errorf("%q on 1.%d: %v, want %v", c.connection, c.minor, got, c.want)
		}
	}
}

// TestReady holds that a head which grows is parsed when a line or a limit is
// reached, and not at every byte.
func TestReady(t *testing.T) {
	lim := semantics.Limits{HeadBytes: 200, Fields: 10, TargetBytes: 50, BodyBytes: 10}
	for _, c := range []struct {
		input  string
		parses int // at most
		want   error
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n", 5, nil},
		{"GET /" + strings.Repeat("a", 300), 10, semantics.ErrTargetTooLong},
		{"GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 300), 4, semantics.ErrHeadTooLong},
		{strings.Repeat("a", 300), 3, ErrMethodTooLong},
		{"GET / HTTP/1.1\r\n\n", 4, ErrBareLF},
	} {
		var h Head
		parses, seen, n := 0, 0, 0
		var err error
		for k := 1; k <= len(c.input) && n == 0 && err == nil; k++ {
			if buf := []byte(c.input[:k]); seen == 0 || h.Ready(buf, seen, &lim) {
				n, err = h.Parse(buf, &lim)
				parses++
			}
			seen = k
		}
		if err != c.want || err == nil && n != len(c.input) {
			t.Errorf("%.20q: n=%d, %v, want %v", c.input, n, err, c.want)
		}
		if parses > c.parses {
			t.Errorf("%.20q: %d parses, want at most %d", c.input, parses, c.parses)
		}
	}
}
