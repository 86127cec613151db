package goserver_test

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// What is too long to be held is read as it comes, and written in parts.
func ExampleMessageWriter() {
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		defer s.Abort()
		for {
			t, message, err := s.NextReader()
			if err != nil {
				return
			}
			answer, err := s.NextWriter(t)
			if err != nil {
				return
			}
			io.WriteString(answer, "you said ")
			_, err = io.Copy(answer, message)
			if answer.Close(); err != nil {
				return
			}
		}
	}))
	defer stop()

	client := dialExample(addr)
	defer client.Close()
	client.say("a long story")
	fmt.Println(client.hear())
	// Output: you said a long story
}

// A message for many is framed once, and compressed once.
func ExamplePreparedMessage() {
	sockets := make(chan *goserver.WebSocket, 3)
	options := &goserver.WebSocketOptions{OnMessage: func(*goserver.WebSocket, goserver.MessageType, []byte) {}}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, options); err == nil {
			sockets <- s
		}
	}))
	defer stop()
	var clients [3]*exampleSocket
	for i := range clients {
		clients[i] = dialExample(addr)
		defer clients[i].Close()
	}

	news := goserver.NewPreparedMessage(goserver.TextMessage, []byte("news for all"))
	for range clients {
		(<-sockets).WritePrepared(news)
	}
	for _, c := range clients {
		fmt.Println(c.hear())
	}
	// Output:
	// news for all
	// news for all
	// news for all
}

// Who shows prices that change wants the newest: what a slow client has not got is of no use.
func ExampleQueuePolicy() {
	options := &goserver.WebSocketOptions{
		QueuePolicy:  goserver.QueueDropOldest,
		QueueBytes:   64 << 10,
		WriteTimeout: 10 * time.Second,
		OnMessage:    func(*goserver.WebSocket, goserver.MessageType, []byte) {},
	}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, options); err == nil {
			s.WriteText("gold 1850.00") // never waits
		}
	}))
	defer stop()

	client := dialExample(addr)
	defer client.Close()
	fmt.Println(client.hear())
	// Output: gold 1850.00
}

// Small messages that are alike, of few clients: what was sent before is worth its memory.
func ExampleCompression() {
	options := &goserver.WebSocketOptions{
		Compression:  goserver.CompressionTakeover,
		CompressFrom: 64,
		OnMessage:    func(s *goserver.WebSocket, t goserver.MessageType, message []byte) { s.Write(t, message) },
	}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		goserver.Upgrade(w, r, options)
	}))
	defer stop()

	client := dialExample(addr) // which offers no compression, and is served all the same
	defer client.Close()
	client.say("hello")
	fmt.Println(client.hear())
	// Output: hello
}
