package h2

import (
	"maps"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// The protocol that an extended CONNECT may ask for, and the field under which a
// handler sees it (RFC 8441 §4, §5).
const (
	websocket     = "websocket"
	protocolField = ":protocol"
)

// presentUpgrade gives an extended CONNECT the fields that the request would have on
// HTTP/1.1 (RFC 6455 §4.1), so that what is written for one serves the other.
func (x *exchange) presentUpgrade(r *http.Request) {
	x.connect = true
	values := [...]string{websocket, "Upgrade"}
	r.Header[protocolField] = values[:1:1]
	r.Header["Upgrade"] = values[:1:1]
	r.Header["Connection"] = values[1:2:2]
}

// Upgrade answers an extended CONNECT with 200, and leaves its stream to p (RFC 8441 §5).
// Fields that the handler has set go with it.
func (x *exchange) Upgrade(fields http.Header, p semantics.Protocol, start func(t semantics.Transport, ahead []byte)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.tunnel != nil:
		return http.ErrHijacked
	case x.st == nil:
		return semantics.ErrAfterHandler
	case !x.connect:
		return http.ErrNotSupported
	case x.res.Status != 0:
		return semantics.ErrHeadSent
	}
	maps.Copy(x.Header(), fields)
	x.res.Start(x.cfg, http.StatusOK)
	x.res.Length = -1 // RFC 9110 §9.3.6
	x.noteFields(x.res.Include)
	if err := x.sendHead(false, 0, nil); err != nil {
		return err
	}
	x.req.Ctx.Unwatch()
	x.dig(p)
	start(x.tunnel, nil)
	c := x.c
	c.mu.Lock()
	if !c.dead {
		c.flushLater()
	}
	c.mu.Unlock()
	return nil
}

// dig makes a tunnel of the stream. The times of requests do not hold for it.
func (x *exchange) dig(p semantics.Protocol) {
	c := x.c
	c.mu.Lock()
	defer c.mu.Unlock()
	st := x.st
	x.tunnel = &tunnel{c: c, st: st, p: p}
	x.st, st.x, st.tunnel = nil, nil, x.tunnel
	st.readBy, st.writeBy = 0, 0
	st.stopTimers()
	c.tunnels++
	c.eased()
}

// leave ends the exchange, whose stream goes on as a tunnel. x.mu is held. The request stays
// with the program, and x with it: what is not of the request goes.
func (x *exchange) leave(ok bool) {
	x.returned = ok
	x.log(ok)
	c := x.c
	c.mu.Lock()
	if st := x.tunnel.st; st != nil {
		st.returned = true
		c.done(st)
	}
	c.mu.Unlock()
	x.pad.free()
	x.pad, x.rec, x.res = nil, nil, semantics.Response{}
}

// handOver tells the protocol that the stream was left to, if it was, that the handler
// has returned, or has not. The exchange has ended.
func (x *exchange) handOver() {
	if x.tunnel != nil {
		x.tunnel.p.Returned(x.returned)
	}
}

// Settings returns those of the connection.
func (x *exchange) Settings() *semantics.Config { return x.cfg }

var _ semantics.Upgrader = (*exchange)(nil)
