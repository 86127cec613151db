package ws

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A writer of a message in parts that goes on when the connection has ended, which takes its turn from it, does not
// work with the compressor; and there are no new ones.
func TestWriter_afterEnd(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{Deflate: &wsframe.Deflate{}}, nil)
		first := p.stream(wsframe.Binary)
		if _, err := first.Write(make([]byte, writePart+1)); err != nil {
			t.Fatal(err)
		}
		p.conn.Abort()
		p.talk("= ENDED " + p.conn.Err().Error())
		var all sync.WaitGroup
		all.Go(func() {
			for range 100 {
				if _, err := first.Write(make([]byte, 2*writePart)); err != p.conn.Err() {
					t.Errorf("Write after the end: %v", err)
				}
			}
			if err := first.Close(); err != p.conn.Err() {
				t.Errorf("Close after the end: %v", err)
			}
		})
		for range 3 {
			all.Go(func() {
				for range 100 {
					if w, err := p.conn.Writer(wsframe.Binary); w != nil || err != p.conn.Err() {
						t.Errorf("Writer after the end: %v", err)
					}
				}
			})
		}
		all.Wait()
	})
}

// Behind a Close there is no new message in parts.
func TestWriter_closing(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(programReads, testConfig(), Agreement{}, nil)
		synctest.Wait() // now it reads
		go p.conn.Close(1000, "")
		p.talk("< CLOSE 1000")
		if w, err := p.conn.Writer(wsframe.Text); w != nil || err != ErrClosing {
			t.Errorf("Writer: %v", err)
		}
		if !p.conn.order.TryLock() {
			t.Error("it has kept its turn")
		} else {
			p.conn.order.Unlock()
		}
		p.talk("> CLOSE 1000\n < END\n = ENDED here 1000")
	})
}

// A callback that waits behind a message in parts, which its writer has given up without Close, goes on
// when the connection is lost.
func TestWriter_givenUp(t *testing.T) {
	bubble(t, func(b *bench) {
		called := make(chan struct{})
		p := b.connect(callback, testConfig(), Agreement{}, func(p *speaker) {
			p.message = func(op wsframe.Opcode, payload []byte) {
				close(called)
				if p.conn.Write(op, payload) == nil {
					t.Error("written into a message in parts")
				}
			}
		})
		p.stream(wsframe.Binary)
		p.say("TEXT | hello")
		<-called
		p.conn.Abort()
		p.talk("= TEXT hello\n = ENDED " + describe(p.conn.Err()))
	})
}
