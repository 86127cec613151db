package goserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/internal/localnet"
)

// A subject is what net/http's server and this package's have in common: their
// methods, and the fields by which they are made.
type subject interface {
	Serve(net.Listener) error
	ServeTLS(l net.Listener, certFile, keyFile string) error
	ListenAndServe() error
	Close() error
	Shutdown(context.Context) error
	SetKeepAlivesEnabled(bool)
	RegisterOnShutdown(func())
}

type fields struct {
	Addr                         string
	Handler                      http.Handler
	DisableGeneralOptionsHandler bool
	TLSConfig                    *tls.Config
	ReadTimeout                  time.Duration
	ReadHeaderTimeout            time.Duration
	WriteTimeout                 time.Duration
	IdleTimeout                  time.Duration
	MaxHeaderBytes               int
	ConnState                    func(net.Conn, http.ConnState)
	ErrorLog                     *log.Logger
	BaseContext                  func(net.Listener) context.Context
	ConnContext                  func(context.Context, net.Conn) context.Context
	Protocols                    *http.Protocols
	HTTP2                        *http.HTTP2Config
	TLSNextProto                 map[string]func(*http.Server, *tls.Conn, http.Handler)
}

func newNetHTTP(f fields) subject {
	return &http.Server{
		Addr: f.Addr, Handler: f.Handler, DisableGeneralOptionsHandler: f.DisableGeneralOptionsHandler, TLSConfig: f.TLSConfig,
		ReadTimeout: f.ReadTimeout, ReadHeaderTimeout: f.ReadHeaderTimeout, WriteTimeout: f.WriteTimeout, IdleTimeout: f.IdleTimeout,
		MaxHeaderBytes: f.MaxHeaderBytes, ConnState: f.ConnState, ErrorLog: f.ErrorLog, BaseContext: f.BaseContext, ConnContext: f.ConnContext,
		Protocols: f.Protocols, HTTP2: f.HTTP2, TLSNextProto: f.TLSNextProto,
	}
}

func newOurs(f fields) subject {
	return &goserver.Server{
		Addr: f.Addr, Handler: f.Handler, DisableGeneralOptionsHandler: f.DisableGeneralOptionsHandler, TLSConfig: f.TLSConfig,
		ReadTimeout: f.ReadTimeout, ReadHeaderTimeout: f.ReadHeaderTimeout, WriteTimeout: f.WriteTimeout, IdleTimeout: f.IdleTimeout,
		MaxHeaderBytes: f.MaxHeaderBytes, ConnState: f.ConnState, ErrorLog: f.ErrorLog, BaseContext: f.BaseContext, ConnContext: f.ConnContext,
		Protocols: f.Protocols, HTTP2: f.HTTP2, TLSNextProto: f.TLSNextProto,
	}
}

// eachServer runs a test on both servers: what net/http does not do is not
// demanded of this one either.
func eachServer(t *testing.T, test func(t *testing.T, newServer func(fields) subject)) {
	t.Run("net/http", func(t *testing.T) { test(t, newNetHTTP) })
	t.Run("hyperion", func(t *testing.T) { test(t, newOurs) })
}

// protocols returns the set of those named: "1", "2" and "c" for HTTP/2 by prior knowledge.
func protocols(names string) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(strings.Contains(names, "1"))
	p.SetHTTP2(strings.Contains(names, "2"))
	p.SetUnencryptedHTTP2(strings.Contains(names, "c"))
	return p
}

// start serves in the background; what Serve returned is on the channel.
func start(t *testing.T, s subject) (net.Addr, <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:"+localnet.Port(t))
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr(), startOn(t, s, ln)
}

func startOn(t *testing.T, s subject, ln net.Listener) <-chan error {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() { s.Close() })
	return served
}

// talk opens a connection that the test's end closes.
func talk(t *testing.T, addr net.Addr) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

// request sends raw bytes and reads one response; its body is in the Body still.
func request(t *testing.T, c io.Writer, br *bufio.Reader, raw string) *http.Response {
	t.Helper()
	io.WriteString(c, raw)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("body: %v", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(b))
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// receive waits for a value.
func receive[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	return v
}

// gone checks that the peer has ended the connection.
func gone(t *testing.T, br *bufio.Reader) {
	t.Helper()
	if b, err := br.ReadByte(); err == nil {
		t.Errorf("read %q, want the end of the connection", b)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("the connection is still open")
	}
}

func say(words string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, words) })
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
