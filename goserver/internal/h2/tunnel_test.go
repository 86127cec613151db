package h2

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// connect is the fields of an extended CONNECT to a protocol.
func connect(protocol string) string {
	return "| :method CONNECT | :protocol " + protocol + " | :scheme http | :authority a.example | :path /ws?q"
}

// A digger is a semantics.Protocol that a test drives: it upgrades, and hands out the transport.
type digger struct {
	semantics.Transport
	returned chan bool
	served   chan struct{} // one for each call of Serve
	serve    func()        // instead, unless nil
}

func newDigger() *digger {
	return &digger{returned: make(chan bool, 1), served: make(chan struct{}, 100)}
}

func (d *digger) Returned(ok bool) { d.returned <- ok }

func (d *digger) Serve() {
	if d.serve != nil {
		d.serve()
		return
	}
	d.served <- struct{}{}
}

func (d *digger) upgrade(w http.ResponseWriter, fields http.Header) error {
	return w.(semantics.Upgrader).Upgrade(fields, d, func(t semantics.Transport, _ []byte) { d.Transport = t })
}

// tunnelled runs f with a tunnel that was dug in stream 1 and whose handler has returned, beside
// a client with the given settings.
func tunnelled(t *testing.T, change func(*bench), settings string, f func(b *bench, s *speaker, d *digger)) {
	t.Helper()
	var d *digger
	run(t, func(b *bench) {
		d = newDigger()
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ws" {
				return
			}
			must(t, d.upgrade(w, nil))
		})
		if change != nil {
			change(b)
		}
	}, func(b *bench) {
		s := b.greet(settings)
		s.talk(`
			> HEADERS 1 ` + connect("websocket") + `
			< HEADERS 1 | :status 200`)
		if ok := <-d.returned; !ok {
			t.Error("the handler has not returned")
		}
		f(b, s, d)
	})
}

// expectRead reads once.
func (d *digger) expectRead(t *testing.T, want string, wantErr error) {
	t.Helper()
	p := make([]byte, 100)
	n, err := d.Read(p)
	if string(p[:n]) != want || !errors.Is(err, wantErr) {
		t.Errorf("read %q, %v, want %q, %v", p[:n], err, want, wantErr)
	}
}

func (d *digger) expectParked(t *testing.T, idle time.Duration) {
	t.Helper()
	if n, parked, err := d.Next(make([]byte, 10), idle); !parked || n != 0 || err != nil {
		t.Fatalf("not parked: %d, %v", n, err)
	}
}

func TestTunnel_settings(t *testing.T) {
	for _, offered := range []bool{false, true} {
		run(t, func(b *bench) { b.cfg.ConnectProtocol = offered }, func(b *bench) {
			s := b.dial()
			want := "< SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=1048576 MAX_FRAME_SIZE=1048576 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1"
			if offered {
				want += " ENABLE_CONNECT_PROTOCOL=1"
			}
			s.talk("> PREFACE\n> SETTINGS\n" + want)
		})
	}
}

// What is no extended CONNECT to websocket is malformed, or refused.
func TestTunnel_refused(t *testing.T) {
	handled := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a page") })
	for _, tc := range []struct {
		name    string
		offered bool
		script  string
	}{
		{"not offered", false, "> HEADERS 1 " + connect("websocket") + "\n< RST_STREAM 1 PROTOCOL_ERROR"},
		{"another protocol", true, `
			> HEADERS 1 ` + connect("connect-udp") + `
			< HEADERS 1 | :status 501 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 27
			< DATA 1 END_STREAM | :protocol is not websocket
			> DATA 1 END_STREAM | bye`},
		{"another method", true, `
			> HEADERS 1 | :method GET | :protocol websocket | :scheme http | :authority a | :path /
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"without a path", true, `
			> HEADERS 1 | :method CONNECT | :protocol websocket | :scheme http | :authority a
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"without a scheme", true, `
			> HEADERS 1 | :method CONNECT | :protocol websocket | :path / | :authority a
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"repeated", true, `
			> HEADERS 1 ` + connect("websocket") + ` | :protocol websocket
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"a handler that does not upgrade", true, `
			> HEADERS 1 ` + connect("websocket") + `
			< HEADERS 1 | :status 501 | content-type text/plain; charset=utf-8 | content-length 6
			< DATA 1 END_STREAM | a page
			> DATA 1 END_STREAM`},
		{"headers on the stream", true, `
			> HEADERS 1 ` + connect("websocket") + `
			< HEADERS 1 | :status 501 | content-type text/plain; charset=utf-8 | content-length 6
			< DATA 1 END_STREAM | a page
			> HEADERS 1 END_STREAM | x y
			< RST_STREAM 1 PROTOCOL_ERROR`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, func(b *bench) {
				b.cfg.ConnectProtocol, b.cfg.Handler = tc.offered, handled
			}, func(b *bench) {
				s := b.greet("")
				s.talk(tc.script)
				s.silent()
			})
		})
	}
}

