package netio

import (
	"io"
	"sync/atomic"
	"testing"
	"time"
)

// restingSession rests behind each read, and tells what has ended the rest: the bytes, or the error. "stay" is
// read with Next behind it.
func restingSession(told chan<- string, conn *atomic.Pointer[Conn], e *atomic.Pointer[testEngine]) func(Conn) {
	return func(c Conn) {
		p := make([]byte, 100)
		for {
			read := c.Rest
			switch c.State() {
			case nil: // new
				read = func(p []byte) (int, bool, error) { return c.Next(p, 0) }
			case "stay":
				read = func(p []byte) (int, bool, error) { return c.Next(p, 1) }
			}
			n, parked, err := read(p)
			if parked {
				return
			}
			switch err {
			case nil:
				conn.Store(&c)
				c.SetState(string(p[:n]))
				told <- string(p[:n])
			case ErrReadExpired:
				if c.State() == "stay" { // of a kind that is not parked
					e.Load().cfg.Expired(c)
					c.End()
					return
				}
				c.ReadExpiry(0)
				told <- "expired"
			default:
				c.End()
				told <- err.Error()
				return
			}
		}
	}
}

// Who rests is served for what happens, and the connection is used meanwhile.
func TestRest(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			told := make(chan string, 10)
			var conn atomic.Pointer[Conn]
			var engine atomic.Pointer[testEngine]
			te := run(t, k, Config{}, restingSession(told, &conn, &engine))
			engine.Store(te)
			c := te.dial()
			expect := func(want string) {
				t.Helper()
				if got := <-told; got != want {
					t.Fatalf("told %q, want %q", got, want)
				}
			}
			say := func(what string) {
				t.Helper()
				c.Write([]byte(what))
				expect(what)
			}
			say("hello")
			say("again")
			server := *conn.Load()
			if k.name == "own" || k.name == "tls" {
				eventually(t, "it to be parked", func() bool { return te.Parked() == 1 })
			}
			te.CloseIdle(0)
			if n, err := server.TryWritev([]byte("news")); n != 4 && k.conf == nil || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			news := make([]byte, 4)
			if _, err := io.ReadFull(c, news); err != nil || string(news) != "news" {
				t.Errorf("read %q, %v", news, err)
			}
			server.ReadExpiry(te.clock.Until(time.Hour))
			server.ReadExpiry(1)
			expect("expired")
			say("still there")
			server.ReadExpiry(1)
			expect("expired")
			server.Abort()
			expect(ErrAborted.Error())

			c = te.dial() // what Next parks is closed in its time, also behind a rest
			say("hello")
			say("and")
			say("stay")
			if _, err := c.Read(news); err == nil {
				t.Error("not closed")
			}
			if n := te.expired.Load(); n != 1 {
				t.Errorf("%d have expired", n)
			}
		})
	}
}

// The expiry that others set while the connection is woken and parked again is not lost.
func TestRest_expiryRace(t *testing.T) {
	told := make(chan string, 1000)
	var conn atomic.Pointer[Conn]
	var engine atomic.Pointer[testEngine]
	te := run(t, kinds[0], Config{}, restingSession(told, &conn, &engine))
	engine.Store(te)
	c := te.dial()
	c.Write([]byte("x"))
	<-told
	for range 5 {
		go func() {
			for range 20 {
				c.Write([]byte("y"))
			}
		}()
		(*conn.Load()).ReadExpiry(1)
		eventually(t, "the expiry", func() bool { return <-told == "expired" })
	}
}
