package goserver_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// A request over TLS on a static or direct route costs no allocation of the server's
// own. crypto/tls makes one, of 24 bytes, each time that it reads ahead for a record: the server's
// for the request, and the client of this test for the response, twice when that is long.
func TestAllocs_tls(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cert, pool := certificate(t)
	srv := &goserver.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	must(t, srv.HandleStatic("GET /static", []byte("hello"), "text/plain"))
	must(t, srv.HandleStatic("GET /large", bytes.Repeat([]byte("x"), 40<<10), "text/plain"))
	must(t, srv.Handle("GET /direct", func(c *goserver.Ctx) { c.WriteString("hello") }))
	addr := serveAsSet(t, srv)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, path := range []string{"/static", "/large", "/direct"} {
			t.Run(tls.VersionName(version)+path, func(t *testing.T) {
				conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, MaxVersion: version})
				must(t, err)
				defer conn.Close()
				request, buf := []byte("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"), make([]byte, 64<<10)
				length := 0
				exchange := func() {
					if _, err := conn.Write(request); err != nil {
						t.Fatal(err)
					}
					for n := 0; n == 0 || n < length; {
						m, err := conn.Read(buf[n:])
						if err != nil {
							t.Fatal(err)
						}
						if n += m; length == 0 { // the first time: what follows is as long
							head, _, _ := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
							length = len(head) + 4 + 5
							if path == "/large" {
								length += 40<<10 - 5
							}
						}
					}
					if !bytes.HasPrefix(buf, []byte("HTTP/1.1 200 OK\r\n")) {
						t.Fatalf("read %q", buf[:100])
					}
				}
				for range 200 { // warm the pools, and leave the short first records behind
					exchange()
				}
				most := 2.0
				if path == "/large" {
					most = 3
				}
				if got := testing.AllocsPerRun(1000, exchange); got > most {
					t.Errorf("%v allocations a request, want at most %v", got, most)
				}
			})
		}
	}
}

// serveAsSet serves srv over TLS, with its TLSConfig, until the test ends.
func serveAsSet(t *testing.T, srv *goserver.Server) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go srv.ServeTLS(ln, "", "")
	t.Cleanup(func() { srv.Close() })
	return ln.Addr().String()
}