// Direct routes don't answer an extended CONNECT; the handler sees it as what it would be on
// HTTP/1.1.
func TestTunnel_request(t *testing.T) {
	var rec access.Record
	var recorded chan struct{}
	var d *digger
	run(t, func(b *bench) {
		d = newDigger()
		recorded = make(chan struct{})
		must(t, b.routes.Handle("GET /ws", func(c *direct.Ctx) { t.Error("a direct route was asked") }))
		b.cfg.ConnectProtocol = true
		b.cfg.Done = func(r *access.Record) {
			rec = *r
			close(recorded)
		}
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := r.Header
			if r.Method != "GET" || r.URL.String() != "/ws?q" || r.Host != "a.example" || r.ContentLength != 0 || r.Body != http.NoBody ||
				h[":protocol"][0] != "websocket" || h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" || h.Get("Origin") != "o" {
				t.Errorf("%v %v %v %v %v %v", r.Method, r.URL, r.Host, r.ContentLength, r.Body, h)
			}
			w.Header().Set("X-A", "b")
			w.Header().Set("Content-Length", "5")
			must(t, d.upgrade(w, http.Header{"X-C": {"d"}, "Upgrade": {"websocket"}}))
			if err := d.upgrade(w, nil); err != http.ErrHijacked {
				t.Errorf("a second upgrade: %v", err)
			}
			if _, err := w.Write([]byte("more")); err == nil {
				t.Error("the response can be written to")
			}
		})
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> HEADERS 1 ` + connect("websocket") + ` | origin o | content-length 3
			< HEADERS 1 | :status 200 | x-a b | x-c d`)
		<-recorded
		if rec.Status != 200 || rec.Method != "GET" || string(rec.Path) != "/ws" || rec.BytesOut == 0 {
			t.Errorf("recorded %+v", rec)
		}
		d.End()
		s.talk("< DATA 1 END_STREAM\n> DATA 1 END_STREAM")
		s.silent()
	})
}

// Only an extended CONNECT can be upgraded, before it is answered.
func TestTunnel_tooLate(t *testing.T) {
	var d *digger
	var errs chan error
	run(t, func(b *bench) {
		d = newDigger()
		errs = make(chan error, 2)
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ws" {
				w.WriteHeader(404)
			}
			errs <- d.upgrade(w, nil)
		})
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> HEADERS 1 ` + get("/") + `
			< HEADERS 1 END_STREAM | :status 200 | content-length 0
			> DATA 1 END_STREAM
			> HEADERS 3 ` + connect("websocket") + `
			< HEADERS 3 END_STREAM | :status 404 | content-length 0
			> DATA 3 END_STREAM`)
		if err := <-errs; err != http.ErrNotSupported {
			t.Errorf("upgrade of a GET: %v", err)
		}
		if err := <-errs; err != semantics.ErrHeadSent {
			t.Errorf("upgrade after the head: %v", err)
		}
	})
}

func TestTunnel_data(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		s.talk("> DATA 1 | hello")
		d.expectRead(t, "hello", nil)
		if n, err := d.TryWritev([]byte("ab"), nil, []byte("cd")); n != 4 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		s.talk("< DATA 1 | abcd\n> DATA 1 END_STREAM | bye")
		d.expectRead(t, "bye", nil)
		d.expectRead(t, "", io.EOF)
		d.TryWritev([]byte("last"))
		must(t, d.CloseWrite())
		if _, err := d.TryWritev([]byte("x")); err != io.ErrClosedPipe {
			t.Errorf("written behind the end: %v", err)
		}
		s.talk("< DATA 1 | last\n< DATA 1 END_STREAM")
		if n := b.engine.Streams(); n != 1 {
			t.Errorf("%d streams before End", n)
		}
		d.End()
		synctest.Wait()
		if n := b.engine.Streams(); n != 0 {
			t.Errorf("%d streams behind End", n)
		}
		s.silent()
	})
}

