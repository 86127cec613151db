package goserver_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hyperion-server/hyperion/goserver"
)

// Clients that ask for everything at once, reset what they asked for, and go
// away in the middle of it, leave nothing behind: the server lives, no handler
// and no stream is left, and nothing was said but that clients went.
func TestHTTP2_churn(t *testing.T) {
	cert, _ := certificate(t)
	for _, transport := range []string{"h2c", "h2"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			var logged syncBuffer
			s := churnServer(t, log.New(&logged, "", 0))
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			dial := func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
			serve := s.Serve
			if transport == "h2" {
				s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
				serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
				dial = func() (net.Conn, error) {
					return tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
				}
			}
			served := make(chan error, 1)
			go func() { served <- serve(l) }()
			var clients sync.WaitGroup
			for seed := range uint64(8) {
				clients.Go(func() {
					rnd := rand.New(rand.NewPCG(seed, 2))
					for range churnConns {
						c, err := dial()
						if err != nil {
							t.Error(err)
							return
						}
						churn(c, rnd)
					}
				})
			}
			clients.Wait()
			poll(t, "the end of all streams", func() bool {
				n := s.Stats()
				return n.Streams == 0 && n.InFlight == 0 && n.Conns == 0
			})
			s.Close()
			<-served
			if said := logged.String(); strings.Contains(said, "panic") {
				t.Errorf("the server said %s", said)
			}
		})
	}
}

// churnConns is how many connections each client makes, one after the other.
const churnConns = 25

func churnServer(t *testing.T, logger *log.Logger) *goserver.Server {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, bytes.Repeat([]byte("file"), 50_000), 0o600))
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		for i := range 20 {
			fmt.Fprintf(w, "%d", i)
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
		w.Header().Set(http.TrailerPrefix+"End", "yes")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	s := &goserver.Server{Handler: mux, ErrorLog: logger}
	must(t, s.Handle("GET /direct", func(c *goserver.Ctx) { c.WriteString("direct") }))
	must(t, s.HandleStatic("GET /page", bytes.Repeat([]byte("page"), 10_000), "text/plain"))
	return s
}

// churn asks for many things on c, and leaves without a word.
func churn(c net.Conn, rnd *rand.Rand) {
	heard, enough := make(chan struct{}), rnd.Int64N(200_000)
	go func() {
		defer close(heard)
		io.CopyN(io.Discard, c, enough)
		c.Close()
	}()
	defer func() {
		c.Close()
		<-heard
	}()
	out := http2.NewFramer(c, nil)
	io.WriteString(c, http2.ClientPreface)
	out.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(rnd.IntN(3) * 40_000)})
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := range 1 + rnd.IntN(60) {
		id := uint32(2*i + 1)
		path := []string{"hello", "flush", "echo", "wait", "file", "panic", "direct", "page"}[rnd.IntN(8)]
		block.Reset()
		method := "GET"
		if path == "echo" {
			method = "POST"
		}
		for _, f := range [][2]string{{":method", method}, {":scheme", "http"}, {":authority", "a"}, {":path", "/" + path}} {
			enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		if out.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: method == "GET", BlockFragment: block.Bytes()}) != nil {
			return
		}
		switch rnd.IntN(6) {
		case 0:
			out.WriteRSTStream(uint32(2*rnd.IntN(i+1)+1), http2.ErrCodeCancel)
		case 1:
			out.WriteWindowUpdate(id, 10_000)
		case 2:
			out.WriteData(id, rnd.IntN(2) == 0, make([]byte, rnd.IntN(10_000)))
		case 3:
			out.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(rnd.IntN(70_000))})
		}
	}
	if rnd.IntN(4) == 0 { // what is no frame of HTTP/2's, so that the server speaks last
		out.WriteRawFrame(http2.FrameData, 0, 0, nil)
		<-heard
	}
}
