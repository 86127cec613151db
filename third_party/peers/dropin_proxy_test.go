package peers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hyperion-server/hyperion/goserver"
)

// echo is gorilla's server side: it hijacks.
func echo(t *testing.T) http.HandlerFunc {
	up := websocket.Upgrader{}
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, http.Header{"X-Echo": {"yes"}})
		if err != nil {
			return // Upgrade has answered
		}
		defer c.Close()
		// Gorilla's own answers to Ping and Close are lost when a busy machine keeps them for a second.
		answer := func(kind int, p []byte) error { return c.WriteControl(kind, p, time.Now().Add(patience)) }
		c.SetPingHandler(func(p string) error { return answer(websocket.PongMessage, []byte(p)) })
		c.SetCloseHandler(func(code int, _ string) error {
			return answer(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""))
		})
		for {
			kind, msg, err := c.ReadMessage()
			if err != nil {
				if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
					t.Errorf("end: %v", err)
				}
				return
			}
			if err := c.WriteMessage(kind, msg); err != nil {
				t.Errorf("write: %v", err)
				return
			}
		}
	}
}

// converse exchanges messages with echo, and closes in good order.
func converse(t *testing.T, url string, messages int) {
	t.Helper()
	c, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(patience))
	if res.Header.Get("X-Echo") != "yes" {
		t.Errorf("header of the handshake: %v", res.Header)
	}
	pong := make(chan string, 1)
	c.SetPongHandler(func(s string) error { pong <- s; return nil })
	if err := c.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(patience)); err != nil {
		t.Error(err)
	}
	for i := range messages {
		msg := fmt.Sprintf("%d %s", i, strings.Repeat("m", i*37%5000))
		if err := c.WriteMessage(websocket.TextMessage, []byte(msg)); err != nil {
			t.Fatal(err)
		}
		_, got, err := c.ReadMessage()
		if err != nil || string(got) != msg {
			t.Fatalf("message %d: %d bytes, %v", i, len(got), err)
		}
	}
	if got := <-pong; got != "ping" {
		t.Errorf("pong %q", got)
	}
	c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye"), time.Now().Add(patience))
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("close handshake: %v", err)
	}
}

func TestGorilla(t *testing.T) {
	url := serve(t, echo(t))
	converse(t, url, 1000)
	if res, _ := do(t, client(t), "GET", url, nil); res.StatusCode != 400 {
		t.Errorf("no upgrade asked for: %d", res.StatusCode)
	}
}

// backend is what the proxy stands before.
func backend(t *testing.T, gone chan<- error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-For", r.Header.Get("X-Forwarded-For"))
		body, err := io.ReadAll(r.Body) // first: net/http cannot do both at once
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; r.Context().Err() == nil; i++ {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
		gone <- r.Context().Err()
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "part")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "4")
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "page")
	})
	mux.HandleFunc("/ws", echo(t))
	return mux
}

func TestReverseProxy(t *testing.T) {
	kinds := map[string]func(http.Handler) server{
		"hyperion": func(h http.Handler) server { return &goserver.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)} },
		"net/http": func(h http.Handler) server { return &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)} },
	}
	for _, pair := range [][2]string{{"hyperion", "net/http"}, {"net/http", "hyperion"}, {"hyperion", "hyperion"}} {
		t.Run(pair[0]+" before "+pair[1], func(t *testing.T) {
			gone := make(chan error, 1)
			target, err := url.Parse(serveWith(t, kinds[pair[1]](backend(t, gone))))
			if err != nil {
				t.Fatal(err)
			}
			tr := &http.Transport{}
			defer tr.CloseIdleConnections()
			proxy := &httputil.ReverseProxy{
				Transport: tr,
				ErrorLog:  log.New(io.Discard, "", 0),
				Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(target)
					r.SetXForwarded()
				},
			}
			through(t, serveWith(t, kinds[pair[0]](proxy)), gone)
		})
	}
}

// through checks what must pass a proxy.
func through(t *testing.T, url string, gone <-chan error) {
	c := client(t)
	for _, n := range []int{0, 10, 100_000, 5_000_000} {
		body := strings.Repeat("b", n)
		if res, got := do(t, c, "POST", url+"/echo", strings.NewReader(body)); got != body || res.Header.Get("X-For") != "127.0.0.1" {
			t.Errorf("echo of %d bytes: %d %d bytes, for %q", n, res.StatusCode, len(got), res.Header.Get("X-For"))
		}
	}
	if _, got := do(t, c, "POST", url+"/echo", io.MultiReader(strings.NewReader("of unknown "), strings.NewReader("length"))); got != "of unknown length" {
		t.Errorf("echo of chunks: %q", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", url+"/events", nil)
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(res.Body)
	for i := range 50 {
		if l, err := br.ReadString('\n'); l != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("event %d: %q %v", i, l, err)
		}
		br.ReadString('\n')
	}
	cancel() // the client goes away: so must the request behind the proxy
	res.Body.Close()
	select {
	case err := <-gone:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the backend still writes events to nobody")
	}

	res, err = c.Get(url + "/abort")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); string(b) != "part" || err != io.ErrUnexpectedEOF {
		t.Errorf("aborted response: %q %v", b, err)
	}
	res.Body.Close()

	if res, got := do(t, c, "GET", url+"/trailers", nil); got != "body" || res.Trailer.Get("X-Sum") != "4" {
		t.Errorf("trailers: %q %v", got, res.Trailer)
	}
	if res, got := do(t, c, "GET", url+"/hints", nil); got != "page" || res.StatusCode != 200 {
		t.Errorf("hints: %d %q", res.StatusCode, got)
	}
	converse(t, url+"/ws", 100)
}
