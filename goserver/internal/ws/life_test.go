package ws

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A connection that came too late for the engine leaves it as it was.
func TestShutdown_late(t *testing.T) {
	bubble(t, func(b *bench) {
		first := b.connect(callback, testConfig(), Agreement{}, nil)
		done := make(chan error, 1)
		go func() { done <- b.engine.Shutdown(b.Context(), 0) }()
		first.talk("< CLOSE 1001 | server is shutting down")
		late := b.connect(callback, testConfig(), Agreement{}, nil)
		late.talk("< CLOSE 1001 | server is shutting down\n > CLOSE 1001\n < END")
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned %v with a connection open", err)
		default:
		}
		first.talk("> CLOSE 1001\n < END")
		if err := <-done; err != nil || b.engine.Open() != 0 {
			t.Errorf("Shutdown: %v, %d open", err, b.engine.Open())
		}
	})
}

// Shutdown returns when its context is done, whatever callbacks do.
func TestShutdown_blocked(t *testing.T) {
	bubble(t, func(b *bench) {
		hold := make(chan struct{})
		p := b.connect(callback, testConfig(), Agreement{}, func(p *speaker) {
			p.message = func(wsframe.Opcode, []byte) { <-hold }
		})
		p.talk("> TEXT | x\n = TEXT x")
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if err := b.engine.Shutdown(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		close(hold)
	})
}

// Shutdown closes connections over its spread, and waits.
func TestShutdown_spread(t *testing.T) {
	bubble(t, func(b *bench) {
		var all []*speaker
		for i := range 100 {
			all = append(all, b.connect([]style{callback, programReads}[i%2], testConfig(), Agreement{}, nil))
		}
		done := make(chan error, 1)
		go func() { done <- b.engine.Shutdown(b.Context(), time.Second) }()
		closed := func() (n int) {
			synctest.Wait()
			for _, p := range all {
				if p.conn.Err() != nil {
					n++
				}
			}
			return n
		}
		for _, want := range []int{1, 26, 51, 76, 100, 100} {
			if n := closed(); n < want-2 || n > want+2 {
				t.Errorf("%d closed, want %d", n, want)
			}
			time.Sleep(250 * time.Millisecond)
		}
		for _, p := range all[:50] {
			p.talk("< CLOSE 1001 | server is shutting down\n > CLOSE 1001\n < END\n = ENDED here 1001 server is shutting down")
		}
		if n := b.engine.Open(); n != 50 {
			t.Errorf("%d open, want 50", n)
		}
		time.Sleep(5 * time.Second) // the others do not answer
		if err := <-done; err != nil || b.engine.Open() != 0 {
			t.Errorf("Shutdown: %v, %d open", err, b.engine.Open())
		}
		all[99].talk("< CLOSE 1001 | server is shutting down\n < END")
	})
}

// A connection that has ended touches its transport no more.
func TestEnded_untouched(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			p := b.connect(s, testConfig(), Agreement{}, nil)
			p.talk("> CLOSE 1000\n < CLOSE 1000\n < END")
			p.conn.SetReadDeadline(time.Now().Add(time.Second))
			p.conn.SetReadDeadline(time.Time{})
			if _, _, err := p.conn.Next(); err == nil {
				t.Error("Next succeeded")
			}
			ctx, cancel := context.WithCancel(b.Context())
			p.conn.ReadContext(ctx, nil)
			cancel()
			if err := p.conn.Write(wsframe.Text, nil); !isClose(err) {
				t.Errorf("Write: %v", err)
			}
			p.conn.WritePrepared(wsframe.NewPreparedMessage(wsframe.Text, nil))
			p.conn.Ping(nil)
			p.conn.Writer(wsframe.Text).Close()
			if err := p.conn.Close(1000, ""); err != nil {
				t.Errorf("Close: %v", err)
			}
			p.conn.Abort()
			time.Sleep(time.Hour)
		})
	})
}

// So does a program that had not read when the connection was aborted.
func TestEnded_unread(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		p.say("TEXT nofin | x")
		_, m, err := p.conn.Reader()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := m.Read(make([]byte, 9)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		p.conn.Abort()
		p.talk("< END\n = ENDED netio: connection aborted by the server")
		if _, err := m.Read(make([]byte, 9)); !errors.Is(err, netio.ErrAborted) {
			t.Errorf("Read: %v", err)
		}
		if _, _, err := p.conn.Next(); !errors.Is(err, netio.ErrAborted) {
			t.Errorf("Next: %v", err)
		}
	})
}

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
						p.conn.Init(b.engine, &cfg, b.route, Agreement{Deflate: &wsframe.Deflate{}}, observes{p})
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
			p.conn.Init(b.engine, &cfg, b.route, a, observes{p})
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

// Close ends in the middle of whatever a program read.
func TestClose_whileReaderOpen(t *testing.T) {
	bubble(t, func(b *bench) {
		cfg := testConfig()
		p := &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, false)}
		p.conn.Init(b.engine, &cfg, b.route, Agreement{Deflate: &wsframe.Deflate{}}, observes{p})
		p.conn.Start(p.w, nil)
		p.say("TEXT nofin rsv1 hex | f248cd")
		_, m, err := p.conn.Reader()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.conn.Close(1000, "bye") }()
		p.talk("< CLOSE 1000 | bye\n > CONT hex | c9c90700\n > TEXT | x\n > CLOSE 1000\n < END\n = ENDED here 1000 bye")
		if err := <-done; err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := m.Read(make([]byte, 1)); err == nil {
			t.Error("the reader reads on")
		}
	})
}

