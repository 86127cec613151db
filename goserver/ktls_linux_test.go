package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// needKTLS skips a test where the kernel has no TLS, unless the environment says that
// it must have. See make test-ktls.
func needKTLS(t *testing.T) {
	t.Helper()
	if err := goserver.KTLSSupported(); err != nil {
		if os.Getenv("HYPERION_REQUIRE_KTLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// counting is a stream of which every 8 bytes tell where they are.
type counting struct{ at int64 }

func (c *counting) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(c.at/8)*0x9e3779b97f4a7c15)
		m := copy(p[n:], b[c.at%8:])
		n, c.at = n+m, c.at+int64(m)
	}
	return len(p), nil
}

// checkCounting compares everything that r has with n bytes of the stream.
func checkCounting(r io.Reader, n int64) error {
	var stream counting
	got, want := make([]byte, 64<<10), make([]byte, 64<<10)
	for all := int64(0); ; {
		m, err := r.Read(got)
		stream.Read(want[:m])
		if !bytes.Equal(got[:m], want[:m]) {
			return fmt.Errorf("bytes %d to %d differ", all, all+int64(m))
		}
		all += int64(m)
		if err == io.EOF && all == n {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d bytes of %d: %w", all, n, err)
		}
	}
}

// A ktlsServer sends n bytes of the counting stream: a file at /file, and what a handler
// writes at /handler?n=.
type ktlsServer struct {
	*goserver.Server
	addr string
	size int64
	conf *tls.Config // of clients
	tls  *goserver.TLS
}

func newKTLSServer(t *testing.T, size int64, rung string) *ktlsServer {
	t.Helper()
	needKTLS(t)
	path := filepath.Join(t.TempDir(), "file.bin")
	f, err := os.Create(path)
	must(t, err)
	_, err = io.CopyN(f, new(counting), size)
	must(t, errors.Join(err, f.Close()))
	secure, err := goserver.OpenTLS(goserver.TLSOptions{SelfSigned: true})
	must(t, err)
	t.Cleanup(func() { secure.Close() })
	srv := fileServer(t, &goserver.Server{KTLS: goserver.KTLSOn, FileRung: rung, TLSConfig: secure.Config()}, path)
	files := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/handler" {
			files.ServeHTTP(w, r)
			return
		}
		n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
		io.CopyN(struct{ io.Writer }{w}, new(counting), n)
	})
	s := &ktlsServer{Server: srv, size: size, tls: secure, conf: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}}
	var done chan error
	s.addr, done = listenTLS(t, srv)
	t.Cleanup(func() {
		srv.Close()
		<-done
		poll(t, "no connection to be left in the kernel", func() bool { return srv.Stats().KernelTLS == 0 })
	})
	return s
}

// client speaks one protocol, over connections whose receive buffer is small if slow is set.
func (s *ktlsServer) client(t *testing.T, h2, slow bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!h2)
	p.SetHTTP2(h2)
	tr := &http.Transport{Protocols: p, TLSClientConfig: s.conf.Clone()}
	if slow {
		tr.DialContext = smallWindow
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (s *ktlsServer) get(c *http.Client, path string) (*http.Response, error) {
	return c.Get("https://" + s.addr + path)
}

// fetch gets n bytes of the counting stream.
func (s *ktlsServer) fetch(c *http.Client, path string, n int64, h2 bool) error {
	resp, err := s.get(c, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if (resp.ProtoMajor == 2) != h2 || resp.StatusCode != 200 {
		return fmt.Errorf("%s %s", resp.Proto, resp.Status)
	}
	return checkCounting(resp.Body, n)
}

var ktlsProtocols = map[string]bool{"h1": false, "h2": true}

// TestKTLS_file: every byte of 100 MiB, by each protocol.
func TestKTLS_file(t *testing.T) {
	needKTLS(t)
	s := newKTLSServer(t, 100<<20, "")
	for name, h2 := range ktlsProtocols {
		t.Run(name, func(t *testing.T) {
			c := s.client(t, h2, false)
			for _, path := range []string{"/direct", "/content"} {
				must(t, s.fetch(c, path, s.size, h2))
			}
			if n := s.Stats().KernelTLS; n == 0 {
				t.Error("no connection is in the kernel")
			}
		})
	}
	poll(t, "both files of HTTP/1.1 to be counted as sendfile", func() bool { return s.Stats().FileResponses["sendfile"] == 2 })
}

// TestKTLS_rungs: every way to send a file.
func TestKTLS_rungs(t *testing.T) {
	needKTLS(t)
	for _, rung := range []string{"small", "splice", "sendfile", "copy"} {
		t.Run(rung, func(t *testing.T) {
			s := newKTLSServer(t, 3<<20+5, rung)
			for _, h2 := range ktlsProtocols {
				c := s.client(t, h2, false)
				for _, path := range []string{"/direct", "/content", "/copy", "/static/file.bin"} {
					if err := s.fetch(c, path, s.size, h2); err != nil {
						t.Errorf("%s, HTTP/2 %v: %v", path, h2, err)
					}
				}
			}
		})
	}
}

// smallWindow dials with a receive buffer of a few segments of the loopback.
func smallWindow(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err == nil {
		c.(*net.TCPConn).SetReadBuffer(256 << 10)
	}
	return c, err
}

// TestKTLS_slowReader: the writer has to wait again and again.
func TestKTLS_slowReader(t *testing.T) {
	needKTLS(t)
	s := newKTLSServer(t, 8<<20, "")
	for name, h2 := range ktlsProtocols {
		t.Run(name, func(t *testing.T) {
			c := s.client(t, h2, true)
			for _, path := range []string{"/direct", "/handler?n=8388608"} {
				must(t, s.fetch(c, path, s.size, h2))
			}
		})
	}
}

// TestKTLS_abort: clients that go in the middle harm nobody else.
func TestKTLS_abort(t *testing.T) {
	needKTLS(t)
	s := newKTLSServer(t, 8<<20, "")
	for name, h2 := range ktlsProtocols {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				c := s.client(t, h2, true)
				for _, path := range []string{"/direct", "/handler?n=8388608"} {
					resp, err := s.get(c, path)
					must(t, err)
					_, err = io.CopyN(io.Discard, resp.Body, 100_000)
					must(t, err)
					resp.Body.Close() // HTTP/1.1: of the connection; HTTP/2: of the stream
				}
				c.CloseIdleConnections()
			}
			must(t, s.fetch(s.client(t, h2, false), "/direct", s.size, h2))
		})
	}
}

