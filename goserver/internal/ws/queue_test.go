package ws

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/wsframe"
)

// slow returns a connection whose peer takes nothing, with a queue of 1000 bytes.
func (b *bench) slow(full Policy) *speaker {
	cfg := testConfig()
	cfg.QueueBytes, cfg.Full = 1000, full
	cfg.PingInterval, cfg.IdleTimeout = 0, 0
	return b.connect(callback, cfg, Agreement{}, func(p *speaker) { p.w.room = 0 })
}

func (c *Conn) held1() (int, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops == nil {
		return c.queued(), 0
	}
	return c.queued(), len(c.drops.messages) - c.drops.first
}

// Block has writers wait for room, and loses nothing.
func TestQueue_block(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(Block)
		written := make(chan int, 100)
		go func() {
			for i := range 20 {
				if err := p.conn.Write(wsframe.Text, []byte(fmt.Sprintf("%0100d", i))); err != nil {
					t.Errorf("write %d: %v", i, err)
				}
				written <- i
			}
		}()
		synctest.Wait()
		if n := len(written); n != 9 {
			t.Errorf("%d messages were written with the queue full, want 9", n)
		}
		if n, _ := p.conn.held1(); n > 1000 {
			t.Errorf("%d bytes are queued", n)
		}
		p.w.accept(500)
		synctest.Wait()
		if n := len(written); n < 10 || n > 14 {
			t.Errorf("%d messages were written", n)
		}
		p.w.accept(-1)
		for i := range 20 {
			p.expect("TEXT | 100 bytes")
			_ = i
		}
		if len(written) != 20 {
			t.Errorf("%d messages were written", len(written))
		}
	})
}

// A peer that takes nothing for the write timeout loses the connection, and who waits learns it.
func TestQueue_timeout(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(Block)
		p.w.writeIdle = 20 * time.Second
		done := make(chan error, 1)
		start := time.Now()
		go func() {
			for {
				if err := p.conn.Write(wsframe.Text, make([]byte, 300)); err != nil {
					done <- err
					return
				}
			}
		}()
		err := <-done
		if d := time.Since(start); !errors.Is(err, netio.ErrWriteExpired) || d < 20*time.Second || d > 21*time.Second {
			t.Errorf("after %v: %v", d, err)
		}
		p.talk("< END\n = ENDED netio: write deadline passed")
	})
}

// DropOldest drops whole messages of which nothing has left, the oldest first.
func TestQueue_dropOldest(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(DropOldest)
		p.w.room = 30 // of the first message
		for i := range 40 {
			if err := p.conn.Write(wsframe.Text, []byte(fmt.Sprintf("%0100d", i))); err != nil {
				t.Errorf("write %d: %v", i, err)
			}
			if i%10 == 0 {
				p.conn.Ping([]byte{byte('0' + i/10)})
			}
			synctest.Wait()
			if n, spans := p.conn.held1(); n > 1000+4*3 || spans > 10 {
				t.Errorf("%d bytes and %d messages are queued", n, spans)
			}
		}
		if n := b.route.Dropped.Load(); n != 40-10 {
			t.Errorf("%d messages were dropped", n)
		}
		p.w.accept(-1)
		var got []string
		synctest.Wait()
		for line := p.next(); line != ""; line = p.next() {
			got = append(got, line)
		}
		want := []string{"TEXT | 100 bytes", "PING | 0", "PING | 1", "PING | 2", "PING | 3"}
		for _, w := range want {
			if strings.Count(strings.Join(got, ","), w) == 0 {
				t.Errorf("%q was not sent", w)
			}
		}
		if len(got) != 10+4 {
			t.Errorf("%d frames were sent: %q", len(got), got)
		}
		// and the last messages are those
		if out := string(p.w.out); !strings.Contains(out, fmt.Sprintf("%0100d", 39)) || !strings.Contains(out, fmt.Sprintf("%0100d", 32)) || strings.Contains(out, fmt.Sprintf("%0100d", 30)) {
			t.Error("not the newest were kept")
		}
	})
}

