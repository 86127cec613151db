package goserver_test

import (
	"fmt"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
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
	server := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, options)
		if err != nil {
			return // Upgrade has answered
		}
		if err := hub.Join("room", s); err != nil {
			s.Close(1013, "no room")
			return
		}
		s.WriteText("welcome")
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	var clients [2]*websocket.Conn
	for i := range clients {
		clients[i], _, err = websocket.DefaultDialer.Dial("ws://"+listener.Addr().String(), nil)
		if err != nil {
			panic(err)
		}
		_, message, _ := clients[i].ReadMessage()
		fmt.Printf("client %d: %s\n", i, message)
	}
	clients[0].WriteMessage(websocket.TextMessage, []byte("Hello"))
	_, message, _ := clients[1].ReadMessage()
	fmt.Printf("client 1: %s\n", message)

	for _, c := range clients {
		c.Close()
	}
	server.Close()
	<-served
	hub.Close()
	// Output:
	// client 0: welcome
	// client 1: welcome
	// client 1: Hello
}
