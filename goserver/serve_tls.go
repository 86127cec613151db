package goserver

import (
	"crypto/tls"
	"net"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// ListenAndServeTLS is ListenAndServe over TLS, by default on port 443.
func (s *Server) ListenAndServeTLS(certFile, keyFile string) error {
	if s.ended.Load() {
		return http.ErrServerClosed
	}
	l, err := listen(s.Addr, ":https")
	if err != nil {
		return err
	}
	defer l.Close()
	return s.ServeTLS(l, certFile, keyFile)
}

// ServeTLS is Serve over TLS. The files may be empty when TLSConfig has
// certificates.
func (s *Server) ServeTLS(l net.Listener, certFile, keyFile string) error {
	conf := &tls.Config{}
	if s.TLSConfig != nil {
		conf = s.TLSConfig.Clone()
	}
	conf.NextProtos = s.nextProtos(conf.NextProtos)
	if certFile != "" || keyFile != "" || len(conf.Certificates) == 0 && conf.GetCertificate == nil && conf.GetConfigForClient == nil {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			l.Close()
			return err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return s.serve(l, s.baseContext(l), conf)
}

// tlsLimits returns what the engine is to know of TLS.
func (s *Server) tlsLimits() netio.TLS {
	failures := &handshakeLog{logf: s.errorLog().Printf}
	return netio.TLS{
		HandshakeTimeout: span(s.HandshakeTimeout, DefaultHandshakeTimeout),
		HandshakeRate:    max(s.TLSHandshakeRate, 0),
		NotTLS:           answerPlainHTTP,
		Kernel:           s.kernelTLS(),
		Failed: func(c netio.Conn, err error) {
			failures.add(c.RemoteAddr(), err)
			s.expired(c)
		},
	}
}

// answerPlainHTTP answers a client that sends a plain HTTP request to a TLS port: first
// begins with a method of RFC 9110 or RFC 5789, or is that of the preface of HTTP/2.
func answerPlainHTTP(first []byte) []byte {
	switch string(first) {
	case "GET /", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "TRACE", "CONNE", "PRI *":
		return []byte(plainHTTPHead + plainHTTPText)
	case "HEAD ":
		return []byte(plainHTTPHead)
	}
	return nil
}

const (
	plainHTTPText = "This port speaks TLS: use https.\n"
	plainHTTPHead = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Content-Length: 33\r\nConnection: close\r\n\r\n"
)