// A message for which there is no room even then is dropped itself.
func TestQueue_dropNewest(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(DropOldest)
		p.conn.Write(wsframe.Binary, make([]byte, 5000)) // alone, it may be as long as it likes
		synctest.Wait()
		if err := p.conn.Write(wsframe.Text, []byte("x")); err != ErrDropped {
			t.Errorf("Write: %v", err)
		}
		if err := p.conn.WritePrepared(wsframe.NewPreparedMessage(wsframe.Text, []byte("x"))); err != ErrDropped {
			t.Errorf("WritePrepared: %v", err)
		}
		p.w.accept(-1)
		p.talk("< BINARY | 5000 bytes")
		p.conn.Write(wsframe.Text, []byte("y"))
		p.talk("< TEXT | y")
	})
}

// Nothing is dropped for a message that finds no room even then.
func TestQueue_dropNothing(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(DropOldest)
		p.conn.Write(wsframe.Text, []byte("leaving")) // 9 bytes, which stay
		p.conn.Write(wsframe.Text, []byte("waits"))
		long := make([]byte, 990)
		m := wsframe.NewPreparedMessage(wsframe.Binary, long)
		if err := p.conn.Write(wsframe.Binary, make([]byte, 992)); err != ErrDropped {
			t.Errorf("Write: %v", err)
		}
		if err := p.conn.WritePrepared(m); err != ErrDropped {
			t.Errorf("WritePrepared: %v", err)
		}
		if sent, dropped := p.conn.Offer([]*wsframe.PreparedMessage{m}, new(Offering), Block); sent != 0 || dropped != 1 {
			t.Errorf("Offer: %d sent, %d dropped", sent, dropped)
		}
		p.w.accept(-1)
		p.talk("< TEXT | leaving\n < TEXT | waits")
		p.silent()
	})
}

// No part of a streamed message is dropped, whatever comes between.
func TestQueue_streamed(t *testing.T) {
	for _, full := range []Policy{Block, DropOldest} {
		bubble(t, func(b *bench) {
			p := b.slow(full)
			p.conn.Write(wsframe.Text, []byte("first"))
			m := p.stream(wsframe.Binary)
			done := make(chan error, 1)
			go func() {
				for range 10 {
					m.Write(make([]byte, 400))
					m.Flush()
				}
				done <- m.Close()
			}()
			synctest.Wait()
			if n, _ := p.conn.held1(); n > 1000 {
				t.Errorf("%d bytes are queued", n)
			}
			p.w.accept(-1)
			if err := <-done; err != nil {
				t.Error(err)
			}
			p.talk("< TEXT | first\n < BINARY nofin | 400 bytes")
			for range 9 {
				p.talk("< CONT nofin | 400 bytes")
			}
			p.talk("< CONT")
		})
	}
}

// Disconnect closes with 1013, and cuts off who takes not even that.
func TestQueue_disconnect(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(Disconnect)
		var err error
		for i := 0; err == nil; i++ {
			err = p.conn.Write(wsframe.Text, make([]byte, 100))
			if i > 20 {
				t.Fatal("the queue is never full")
			}
		}
		if err != ErrQueueFull {
			t.Errorf("Write: %v", err)
		}
		if err := p.conn.Write(wsframe.Text, nil); err != ErrClosing {
			t.Errorf("Write again: %v", err)
		}
		p.talk("wait 6s\n < END\n = ENDED here 1013 too slow")

		p = b.slow(Disconnect)
		for p.conn.Write(wsframe.Text, make([]byte, 100)) == nil {
		}
		p.w.accept(-1)
		for range 9 {
			p.talk("< TEXT | 100 bytes")
		}
		p.talk("< CLOSE 1013 | too slow\n > CLOSE 1013\n < END\n = ENDED here 1013 too slow")
	})
}

// A peer that pings and takes no answer has a bound, too.
func TestQueue_pings(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.slow(Block)
		for range 10_000 {
			p.say("PING size=125")
			synctest.Wait()
		}
		if n, _ := p.conn.held1(); n > 1000+controlBytes+200 {
			t.Errorf("%d bytes are queued", n)
		}
	})
}

