package goserver_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// What is spoken is what Protocols and TLSNextProto of http.Server say; without
// them clients on this machine may speak HTTP/2 in clear.
func TestHTTP2_protocols(t *testing.T) {
	cert, _ := certificate(t)
	none := map[string]func(*http.Server, *tls.Conn, http.Handler){}
	for _, c := range []struct {
		name       string
		protocols  *http.Protocols
		next       map[string]func(*http.Server, *tls.Conn, http.Handler)
		clear, tls string // what is spoken to a client that speaks both; "" if that fails
		prior      bool   // and HTTP/2 by prior knowledge
	}{
		{name: "default", clear: "HTTP/1.1", tls: "HTTP/2.0", prior: true},
		{name: "HTTP/1.1 alone", protocols: protocols("1"), clear: "HTTP/1.1", tls: "HTTP/1.1"},
		{name: "no HTTP/2 in clear", protocols: protocols("12"), clear: "HTTP/1.1", tls: "HTTP/2.0"},
		{name: "HTTP/2 in clear", protocols: protocols("1c"), clear: "HTTP/1.1", tls: "HTTP/1.1", prior: true},
		{name: "HTTP/2 alone", protocols: protocols("2c"), tls: "HTTP/2.0", prior: true},
		{name: "TLSNextProto without HTTP/2", next: none, clear: "HTTP/1.1", tls: "HTTP/1.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			serve := func(secure bool) string {
				s := &goserver.Server{Protocols: c.protocols, TLSNextProto: c.next, ErrorLog: log.New(io.Discard, "", 0),
					TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
					Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				must(t, err)
				served := make(chan error, 1)
				go func() {
					if secure {
						served <- s.ServeTLS(l, "", "")
					} else {
						served <- s.Serve(l)
					}
				}()
				t.Cleanup(func() {
					s.Close()
					<-served
				})
				return l.Addr().String()
			}
			clear, secure := serve(false), serve(true)
			for _, want := range []struct{ url, offered, spoken string }{
				{"http://" + clear, "1", c.clear},
				{"http://" + clear, "c", map[bool]string{true: "HTTP/2.0"}[c.prior]},
				{"https://" + secure, "12", c.tls},
			} {
				if got := spoken(want.url, want.offered); got != want.spoken {
					t.Errorf("%s: spoke %q, want %q", want.url, got, want.spoken)
				}
			}
		})
	}
}

// spoken returns the protocol of the answer to a client that offers those, or "".
func spoken(url, offered string) string {
	tr := &http.Transport{Protocols: protocols(offered), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr, Timeout: patience}).Get(url)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != res.Proto {
		return "garbage"
	}
	return res.Proto
}

// Shutdown lets requests end, tells clients with GOAWAY to open no more, and
// does not wait for connections without streams.
func TestHTTP2_shutdown(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	s := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(began)
			<-finish
		}
		io.WriteString(w, "done")
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	get := func(tr *http.Transport, path string) (string, error) {
		res, err := tr.RoundTrip(must1(http.NewRequest("GET", "http://"+l.Addr().String()+path, nil)))
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	idle, busy := &http.Transport{Protocols: protocols("c")}, &http.Transport{Protocols: protocols("c")}
	defer idle.CloseIdleConnections()
	defer busy.CloseIdleConnections()
	_, err = get(idle, "/")
	must(t, err)
	type answer struct {
		body string
		err  error
	}
	slow := make(chan answer, 1)
	go func() {
		b, err := get(busy, "/slow")
		slow <- answer{b, err}
	}()
	<-began
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	<-served
	poll(t, "the end of the idle connection", func() bool { return s.Stats().Conns == 1 })
	close(finish)
	if a := <-slow; a.body != "done" || a.err != nil {
		t.Errorf("got %q, %v", a.body, a.err)
	}
	must(t, <-down)
	if _, err := get(busy, "/"); err == nil {
		t.Error("a request was answered when the server was down")
	}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
