package h1

import "crypto/tls"

// secured reports whether the connection speaks TLS. The engine has done the handshake.
func (s *Session) secured() bool {
	_, ok := s.conn.NetConn().(*tls.Conn)
	return ok
}