// TestKTLS_sizes: bodies around the length of a record, many at a time.
func TestKTLS_sizes(t *testing.T) {
	needKTLS(t)
	s := newKTLSServer(t, 1, "")
	for name, h2 := range ktlsProtocols {
		t.Run(name, func(t *testing.T) {
			c := s.client(t, h2, false)
			var all sync.WaitGroup
			for part := range 4 {
				all.Go(func() {
					for i, n := range []int64{0, 1, 2047, 2048, 2049, 16383, 16384, 16385, 65535, 65536, 100_000, 1 << 20} {
						n += int64(part)
						if err := s.fetch(c, fmt.Sprintf("/handler?n=%d", n), n, h2); err != nil {
							t.Errorf("body %d of %d bytes: %v", i, n, err)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// TestKTLS_pipeline: requests in one write, with responses of mixed sizes.
func TestKTLS_pipeline(t *testing.T) {
	needKTLS(t)
	s := newKTLSServer(t, 50_000, "")
	conn, err := tls.Dial("tcp", s.addr, s.conf)
	must(t, err)
	defer conn.Close()
	sizes := []int64{0, 1, 100, 20_000, 5, 300_000, 16384, 7}
	var requests bytes.Buffer
	for range 5 {
		for _, n := range sizes {
			fmt.Fprintf(&requests, "GET /handler?n=%d HTTP/1.1\r\nHost: x\r\n\r\nGET /direct HTTP/1.1\r\nHost: x\r\n\r\n", n)
		}
	}
	go conn.Write(requests.Bytes())
	r := bufio.NewReader(conn)
	for i := range 5 * len(sizes) {
		for _, n := range []int64{sizes[i%len(sizes)], s.size} {
			resp, err := http.ReadResponse(r, nil)
			must(t, err)
			if err := checkCounting(resp.Body, n); err != nil {
				t.Fatalf("response %d: %v", i, err)
			}
		}
	}
}

// TestKTLS_tickets: keys of tickets are replaced while a response is on its way; old tickets
// and new ones resume, and resumed connections go to the kernel as well.
func TestKTLS_tickets(t *testing.T) {
	needKTLS(t)
	s := newKTLSServer(t, 16<<20, "")
	for name, h2 := range ktlsProtocols {
		t.Run(name, func(t *testing.T) {
			s.conf.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for i := range 3 {
				c := s.client(t, h2, false)
				resp, err := s.get(c, "/direct")
				must(t, err)
				head := make([]byte, 1<<20)
				_, err = io.ReadFull(resp.Body, head)
				must(t, err)
				must(t, s.tls.RotateTickets())
				must(t, checkCounting(io.MultiReader(bytes.NewReader(head), resp.Body), s.size))
				resp.Body.Close()
				if resumed := resp.TLS.DidResume; resumed != (i > 0) && name == "h1" {
					t.Errorf("handshake %d resumed: %v", i, resumed)
				}
				if n := s.Stats().KernelTLS; n == 0 {
					t.Error("not in the kernel")
				}
				c.CloseIdleConnections()
			}
		})
	}
}

// TestKTLS_openssl: another implementation of TLS opens what the kernel made, with
// each suite that it has.
func TestKTLS_openssl(t *testing.T) {
	needKTLS(t)
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip(err)
	}
	s := newKTLSServer(t, 1<<20+1, "")
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		t.Run(suite, func(t *testing.T) {
			cmd := exec.Command(openssl, "s_client", "-quiet", "-connect", s.addr, "-tls1_3", "-ciphersuites", suite)
			in, err := cmd.StdinPipe()
			must(t, err)
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			defer cmd.Wait()
			r := bufio.NewReader(out)
			ask := func(connection string) {
				fmt.Fprintf(in, "GET /direct HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n", connection)
				resp, err := http.ReadResponse(r, nil)
				must(t, err)
				must(t, checkCounting(resp.Body, s.size))
			}
			ask("keep-alive")
			if n := s.Stats().KernelTLS; n != 1 {
				t.Errorf("%d connections in the kernel, want 1", n)
			}
			ask("close")
			if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
				t.Errorf("after the end: %q, %v", rest, err)
			}
		})
	}
}
