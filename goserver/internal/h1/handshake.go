package h1

import (
	"crypto/tls"
	"net/http"
)

// handshake completes the TLS handshake of a connection that has one, within
// the time of a request head. It returns false when the connection has ended.
func (s *session) handshake() bool {
	tc, ok := s.conn.NetConn().(*tls.Conn)
	if !ok {
		return true
	}
	s.tls = true
	s.conn.ReadExpiry(s.cfg.Clock.Until(s.cfg.HeaderTimeout))
	if err := tc.Handshake(); err != nil {
		s.cfg.logf("http: TLS handshake error from %v: %v", s.conn.RemoteAddr(), err)
		if plain, ok := err.(tls.RecordHeaderError); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			plain.Conn.Write([]byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThis port speaks TLS: use https.\n"))
		}
		s.cfg.connState(s.conn, http.StateClosed)
		s.conn.End()
		s.gone = true
		return false
	}
	state := tc.ConnectionState()
	s.connState().tls = &state
	return true
}

// looksLikeHTTP reports whether the bytes in place of a TLS record header start
// a plain HTTP request.
func looksLikeHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET":
		return true
	}
	return false
}
