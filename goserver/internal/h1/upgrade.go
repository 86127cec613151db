package h1

import (
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// Upgrade answers with 101 (Switching Protocols), and leaves the connection to p
// (RFC 9110 §7.8). Fields that the handler has set go with it.
func (w *response) Upgrade(fields http.Header, p semantics.Protocol, start func(t semantics.Transport, ahead []byte)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	if w.Status != 0 {
		return semantics.ErrHeadSent
	}
	h := w.Header()
	for name, values := range fields {
		h[name] = values
	}
	w.writeHeader(http.StatusSwitchingProtocols)
	w.completeHead(false, 0, nil)
	s := w.s
	if err := s.flush(); err != nil {
		return err
	}
	w.x.Ctx.Unwatch()
	s.conn.ReadExpiry(0)
	s.conn.WriteExpiry(0)
	s.conn.KeepParked()
	s.conn.SetState(p) // all that is kept with it from now on
	w.hijacked = true
	s.gone, s.other, s.returned = true, p, false
	s.cfg.TellState(s.conn, http.StateHijacked)
	start(s.conn, s.in[s.r:s.w])
	return nil
}

// Settings returns those of the connection.
func (w *response) Settings() *semantics.Config { return w.cfg }

// tellOther tells the protocol that the connection was upgraded to, if it was, that the
// handler has returned, or has not. The session is done with the connection.
func (s *Session) tellOther() {
	if p := s.other; p != nil {
		s.other = nil
		p.Returned(s.returned)
	}
}

var _ semantics.Upgrader = (*response)(nil)
