package main

import (
	"net/http"
	"sync"

	"github.com/hyperion-server/hyperion/goserver"
)

// webSockets adds the routes of the WebSocket rows: /ws and /ws-deflate send back what comes, called by the
// server, /ws-blocking does it with a goroutine that reads, and /ws-topic sends it to all that are there.
func webSockets(mux *http.ServeMux) {
	back := func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, p) }
	mux.Handle("GET /ws", socket(&goserver.WebSocketOptions{OnMessage: back, Compression: goserver.CompressionOff}, nil))
	mux.Handle("GET /ws-deflate", socket(&goserver.WebSocketOptions{OnMessage: back}, nil))
	mux.Handle("GET /ws-blocking", socket(&goserver.WebSocketOptions{Compression: goserver.CompressionOff}, sendBack))
	var all topic
	mux.Handle("GET /ws-topic", socket(&goserver.WebSocketOptions{OnMessage: all.publish, OnClose: all.leave, Compression: goserver.CompressionOff}, all.join))
}

func socket(o *goserver.WebSocketOptions, then func(*goserver.WebSocket)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, o)
		if err == nil && then != nil {
			then(s)
		}
	})
}

func sendBack(s *goserver.WebSocket) {
	for {
		t, p, err := s.Next()
		if err != nil || s.Write(t, p) != nil {
			return
		}
	}
}

// A topic sends what comes on one WebSocket to all.
type topic struct {
	mu  sync.RWMutex
	all map[*goserver.WebSocket]struct{}
}

func (t *topic) join(s *goserver.WebSocket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[*goserver.WebSocket]struct{}{}
	}
	t.all[s] = struct{}{}
}

func (t *topic) leave(s *goserver.WebSocket, _ error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, s)
}

func (t *topic) publish(_ *goserver.WebSocket, typ goserver.MessageType, p []byte) {
	m := goserver.NewPreparedMessage(typ, p)
	t.mu.RLock()
	defer t.mu.RUnlock()
	for s := range t.all {
		s.WritePrepared(m)
	}
}
