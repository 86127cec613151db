package h2

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// atRest reports whether no session serves the one connection, and it has nothing of what sends.
func (b *bench) atRest() bool {
	b.t.Helper()
	synctest.Wait()
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	if len(b.engine.waiting) != 1 {
		b.t.Fatalf("%d connections wait", len(b.engine.waiting))
	}
	for c := range b.engine.waiting {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.s == nil && c.sender == nil && !c.writing
	}
	return false
}

// expectRest waits for the sweeper, which may have to tell the reader that it may rest.
func (b *bench) expectRest() {
	b.t.Helper()
	time.Sleep(2 * netio.SweepInterval)
	if !b.atRest() {
		b.t.Fatal("the connection is not at rest")
	}
}

// A connection whose streams are all tunnels rests, whatever wakes it does what it did to
// one that is served, and it rests again.
func TestTunnelRest(t *testing.T) {
	second := "> HEADERS 3 END_STREAM " + get("/") + "\n< HEADERS 3 END_STREAM | :status 200 | content-length 0"
	for _, tc := range []struct {
		name   string
		happen func(t *testing.T, b *bench, s *speaker, d *digger)
	}{
		{"data of the peer", func(t *testing.T, _ *bench, s *speaker, d *digger) {
			s.talk("> DATA 1 | hello")
			<-d.served
			d.expectRead(t, "hello", nil)
			d.expectParked(t, 0)
		}},
		{"a write", func(t *testing.T, b *bench, s *speaker, d *digger) {
			_, _, before := b.cfg.Counters.Totals()
			for range 3 {
				if n, err := d.TryWritev([]byte("news")); n != 4 || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
				s.talk("< DATA 1 | news")
				if !b.atRest() {
					t.Error("served for a write")
				}
			}
			if _, _, after := b.cfg.Counters.Totals(); after-before != 3*(frameHeaderLen+4) {
				t.Errorf("%d bytes were counted", after-before)
			}
		}},
		{"a write over the window", func(t *testing.T, b *bench, s *speaker, d *digger) {
			s.talk("> SETTINGS INITIAL_WINDOW_SIZE=3\n< SETTINGS ACK")
			if n, err := d.TryWritev([]byte("abcdef")); n != 6 || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
			s.talk("< DATA 1 | abc")
			b.expectRest()
			can := make(chan error, 1)
			go func() { can <- d.CanWrite() }()
			s.talk("> WINDOW_UPDATE 1 10\n< DATA 1 | def")
			must(t, <-can)
		}},
		{"the time of a tunnel", func(t *testing.T, b *bench, s *speaker, d *digger) {
			s.talk("> DATA 1 | x")
			<-d.served
			d.expectRead(t, "x", nil)
			b.expectRest()
			start := time.Now()
			d.expectParked(t, b.cfg.Clock.Until(5*time.Second))
			<-d.served
			if took := time.Since(start); took < 5*time.Second || took > 6*time.Second {
				t.Errorf("after %v", took)
			}
			d.expectParked(t, 0)
		}},
		{"a read that waits", func(t *testing.T, b *bench, s *speaker, d *digger) {
			s.talk("> DATA 1 | x")
			<-d.served
			d.expectRead(t, "x", nil)
			go func() {
				time.Sleep(20 * time.Second)
				if !b.atRest() {
					t.Error("not at rest beside a program that reads")
				}
				s.talk("> DATA 1 | hello")
			}()
			d.expectRead(t, "hello", nil)
			d.expectParked(t, 0)
		}},
		{"PING of the peer", func(_ *testing.T, _ *bench, s *speaker, _ *digger) { s.talk("> PING question\n< PING ACK question") }},
		{"PING to the peer", func(_ *testing.T, _ *bench, s *speaker, _ *digger) {
			s.talk("wait 41s\n< PING alive\n> PING ACK alive\nwait 41s\n< PING alive\n> PING ACK alive")
		}},
		{"WINDOW_UPDATE", func(_ *testing.T, _ *bench, s *speaker, _ *digger) {
			s.talk("> WINDOW_UPDATE 0 100\n> WINDOW_UPDATE 1 100")
		}},
		{"a second request", func(_ *testing.T, _ *bench, s *speaker, _ *digger) { s.talk(second) }},
		{"part of a frame", func(t *testing.T, _ *bench, s *speaker, d *digger) {
			s.talk("> RAW 000005 00 00 00000001 6865\nwait 5s\n> RAW 6c6c6f")
			<-d.served
			d.expectRead(t, "hello", nil)
			d.expectParked(t, 0)
		}},
		{"GOAWAY of the peer", func(_ *testing.T, _ *bench, s *speaker, _ *digger) { s.talk("> GOAWAY 0 0") }},
		{"a drain", func(t *testing.T, b *bench, s *speaker, _ *digger) {
			b.draining = true
			b.engine.Drain()
			s.talk("< GOAWAY 2147483647 NO_ERROR\n< PING drain")
			b.expectRest()
			s.talk("wait 2s\n< GOAWAY 1 NO_ERROR")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tunnelled(t, func(b *bench) { b.cfg.Ping = 40 * time.Second }, "", func(b *bench, s *speaker, d *digger) {
				d.expectParked(t, 0)
				b.expectRest()
				tc.happen(t, b, s, d)
				b.expectRest()
				s.silent()
				s.talk("> RST_STREAM 1 8")
				<-d.served
				d.expectRead(t, "", http2.StreamError{StreamID: 1, Code: 8})
				d.End()
			})
		})
	}
}

