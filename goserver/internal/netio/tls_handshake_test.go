package netio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A handshake that fails tells why, once, and leaves nothing behind.
func TestTLS_handshakeFails(t *testing.T) {
	const answer = "HTTP/1.1 400 Bad Request\r\n\r\n"
	limits := TLS{HandshakeTimeout: time.Millisecond}
	for _, tc := range []struct {
		name string
		send string
		end  bool
		tls  TLS
		want string // in the error
		got  string // by the client
	}{
		{name: "silent end", end: true},
		{name: "half a hello", send: "\x16\x03\x01\x02\x00\x01\x00\x01", tls: limits, want: ErrHandshakeTime.Error()},
		{name: "half a hello and end", send: "\x16\x03\x01\x02\x00\x01\x00\x01", end: true, want: "EOF"},
		{name: "plain HTTP", send: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", want: ErrNotTLS.Error(), got: answer},
		{name: "garbage", send: "\x00\x01\x02\x03\x04\x05", want: ErrNotTLS.Error()},
		{name: "garbage in a record", send: "\x16\x03\x01\x00\x04abcd", want: "tls: ", got: "\x15\x03"},
		{name: "record too long", send: "\x16\x03\x01\xff\xff", want: "tls: ", got: "\x15\x03"},
	} {
		for _, k := range kinds[2:] {
			t.Run(tc.name+"/"+k.name, func(t *testing.T) {
				tc.tls.NotTLS = func(first []byte) []byte {
					if string(first) == "GET /" {
						return []byte(answer)
					}
					return nil
				}
				te := run(t, k, Config{TLS: tc.tls}, func(c Conn) {
					t.Error("served")
					c.End()
				})
				c, err := net.Dial("tcp", te.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, tc.send)
				if tc.end {
					c.(*net.TCPConn).CloseWrite()
				}
				got, err := io.ReadAll(c)
				if tc.got == "" && len(got) > 0 || !strings.HasPrefix(string(got), tc.got) {
					t.Errorf("client got %q, %v; want %q", got, err, tc.got)
				}
				if err := <-te.shakes; !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v, want %q", err, tc.want)
				}
				if n := te.TLSTotals(); n.Failed != 1 || n.Handshakes != 0 {
					t.Errorf("%+v", n)
				}
			})
		}
	}
}

// A client that connects and says nothing waits without a goroutine, until its time is up.
func TestTLS_silentClient(t *testing.T) {
	te := run(t, kinds[2], Config{TLS: TLS{HandshakeTimeout: time.Second}}, echo)
	before := runtime.NumGoroutine()
	const n = 200
	var all []net.Conn
	for range n {
		c, err := net.Dial("tcp", te.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	eventually(t, "all to be parked", func() bool { return te.Parked() == n || te.expired.Load() > 0 })
	if grown := runtime.NumGoroutine() - before; grown > n/2 {
		t.Errorf("%d silent connections hold %d goroutines", n, grown)
	}
	for _, c := range all {
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	}
	if te.expired.Load() != n {
		t.Errorf("Expired was called %d times", te.expired.Load())
	}
}

// A callback of the program that panics, or ends its goroutine, costs that connection.
func TestTLS_callbackFails(t *testing.T) {
	for _, k := range kinds[2:] {
		for name, f := range map[string]func(){
			"panic":  func() { panic("in GetConfigForClient") },
			"Goexit": runtime.Goexit,
		} {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				var healthy atomic.Bool
				k.conf = func(c *tls.Config) {
					c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
						if !healthy.Load() {
							f()
						}
						return nil, nil
					}
				}
				te := run(t, k, Config{}, echo)
				broken := te.dial()
				if _, err := broken.Write([]byte("x")); err == nil {
					t.Error("handshake done")
				}
				broken.Close()
				if err := <-te.shakes; name == "panic" && !strings.Contains(err.Error(), "in GetConfigForClient") {
					t.Error(err)
				}
				eventually(t, "the connection to end", func() bool { return te.Conns() == 0 })
				healthy.Store(true)
				c := te.dial()
				c.Write([]byte("x"))
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Connections beyond the rate are closed before a byte is sent, and counted.
func TestTLS_handshakeRate(t *testing.T) {
	for _, k := range kinds[2:] {
		t.Run(k.name, func(t *testing.T) {
			te := run(t, k, Config{TLS: TLS{HandshakeRate: 2}}, echo)
			refused := 0
			for range 20 {
				c := te.dial()
				_, err := c.Write([]byte("x"))
				if err == nil {
					_, err = io.ReadFull(c, make([]byte, 1))
				}
				if err == nil {
					continue
				}
				refused++
				if errors.As(err, new(tls.AlertError)) {
					t.Errorf("refused with %v", err)
				}
			}
			n := te.TLSTotals()
			if refused == 0 || n.Refused != int64(refused) || n.Handshakes != int64(20-refused) {
				t.Errorf("%d refused of 20: %+v", refused, n)
			}
		})
	}
}

func TestBucket(t *testing.T) {
	const ms = time.Millisecond
	b := bucket{rate: 4}
	for i, tc := range []struct {
		at   time.Duration
		want bool
	}{
		{0, true}, {0, true}, {0, true}, {0, true}, {0, false}, // as many at once
		{249 * ms, false}, {250 * ms, true}, {250 * ms, false}, // one comes back each quarter
		{1000 * ms, true}, {1000 * ms, true}, {1000 * ms, true}, {1000 * ms, false},
		{9999 * ms, true}, {9999 * ms, true}, {9999 * ms, true}, {9999 * ms, true}, {9999 * ms, false}, // never more
	} {
		if got := b.take(tc.at); got != tc.want {
			t.Errorf("take %d at %v: %v", i, tc.at, got)
		}
	}
	off := bucket{}
	for range 1000 {
		if !off.take(0) {
			t.Fatal("a bucket without a rate refuses")
		}
	}
}

// A session resumes with a ticket, and is counted.
func TestTLS_resumption(t *testing.T) {
	for _, k := range kinds[2:] {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%s", k.name, tls.VersionName(version)), func(t *testing.T) {
				te := run(t, k, Config{}, echo)
				conf := testClientTLS()
				conf.MaxVersion, conf.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
				conf.NextProtos = []string{"http/1.1"}
				for i := range 3 {
					c, err := tls.Dial("tcp", te.addr, conf)
					if err != nil {
						t.Fatal(err)
					}
					c.Write([]byte("x"))
					io.ReadFull(c, make([]byte, 1))
					s := c.ConnectionState()
					if s.DidResume != (i > 0) || s.NegotiatedProtocol != "http/1.1" || s.Version != version {
						t.Errorf("connection %d: resumed %v, protocol %q, %x", i, s.DidResume, s.NegotiatedProtocol, s.Version)
					}
					c.Close()
				}
				if n := te.TLSTotals(); n.Handshakes != 3 || n.Resumed != 2 {
					t.Errorf("%+v", n)
				}
			})
		}
	}
}
