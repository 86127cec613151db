package goserver_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// A request over TLS on a static or direct route costs no allocation of the server's
// own, however long the response is. crypto/tls makes one, of 24 bytes, when it reads the
// record of the request.
func TestAllocs_tls(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cert, pool := certificate(t)
	srv := &goserver.Server{KTLS: goserver.KTLSOff, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	must(t, srv.HandleStatic("GET /static", []byte("hello"), "text/plain"))
	must(t, srv.HandleStatic("GET /1m", bytes.Repeat([]byte("x"), 1<<20), "text/plain"))
	must(t, srv.Handle("GET /direct", func(c *goserver.Ctx) { c.WriteString("hello") }))
	addr := serveAsSet(t, srv)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, path := range []string{"/static", "/direct", "/1m"} {
			t.Run(tls.VersionName(version)+path, func(t *testing.T) {
				c := &deafClient{t: t, buf: make([]byte, 64<<10)}
				nc, err := net.Dial("tcp", addr)
				must(t, err)
				defer nc.Close()
				conf := &tls.Config{
					RootCAs: pool, ServerName: "127.0.0.1", MaxVersion: version,
					CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
				}
				c.nc, c.tc = nc, tls.Client(nc, conf)
				c.request = []byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
				c.hear()
				runs := 1000
				if path == "/1m" {
					runs = 50
				}
				for range runs / 5 { // warm the pools
					c.exchange()
				}
				if got := testing.AllocsPerRun(runs, c.exchange); got > 1 {
					t.Errorf("%v allocations a request, want at most 1", got)
				}
			})
		}
	}
}

// A deafClient takes responses without opening their records, which would allocate.
type deafClient struct {
	t       *testing.T
	nc      net.Conn
	tc      *tls.Conn
	request []byte
	buf     []byte
	length  int // of a response, in bytes of plaintext
}

// hear takes the first responses with their records opened, and learns their length.
func (c *deafClient) hear() {
	c.t.Helper()
	for range 3 { // tickets come before the first
		c.send()
		n, err := c.tc.Read(c.buf)
		must(c.t, err)
		head, body, _ := bytes.Cut(c.buf[:n], []byte("\r\n\r\n"))
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 OK\r\n")) {
			c.t.Fatalf("read %q", c.buf[:n])
		}
		want := len("hello")
		if bytes.Contains(c.request, []byte("/1m")) {
			want = 1 << 20
		}
		c.length = len(head) + 4 + want
		for left := want - len(body); left > 0; left -= n {
			n, err = c.tc.Read(c.buf)
			must(c.t, err)
		}
	}
}

func (c *deafClient) send() {
	if _, err := c.tc.Write(c.request); err != nil {
		c.t.Fatal(err)
	}
}

// exchange asks, and takes records until their content is as long as a response.
func (c *deafClient) exchange() {
	c.send()
	overhead := 1 + 16 // the type of the content and the tag (RFC 8446 §5.2)
	if c.tc.ConnectionState().Version == tls.VersionTLS12 {
		overhead = 8 + 16 // the nonce and the tag (RFC 5288 §3)
	}
	for left := c.length; left > 0; {
		head := c.buf[:5]
		if _, err := io.ReadFull(c.nc, head); err != nil {
			c.t.Fatal(err)
		}
		n := int(binary.BigEndian.Uint16(head[3:]))
		if _, err := io.ReadFull(c.nc, c.buf[:n]); err != nil {
			c.t.Fatal(err)
		}
		left -= n - overhead
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
