package main

import (
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// webSockets adds the routes of the WebSocket rows: /ws and /ws-deflate send back what comes, called by the
// server, /ws-brief does so and gives up who is silent for 2 s, /ws-blocking does it with a goroutine that reads, and /ws-topic sends it to all that
// are there, by a Hub.
func webSockets(mux *http.ServeMux) {
	back := func(s *goserver.WebSocket, t goserver.MessageType, p []byte) { s.Write(t, p) }
	mux.Handle("GET /ws", socket(&goserver.WebSocketOptions{OnMessage: back, Compression: goserver.CompressionOff}, nil))
	mux.Handle("GET /ws-deflate", socket(&goserver.WebSocketOptions{OnMessage: back}, nil))
	mux.Handle("GET /ws-blocking", socket(&goserver.WebSocketOptions{Compression: goserver.CompressionOff}, sendBack))
	mux.Handle("GET /ws-brief", socket(&goserver.WebSocketOptions{OnMessage: back, IdleTimeout: 2 * time.Second, PingInterval: time.Second}, nil))
	var hub goserver.Hub
	publish := func(_ *goserver.WebSocket, t goserver.MessageType, p []byte) { hub.Publish("all", t, p) }
	mux.Handle("GET /ws-topic", socket(&goserver.WebSocketOptions{OnMessage: publish, Compression: goserver.CompressionOff},
		func(s *goserver.WebSocket) { hub.Join("all", s) }))
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
