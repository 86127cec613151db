package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// A sink is a destination whose writes a test can see, hold and fail.
type sink struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	writes int
	hold   chan struct{} // unless nil, each write waits for it
	fail   func(p []byte) (int, error)
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	hold, fail := s.hold, s.fail
	s.writes++
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	n, err := len(p), error(nil)
	if fail != nil {
		n, err = fail(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(p[:n])
	return n, err
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func (s *sink) setFail(fail func([]byte) (int, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func from(port uint16, path string) *goserver.Record {
	r := sample()
	r.Remote = netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)
	r.Path = []byte(path)
	return r
}

func TestLog_writesWithinFlushAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := New(out, Options{})
		l.Log(sample())
		time.Sleep(flushAfter / 2)
		l.Log(sample())
		synctest.Wait()
		if out.String() != "" {
			t.Error("written early: lines are not gathered")
		}
		time.Sleep(flushAfter / 2)
		synctest.Wait()
		if got := strings.Count(out.String(), "\n"); got != 2 || out.writes != 1 {
			t.Errorf("%d lines in %d writes after %v, want 2 in 1", got, out.writes, flushAfter)
		}
		l.Close()
	})
}

func TestLog_halfFullIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := New(out, Options{Buffer: 2 * minHalf})
		for line := len(encode(JSON, sample())); line <= minHalf/2+len(encode(JSON, sample())); line += len(encode(JSON, sample())) {
			l.Log(sample())
		}
		synctest.Wait() // no time passes
		if out.String() == "" {
			t.Error("nothing written while the queue is half full")
		}
		l.Close()
	})
}

func TestLog_closeLosesNothing(t *testing.T) {
	out := &sink{}
	l := New(out, Options{})
	const conns, each = 8, 200
	var wg sync.WaitGroup
	for c := range uint16(conns) {
		wg.Go(func() {
			for i := range each {
				l.Log(from(c, fmt.Sprint("/", i)))
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != conns*each || l.Dropped() != 0 {
		t.Errorf("%d lines and %d dropped, want %d and 0", got, l.Dropped(), conns*each)
	}
	l.Log(sample())
	if err := l.Close(); err != nil || l.Dropped() != 1 {
		t.Errorf("after Close: %v, %d dropped, want the late line counted", err, l.Dropped())
	}
}

func TestLog_keepsTheOrderOfAConnection(t *testing.T) {
	out := &sink{}
	l := New(out, Options{})
	for i := range 100 {
		for port := range uint16(4) {
			l.Log(from(port, fmt.Sprintf("/%d/%03d", port, i)))
		}
	}
	l.Close()
	last := map[string]string{}
	for line := range strings.Lines(out.String()) {
		var r struct{ Path string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if conn := r.Path[:2]; r.Path <= last[conn] {
			t.Fatalf("%s after %s", r.Path, last[conn])
		} else {
			last[conn] = r.Path
		}
	}
}

// A destination that does not take bytes must not hold up a request; what is
// missing is counted and told, and the rest is whole.
func TestLog_dropsWhenTheDestinationStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{hold: make(chan struct{})}
		l := New(out, Options{Buffer: 2 * minHalf})
		l.Log(sample())
		time.Sleep(flushAfter)
		synctest.Wait() // the writer stands in Write
		logged := uint64(1)
		for l.Dropped() < 10 {
			l.Log(sample())
			logged++
		}
		close(out.hold)
		l.Close()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if want := logged - l.Dropped() + 1; uint64(len(lines)) != want {
			t.Errorf("%d lines, want %d of %d and one about the %d dropped", len(lines), want-1, logged, l.Dropped())
		}
		told := 0
		for _, line := range lines {
			var r struct {
				Level, Message string
				Dropped        int
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if r.Level == "warn" && r.Message == "access log lines dropped" {
				told += r.Dropped
			}
		}
		if told != 10 {
			t.Errorf("%d dropped lines told as a warning, want 10", told)
		}
	})
}

func TestLog_tellsOfDropsSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := New(out, Options{Format: Text})
		broken := func([]byte) (int, error) { return 0, io.ErrClosedPipe }
		lose := func() {
			out.setFail(broken)
			l.Log(sample())
			time.Sleep(flushAfter)
			synctest.Wait()
			out.setFail(nil)
		}
		lose() // its report fails as well and is tried again later
		time.Sleep(reportEvery)
		synctest.Wait()
		if got := strings.Count(out.String(), "dropped=1 "); got != 1 {
			t.Fatalf("told %d times after the first loss: %s", got, out)
		}
		lose()
		lose()
		if got := strings.Count(out.String(), "\n"); got != 1 {
			t.Errorf("told again within %v: %s", reportEvery, out)
		}
		time.Sleep(reportEvery)
		synctest.Wait()
		if !strings.Contains(out.String(), "dropped=2 dropped_total=3\n") {
			t.Errorf("two further losses not told together: %s", out)
		}
		if err := l.Close(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Close = %v, want the first write error", err)
		}
	})
}

