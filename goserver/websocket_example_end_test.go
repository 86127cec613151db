package goserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A conversation has an end: of the one who speaks, or of the time there is for it.
func ExampleWebSocket() {
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		defer s.Close(wsframe.CloseNormal, "that is all")
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var buf []byte
		for range 2 {
			_, buf, err = s.ReadContext(ctx, buf[:0])
			if err != nil {
				return
			}
			s.WriteText(fmt.Sprintf("heard %d bytes", len(buf)))
		}
	}))
	defer stop()

	client := dialExample(addr)
	defer client.Close()
	client.say("one")
	fmt.Println(client.hear())
	client.say("three")
	fmt.Println(client.hear())
	code, reason, _ := wsframe.ParseClose([]byte(client.hear()))
	fmt.Printf("%v: %s\n", code, reason)
	// Output:
	// heard 3 bytes
	// heard 5 bytes
	// 1000 (normal closure): that is all
}

// How a WebSocket ended: who closed it, with which code, or what it broke with.
func ExampleCloseError() {
	ended := make(chan error)
	options := &goserver.WebSocketOptions{
		MaxMessageBytes: 100,
		OnMessage:       func(*goserver.WebSocket, goserver.MessageType, []byte) {},
		OnClose:         func(_ *goserver.WebSocket, err error) { ended <- err },
	}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		goserver.Upgrade(w, r, options)
	}))
	defer stop()

	client := dialExample(addr)
	client.say(string(make([]byte, 101)))
	client.hear()
	client.Close()
	err := <-ended
	var closed *goserver.CloseError
	if errors.As(err, &closed) {
		fmt.Println(closed.Code, closed.Reason, closed.Remote)
	}
	fmt.Println(err)
	// Output:
	// 1009 (message too big) message too big false
	// websocket: closed: 1009 (message too big): "message too big"
}

// What is no good handshake is answered, and told.
func ExampleHandshakeError() {
	refused := make(chan error, 1)
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := goserver.Upgrade(w, r, nil)
		refused <- err
	}))
	defer stop()

	resp, err := http.Get("http://" + addr)
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	var handshake *goserver.HandshakeError
	if errors.As(<-refused, &handshake) {
		fmt.Println(handshake.Status, handshake.Reason)
	}
	// Output: 426 WebSocket upgrade expected
}

// What an exporter of metrics reads: a histogram's counts are those of the buckets, the last of which has no bound.
func ExampleWebSocketStats() {
	options := &goserver.WebSocketOptions{
		Route:     "chat",
		OnMessage: func(s *goserver.WebSocket, t goserver.MessageType, message []byte) { s.Write(t, message) },
	}
	server := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		goserver.Upgrade(w, r, options)
	})}
	addr, stop := serveExampleServer(server)
	defer stop()
	client := dialExample(addr)
	defer client.Close()
	client.say("hello")
	client.hear()

	for _, s := range server.WebSocketStats() {
		fmt.Println(s.Route, s.Open, s.MessagesIn, s.BytesIn)
		fmt.Println(s.DeflateRatio.Bounds, s.DeflateRatio.Counts, s.DeflateRatio.Sum)
	}
	// Output:
	// chat 1 1 5
	// [1.5 2 5 10 20 50] [0 0 0 0 0 0 0] 0
}
