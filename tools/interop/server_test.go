package interop

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/internal/leaktest"
	"github.com/hyperion-server/hyperion/tools/internal/selfsigned"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leaktest.Main(m) }

// A site is where a server of a test listens.
type site struct {
	addr string // 127.0.0.1 and port
	cert []byte // PEM; nil: in clear
}

// listen serves with s until the test ends, over TLS or in clear.
func listen(t *testing.T, s *goserver.Server, secure bool) site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	where := site{addr: l.Addr().String()}
	serve := s.Serve
	if secure {
		if s.TLSConfig, where.cert, err = selfsigned.Server(); err != nil {
			t.Fatal(err)
		}
		serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return where
}

// url is that of a path.
func (w site) url(path string) string {
	if w.cert == nil {
		return "http://" + w.addr + path
	}
	return "https://" + w.addr + path
}

// roots are for a client in Go.
func (w site) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(w.cert)
	return pool
}

// certFile is for other clients.
func (w site) certFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(name, w.cert, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// client speaks HTTP/2 only.
func (w site) client(t *testing.T) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{RootCAs: w.roots()}}
	tr.Protocols.SetHTTP2(w.cert != nil)
	tr.Protocols.SetUnencryptedHTTP2(w.cert == nil)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// transports are what the tests run over, by name.
var transports = map[string]bool{"TLS": true, "clear": false}
