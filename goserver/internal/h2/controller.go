package h2

import (
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// SetReadDeadline makes reads of the request's body fail after t, and not when
// the server's time for the request has passed.
func (x *exchange) SetReadDeadline(t time.Time) error {
	return x.deadline(t, func(st *stream) (*time.Duration, **time.Timer) { return &st.readBy, &st.readTimer }, func(st *stream) {
		st.body.fail(os.ErrDeadlineExceeded)
		st.receivable.Broadcast()
	})
}

// SetWriteDeadline ends the stream after t, as net/http does it, and not when the
// server's time for the response has passed.
func (x *exchange) SetWriteDeadline(t time.Time) error {
	return x.deadline(t, func(st *stream) (*time.Duration, **time.Timer) { return &st.writeBy, &st.writeTimer }, func(st *stream) {
		st.c.passWriteDeadline(st)
		st.c.flushUnlessGone()
	})
}

// deadline sets one of a stream's timers, in place of the server's own time. passed is
// called with the lock of the connection, unless the stream has ended or the timer was
// set anew.
func (x *exchange) deadline(t time.Time, which func(*stream) (*time.Duration, **time.Timer), passed func(*stream)) error {
	c := x.c
	c.mu.Lock() // not x.mu: a Write that waits has it
	defer c.mu.Unlock()
	st := x.st
	if st == nil {
		return semantics.ErrAfterHandler
	}
	servers, timer := which(st)
	*servers = 0
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	if st.reset || c.dead || t.IsZero() {
		return nil
	}
	if !t.After(time.Now()) {
		passed(st)
		return nil
	}
	st.timed = true
	var own *time.Timer
	own = time.AfterFunc(time.Until(t), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if *timer == own && !st.reset && !c.dead {
			passed(st)
		}
	})
	*timer = own
	return nil
}

// EnableFullDuplex does nothing: a handler may always read the body while it
// writes.
func (x *exchange) EnableFullDuplex() error { return nil }

// CloseNotify implements the deprecated http.CloseNotifier, which older
// libraries still look for.
func (x *exchange) CloseNotify() <-chan bool {
	ch := make(chan bool, 1)
	done := x.req.Ctx.Done()
	go func() {
		<-done
		x.mu.Lock()
		running := x.st != nil
		x.mu.Unlock()
		if running {
			ch <- true
		}
	}()
	return ch
}

var (
	_ http.Flusher    = (*exchange)(nil)
	_ io.ReaderFrom   = (*exchange)(nil)
	_ io.StringWriter = (*exchange)(nil)
)
