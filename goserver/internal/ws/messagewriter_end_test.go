package ws

import (
	"sync"
	"testing"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Writers of messages in parts that go on when the connection has ended, which takes their turn
// from them, do not work with one compressor at a time.
func TestWriter_afterEnd(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{Deflate: &wsframe.Deflate{}}, nil)
		first := p.conn.Writer(wsframe.Binary)
		if _, err := first.Write(make([]byte, writePart+1)); err != nil {
			t.Fatal(err)
		}
		p.conn.Abort()
		p.talk("= ENDED " + p.conn.Err().Error())
		var all sync.WaitGroup
		write := func(w *MessageWriter) {
			for range 100 {
				if _, err := w.Write(make([]byte, 2*writePart)); err == nil {
					t.Error("written after the end")
				}
				if w.Close() == nil {
					t.Error("closed after the end")
				}
				w = p.conn.Writer(wsframe.Binary)
			}
			w.Close()
		}
		all.Go(func() { write(first) })
		for range 3 {
			all.Go(func() { write(p.conn.Writer(wsframe.Binary)) })
		}
		all.Wait()
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
		p.conn.Writer(wsframe.Binary)
		p.say("TEXT | hello")
		<-called
		p.conn.Abort()
		p.talk("= TEXT hello\n = ENDED " + describe(p.conn.Err()))
	})
}