// However few bytes the peer takes at a time, it gets the same.
func TestWrites_short(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			for _, step := range []int{1, 2, 7, 1000} {
				cfg := testConfig()
				cfg.IdleTimeout, cfg.PingInterval, cfg.QueueBytes, cfg.WriteTimeout = 0, 0, 1<<20, 0
				p := b.connect(s, cfg, Agreement{}, func(p *speaker) { p.w.room = 0 })
				sizes := []int{0, 1, 125, 126, 1000, 17_000, 3, 20_000}
				go func() {
					for _, n := range sizes {
						p.conn.Write(wsframe.Binary, make([]byte, n))
					}
				}()
				go func() {
					for { // as slowly as it likes
						if ended, _ := p.w.has(); ended {
							return
						}
						p.w.accept(step)
						time.Sleep(time.Millisecond)
					}
				}()
				for _, n := range sizes {
					want := strings.TrimSpace("BINARY | " + abridged(make([]byte, n)))
					if n == 0 {
						want = "BINARY"
					}
					got := ""
					for got == "" {
						time.Sleep(time.Second)
						got = p.next()
					}
					if n > 0 && n <= 64 {
						want = "BINARY | " + string(make([]byte, n))
					}
					if got != want {
						t.Fatalf("step %d: got %q, want %q", step, got, want)
					}
				}
				p.conn.Abort()
				time.Sleep(time.Second)
			}
		})
	})
}

// Messages sent while others are being answered leave together.
func TestWrites_corked(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{}, nil)
		p.message = func(op wsframe.Opcode, m []byte) { p.conn.Write(op, m) }
		var all []byte
		for range 100 {
			all = append(all, frame(t, "TEXT | x")...)
		}
		p.w.give(all)
		synctest.Wait()
		for range 100 {
			p.talk("< TEXT | x\n = TEXT x")
		}
		if n := len(p.w.took); n > 90 { // alone they would leave in 100
			t.Errorf("the answers left in %d writes", n)
		}
	})
}

// Answers do not wait for a callback that blocks.
func TestWrites_corkedBlocked(t *testing.T) {
	bubble(t, func(b *bench) {
		hold := make(chan struct{})
		p := b.connect(callback, testConfig(), Agreement{}, nil)
		p.message = func(op wsframe.Opcode, m []byte) {
			if string(m) == "block" {
				<-hold
			}
			p.conn.Write(op, m)
		}
		p.w.give(append(frame(t, "TEXT | x"), frame(t, "TEXT | block")...))
		p.talk("< TEXT | x\n = TEXT x\n = TEXT block")
		p.conn.Write(wsframe.Text, []byte("from elsewhere"))
		p.talk("< TEXT | from elsewhere")
		close(hold)
		p.talk("< TEXT | block")
	})
}

// Fragments of the stated size make up the same message, with and without compression.
func TestWrites_fragments(t *testing.T) {
	bubble(t, func(b *bench) {
		cfg := testConfig()
		cfg.Fragment = 4
		p := b.connect(programReads, cfg, Agreement{}, nil)
		p.conn.Write(wsframe.Text, []byte("0123456789"))
		p.conn.Write(wsframe.Text, []byte("0123"))
		p.talk("< TEXT nofin | 0123\n < CONT nofin | 4567\n < CONT | 89\n < TEXT | 0123")
		cfg.CompressFrom = 1
		p = b.connect(programReads, cfg, Agreement{Deflate: &wsframe.Deflate{}}, nil)
		p.conn.Write(wsframe.Text, []byte(strings.Repeat("a", 1000)))
		synctest.Wait()
		if line := p.next(); !strings.HasPrefix(line, "TEXT nofin rsv1 | ") {
			t.Errorf("got %q", line)
		}
		if line := p.next(); strings.Contains(line, "rsv1") {
			t.Errorf("got %q", line)
		}
	})
}
