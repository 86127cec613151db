package load

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/tools/internal/selfsigned"
)

// linkTarget serves WebSockets over a protocol, until stop or the test's end.
func linkTarget(t *testing.T, over Protocol, size int64, o *goserver.WebSocketOptions) (target Target, stop func()) {
	cert, key, err := selfsigned.New()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	s := &goserver.Server{WebSockets: true, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { goserver.Upgrade(w, r, o) })}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		if over.TLS() {
			s.ServeTLS(l, "", "")
		} else {
			s.Serve(l)
		}
		close(done)
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return Target{Addr: netip.MustParseAddrPort(l.Addr().String()), Over: over, Roots: roots, Path: "/ws", Size: size}, func() { s.Close() }
}

func TestEcho_links(t *testing.T) {
	for name, c := range map[string]struct {
		over Protocol
		echo Echo
	}{
		"TLS":                    {HTTPS, Echo{Conns: 3, Depth: 1, Threads: 1}},
		"TLS, compressed":        {HTTPS, Echo{Conns: 3, Depth: 1, Threads: 1, Deflate: true}},
		"TLS, pipelined":         {HTTPS, Echo{Conns: 3, Depth: 16, Threads: 1}},
		"HTTP/2":                 {H2, Echo{Conns: 2, Streams: 10, Depth: 1, Threads: 1}},
		"HTTP/2, pipelined":      {H2, Echo{Conns: 2, Streams: 3, Depth: 16, Threads: 1}},
		"HTTP/2 without streams": {H2, Echo{Conns: 2, Depth: 1, Threads: 1}},
		"HTTP/2 in clear":        {H2C, Echo{Conns: 2, Streams: 10, Depth: 1, Threads: 1}},
	} {
		for _, size := range []int64{125, 1 << 10, 64 << 10} { // the last one is longer than a DATA frame
			if c.echo.Deflate && size < goserver.DefaultCompressFrom {
				continue
			}
			target, _ := linkTarget(t, c.over, size, &goserver.WebSocketOptions{OnMessage: sendBack})
			r := longer(t, func(d time.Duration) (Result, error) { return c.echo.Run(t.Context(), target, testRun, d, self) })
			if r.Errors != 0 || r.Requests == 0 || r.P99 < r.P50 || r.Bytes < r.Requests {
				t.Errorf("%s, %d bytes: %+v", name, size, r)
			}
		}
	}
}

func TestEcho_linksWrong(t *testing.T) {
	for want, f := range map[error]func(s *goserver.WebSocket, t goserver.MessageType, p []byte){
		errContent: func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { p[len(p)-1] ^= 1; s.Write(t, p) },
		errClose:   func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Close(1000, "") },
		errReset:   func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Abort() },
	} {
		target, _ := linkTarget(t, H2C, 1000, &goserver.WebSocketOptions{OnMessage: f})
		r := longer(t, func(d time.Duration) (Result, error) {
			return Echo{Conns: 1, Streams: 2, Depth: 1, Threads: 1}.Run(t.Context(), target, testRun, d, self)
		})
		if r.Errors == 0 || r.Requests != 0 || !strings.Contains(r.Problem, want.Error()) {
			t.Errorf("%v: %+v", want, r)
		}
	}
}

// What this client cannot do it says.
func TestEcho_linksRefused(t *testing.T) {
	target, _ := linkTarget(t, H2C, 1, &goserver.WebSocketOptions{OnMessage: sendBack})
	for _, c := range []struct {
		echo Echo
		want error
	}{
		{Echo{Conns: 1, Depth: 1, Threads: 2}, errInClear},
		{Echo{Conns: 1, Depth: 1, Threads: 1, Rate: 1}, errInClear},
		{Echo{Conns: 1, Depth: 1, Threads: 1, Deflate: true}, errDeflate},
	} {
		if _, err := c.echo.Run(t.Context(), target, 0, 0, nil); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.echo, err, c.want)
		}
	}
}

func TestIdleSockets_links(t *testing.T) {
	for _, over := range []Protocol{HTTPS, H2, H2C} {
		target, _ := linkTarget(t, over, 1<<10, &goserver.WebSocketOptions{OnMessage: sendBack})
		want := int64(2 * linked(target, 5))
		if r, err := IdleSockets(t.Context(), target, 2, 5, false, testRun, self); err != nil || r.Errors != 0 || r.Requests != want {
			t.Errorf("%s: %+v, %v, want %d", over, r, err, want)
		}
	}
}

// A server that ends connections which are idle is found out.
func TestIdleSockets_ended(t *testing.T) {
	target, stop := linkTarget(t, H2C, 1<<10, &goserver.WebSocketOptions{OnMessage: sendBack})
	h, err := openIdle(t.Context(), target, 2, 5, false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if r := h.Result(); r.Errors != 0 {
		t.Fatalf("%+v", r)
	}
	stop()
	for _, fd := range h.links {
		io.Copy(io.Discard, blocking(fd)) // to its end
	}
	if r := h.Result(); r.Errors != 2 {
		t.Errorf("%+v, want 2 errors", r)
	}
}
