package goserver_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// shake sends an opening handshake and returns the answer.
func shake(t *testing.T, addr, host, path string, fields ...string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, opening(host, path, fields...))
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	p, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, strings.TrimSpace(string(p))
}

// internalError is what the client gets for a mistake of the program.
const internalError = "Internal Server Error"

// What is not a Server's is answered with 500, through the ResponseWriter that was given, and the error says whose it
// is and what to do.
func TestUpgrade_noServer(t *testing.T) {
	type server = func(t *testing.T, h http.Handler) (status int, body string)
	over := func(wrap func(http.Handler) http.Handler) server {
		return func(t *testing.T, h http.Handler) (int, string) {
			return shake(t, serve(t, &goserver.Server{Handler: wrap(h)}), "x", "/ws")
		}
	}
	for _, tc := range []struct {
		name  string
		serve server
		names string // the type that the error names
	}{
		{"middleware without Unwrap", over(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrapped{opaque{w}}, r) })
		}), "goserver_test.opaque"},
		{"middleware that unwraps to nothing", over(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(hollow{w}, r) })
		}), "goserver_test.hollow"},
		{"http.TimeoutHandler", over(func(h http.Handler) http.Handler { return http.TimeoutHandler(h, patience, "late") }), "*http.timeoutWriter"},
		{"net/http", func(t *testing.T, h http.Handler) (int, string) {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return shake(t, s.Listener.Addr().String(), "x", "/ws")
		}, "*http.response"},
		{"httptest.ResponseRecorder", func(t *testing.T, h http.Handler) (int, string) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/ws", nil))
			return w.Code, strings.TrimSpace(w.Body.String())
		}, "*httptest.ResponseRecorder"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			errs := make(chan error, 1)
			status, body := tc.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, err := goserver.Upgrade(w, r, nil)
				if s != nil {
					t.Error("there is a WebSocket")
				}
				errs <- err
			}))
			if status != 500 || body != internalError {
				t.Errorf("%d %q", status, body)
			}
			err := receive(t, "error", errs)
			if !errors.Is(err, goserver.ErrNoUpgrade) || !strings.Contains(err.Error(), tc.names) || !strings.Contains(err.Error(), "Unwrap") {
				t.Errorf("Upgrade: %v", err)
			}
		})
	}
}

// A hollow ResponseWriter unwraps to none.
type hollow struct{ http.ResponseWriter }

func (hollow) Unwrap() http.ResponseWriter { return nil }

// A request of HTTP/2 that is no extended CONNECT, whatever fields a middleware gives it, is answered with 500.
func TestUpgrade_noConnect(t *testing.T) {
	errs := make(chan error, 1)
	srv := &goserver.Server{WebSockets: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {socketKey}}
		_, err := goserver.Upgrade(w, r, nil)
		errs <- err
	})}
	cert, _ := certificate(t)
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() { srv.Close(); <-served })
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + l.Addr().String())
	must(t, err)
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	must(t, err)
	if got := strings.TrimSpace(string(p)); resp.ProtoMajor != 2 || resp.StatusCode != 500 || got != internalError {
		t.Errorf("%s %s %q", resp.Proto, resp.Status, got)
	}
	if err := receive(t, "error", errs); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Upgrade: %v", err)
	}
}

// What has begun is not written to.
func TestUpgrade_begun(t *testing.T) {
	errs := make(chan error, 2)
	addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "something")
		_, err := goserver.Upgrade(w, r, nil)
		errs <- err
	})})
	if status, body := shake(t, addr, "x", "/ws"); status != 200 || body != "something" {
		t.Errorf("%d %q", status, body)
	}
	if err := receive(t, "error", errs); err == nil {
		t.Error("upgraded")
	}
}

