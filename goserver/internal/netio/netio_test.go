package netio

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// kinds are the kinds of connection; every test of behaviour runs on all.
var kinds = []kind{
	{"own", func(l net.Listener) net.Listener { return l }, nil},
	{"plain", func(l net.Listener) net.Listener { return opaque{l} }, nil},
	{"tls", func(l net.Listener) net.Listener { return l }, func(*tls.Config) {}},
	{"plain tls", func(l net.Listener) net.Listener { return opaque{l} }, func(*tls.Config) {}},
}

type kind struct {
	name string
	wrap func(net.Listener) net.Listener
	conf func(*tls.Config) // changes the server's; nil without TLS
}

// kernelTLSKind names the kind that is there where the kernel has TLS.
const kernelTLSKind = "kernel tls"

// opaque hides what kind of listener it is.
type opaque struct{ net.Listener }

// sessionFunc is a session that is one function.
type sessionFunc func(Conn)

func (f sessionFunc) Serve(c Conn) { f(c) }
func (f sessionFunc) Retire()      {}

type testEngine struct {
	*Engine
	t        *testing.T
	addr     string
	listener net.Listener
	served   chan error
	cancel   context.CancelFunc
	tls      bool
	expired  atomic.Int64
	shakes   chan error // of handshakes that failed
}

// run starts an engine for the kind; it must be empty of connections at the end.
func run(t *testing.T, k kind, cfg Config, serve func(Conn)) *testEngine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	te := &testEngine{t: t, addr: l.Addr().String(), listener: l, served: make(chan error, 1), shakes: make(chan error, 16)}
	cfg.Clock = NewClock()
	cfg.NewSession = func() Session { return sessionFunc(serve) }
	cfg.Expired = func(Conn) { te.expired.Add(1) }
	if cfg.TLS.Failed == nil {
		cfg.TLS.Failed = func(_ Conn, err error) { te.shakes <- err }
	}
	if k.name == kernelTLSKind {
		cfg.TLS.Kernel = ktls.NewSecrets()
	}
	te.Engine = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	te.cancel, te.tls = cancel, k.conf != nil
	go func() {
		if te.tls {
			conf := testTLS().Clone()
			k.conf(conf)
			te.served <- te.ServeTLS(ctx, k.wrap(l), conf, func(Conn) {})
			return
		}
		te.served <- te.Serve(ctx, k.wrap(l), func(Conn) {})
	}()
	t.Cleanup(func() {
		cancel()
		<-te.served
		l.Close()
		te.AbortAll()
		eventually(t, "connections to end", func() bool { return te.Conns() == 0 })
		te.StopWhenEmpty(func() {})
	})
	return te
}

func (te *testEngine) dial() testClient {
	te.t.Helper()
	c, err := te.connect()
	if err != nil {
		te.t.Fatal(err)
	}
	te.t.Cleanup(func() { c.Close() })
	return c
}

func (te *testEngine) connect() (testClient, error) {
	nc, err := net.Dial("tcp", te.addr)
	if err != nil {
		return testClient{}, err
	}
	c := testClient{nc, nc.(*net.TCPConn)}
	if te.tls {
		c.Conn = tls.Client(nc, testClientTLS())
	}
	return c, nil
}

// A testClient is the other end of a connection.
type testClient struct {
	net.Conn
	tcp *net.TCPConn
}

func (c testClient) SetReadBuffer(n int) error { return c.tcp.SetReadBuffer(n) }

func (c testClient) CloseWrite() error {
	if tc, ok := c.Conn.(*tls.Conn); ok {
		tc.CloseWrite()
	}
	return c.tcp.CloseWrite()
}

// eventually waits for a condition that nothing signals.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// fewGoroutines waits until there are at most so many. Those of the pool end when they have had nothing to do.
func fewGoroutines(t *testing.T, most int) {
	t.Helper()
	eventually(t, fmt.Sprintf("at most %d goroutines", most), func() bool { return runtime.NumGoroutine() <= most })
}

// echo answers with what it reads until the connection ends.
func echo(c Conn) {
	buf := make([]byte, 1024)
	for {
		n, parked, err := c.Next(buf, 0)
		if parked {
			return
		}
		if err != nil {
			c.End()
			return
		}
		c.Write(buf[:n])
	}
}

func TestEcho(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			te := run(t, k, Config{}, echo)
			c := te.dial()
			for i := range 100 {
				msg := bytes.Repeat([]byte{byte(i)}, 1+i*7)
				c.Write(msg)
				got := make([]byte, len(msg))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
					t.Fatalf("message %d: got %q, %v", i, got, err)
				}
			}
			if n := te.Accepted(); n != 1 {
				t.Errorf("accepted %d connections, want 1", n)
			}
		})
	}
}

// An idle connection has no goroutine.
func TestParkedHasNoGoroutine(t *testing.T) {
	te := run(t, kinds[0], Config{}, echo)
	before := runtime.NumGoroutine()
	const n = 200
	for range n {
		c := te.dial()
		c.Write([]byte("x"))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all to be parked", func() bool { return te.Parked() == n })
	fewGoroutines(t, before+20)
}

func TestExpiry(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name+"/nothing was ever sent", func(t *testing.T) {
			te := run(t, k, Config{FirstByte: time.Millisecond}, func(c Conn) {
				if _, err := c.Read(make([]byte, 1)); err != ErrReadExpired {
					t.Errorf("read failed with %v", err)
				}
				c.End()
			})
			if _, err := te.dial().Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("client read: %v, want EOF", err)
			}
		})
		t.Run(k.name+"/read", func(t *testing.T) {
			got := make(chan error, 1)
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				c.ReadExpiry(1) // long ago
				_, err := c.Read(make([]byte, 16))
				got <- err
			})
			te.dial().Write([]byte("x"))
			if err := <-got; err != ErrReadExpired || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
		})
		t.Run(k.name+"/write idle", func(t *testing.T) {
			got := make(chan error, 1)
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				c.WriteIdle(time.Millisecond)
				_, err := c.Write(make([]byte, 64<<20)) // more than the sockets hold
				got <- err
			})
			te.dial().Write([]byte("x"))
			if err := <-got; err != ErrWriteExpired {
				t.Errorf("write: %v", err)
			}
		})
	}
}

