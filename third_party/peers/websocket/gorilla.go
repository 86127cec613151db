package main

import (
	"io"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// serveGorilla shares write buffers, and reads each message into memory that is used again.
func serveGorilla(mux *http.ServeMux, addr, cert, key string) error {
	var t topic[*websocket.Conn]
	route := func(path string, deflate bool, f func(*websocket.Conn)) {
		up := websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096, WriteBufferPool: &sync.Pool{}, EnableCompression: deflate}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if c, err := up.Upgrade(w, r, nil); err == nil {
				go func() {
					defer c.Close()
					f(c)
				}()
			}
		})
	}
	back := func(c *websocket.Conn) { gorillaMessages(c, func(op int, p []byte) { c.WriteMessage(op, p) }) }
	route("/ws", false, back)
	route("/ws-deflate", true, back)
	route("/ws-topic", false, func(c *websocket.Conn) {
		t.join(c)
		defer t.leave(c)
		gorillaMessages(c, func(op int, p []byte) {
			if m, err := websocket.NewPreparedMessage(op, append([]byte(nil), p...)); err == nil {
				t.each(func(c *websocket.Conn) { c.WritePreparedMessage(m) })
			}
		})
	})
	return serveHTTP(mux, addr, cert, key)
}

// gorillaMessages reads messages until the connection ends.
func gorillaMessages(c *websocket.Conn, f func(op int, p []byte)) {
	for {
		op, r, err := c.NextReader()
		if err != nil {
			return
		}
		b := buffers.Get().(*buffer)
		b.Reset()
		if _, err := io.Copy(b, r); err != nil {
			return
		}
		f(op, b.Bytes())
		buffers.Put(b)
	}
}