// A connection whose last tunnel ends at rest is parked, and is closed when it was idle for too long.
func TestTunnelRest_end(t *testing.T) {
	for _, tc := range []struct {
		name   string
		end    func(s *speaker, d *digger)
		script string
	}{
		{"by us", func(s *speaker, d *digger) { d.End() }, "< DATA 1 END_STREAM\n> DATA 1 END_STREAM"},
		{"by the peer", func(s *speaker, d *digger) {
			s.talk("> DATA 1 END_STREAM")
			<-d.served
			d.expectRead(t, "", io.EOF)
			d.End()
		}, "< DATA 1 END_STREAM"},
		{"abort", func(s *speaker, d *digger) {
			d.Abort()
			<-d.served
			d.End()
		}, "< RST_STREAM 1 CANCEL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
				d.expectParked(t, 0)
				b.expectRest()
				tc.end(s, d)
				s.talk(tc.script + "\nwait 55s")
				s.talk("> HEADERS 3 END_STREAM " + get("/") + "\n< HEADERS 3 END_STREAM | :status 200 | content-length 0\nwait 59s")
				s.silent()
				s.talk("wait 2s\n< GOAWAY 3 NO_ERROR\n< CLOSED")
			})
		})
	}
}

// A connection that is to end, and whose last tunnel ends at rest, is closed.
func TestTunnelRest_drained(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		d.expectParked(t, 0)
		b.draining = true
		b.engine.Drain()
		s.talk("< GOAWAY 2147483647 NO_ERROR\n< PING drain\n> PING ACK drain\n< GOAWAY 1 NO_ERROR")
		b.expectRest()
		d.End()
		s.talk("< DATA 1 END_STREAM\n> DATA 1 END_STREAM\nwait 1s\n< CLOSED")
	})
}

// A request beside a tunnel has its connection served until it is answered.
func TestTunnelRest_besideRequest(t *testing.T) {
	answer := make(chan bool)
	defer close(answer)
	tunnelled(t, func(b *bench) {
		dig := b.cfg.Handler
		answer = make(chan bool) // of the bubble
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-answer
			}
			dig.ServeHTTP(w, r)
		})
	}, "", func(b *bench, s *speaker, d *digger) {
		d.expectParked(t, 0)
		b.expectRest()
		s.talk("> HEADERS 3 END_STREAM " + get("/slow"))
		d.TryWritev([]byte("meanwhile"))
		s.talk("< DATA 1 | meanwhile\nwait 1m")
		if b.atRest() {
			t.Error("at rest with a request")
		}
		answer <- true
		s.talk("< HEADERS 3 END_STREAM | :status 200 | content-length 0")
		b.expectRest()
		d.End()
		s.talk("< DATA 1 END_STREAM\n> DATA 1 END_STREAM")
	})
}

// A peer that takes nothing has a connection at rest keep what is to leave, and a goroutine that waits.
func TestTunnelRest_slowPeer(t *testing.T) {
	b := &bench{t: t}
	ready := make(chan *digger, 1)
	b.serveSocket(func() {
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			d := newDigger()
			must(t, d.upgrade(w, nil))
			d.expectParked(t, 0)
			ready <- d
		})
	}, func(addr string) {
		e := newEchoClient(t, dialTCP(t, addr), 1, 1)
		d := <-ready
		parked := func(want int64) {
			for deadline := time.Now().Add(20 * time.Second); b.net.Parked() != want && time.Now().Before(deadline); {
				runtime.Gosched()
			}
			if n := b.net.Parked(); n != want {
				t.Fatalf("%d connections are parked, want %d", n, want)
			}
		}
		parked(1)
		big, total := []byte(strings.Repeat("x", 1<<20)), 0
		for {
			n, err := d.TryWritev(append([]byte(nil), big...))
			must(t, err)
			if total += int(n); int(n) < len(big) {
				break
			}
		}
		parked(1) // while a goroutine writes
		e.c.(interface{ CloseWrite() error }).CloseWrite()
		got := 0
		in := http2.NewFramer(nil, e.c)
		in.SetMaxReadFrameSize(1 << 20)
		for got < total {
			f, err := in.ReadFrame()
			if err != nil {
				break // the peer's end ends the tunnel, with what was not framed
			}
			if f, ok := f.(*http2.DataFrame); ok {
				got += len(f.Data())
			}
		}
		<-d.served
		d.End()
		if got == 0 {
			t.Error("nothing has come")
		}
	})
}