// Whatever the pieces, the peer gets the bytes in order although it reads slowly.
func TestWritevToSlowReader(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			var want []byte
			pieces := make([][]byte, 0, 40)
			for i := range 40 {
				p := bytes.Repeat([]byte{byte('a' + i)}, i*i*173)
				pieces, want = append(pieces, p), append(want, p...)
			}
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				if n, err := c.Writev(append([][]byte(nil), pieces...)...); n != int64(len(want)) || err != nil {
					t.Errorf("Writev: %d, %v", n, err)
				}
			})
			c := te.dial()
			c.SetReadBuffer(128 << 10)
			c.Write([]byte("x"))
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, want %d; equal: %v; %v", len(got), len(want), bytes.Equal(got, want), err)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			armed, gone := make(chan bool), make(chan bool, 1)
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				c.Watch(func() { gone <- true })
				armed <- true
				<-gone
				c.Unwatch()
			})
			c := te.dial()
			c.Write([]byte("x"))
			<-armed
			c.CloseWrite()
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			conns, got := make(chan Conn, 1), make(chan error, 1)
			te := run(t, k, Config{}, func(c Conn) {
				defer c.End()
				c.Read(make([]byte, 16))
				conns <- c
				_, err := c.Read(make([]byte, 16))
				got <- err
			})
			te.dial().Write([]byte("x"))
			(<-conns).Abort()
			if err := <-got; err != ErrAborted && err != io.EOF {
				t.Errorf("read after Abort: %v", err)
			}
		})
	}
}

func TestDetach(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			detached := make(chan net.Conn, 1)
			te := run(t, k, Config{}, func(c Conn) {
				c.Read(make([]byte, 16))
				nc, err := c.Detach()
				if err != nil {
					t.Error(err)
				}
				detached <- nc
			})
			c := te.dial()
			c.Write([]byte("x"))
			nc := <-detached
			defer nc.Close()
			if _, ok := nc.(*net.TCPConn); !ok && !te.tls {
				t.Errorf("detached connection is a %T", nc)
			}
			if te.Conns() != 0 {
				t.Errorf("%d connections left", te.Conns())
			}
			c.Write([]byte("ping"))
			buf := make([]byte, 4)
			if _, err := io.ReadFull(nc, buf); err != nil || string(buf) != "ping" {
				t.Errorf("read %q, %v", buf, err)
			}
			nc.Write([]byte("pong"))
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "pong" {
				t.Errorf("read %q, %v", buf, err)
			}
		})
	}
}

// Connections beyond MaxConns wait until one closes.
func TestMaxConns(t *testing.T) {
	for _, k := range kinds[:2] { // a TLS client would wait for the handshake
		t.Run(k.name, func(t *testing.T) {
			te := run(t, k, Config{MaxConns: 1}, echo)
			one, two := te.dial(), te.dial()
			one.Write([]byte("1"))
			two.Write([]byte("2"))
			buf := make([]byte, 1)
			if _, err := io.ReadFull(one, buf); err != nil || buf[0] != '1' {
				t.Fatalf("first: %q, %v", buf, err)
			}
			if n := te.Conns(); n != 1 {
				t.Fatalf("%d connections open, want 1", n)
			}
			one.Close()
			if _, err := io.ReadFull(two, buf); err != nil || buf[0] != '2' {
				t.Fatalf("second: %q, %v", buf, err)
			}
		})
	}
}

// CloseIdle closes idle connections, but never one whose request waits to be read.
func TestCloseIdle(t *testing.T) {
	te := run(t, kinds[0], Config{}, echo)
	idle := te.dial()
	idle.Write([]byte("x"))
	io.ReadFull(idle, make([]byte, 1))
	eventually(t, "the connection to be parked", func() bool { return te.Parked() == 1 })
	te.CloseIdle(time.Hour)
	if te.Conns() != 1 {
		t.Fatal("a connection was closed before its time")
	}
	te.CloseIdle(0)
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v, want EOF", err)
	}
	if te.expired.Load() != 1 {
		t.Errorf("Expired was called %d times", te.expired.Load())
	}
}

func TestServeEndsWhenListenerCloses(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			te := run(t, k, Config{}, echo)
			te.listener.Close()
			err := <-te.served
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Serve: %v, want net.ErrClosed", err)
			}
			te.served <- err // for the cleanup
		})
	}
}

// Many short connections with data that comes in two pieces, over few
// goroutines: nothing is lost and nothing left.
func TestChurn(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			te := run(t, k, Config{}, echo)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 100 {
						c, err := te.connect()
						if err != nil {
							t.Error(err)
							return
						}
						c.Write([]byte("he"))
						c.Write([]byte("llo"))
						buf := make([]byte, 5)
						if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
							t.Errorf("got %q, %v", buf, err)
						}
						c.Close()
					}
				})
			}
			wg.Wait()
			eventually(t, "connections to end", func() bool { return te.Conns() == 0 })
		})
	}
}
