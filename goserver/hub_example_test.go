package goserver_test

import (
	"fmt"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver"
)

// A chat: what one says, all others in the room hear.
func ExampleHub() {
	var hub goserver.Hub
	options := &goserver.WebSocketOptions{
		OnMessage: func(s *goserver.WebSocket, t goserver.MessageType, message []byte) {
			hub.PublishExcept(s, "room", t, message)
		},
	}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, options)
		if err != nil {
			return // Upgrade has answered
		}
		if err := hub.Join("room", s); err != nil {
			s.Close(1013, "no room")
			return
		}
		s.WriteText("welcome")
	}))

	var clients [2]*exampleSocket
	for i := range clients {
		clients[i] = dialExample(addr)
		fmt.Printf("client %d: %s\n", i, clients[i].hear())
	}
	clients[0].say("Hello")
	fmt.Printf("client 1: %s\n", clients[1].hear())

	for _, c := range clients {
		c.Close()
	}
	stop()
	hub.Close()
	// Output:
	// client 0: welcome
	// client 1: welcome
	// client 1: Hello
}
