package h1

import (
	"net/http"
	"runtime/debug"
)

// serveHandler answers with the http.Handler.
func (s *session) serveHandler() {
	c := &s.cfg.Counters
	running := c.InFlight.Add(1)
	defer c.InFlight.Add(-1)
	if s.cfg.MaxInFlight > 0 && running > s.cfg.MaxInFlight {
		c.Shed.Add(1)
		s.shed()
		return
	}
	if s.flush() != nil { // earlier responses must not wait for a handler that blocks
		s.keep = false
		return
	}
	x, r, err := s.newExchange()
	if err != nil {
		c.Refused.Add(1)
		s.keep, s.partial = false, true
		s.reply(errTargetURL, s.head.Minor, s.head.Method == "HEAD")
		return
	}
	s.conn.MayBlock()
	s.conclude(x, s.runHandler(x, r))
}

// conclude completes the exchange when its handler has returned (ok) or
// panicked. First it takes everything from the handler, of which goroutines may
// be left: none of them reads, writes or hijacks any more.
func (s *session) conclude(x *exchange, ok bool) {
	x.ctx.end()
	x.body.cut()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.hijacked {
		s.finish(x, ok)
	}
	x.s = nil
	if x.body != nil {
		x.body.s = nil
	}
}

func (s *session) finish(x *exchange, ok bool) {
	b := x.body
	if ok && !x.headDone {
		s.drain(b) // now: whether it can be decides what the head says
	}
	e := b.rule()
	switch {
	case !ok:
		x.abandon()
	case e != nil && x.status == 0:
		s.countRefused(e)
		s.keep, s.partial = false, true
		s.reply(e, s.head.Minor, x.head)
	default:
		x.finish()
	}
	if !b.ended() {
		s.flush()
		s.drain(b)
	}
}

// shed answers a request that is over the limit of handlers at once. Reading
// its body would cost what shedding saves.
func (s *session) shed() {
	if s.head.Framing.Kind != NoBody {
		s.keep, s.partial = false, true
	}
	s.reply(errOverload, s.head.Minor, s.head.Method == "HEAD")
}

// runHandler calls the handler. It reports false when that panicked: then the
// connection is cut off, so that the client sees a broken response rather than
// a short one.
func (s *session) runHandler(x *exchange, r *http.Request) (ok bool) {
	defer func() {
		if ok {
			return
		}
		v := recover()
		if s.status == 0 {
			s.status = http.StatusInternalServerError // for the log; the client sees none
		}
		switch v {
		case nil: // runtime.Goexit: this goroutine ends
			s.conclude(x, false)
			if !s.gone {
				s.close()
			}
		case http.ErrAbortHandler:
		default:
			s.cfg.logf("http: panic serving %v: %v\n%s", r.RemoteAddr, v, debug.Stack())
		}
	}()
	s.cfg.Handler.ServeHTTP(x, r)
	return true
}

// sendContinue sends 100 (Continue), unless the response has begun.
func (x *exchange) sendContinue() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.status != 0 || x.s == nil {
		return nil
	}
	return x.s.sendContinue()
}