// What is read is given back to the windows.
func TestTunnel_receiveWindow(t *testing.T) {
	tunnelled(t, func(b *bench) { b.cfg.StreamWindow = 1000 }, "", func(b *bench, s *speaker, d *digger) {
		part := strings.Repeat("x", 500)
		s.talk("> DATA 1 | " + part + "\n> DATA 1 | " + part)
		s.silent()
		for range 5 {
			d.expectRead(t, part[:100], nil)
		}
		s.talk("< WINDOW_UPDATE 1 500\n> DATA 1 | " + part + part[:100] + "\n< RST_STREAM 1 FLOW_CONTROL_ERROR")
		d.expectRead(t, "", http2.StreamError{StreamID: 1, Code: http2.ErrCodeFlowControl})
		d.End()
		s.silent()
	})
}

// The limits of request bodies, and the times of requests, are not those of a tunnel.
func TestTunnel_limits(t *testing.T) {
	tunnelled(t, func(b *bench) {
		b.cfg.Limits.BodyBytes = 10
		b.cfg.ReadTimeout, b.cfg.WriteTimeout, b.cfg.BodyIdle, b.cfg.MinBodyRate = time.Second, time.Second, time.Second, 1000
	}, "", func(b *bench, s *speaker, d *digger) {
		const twenty = "twenty bytes of data"
		s.talk("> DATA 1 | " + twenty)
		d.expectRead(t, twenty, nil)
		go func() {
			time.Sleep(time.Minute)
			s.talk("> DATA 1 | late")
		}()
		d.expectRead(t, "late", nil)
		d.TryWritev([]byte("late"))
		s.talk("< DATA 1 | late")
		d.End()
		s.talk("< DATA 1 END_STREAM\n> DATA 1 END_STREAM")
	})
}

func TestTunnel_sendWindow(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		big := []byte(strings.Repeat("x", 3*chunkSize))
		n, err := d.TryWritev([]byte("head"), append([]byte(nil), big...))
		if n != chunkSize || err != nil {
			t.Fatalf("took %d, %v", n, err)
		}
		s.silent()
		if n, err := d.TryWritev([]byte("more")); n != 0 || err != nil {
			t.Errorf("took %d more, %v", n, err)
		}
		can := make(chan error, 1)
		go func() { can <- d.CanWrite() }()
		s.talk("> WINDOW_UPDATE 1 10\n< DATA 1 | headxxxxxx")
		select {
		case err := <-can:
			t.Fatalf("it can write: %v", err)
		default:
		}
		s.talk("> WINDOW_UPDATE 1 16384\n< DATA 1 | 16365 bytes")
		must(t, <-can)
		if n, err := d.TryWritev([]byte("abc"), []byte("def")); n != 6 || err != nil {
			t.Errorf("took %d, %v", n, err)
		}
		s.talk("< DATA 1 | abcdef\n> SETTINGS INITIAL_WINDOW_SIZE=5\n< SETTINGS ACK")
		if n, err := d.TryWritev(big); n != 18+chunkSize || err != nil {
			t.Errorf("took %d, %v", n, err)
		}
		must(t, d.CloseWrite())
		s.talk("< DATA 1 | " + strings.Repeat("x", 18) + "\n> WINDOW_UPDATE 1 100000\n< DATA 1 END_STREAM | 16375 bytes")
		d.End()
		s.talk("> DATA 1 END_STREAM")
		s.silent()
	})
}

// A window of the connection that was used up holds a tunnel back as well, and lets it have its
// turn beside other streams.
func TestTunnel_connectionWindow(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=1000000", func(b *bench, s *speaker, d *digger) {
		s.hush()
		big := make([]byte, 65535)
		if n, err := d.TryWritev(big); n != 65535 || err != nil {
			t.Fatalf("took %d, %v", n, err)
		}
		if n, _ := d.TryWritev(make([]byte, 10)); n != 10 { // they wait
			t.Fatalf("took %d", n)
		}
		if n, _ := d.TryWritev(make([]byte, chunkSize)); n != chunkSize-10 { // behind them
			t.Fatalf("took %d", n)
		}
		s.talk("> WINDOW_UPDATE 0 100000")
		must(t, d.CanWrite())
		synctest.Wait()
		s.mu.Lock()
		if got := s.count["DATA"]; got != 5 {
			t.Errorf("%d frames of DATA", got)
		}
		s.mu.Unlock()
		d.End()
		s.talk("> DATA 1 END_STREAM")
	})
}

