package ws

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Close does not wait while a callback for a ping or pong runs, whose goroutine it may be; when that has
// returned, it does.
func TestClose_whileCallback(t *testing.T) {
	for _, line := range []string{"PING", "PONG"} {
		for _, own := range []bool{true, false} {
			bubble(t, func(b *bench) {
				hold := make(chan struct{})
				closed := make(chan error, 2)
				p := b.connect(programReads, testConfig(), Agreement{}, func(p *speaker) {
					p.hook = func(e string) {
						if e == line && own {
							closed <- p.conn.Close(1000, "")
						}
						if e == line {
							<-hold
						}
					}
				})
				p.say(line)
				synctest.Wait()
				if !own {
					go func() { closed <- p.conn.Close(1000, "") }()
				}
				synctest.Wait()
				select {
				case err := <-closed:
					if err != nil {
						t.Errorf("Close: %v", err)
					}
				default:
					t.Error("Close waits for the callback")
				}
				close(hold)
				synctest.Wait()
				go func() { closed <- p.conn.Close(1000, "") }()
				synctest.Wait()
				if len(closed) > 0 {
					t.Error("Close does not wait for the peer")
				}
				p.say("CLOSE 1000")
				if err := <-closed; err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
	}
}

// What the peer sends before it answers our Close goes to the callback, and to a read that waits. Nothing can
// be said to it any more.
func TestClose_messages(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			p := b.connect(s, testConfig(), Agreement{}, func(p *speaker) {
				p.message = func(op wsframe.Opcode, m []byte) {
					if err := p.conn.Write(op, m); err != ErrClosing {
						t.Errorf("Write: %v", err)
					}
				}
			})
			synctest.Wait() // now it reads
			go p.conn.Close(1000, "bye")
			p.talk("< CLOSE 1000 | bye\n > TEXT | late\n = TEXT late\n > PING\n = PING\n > TEXT | later\n = TEXT later\n > CLOSE 1000\n < END\n = ENDED here 1000 bye")
			p.silent()
		})
	})
}

// Where nobody reads, Close does, and drops it.
func TestClose_drops(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		done := make(chan error, 1)
		go func() { done <- p.conn.Close(1000, "bye") }()
		p.talk("< CLOSE 1000 | bye\n > TEXT | late\n > CLOSE 1000\n < END\n = ENDED here 1000 bye")
		if err := <-done; err != nil {
			t.Errorf("Close: %v", err)
		}
		p.silent()
	})
}

// A ping goes beyond a full queue, whatever becomes of messages there, but not without end; none that
// cannot be sent costs the connection.
func TestPing_full(t *testing.T) {
	for _, full := range []Policy{Block, DropOldest, Disconnect} {
		bubble(t, func(b *bench) {
			p := b.slow(full)
			p.conn.Write(wsframe.Binary, make([]byte, 998)) // with its header 1002
			pings := 0
			for p.conn.Ping(make([]byte, 123)) == nil && pings < 1000 {
				pings++
			}
			if want := controlBytes/125 + 1; pings != want {
				t.Errorf("policy %d: %d pings were queued, want %d", full, pings, want)
			}
			if err := p.conn.Ping(nil); err != ErrQueueFull {
				t.Errorf("policy %d: %v", full, err)
			}
			p.w.accept(-1)
			p.talk("< BINARY | 998 bytes" + strings.Repeat("\n < PING | 123 bytes", pings))
			if err := p.conn.Ping([]byte("again")); err != nil {
				t.Errorf("policy %d: with room again: %v", full, err)
			}
			p.talk("< PING | again")
			p.silent()
			time.Sleep(time.Second)
			if err := p.conn.Err(); err != nil {
				t.Errorf("policy %d: it has ended: %v", full, err)
			}
		})
	}
}
