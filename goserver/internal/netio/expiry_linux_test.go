package netio

import (
	"testing"
	"time"
)

// A read that fails for its expiry, when an event has told of bytes as well, leaves them to the
// next one, which waits for no other event.
func TestReadExpiry_besideBytes(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			waits := make(chan struct{}, 1)
			done := make(chan struct{})
			var te *testEngine
			te = run(t, k, Config{}, func(c Conn) {
				defer close(done)
				defer c.End()
				var e *epollConn
				switch c := c.(type) {
				case *epollConn:
					e = c
				case *tlsConn:
					e = &c.epollConn
				default:
					return // read by the net package
				}
				read := func(want string) {
					p := make([]byte, 16)
					if n, err := c.Read(p); string(p[:n]) != want || err != nil {
						t.Errorf("read %q, %v, want %q", p[:n], err, want)
					}
				}
				read("first")
				if err := e.register(0); err != nil {
					t.Error(err)
				}
				waits <- struct{}{}
				eventually(t, "the event", func() bool { return e.rg.state.Load() == ready })
				c.ReadExpiry(1)
				eventually(t, "the expiry", func() bool { return e.slot.read.Load() == expired })
				if _, err := c.Read(make([]byte, 16)); err != ErrReadExpired {
					t.Errorf("read: %v, want %v", err, ErrReadExpired)
				}
				c.ReadExpiry(te.cfg.Clock.Until(10 * time.Second))
				read("second")
			})
			c := te.dial()
			c.Write([]byte("first"))
			select {
			case <-waits:
				c.Write([]byte("second"))
			case <-done:
			}
			<-done
		})
	}
}
