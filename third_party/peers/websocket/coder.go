package main

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// serveCoder reads each message into memory that is used again.
func serveCoder(mux *http.ServeMux, addr, cert, key string) error {
	var t topic[*websocket.Conn]
	ctx := context.Background()
	route := func(path string, mode websocket.CompressionMode, f func(*websocket.Conn)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: mode})
			if err != nil {
				return
			}
			c.SetReadLimit(16 << 20)
			go func() {
				defer c.CloseNow()
				f(c)
			}()
		})
	}
	back := func(c *websocket.Conn) {
		coderMessages(c, func(t websocket.MessageType, p []byte) { c.Write(ctx, t, p) })
	}
	route("/ws", websocket.CompressionDisabled, back)
	route("/ws-deflate", websocket.CompressionNoContextTakeover, back)
	route("/ws-topic", websocket.CompressionDisabled, func(c *websocket.Conn) {
		t.join(c)
		defer t.leave(c)
		coderMessages(c, func(typ websocket.MessageType, p []byte) {
			t.each(func(c *websocket.Conn) { c.Write(ctx, typ, p) })
		})
	})
	return serveHTTP(mux, addr, cert, key)
}

// coderMessages reads messages until the connection ends.
func coderMessages(c *websocket.Conn, f func(t websocket.MessageType, p []byte)) {
	for {
		t, r, err := c.Reader(context.Background())
		if err != nil {
			return
		}
		b := buffers.Get().(*buffer)
		b.Reset()
		if _, err := b.ReadFrom(r); err != nil {
			return
		}
		f(t, b.Bytes())
		buffers.Put(b)
	}
}