// What was taken before End leaves as the end of a response does: with END_STREAM, or the
// stall timer ends it.
func TestTunnel_endBehindWindow(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		d.TryWritev([]byte("bye"))
		d.End()
		s.silent()
		s.talk("> WINDOW_UPDATE 1 10\n< DATA 1 END_STREAM | bye\n> DATA 1 END_STREAM")
		s.silent()
	})
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		d.TryWritev([]byte("bye"))
		d.End()
		s.silent()
		s.talk("wait 31s\n< RST_STREAM 1 CANCEL")
	})
}

// A client that does not end its side after ours is told to.
func TestTunnel_endOfOneSide(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		d.End()
		s.talk("< DATA 1 END_STREAM\n> DATA 1 | more\nwait 2s\n< RST_STREAM 1 NO_ERROR")
	})
}

func TestTunnel_writeIdle(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		d.WriteIdle(5 * time.Second)
		d.TryWritev([]byte("abcdef"))
		time.Sleep(time.Minute) // nobody waits
		start := time.Now()
		can := make(chan error, 1)
		go func() { can <- d.CanWrite() }()
		s.talk("wait 4s\n> WINDOW_UPDATE 1 1\n< DATA 1 | a\nwait 4s")
		select {
		case err := <-can:
			t.Fatalf("gave up though a byte had moved: %v", err)
		default:
		}
		if err := <-can; err != netio.ErrWriteExpired {
			t.Errorf("CanWrite: %v", err)
		}
		if took := time.Since(start); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("gave up after %v", took)
		}
		if _, err := d.TryWritev([]byte("x")); err != netio.ErrWriteExpired {
			t.Errorf("TryWritev: %v", err)
		}
		d.Abort()
		d.End()
		s.talk("< RST_STREAM 1 CANCEL")
		s.silent()
	})
}

func TestTunnel_reset(t *testing.T) {
	reset := http2.StreamError{StreamID: 1, Code: http2.ErrCodeCancel}
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		d.TryWritev([]byte("x"))
		can := make(chan error, 1)
		go func() { can <- d.CanWrite() }()
		go func() {
			synctest.Wait()
			s.talk("> RST_STREAM 1 8")
		}()
		d.expectRead(t, "", reset)
		if err := <-can; !errors.Is(err, reset) {
			t.Errorf("CanWrite: %v", err)
		}
		d.Abort()
		d.End()
		s.silent()
	})
}

// Abort wakes who reads and writes.
func TestTunnel_abort(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		d.TryWritev([]byte("x"))
		can := make(chan error, 1)
		go func() { can <- d.CanWrite() }()
		go func() {
			synctest.Wait()
			d.Abort()
		}()
		d.expectRead(t, "", netio.ErrAborted)
		if err := <-can; err != netio.ErrAborted {
			t.Errorf("CanWrite: %v", err)
		}
		d.Abort()
		d.End()
		s.talk("< RST_STREAM 1 CANCEL\n> DATA 1 | on its way")
		s.silent()
	})
	t.Run("both sides have ended", func(t *testing.T) {
		tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
			s.talk("> DATA 1 END_STREAM")
			must(t, d.CloseWrite())
			d.Abort()
			d.expectRead(t, "", netio.ErrAborted)
			d.End()
			s.talk("< DATA 1 END_STREAM")
			s.silent()
		})
	})
}

// A parked tunnel has no goroutine, and is served whatever happens.
func TestTunnel_parked(t *testing.T) {
	for _, tc := range []struct {
		name   string
		happen func(b *bench, s *speaker, d *digger)
		want   string
		err    error
	}{
		{"data", func(_ *bench, s *speaker, _ *digger) { s.talk("> DATA 1 | hello") }, "hello", nil},
		{"END_STREAM", func(_ *bench, s *speaker, _ *digger) { s.talk("> DATA 1 END_STREAM") }, "", io.EOF},
		{"RST_STREAM", func(_ *bench, s *speaker, _ *digger) { s.talk("> RST_STREAM 1 8") }, "", http2.StreamError{StreamID: 1, Code: 8}},
		{"abort", func(_ *bench, _ *speaker, d *digger) { d.Abort() }, "", netio.ErrAborted},
		{"loss", func(_ *bench, s *speaker, _ *digger) { s.conn.Close() }, "", errGone},
		{"server's end", func(b *bench, _ *speaker, _ *digger) { b.net.AbortAll() }, "", errGone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
				synctest.Wait()
				d.expectParked(t, 0)
				time.Sleep(time.Hour)
				select {
				case <-d.served:
					t.Fatal("served for nothing")
				default:
				}
				tc.happen(b, s, d)
				<-d.served
				d.expectRead(t, tc.want, tc.err)
				synctest.Wait()
				if len(d.served) > 0 {
					t.Error("served twice")
				}
				d.End()
			})
		})
	}
}

