package goserver_test

import (
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// listenTLS runs a server on a port of its own.
func listenTLS(t *testing.T, srv *goserver.Server) (addr string, done chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done = make(chan error, 1)
	go func() { done <- srv.ServeTLS(l, "", "") }()
	return l.Addr().String(), done
}

// TestKTLS_policy holds with and without support of the kernel.
func TestKTLS_policy(t *testing.T) {
	cert, pool := certificate(t)
	why := goserver.KTLSSupported()
	for _, c := range []struct {
		policy string
		err    error
		inUse  bool
		logs   bool
	}{
		{"", nil, why == nil, false},
		{goserver.KTLSAuto, nil, why == nil, why != nil},
		{goserver.KTLSOff, nil, false, false},
		{goserver.KTLSOn, map[bool]error{false: goserver.ErrKTLS}[why == nil], true, false},
		{"yes", goserver.ErrKTLSName, false, false},
	} {
		t.Run("policy "+c.policy, func(t *testing.T) {
			var logged syncBuffer
			srv := &goserver.Server{
				KTLS: c.policy, ErrorLog: log.New(&logged, "", 0), Handler: http.NotFoundHandler(),
				TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
			}
			addr, done := listenTLS(t, srv)
			if c.err != nil {
				if err := <-done; !errors.Is(err, c.err) {
					t.Fatalf("ServeTLS: %v, want %v", err, c.err)
				}
				return
			}
			_, again := listenTLS(t, srv) // says nothing more
			conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool})
			must(t, err)
			_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
			must(t, err)
			_, err = conn.Read(make([]byte, 1))
			must(t, err)
			if n := srv.Stats().KernelTLS; (n == 1) != c.inUse {
				t.Errorf("%d connections in the kernel, want in use: %v", n, c.inUse)
			}
			conn.Close()
			srv.Close()
			<-done
			<-again
			if n := strings.Count(logged.String(), "\n"); n > 1 || (n == 1) != c.logs {
				t.Errorf("logged %q, want a reason: %v", logged.String(), c.logs)
			} else if n == 1 && !strings.Contains(logged.String(), why.Error()) {
				t.Errorf("logged %q, want %q in it", logged.String(), why)
			}
		})
	}
}

// The error of "on" says why.
func TestKTLS_onSaysWhy(t *testing.T) {
	why := goserver.KTLSSupported()
	if why == nil {
		t.Skip("the kernel has TLS")
	}
	cert, _ := certificate(t)
	_, done := listenTLS(t, &goserver.Server{KTLS: goserver.KTLSOn, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}})
	if err := <-done; err == nil || !strings.Contains(err.Error(), why.Error()) {
		t.Errorf("ServeTLS: %v, want %v in it", err, why)
	}
}
