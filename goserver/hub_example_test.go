package goserver_test

import (
	"fmt"
	"net/http"
	"sync"

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

// A memoryAdapter connects the Hubs of one process. One for machines sends to a network.
type memoryAdapter struct {
	all     *sync.Map     // of the adapters: where each receives
	started chan struct{} // closed by Start
}

type receiver = func(topic string, t goserver.MessageType, payload []byte)

func (a *memoryAdapter) Start(receive func(topic string, t goserver.MessageType, payload []byte)) error {
	a.all.Store(a, receiver(receive))
	close(a.started)
	return nil
}

func (a *memoryAdapter) Publish(topic string, t goserver.MessageType, payload []byte) error {
	a.all.Range(func(other, receive any) bool {
		if other != a {
			receive.(receiver)(topic, t, payload)
		}
		return true
	})
	return nil
}

// All topics come; the Hub drops those that nobody is in.
func (a *memoryAdapter) Subscribe(string) error   { return nil }
func (a *memoryAdapter) Unsubscribe(string) error { return nil }

func (a *memoryAdapter) Close() error {
	a.all.Delete(a)
	return nil
}

// What is published on one Hub reaches the members on the other.
func ExampleHubAdapter() {
	var all sync.Map
	var clients [2]*exampleSocket
	for i := range clients {
		adapter := &memoryAdapter{&all, make(chan struct{})}
		hub := &goserver.Hub{Adapter: adapter}
		defer hub.Close()
		options := &goserver.WebSocketOptions{OnMessage: func(s *goserver.WebSocket, t goserver.MessageType, message []byte) {
			hub.PublishExcept(s, "room", t, message)
		}}
		addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s, err := goserver.Upgrade(w, r, options); err == nil && hub.Join("room", s) == nil {
				s.WriteText("welcome")
			}
		}))
		defer stop()
		clients[i] = dialExample(addr)
		defer clients[i].Close()
		clients[i].hear()
		<-adapter.started
	}
	clients[1].say("hello from the other machine")
	fmt.Println(clients[0].hear())
	// Output: hello from the other machine
}

// A Hub that disconnects members who are too slow, and what it counts.
func ExampleHubStats() {
	hub := &goserver.Hub{Slow: goserver.SlowDisconnect}
	options := &goserver.WebSocketOptions{OnMessage: func(*goserver.WebSocket, goserver.MessageType, []byte) {}}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, options); err == nil && hub.Join("news", s) == nil {
			hub.Publish("news", goserver.TextMessage, []byte("one more reader"))
		}
	}))
	client := dialExample(addr)
	fmt.Println(client.hear())
	client.Close()
	stop()
	hub.Close()
	stats := hub.Stats()
	fmt.Println(stats.Published, stats.Delivered, stats.Dropped)
	// Output:
	// one more reader
	// 1 1 0
}
