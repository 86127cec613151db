package ws

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/wsframe"
)

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
			if _, err := p.conn.Writer(wsframe.Text); !isClose(err) {
				t.Errorf("Writer: %v", err)
			}
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

// Close ends in the middle of whatever a program read.
func TestClose_whileReaderOpen(t *testing.T) {
	bubble(t, func(b *bench) {
		cfg := testConfig()
		p := &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, false)}
		p.conn.Init(&cfg, b.route, Agreement{Deflate: &wsframe.Deflate{}}, observes{p})
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
		m := p.stream(wsframe.Text)
		done := make(chan error, 3)
		go func() { done <- p.conn.Write(wsframe.Text, nil) }()
		go func() { done <- p.conn.WritePrepared(wsframe.NewPreparedMessage(wsframe.Text, nil)) }()
		go func() {
			w, err := p.conn.Writer(wsframe.Text)
			if err == nil {
				err = w.Close()
			}
			done <- err
		}()
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
