package ws

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hyperion-server/hyperion/wsframe"
)

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

// A panic is logged, with where it was, unless it is http.ErrAbortHandler; for the peer both are 1011.
func TestCallbacks_panicLogged(t *testing.T) {
	for _, c := range []struct {
		value  any
		logged int
	}{{"a test", 1}, {http.ErrAbortHandler, 0}} {
		eachStyle(t, func(t *testing.T, s style) {
			bubble(t, func(b *bench) {
				p := b.connect(s, testConfig(), Agreement{}, func(p *speaker) {
					p.hook = func(e string) {
						if e == "PONG x" || e == "ENDED here 1011" {
							panic(c.value)
						}
					}
				})
				p.talk("> PONG | x\n = PONG x\n < CLOSE 1011\n > CLOSE 1011\n < END\n = ENDED here 1011")
				b.logMu.Lock()
				defer b.logMu.Unlock()
				if len(b.logged) != 2*c.logged {
					t.Errorf("logged %q", b.logged)
				}
			})
		})
	}
}
