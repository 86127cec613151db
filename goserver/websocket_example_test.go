package goserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// An exampleSocket is a client's end, as short as can be: of text messages below 126 bytes.
type exampleSocket struct {
	net.Conn
	in *bufio.Reader
}

func dialExample(addr string) *exampleSocket {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	s := &exampleSocket{conn, bufio.NewReader(conn)}
	io.WriteString(conn, opening(addr, "/"))
	if _, err := http.ReadResponse(s.in, nil); err != nil {
		panic(err)
	}
	return s
}

func (s *exampleSocket) say(text string) {
	h := wsframe.Header{Opcode: wsframe.Text, Fin: true, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: uint64(len(text))}
	frame := append(h.Append(nil), text...)
	wsframe.Mask(h.Key, 0, frame[len(frame)-len(text):])
	s.Write(frame)
}

func (s *exampleSocket) hear() string {
	head := make([]byte, 2)
	io.ReadFull(s.in, head)
	text := make([]byte, head[1])
	io.ReadFull(s.in, text)
	return string(text)
}

// serveExample serves a handler on a free port. stop ends that.
func serveExample(h http.Handler) (addr string, stop func()) {
	return serveExampleServer(&goserver.Server{Handler: h})
}

func serveExampleServer(server *goserver.Server) (addr string, stop func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	return listener.Addr().String(), func() {
		server.Close()
		<-served
	}
}

// The handler reads: one goroutine for each WebSocket.
func ExampleUpgrade() {
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		defer s.Abort() // does nothing when the peer has closed
		for {
			t, message, err := s.Next()
			if err != nil {
				return
			}
			s.Write(t, append([]byte("you said "), message...))
		}
	}))
	defer stop()

	client := dialExample(addr)
	defer client.Close()
	client.say("hello")
	fmt.Println(client.hear())
	// Output: you said hello
}

// The server reads, and calls OnMessage: a WebSocket that waits costs some hundred bytes.
func ExampleWebSocketOptions() {
	options := &goserver.WebSocketOptions{
		OnMessage: func(s *goserver.WebSocket, t goserver.MessageType, message []byte) {
			s.WriteText(fmt.Sprintf("%s said %s", s.Data, message))
		},
	}
	addr, stop := serveExample(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, options); err == nil {
			s.Data = "somebody" // of the request, what is needed later
		}
	}))
	defer stop()

	client := dialExample(addr)
	defer client.Close()
	client.say("hello")
	fmt.Println(client.hear())
	// Output: somebody said hello
}