func TestTunnel_parkedGoroutines(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		time.Sleep(time.Minute) // idle goroutines of the pool end
		synctest.Wait()
		before := runtime.NumGoroutine()
		many := make([]*digger, 100)
		var next int
		b.cfg.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := many[next]
			next++
			must(t, d.upgrade(w, nil))
			d.expectParked(t, 0)
		})
		for i := range many {
			many[i] = newDigger()
			s.hush()
			s.say(strings.Replace("HEADERS ID "+connect("websocket"), "ID", strconv.Itoa(2*i+3), 1))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if now := runtime.NumGoroutine(); now > before {
			t.Errorf("%d goroutines, %d before", now, before)
		}
		d.End()
		for _, d := range many {
			d.End()
		}
	})
}

// The coarse time of a wait passes for who is parked, and for who reads.
func TestTunnel_expiry(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		clock := b.cfg.Clock
		start := time.Now()
		within := func(least, most time.Duration) {
			t.Helper()
			if took := time.Since(start); took < least || took > most {
				t.Errorf("after %v", took)
			}
			start = time.Now()
		}
		d.expectParked(t, clock.Until(5*time.Second))
		<-d.served
		within(5*time.Second, 6*time.Second)
		d.ReadExpiry(clock.Until(2 * time.Second))
		d.expectRead(t, "", netio.ErrReadExpired)
		within(2*time.Second, 3*time.Second)
		d.expectRead(t, "", netio.ErrReadExpired) // still
		within(0, 0)
		d.ReadExpiry(0)
		go func() {
			time.Sleep(time.Hour)
			d.ReadExpiry(1) // of another goroutine, and past
		}()
		d.expectRead(t, "", netio.ErrReadExpired)
		within(time.Hour, time.Hour+time.Second)
		s.talk("> DATA 1 | hello")
		d.expectRead(t, "hello", nil) // what is there is read all the same
		if _, parked, err := d.Next(make([]byte, 1), 1); parked || err != netio.ErrReadExpired {
			t.Errorf("parked with a time that has passed: %v, %v", parked, err)
		}
		d.End()
	})
}

// A connection that is to end waits for its tunnels.
func TestTunnel_drain(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		d.expectParked(t, 0)
		b.draining = true
		b.engine.Drain()
		s.talk(`
			< GOAWAY 2147483647 NO_ERROR
			< PING drain
			> PING ACK drain
			< GOAWAY 1 NO_ERROR
			wait 1h
			> DATA 1 | hello`)
		<-d.served
		d.expectRead(t, "hello", nil)
		d.TryWritev([]byte("bye"))
		d.End()
		s.talk("< DATA 1 | bye\n< DATA 1 END_STREAM\n> DATA 1 END_STREAM\n< CLOSED")
	})
}

// A peer that does not answer PING is given up, and its tunnels with it.
func TestTunnel_ping(t *testing.T) {
	tunnelled(t, func(b *bench) { b.cfg.Ping = 10 * time.Second }, "", func(b *bench, s *speaker, d *digger) {
		d.expectParked(t, 0)
		s.talk("wait 11s\n< PING alive\n> PING ACK alive\nwait 11s\n< PING alive\nwait 11s\n< GOAWAY 1 NO_ERROR")
		<-d.served
		d.expectRead(t, "", errGone)
		d.End()
	})
}

