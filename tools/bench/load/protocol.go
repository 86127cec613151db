package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
)

// A Protocol is what a target is asked over.
type Protocol string

// The protocols. TLS is 1.3, the version chosen by the client.
const (
	HTTP1 Protocol = ""      // HTTP/1.1 in clear
	HTTPS Protocol = "https" // HTTP/1.1 over TLS
	H2    Protocol = "h2"    // HTTP/2 over TLS, chosen by ALPN
	H2C   Protocol = "h2c"   // HTTP/2 in clear, by prior knowledge
)

// TLS tells whether the protocol is over TLS.
func (p Protocol) TLS() bool { return p == HTTPS || p == H2 }

// HTTP2 tells whether the protocol is HTTP/2.
func (p Protocol) HTTP2() bool { return p == H2 || p == H2C }

// ALPN is the name by which a TLS client asks for the protocol (RFC 7301).
func (p Protocol) ALPN() string {
	if p.HTTP2() {
		return "h2"
	}
	return "http/1.1"
}

func (p Protocol) protocols() *http.Protocols {
	var all http.Protocols
	all.SetHTTP1(!p.HTTP2())
	all.SetHTTP2(p == H2)
	all.SetUnencryptedHTTP2(p == H2C)
	return &all
}

var errProtocol = errors.New("load: the answer came over another protocol")

// check makes sure that an answer came over the protocol.
func (p Protocol) check(resp *http.Response) error {
	major := 1
	if p.HTTP2() {
		major = 2
	}
	if resp.ProtoMajor != major || (resp.TLS != nil) != p.TLS() {
		return fmt.Errorf("%w: %s", errProtocol, resp.Proto)
	}
	if resp.TLS == nil {
		return nil
	}
	return p.checkTLS(*resp.TLS)
}

// checkTLS makes sure of the version and the protocol that a handshake agreed
// on. A server that knows nothing but HTTP/1.1 may ignore ALPN.
func (p Protocol) checkTLS(s tls.ConnectionState) error {
	if s.Version != tls.VersionTLS13 {
		return fmt.Errorf("%w: %s", errProtocol, tls.VersionName(s.Version))
	}
	if s.NegotiatedProtocol != p.ALPN() && (p.HTTP2() || s.NegotiatedProtocol != "") {
		return fmt.Errorf("%w: ALPN %q", errProtocol, s.NegotiatedProtocol)
	}
	return nil
}

// URL is what a general client asks for.
func (t Target) URL() string {
	scheme := "http://"
	if t.Over.TLS() {
		scheme = "https://"
	}
	return scheme + t.Addr.String() + t.Path
}

// TLS is how a client in Go shakes hands: as the other load tools do, of one key
// exchange and one cipher, so that no server pays for a stronger one.
func (t Target) TLS() *tls.Config {
	return &tls.Config{
		RootCAs: t.Roots, ServerName: t.Addr.Addr().String(), NextProtos: []string{t.Over.ALPN()},
		MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519},
	}
}

// ClientTLS is a configuration file of OpenSSL for the load tools that use it,
// to be named by OPENSSL_CONF: what Target.TLS has, and the cipher that clients in
// Go prefer.
const ClientTLS = `openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = client
[client]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
`
