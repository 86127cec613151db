package ws

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// scribble writes over all memory that is in the pools.
func scribble() {
	for _, size := range classes {
		for range 20 {
			b := *take(size)
			b = b[:cap(b)]
			for i := range b {
				b[i] = '!'
			}
		}
	}
}

// A message that the program has stays what it is until the program reads on, whatever ends the connection
// meanwhile.
func TestNext_valid(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		for _, end := range []struct {
			name string
			end  func(p *speaker)
		}{
			{"abort", func(p *speaker) { p.conn.Abort() }},
			{"write error", func(p *speaker) { p.w.failWrites = io.ErrClosedPipe; p.conn.Write(wsframe.Text, nil) }},
			{"close", func(p *speaker) {
				go p.conn.Close(1000, "")
				synctest.Wait()
				p.say("TEXT | something else that is long enough")
				p.say("CLOSE 1000")
			}},
		} {
			t.Run(end.name, func(t *testing.T) {
				bubble(t, func(b *bench) {
					p := b.unread(testConfig())
					if deflate {
						p = &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, false)}
						cfg := testConfig()
						p.conn.Init(&cfg, b.route, Agreement{Deflate: &wsframe.Deflate{}}, observes{p})
						p.conn.Start(p.w, nil)
						p.say("TEXT rsv1 hex | f248cdc9c90700")
					} else {
						p.say("TEXT | Hello")
						p.say("TEXT | next")
					}
					_, got, err := p.conn.Next()
					if err != nil {
						t.Fatal(err)
					}
					end.end(p)
					synctest.Wait()
					scribble()
					if string(got) != "Hello" {
						t.Errorf("the message is now %q", got)
					}
					p.conn.Abort()
				})
			})
		}
	}
}

// Deadlines and contexts end a read, which loses nothing by it; neither keeps the engine from its pings.
func TestRead_deadline(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		got := make(chan string)
		next := func() {
			_, m, err := p.conn.Next()
			if err != nil {
				m = []byte(err.Error())
			}
			got <- string(m)
		}
		go next()
		synctest.Wait()
		p.conn.SetReadDeadline(time.Time{}) // while a read waits
		time.Sleep(31 * time.Second)
		p.talk("< PING | hyperion-keepalive")
		p.conn.SetReadDeadline(time.Now().Add(time.Hour))
		time.Sleep(31 * time.Second)
		p.talk("< CLOSE 1001 | idle timeout\n > CLOSE 1001")
		if m := <-got; m != `websocket: closed: 1001 (going away): "idle timeout"` {
			t.Errorf("Next: %q", m)
		}

		p = b.unread(testConfig())
		p.conn.SetReadDeadline(time.Now().Add(time.Second))
		p.say("TEXT nofin | a")
		start := time.Now()
		if _, _, err := p.conn.Next(); err != os.ErrDeadlineExceeded {
			t.Errorf("Next: %v", err)
		}
		if d := time.Since(start); d < time.Second || d > 1600*time.Millisecond {
			t.Errorf("the deadline of 1 s passed after %v", d)
		}
		p.say("CONT | b")
		p.conn.SetReadDeadline(time.Time{})
		if _, m, err := p.conn.Next(); string(m) != "ab" || err != nil {
			t.Errorf("Next: %q, %v", m, err)
		}
	})
}

func TestRead_context(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(b.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		p.say("TEXT nofin | a")
		if _, _, err := p.conn.ReadContext(ctx, nil); err != why {
			t.Errorf("ReadContext: %v", err)
		}
		if _, _, err := p.conn.ReadContext(ctx, nil); err != why {
			t.Errorf("ReadContext again: %v", err)
		}
		p.say("CONT | b")
		if _, m, err := p.conn.Read([]byte("> ")); string(m) != "> ab" || err != nil {
			t.Errorf("Read without the context: %q, %v", m, err)
		}
		// A context that ends while another takes its place does not end the reads of that.
		for range 100 {
			old, cancel := context.WithCancel(b.Context())
			p.say("TEXT | x")
			p.conn.ReadContext(old, nil)
			go cancel()
			runtime.Gosched()
			time.AfterFunc(time.Second, func() { p.say("TEXT | y") })
			if _, m, err := p.conn.ReadContext(b.Context(), nil); string(m) != "y" || err != nil {
				t.Fatalf("with the new context: %q, %v", m, err)
			}
		}
		p.conn.Abort()
	})
}

// uncomparable is an error that must not be compared.
type uncomparable []string

func (uncomparable) Error() string { return "uncomparable" }

func TestRead_contextCause(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		ctx, cancel := context.WithCancelCause(b.Context())
		cancel(uncomparable{})
		if _, _, err := p.conn.ReadContext(ctx, nil); err == nil || err.Error() != "uncomparable" {
			t.Errorf("ReadContext: %v", err)
		}
		p.say("TEXT | x")
		if _, m, err := p.conn.Next(); string(m) != "x" || err != nil {
			t.Errorf("Next: %q, %v", m, err)
		}
	})
}

// Bind, deadlines and the end may come at once.
func TestRead_races(t *testing.T) {
	bubble(t, func(b *bench) {
		for i := range 200 {
			p := b.unread(testConfig())
			ctx, cancel := context.WithCancel(b.Context())
			go p.conn.ReadContext(ctx, nil)
			go p.conn.SetReadDeadline(time.Now().Add(time.Duration(i) * time.Millisecond))
			go p.conn.Write(wsframe.Text, []byte("x"))
			go p.conn.Abort()
			go cancel()
			go p.conn.Err()
		}
		synctest.Wait()
		if n := b.engine.Open(); n != 0 {
			t.Errorf("%d connections never ended", n)
		}
	})
}

// A message that a read had begun is whole for the reader that goes on with it.
func TestReader_afterDeadline(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		bubble(t, func(b *bench) {
			cfg := testConfig()
			p := &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, false)}
			a := Agreement{}
			if deflate {
				a.Deflate = &wsframe.Deflate{}
			}
			p.conn.Init(&cfg, b.route, a, observes{p})
			p.conn.Start(p.w, nil)
			begin, rest := "TEXT nofin hex | 48656cc3", "CONT hex | b66f"
			want := "Helöo"
			if deflate {
				begin, rest, want = "TEXT nofin rsv1 hex | f248cd", "CONT hex | c9c90700", "Hello"
			}
			p.say(begin)
			p.conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, _, err := p.conn.Next(); err != os.ErrDeadlineExceeded {
				t.Fatal(err)
			}
			p.conn.SetReadDeadline(time.Time{})
			op, m, err := p.conn.Reader()
			if op != wsframe.Text || err != nil {
				t.Fatal(op, err)
			}
			p.say(rest)
			if all, err := io.ReadAll(m); string(all) != want || err != nil {
				t.Errorf("deflate %v: %q, %v", deflate, all, err)
			}
			p.say("TEXT | x")
			if _, m, err := p.conn.Next(); string(m) != "x" || err != nil {
				t.Errorf("the next: %q, %v", m, err)
			}
		})
	}
}
