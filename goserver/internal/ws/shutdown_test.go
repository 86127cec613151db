package ws

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

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