// The place of a stream is given back at End: a place among those that the peer may have when it
// sees it as closed.
func TestTunnel_place(t *testing.T) {
	tunnelled(t, func(b *bench) { b.cfg.MaxTotalStreams = 1 }, "", func(b *bench, s *speaker, d *digger) {
		s.talk("> HEADERS 3 END_STREAM " + get("/") + "\n< RST_STREAM 3 REFUSED_STREAM\n> RST_STREAM 1 8")
		s.talk("> HEADERS 5 END_STREAM " + get("/") + "\n< RST_STREAM 5 REFUSED_STREAM")
		d.End()
		s.talk("> HEADERS 7 END_STREAM " + get("/") + "\n< HEADERS 7 END_STREAM | :status 200 | content-length 0")
	})
	tunnelled(t, func(b *bench) { b.cfg.MaxStreams = 1 }, "", func(b *bench, s *speaker, d *digger) {
		s.talk("> HEADERS 3 END_STREAM " + get("/") + "\n< RST_STREAM 3 REFUSED_STREAM\n> RST_STREAM 1 8")
		s.talk("> HEADERS 5 END_STREAM " + get("/") + "\n< HEADERS 5 END_STREAM | :status 200 | content-length 0")
		d.End()
	})
}

// A handler that fails after it upgraded is told of, and counts no longer as in flight.
func TestTunnel_handlerFails(t *testing.T) {
	for name, fail := range map[string]func(){
		"panic":  func() { panic(http.ErrAbortHandler) },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			var d *digger
			run(t, func(b *bench) {
				d = newDigger()
				b.cfg.ConnectProtocol = true
				b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					must(t, d.upgrade(w, nil))
					fail()
				})
			}, func(b *bench) {
				s := b.greet("")
				s.talk("> HEADERS 1 " + connect("websocket") + "\n< HEADERS 1 | :status 200")
				if <-d.returned {
					t.Error("the handler has returned")
				}
				if n := b.cfg.Counters.InFlight.Load(); n != 0 {
					t.Errorf("%d in flight", n)
				}
				d.TryWritev([]byte("sorry"))
				d.End()
				s.talk("< DATA 1 | sorry\n< DATA 1 END_STREAM\n> DATA 1 END_STREAM")
			})
		})
	}
}

// A tunnel may end before its handler does.
func TestTunnel_endsInHandler(t *testing.T) {
	var d *digger
	var rec access.Record
	run(t, func(b *bench) {
		d = newDigger()
		b.cfg.ConnectProtocol = true
		b.cfg.Done = func(r *access.Record) { rec = *r }
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			must(t, d.upgrade(w, nil))
			d.expectRead(t, "hello", nil)
			d.End()
			<-d.served
		})
	}, func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 " + connect("websocket") + "\n< HEADERS 1 | :status 200\n> DATA 1 END_STREAM | hello\n< DATA 1 END_STREAM")
		s.talk("> HEADERS 3 " + connect("x") + "\n< HEADERS 3 | :status 501 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 27\n" +
			"< DATA 3 END_STREAM | :protocol is not websocket\n> DATA 3 END_STREAM")
		d.served <- struct{}{}
		<-d.returned
		if rec.BytesIn != 5 || rec.Status != 200 {
			t.Errorf("recorded %+v", rec)
		}
	})
}

// Many tunnels of one connection write and read at once.
func TestTunnel_concurrent(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := newDigger()
			must(t, d.upgrade(w, nil))
			var both sync.WaitGroup
			both.Go(func() {
				p := make([]byte, 100_000)
				for len(p) > 0 {
					n, err := d.TryWritev(p)
					if p = p[n:]; err == nil && len(p) > 0 {
						err = d.CanWrite()
					}
					if err != nil {
						t.Errorf("write: %v", err)
						break
					}
				}
			})
			buf, total := make([]byte, 1000), 0
			for {
				n, err := d.Read(buf)
				if total += n; err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("read: %v", err)
					break
				}
			}
			both.Wait()
			if total != 50*1000 {
				t.Errorf("read %d", total)
			}
			d.End()
		})
	}, func(b *bench) {
		s := b.greet("INITIAL_WINDOW_SIZE=1000")
		s.hush()
		for i := range 50 {
			s.say("HEADERS " + strconv.Itoa(2*i+1) + " " + connect("websocket"))
		}
		part := strings.Repeat("y", 1000)
		for round := range 50 {
			for i := range 50 {
				end := ""
				if round == 49 {
					end = " END_STREAM"
				}
				s.say("DATA " + strconv.Itoa(2*i+1) + end + " | " + part)
				s.say("WINDOW_UPDATE " + strconv.Itoa(2*i+1) + " 2000")
			}
			s.say("WINDOW_UPDATE 0 100000")
		}
		synctest.Wait()
		if n := b.engine.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}
