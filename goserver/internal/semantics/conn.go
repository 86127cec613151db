package semantics

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// A Conn is what the server keeps with a connection while it is parked: it is
// the State of a netio.Conn, until a request is upgraded. Then that is a Protocol.
type Conn struct {
	Context context.Context // of its requests
	Remote  string          // http.Request.RemoteAddr
	Local   net.Addr
	TLS     *tls.ConnectionState // nil without TLS

	// New says that no request was read, so that the connection may still turn out
	// to speak another protocol. Only connections that may are marked so.
	New bool

	// HTTP2 is what the engine of HTTP/2 keeps; nil on other connections.
	HTTP2 any
}

// Bare reports that c says nothing that ConnOf would not note.
func (c *Conn) Bare() bool {
	return c.Context == context.Background() && c.Local == nil && !c.New && c.HTTP2 == nil
}

// Secured reports whether c speaks TLS.
func Secured(c netio.Conn) bool {
	_, ok := c.NetConn().(*tls.Conn)
	return ok
}

// ConnOf returns what is kept with c. The first call notes its addresses and the
// state of TLS: the handshake must be over.
func ConnOf(c netio.Conn) *Conn {
	st, ok := c.State().(*Conn)
	if !ok {
		st = &Conn{Context: context.Background()}
		c.SetState(st)
	}
	if st.Local != nil {
		return st
	}
	if tc, ok := c.NetConn().(*tls.Conn); ok {
		state := tc.ConnectionState()
		st.TLS = &state
	}
	st.Local = c.LocalAddr()
	if a := c.Remote(); a.IsValid() {
		st.Remote = a.String()
	} else if a := c.RemoteAddr(); a != nil {
		st.Remote = a.String()
	}
	return st
}