// A write that fails inside a line loses that line, and the next one starts on a
// line of its own.
func TestLog_tornLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		full := errors.New("no space left")
		out.setFail(func(p []byte) (int, error) {
			i := bytes.IndexByte(p, '\n') + 1 // all of the first line and a piece of the second
			return min(i+4, len(p)), full
		})
		var seen []error
		l := New(out, Options{Buffer: 2 * minHalf, OnError: func(err error) { seen = append(seen, err) }})
		for range 3 {
			l.Log(from(1, "/torn"))
		}
		time.Sleep(flushAfter)
		synctest.Wait()
		out.setFail(nil)
		l.Log(from(1, "/whole"))
		l.Close()
		if l.Dropped() != 2 || len(seen) != 1 || seen[0] != full {
			t.Errorf("dropped %d, errors %v, want 2 and one", l.Dropped(), seen)
		}
		lines := strings.Split(out.String(), "\n")
		if len(lines) < 3 || lines[1] != `{"ts` || !strings.Contains(lines[2], "/whole") {
			t.Errorf("got %q", lines)
		}
	})
}

func TestLayout(t *testing.T) {
	cases := []struct{ buffer, procs, half, shards int }{
		{0, 1, DefaultBuffer / 2, 1},
		{0, 2, DefaultBuffer / 4, 2},
		{0, 6, DefaultBuffer / 16, 8},
		{0, 128, DefaultBuffer / 32, 16},
		{1, 64, minHalf, 1},
		{4 * minHalf, 64, minHalf, 2},
	}
	for _, c := range cases {
		if half, n := layout(c.buffer, c.procs); half != c.half || n != c.shards {
			t.Errorf("layout(%d, %d) = %d, %d, want %d, %d", c.buffer, c.procs, half, n, c.half, c.shards)
		}
	}
}

func TestLog_allocatesNothing(t *testing.T) {
	for _, f := range []Format{JSON, Text} {
		l := New(io.Discard, Options{Format: f})
		r := sample()
		r.UserAgent = []byte("é \x00 \xff \"quoted\"")
		if n := testing.AllocsPerRun(1000, func() { l.Log(r) }); n != 0 {
			t.Errorf("format %d: %v allocations a line, want 0", f, n)
		}
		l.Close()
	}
}

// Linux gives connecting clients even ports.
func TestLog_spreadsEvenPorts(t *testing.T) {
	l := &Log{shards: make([]shard, 4)}
	used := make(map[*shard]bool)
	for port := uint16(40000); port < 40016; port += 2 {
		used[l.shard(from(port, "/"))] = true
	}
	if len(used) != len(l.shards) {
		t.Errorf("%d of %d shards in use", len(used), len(l.shards))
	}
}

func TestLog_oneLineMayFillHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		l := New(out, Options{Buffer: 2 * minHalf})
		r := sample()
		long := bytes.Repeat([]byte{1}, maxField)
		r.Path, r.Query, r.RequestID, r.Host, r.UserAgent, r.Referer = long, long, long, long, long, long
		l.Log(r)
		synctest.Wait() // no time passes
		if n := len(out.String()); n < minHalf/2 {
			t.Errorf("%d bytes written while the queue is half full", n)
		}
		l.Close()
	})
}
