package h1

import (
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// serveHandler answers with the http.Handler.
func (s *Session) serveHandler() {
	admitted := s.cfg.Admit()
	defer s.cfg.Release()
	if !admitted {
		s.shed()
		return
	}
	if s.flush() != nil { // earlier responses must not wait for a handler that blocks
		s.keep = false
		return
	}
	x, r, err := s.newExchange()
	if err != nil {
		s.cfg.Counters.CountRefused(err)
		s.keep, s.partial = false, true
		s.reply(err, s.head.Minor, s.head.Method == "HEAD")
		return
	}
	s.conn.MayBlock()
	ok := s.cfg.Run(x, r)
	s.conclude(x, ok)
	s.returned = ok
}

// conclude completes the exchange when its handler has returned (ok) or
// panicked. First it takes everything from the handler, of which goroutines may
// be left: none of them reads, writes or hijacks any more.
func (s *Session) conclude(x *exchange, ok bool) {
	x.Ctx.End()
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

func (s *Session) finish(x *exchange, ok bool) {
	b := x.body
	if ok && !x.headDone {
		s.drain(b) // now: whether it can be decides what the head says
	}
	e := b.rule()
	switch {
	case !ok:
		x.abandon()
	case e != nil && x.Status == 0:
		s.cfg.Counters.CountRefused(e)
		s.keep, s.partial = false, true
		s.reply(e, s.head.Minor, x.Head)
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
func (s *Session) shed() {
	if s.head.Framing.Kind != NoBody {
		s.keep, s.partial = false, true
	}
	s.reply(semantics.ErrOverload, s.head.Minor, s.head.Method == "HEAD")
}

// Failed notes that the handler did not return: the connection will be cut off.
func (x *exchange) Failed(exiting bool) {
	s := x.s
	if s.status == 0 {
		s.status = http.StatusInternalServerError // for the log; the client sees none
	}
	if !exiting {
		return
	}
	s.conclude(x, false)
	s.tellOther()
	if !s.gone {
		s.close()
	}
}

// sendContinue sends 100 (Continue), unless the response has begun.
func (x *exchange) sendContinue() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.Status != 0 || x.s == nil {
		return nil
	}
	return x.s.sendContinue()
}
