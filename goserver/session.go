package goserver

import (
	"crypto/tls"
	"net/http"
	"slices"

	"github.com/hyperion-server/hyperion/goserver/internal/acme"
	"github.com/hyperion-server/hyperion/goserver/internal/h1"
	"github.com/hyperion-server/hyperion/goserver/internal/h2"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A session gives each connection to the engine of its protocol. Connections come
// back to it whenever there is something to read.
type session struct {
	s   *Server
	one *h1.Session
	two *h2.Session // nil until one connection needed it
}

func (s *Server) newSession() netio.Session {
	return &session{s: s, one: h1.NewSession(s.cfg)}
}

// Retire gives back what outlives the session.
func (v *session) Retire() {
	v.one.Retire()
	if v.two != nil {
		v.two.Retire()
	}
}

// Serve serves c until it is parked, closed or detached.
func (v *session) Serve(c netio.Conn) {
	if p, ok := c.State().(semantics.Protocol); ok {
		p.Serve()
		return
	}
	st, _ := c.State().(*semantics.Conn)
	switch {
	case st == nil:
		v.one.Serve(c)
	case st.HTTP2 != nil:
		v.http2().Serve(c, nil)
	case st.New && semantics.Secured(c):
		v.negotiated(c, st)
	case st.New && !v.s.protocols().HTTP1():
		v.http2().Serve(c, nil)
	default:
		if ahead := v.one.Serve(c); ahead != nil {
			v.http2().Serve(c, ahead)
		}
	}
}

func (v *session) http2() *h2.Session {
	if v.two == nil {
		v.two = v.s.http2.NewSession()
	}
	return v.two
}

// negotiated serves a connection that has ended its handshake, with the protocol
// that ALPN chose (RFC 7301).
func (v *session) negotiated(c netio.Conn, st *semantics.Conn) {
	st.New = false
	proto := semantics.ConnOf(c).TLS.NegotiatedProtocol
	switch {
	case v.s.TLSNextProto[proto] != nil:
		v.s.otherProtocol(c, proto)
	case proto == "h2" && v.s.protocols().HTTP2():
		if weakCipher(st.TLS) && !(v.s.HTTP2 != nil && v.s.HTTP2.PermitProhibitedCipherSuites) {
			c.Write([]byte(inadequateSecurity))
			v.s.cfg.TellState(c, http.StateClosed)
			c.End()
			return
		}
		v.http2().Serve(c, nil)
	case v.s.protocols().HTTP1() && proto != acme.Proto: // with which the handshake was all (RFC 8737 §4)
		v.one.Serve(c)
	default:
		v.s.cfg.TellState(c, http.StateClosed)
		c.End()
	}
}

// otherProtocol hands c to the program, which speaks the protocol itself.
func (s *Server) otherProtocol(c netio.Conn, proto string) {
	c.MayBlock()
	s.cfg.TellState(c, http.StateActive)
	nc, err := c.Detach()
	if err != nil {
		return
	}
	defer nc.Close()
	s.TLSNextProto[proto](s.cfg.ServerValue.(*http.Server), nc.(*tls.Conn), s.cfg.Handler)
}

// inadequateSecurity is SETTINGS, empty, and GOAWAY with INADEQUATE_SECURITY
// (RFC 9113 §9.2.1).
const inadequateSecurity = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" +
	"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0c"

// weakCipher reports whether TLS 1.2 chose one of the suites that HTTP/2 prohibits
// (RFC 9113 §9.2.2): all of those in crypto/tls but these.
func weakCipher(st *tls.ConnectionState) bool {
	return st.Version < tls.VersionTLS13 && !slices.Contains([]uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	}, st.CipherSuite)
}
