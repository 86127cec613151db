package h2

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

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

// Between the leaving of what was held and the waking of who waits for that, no time counts.
func TestTunnel_writeIdleEnded(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		d.WriteIdle(5 * time.Second)
		time.Sleep(time.Minute)
		d.TryWritev([]byte("abc"))
		can := make(chan error, 1)
		go func() { can <- d.CanWrite() }()
		synctest.Wait()
		tunnel := d.Transport.(*tunnel)
		c := tunnel.c
		c.mu.Lock()
		must(t, c.openSend(1, 3))
		c.schedule()
		if at := tunnel.expiry(); at != 0 {
			t.Errorf("expires at %v", at)
		}
		tunnel.expire(c.now())
		c.flush()
		c.mu.Unlock()
		if err := <-can; err != nil {
			t.Errorf("CanWrite: %v", err)
		}
		s.talk("< DATA 1 | abc")
		d.End()
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
