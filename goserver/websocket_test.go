package goserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hyperion-server/hyperion/goserver"
)

// socketServer serves f at /ws and returns the URL of that.
func socketServer(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) string {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, o)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		if f != nil {
			f(s)
		}
	})
	addr, _ := start(t, &goserver.Server{Handler: mux})
	return "ws://" + addr.String() + "/ws"
}

func echoMessages(s *goserver.WebSocket) {
	for {
		typ, p, err := s.Next()
		if err != nil {
			return
		}
		if err := s.Write(typ, p); err != nil {
			return
		}
	}
}

func dialSocket(t *testing.T, url string) *websocket.Conn {
	c, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestWebSocket_echo(t *testing.T) {
	for _, style := range []struct {
		name string
		o    *goserver.WebSocketOptions
		f    func(*goserver.WebSocket)
	}{
		{"program reads", &goserver.WebSocketOptions{MaxMessageBytes: 20 << 20}, echoMessages},
		{"callback", &goserver.WebSocketOptions{MaxMessageBytes: 20 << 20, OnMessage: func(s *goserver.WebSocket, typ goserver.MessageType, p []byte) { s.Write(typ, p) }}, nil},
	} {
		t.Run(style.name, func(t *testing.T) {
			url := socketServer(t, style.o, style.f)
			c := dialSocket(t, url)
			for _, n := range []int{0, 1, 125, 126, 4096, 65535, 65536, 100_000, 1 << 20, 16 << 20} {
				want := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
				go c.WriteMessage(websocket.BinaryMessage, want)
				typ, got, err := c.ReadMessage()
				if err != nil || typ != websocket.BinaryMessage || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes: %v, %d bytes", n, err, len(got))
				}
			}
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4000, "done"), time.Now().Add(time.Second))
			if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, 4000) {
				t.Errorf("the server answered close with %v", err)
			}
		})
	}
}

func TestWebSocket_streams(t *testing.T) {
	url := socketServer(t, &goserver.WebSocketOptions{Compression: goserver.CompressionTakeover}, func(s *goserver.WebSocket) {
		for {
			typ, r, err := s.NextReader()
			if err != nil {
				return
			}
			w, _ := s.NextWriter(typ)
			io.Copy(w, r)
			w.Close()
		}
	})
	d := *websocket.DefaultDialer
	d.EnableCompression = true
	c, resp, err := d.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !strings.Contains(fmt.Sprint(resp.Header["Sec-Websocket-Extensions"]), "permessage-deflate") {
		t.Errorf("no compression: %v", resp.Header)
	}
	for i := range 50 {
		want := strings.Repeat(fmt.Sprint("message ", i, ", "), i*i)
		c.WriteMessage(websocket.TextMessage, []byte(want))
		_, got, err := c.ReadMessage()
		if err != nil || string(got) != want {
			t.Fatalf("message %d: %v, %d bytes", i, err, len(got))
		}
	}
}

func TestWebSocket_close(t *testing.T) {
	ended := make(chan error, 1)
	url := socketServer(t, nil, func(s *goserver.WebSocket) { ended <- s.Close(1000, "bye") })
	c := dialSocket(t, url)
	if _, _, err := c.ReadMessage(); !websocket.IsCloseError(err, 1000) {
		t.Errorf("the client saw %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Close: %v", err)
	}
}