// An option that is wrong is an error at each Upgrade, which says where it is, what it is and what is expected.
func TestUpgrade_wrongOptions(t *testing.T) {
	origins := func(values ...string) *goserver.WebSocketOptions { return &goserver.WebSocketOptions{Origins: values} }
	protocols := func(values ...string) *goserver.WebSocketOptions {
		return &goserver.WebSocketOptions{Subprotocols: values}
	}
	const asSent = "want it as browsers send it"
	for _, tc := range []struct {
		o    *goserver.WebSocketOptions
		want string // of the error; "" for none
	}{
		{&goserver.WebSocketOptions{QueuePolicy: 3}, "QueuePolicy: 3: want QueueBlock"},
		{&goserver.WebSocketOptions{QueuePolicy: 99}, "QueuePolicy: 99: want QueueBlock"},
		{&goserver.WebSocketOptions{QueuePolicy: goserver.QueueDisconnect}, ""},
		{&goserver.WebSocketOptions{Compression: 4}, "Compression: 4: want CompressionAuto"},
		{&goserver.WebSocketOptions{Compression: 77}, "Compression: 77: want CompressionAuto"},
		{&goserver.WebSocketOptions{Compression: goserver.CompressionOff}, ""},
		{protocols("a", "a b"), `Subprotocols: "a b": want a token`},
		{protocols(""), `Subprotocols: "": want a token`},
		{protocols("a,b"), `Subprotocols: "a,b": want a token`},
		{protocols("h\u00e9"), `Subprotocols: "hé": want a token`},
		{protocols("graphql-ws", "v1.example.org"), ""},
		{origins("https://a.example", "example.org"), `Origins: "example.org": ` + asSent},
		{origins(""), `Origins: "": ` + asSent},
		{origins("https://"), `Origins: "https://": ` + asSent},
		{origins("//example.org"), `Origins: "//example.org": ` + asSent},
		{origins("https://example.org/"), `Origins: "https://example.org/": ` + asSent},
		{origins("https://example.org/chat"), `Origins: "https://example.org/chat": ` + asSent},
		{origins("https://example.org?x"), `Origins: "https://example.org?x": ` + asSent},
		{origins("https://example.org#x"), `Origins: "https://example.org#x": ` + asSent},
		{origins("https://me@example.org"), `Origins: "https://me@example.org": ` + asSent},
		{origins("https://Example.org"), `Origins: "https://Example.org": ` + asSent},
		{origins("HTTPS://example.org"), `Origins: "HTTPS://example.org": ` + asSent},
		{origins("https://b\u00fccher.example"), `Origins: "https://bücher.example": ` + asSent},
		{origins("https://*.example.org"), `Origins: "https://*.example.org": ` + asSent},
		{origins("https://example.org https://a.example"), `Origins: "https://example.org https://a.example": ` + asSent},
		{origins("https://example.org,https://a.example"), `Origins: "https://example.org,https://a.example": ` + asSent},
		{origins("https://example.org\n"), `Origins: "https://example.org\n": ` + asSent},
		{origins("https://example.org:"), `Origins: "https://example.org:": ` + asSent},
		{origins("https://example.org:x"), `Origins: "https://example.org:x": ` + asSent},
		{origins("https://example.org:443"), `Origins: "https://example.org:443": ` + asSent},
		{origins("http://[::1]:80"), `Origins: "http://[::1]:80": ` + asSent},
		{origins("https://example.org", "http://example.org:443", "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:8080", "http://[::80]",
			"https://xn--bcher-kva.example", "chrome-extension://nbdgehigmahedaifmkejhdemdagpdjea", "capacitor://localhost", "file://", "null", "*"), ""},
		{&goserver.WebSocketOptions{MaxMessageBytes: -1, MaxRatio: -1, IdleTimeout: -1, PingInterval: -1, WriteTimeout: -1, CloseTimeout: -1, QueueBytes: -1, CompressFrom: -1, Fragment: -1}, ""},
	} {
		t.Run(tc.want, func(t *testing.T) {
			errs := make(chan error, 1)
			addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Set("Origin", "http://"+r.Host)
				s, err := goserver.Upgrade(w, r, tc.o)
				errs <- err
				if s != nil {
					s.Abort()
				}
			})})
			for range 2 {
				status, body := shake(t, addr, "x", "/ws")
				err := receive(t, "error", errs)
				if tc.want == "" {
					if status != 101 || err != nil {
						t.Errorf("%d, %v", status, err)
					}
					continue
				}
				if status != 500 || body != internalError {
					t.Errorf("%d %q", status, body)
				}
				if !errors.Is(err, goserver.ErrWebSocketOptions) || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("Upgrade: %v", err)
				}
			}
		})
	}
}