// A callback may close, abort and write.
func TestCallbacks(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		for _, event := range []string{"PING x", "PONG x", "TEXT x", "ENDED there 1000"} {
			for _, do := range []struct {
				name string
				do   func(c *Conn)
				want string
			}{
				{"close", func(c *Conn) { c.Close(1000, "") }, "< CLOSE 1000\n > CLOSE 1000\n < END\n = ENDED here 1000"},
				{"abort", func(c *Conn) { c.Abort() }, "< END\n = ENDED netio: connection aborted by the server"},
				{"panic", func(c *Conn) { panic("a test") }, "< CLOSE 1011\n > CLOSE 1011\n < END\n = ENDED here 1011"},
				{"exit", func(c *Conn) { runtime.Goexit() }, "< CLOSE 1011\n > CLOSE 1011\n < END\n = ENDED here 1011"},
			} {
				verb, _, _ := strings.Cut(event, " ")
				if verb == "TEXT" && s == programReads {
					continue // its own code
				}
				t.Run(verb+" "+do.name, func(t *testing.T) {
					bubble(t, func(b *bench) {
						p := b.connect(s, testConfig(), Agreement{}, func(p *speaker) {
							p.hook = func(e string) {
								if e == event {
									do.do(p.conn)
								}
							}
						})
						if verb == "ENDED" {
							p.talk("> CLOSE 1000\n < CLOSE 1000\n < END\n = " + event)
							return
						}
						p.say(verb + " | x")
						synctest.Wait()
						if verb == "PING" {
							p.expect("PONG | x")
						}
						p.talk("= " + event)
						if do.name == "exit" && s == programReads { // the program's own goroutine
							p.talk("< CLOSE 1011\n wait 6s\n < END\n = ENDED here 1011")
							return
						}
						p.talk(do.want)
					})
				})
			}
		}
	})
}

// What came behind the message whose callback ended its goroutine is not lost.
func TestCallbacks_exit(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{}, func(p *speaker) {
			p.message = func(wsframe.Opcode, []byte) { runtime.Goexit() }
		})
		p.w.give(append(frame(t, "TEXT | x"), frame(t, "CLOSE 1000")...))
		p.talk("= TEXT x\n < CLOSE 1011\n < END\n = ENDED here 1011")
	})
}

// No message is handed out behind Abort.
func TestAbort_messages(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{}, func(p *speaker) {
			p.message = func(wsframe.Opcode, []byte) { p.conn.Abort() }
		})
		p.w.give(bytes.Repeat(frame(t, "TEXT | x"), 3))
		p.talk("= TEXT x\n = ENDED netio: connection aborted by the server")
	})
}

// The end is told on no goroutine that holds the program's locks: not by a write that fails.
func TestClosed_writer(t *testing.T) {
	for _, s := range []style{programReads, callback} {
		bubble(t, func(b *bench) {
			lock := make(chan struct{}, 1)
			p := b.connect(s, testConfig(), Agreement{}, func(p *speaker) {
				p.hook = func(string) { lock <- struct{}{}; <-lock }
				p.w.failWrites = io.ErrClosedPipe
			})
			lock <- struct{}{}
			p.conn.Write(wsframe.Text, []byte("x"))
			p.conn.Abort()
			<-lock
			p.talk("< END\n = ENDED io: read/write on closed pipe")
		})
	}
}

// Writers that wait end with the connection, also behind a message that nobody ends. (Not in a bubble,
// where time stands while somebody waits for a lock.)
func TestWriters_end(t *testing.T) {
	b := &bench{T: t, clock: netio.NewClock()}
	b.engine = NewEngine(Environment{Clock: b.clock, Logf: t.Logf})
	b.route = b.engine.Route("test")
	for _, end := range []func(p *speaker){
		func(p *speaker) { p.conn.Abort() },
		func(p *speaker) { go p.conn.Close(1000, "") },
		func(p *speaker) { p.w.hangUp() },
	} {
		cfg := testConfig()
		cfg.CloseTimeout = 20 * time.Millisecond
		p := b.connect(programReads, cfg, Agreement{}, nil)
		m := p.conn.Writer(wsframe.Text)
		done := make(chan error, 3)
		go func() { done <- p.conn.Write(wsframe.Text, nil) }()
		go func() { done <- p.conn.WritePrepared(wsframe.NewPreparedMessage(wsframe.Text, nil)) }()
		go func() { done <- p.conn.Writer(wsframe.Text).Close() }()
		end(p)
		for range 3 {
			if err := <-done; err == nil {
				t.Error("a write succeeded")
			}
		}
		if err := m.Close(); err == nil {
			t.Error("Close of the writer succeeded")
		}
		p.conn.Writer(wsframe.Text)
		p.conn.Write(wsframe.Text, nil) // does not wait
	}
}

// Whoever leaves a connection last ends it.
func TestLeave_last(t *testing.T) {
	for range 20 {
		bubble(t, func(b *bench) {
			for i := range 100 {
				p := b.unread(testConfig())
				p.say("TEXT nofin | x")
				if i%2 == 0 {
					p.conn.Reader()
				}
				p.w.onWrite = runtime.Gosched
				go p.conn.Write(wsframe.Text, nil)
				go p.conn.Next()
				go p.conn.Next()
				go p.conn.Abort()
				go p.conn.Abort()
			}
			synctest.Wait()
			if n := b.engine.Open(); n != 0 {
				t.Errorf("%d connections never ended", n)
			}
		})
	}
}
