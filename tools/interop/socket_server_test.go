package interop

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Subprotocols of the server: the clients offer sockets.
var sockets = []string{"other", "second.example", "first.example"}

const subprotocol = "first.example" // which the server likes best of these

// Sizes of messages at which the length's form changes, and beyond the reading buffers.
var socketSizes = []int{0, 1, 125, 126, 65535, 65536, 1 << 20}

// Reasons for closing.
const (
	clientCode, clientReason = 4001, "the client’s reason"
	serverCode, serverReason = 4002, "the server’s reason"
)

// A socketSite serves WebSockets that send back what comes: at /callback by OnMessage, at
// /reads by a loop, at /takeover with a context of compression that is kept, at /split in frames
// of 1000 bytes, and at /plain without compression. Of texts, "close" has the server close,
// "ping" has it ping and say "ponged" when the answer came.
type socketSite struct {
	site
	ended chan error // of each socket, what OnClose gets
}

func listenSockets(t *testing.T, secure bool) socketSite {
	t.Helper()
	ended := make(chan error, 16)
	mux := http.NewServeMux()
	for name, o := range map[string]*goserver.WebSocketOptions{
		"callback": {OnMessage: answerSocket},
		"reads":    {},
		"takeover": {OnMessage: answerSocket, Compression: goserver.CompressionTakeover},
		"split":    {OnMessage: answerSocket, Fragment: 1000},
		"plain":    {OnMessage: answerSocket, Compression: goserver.CompressionOff},
	} {
		o.Subprotocols = []string{subprotocol, "second.example"}
		o.OnPong = func(s *goserver.WebSocket, p []byte) {
			if string(p) == "server" {
				s.WriteText("ponged")
			}
		}
		o.OnClose = func(_ *goserver.WebSocket, err error) { ended <- err }
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			s, err := goserver.Upgrade(w, r, o)
			if err != nil {
				t.Errorf("upgrade: %v", err)
				return
			}
			for o.OnMessage == nil {
				kind, p, err := s.Next()
				if err != nil {
					return
				}
				answerSocket(s, kind, p)
			}
		})
	}
	return socketSite{listen(t, &goserver.Server{Handler: mux, WebSockets: true, WebSocketSpread: -1}, secure), ended}
}

// socketPaths are all of a socketSite.
var socketPaths = []string{"/callback", "/reads", "/takeover", "/split", "/plain"}

func answerSocket(s *goserver.WebSocket, kind goserver.MessageType, p []byte) {
	switch {
	case kind == goserver.TextMessage && string(p) == "close":
		s.Close(serverCode, serverReason)
	case kind == goserver.TextMessage && string(p) == "ping":
		s.Ping([]byte("server"))
	default:
		s.Write(kind, p)
	}
}

// socketURL is that of a path, for a WebSocket.
func (w socketSite) socketURL(path string) string {
	return "ws" + strings.TrimPrefix(w.url(path), "http")
}

// wantEnd waits for the end of a socket, which must be by a closing handshake.
func (w socketSite) wantEnd(t *testing.T, code wsframe.CloseCode, reason string, remote bool) {
	t.Helper()
	want := goserver.CloseError{Code: code, Reason: reason, Remote: remote}
	select {
	case err := <-w.ended:
		if got, ok := err.(*goserver.CloseError); !ok || *got != want {
			t.Errorf("the server’s socket ended with %v, want %v", err, &want)
		}
	case <-time.After(time.Minute):
		t.Fatal("the server’s socket has not ended")
	}
}

// eachSocket runs a test over TLS and in clear.
func eachSocket(t *testing.T, test func(*testing.T, socketSite)) {
	for name, secure := range transports {
		t.Run(name, func(t *testing.T) { test(t, listenSockets(t, secure)) })
	}
}

// socketText returns n bytes of text, which can be compressed.
func socketText(n int) string { return string(text(n)) }

// noise returns n bytes that cannot.
func noise(n int) string {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b) // does not fail
	return string(b)
}

// A closedError is how a client's socket ended.
type closedError struct {
	code   int
	reason string
}

func (e closedError) Error() string { return fmt.Sprintf("closed: %d %s", e.code, e.reason) }
