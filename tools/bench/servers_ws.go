package main

import (
	"strconv"

	"github.com/hyperion-server/hyperion/tools/bench/load"
)

// sockets are what servers do that know nothing but WebSockets.
var sockets = []kind{webSocket, deflated}

// socketLimit is the program of the C server in the rows about WebSockets.
const socketLimit = "ws-limit"

// socketPeer is one of the libraries that third_party/peers/websocket serves.
func socketPeer(name, key, module, does string) *server {
	return &server{
		name: name, key: key, program: "websocket", kinds: sockets, over: []load.Protocol{load.HTTPS},
		from: []string{"go", "build", "-o", "OUT", "./third_party/peers/websocket"},
		args: func(l launch) []string {
			args := []string{"-serve", key, "-addr", l.Addr.String()}
			if l.TLS() {
				args = append(args, "-cert", l.Cert, "-key", l.Key)
			}
			return args
		},
		version: []string{"go", "list", "-m", "-f", "{{.Version}}", module},
		does:    does,
	}
}

var socketPeers = []*server{
	socketPeer(gws, "gws", "github.com/lxzan/gws", "on net/http; messages are handled by the goroutine that reads; broadcast by its Broadcaster"),
	socketPeer(gobwas, "gobwas", "github.com/gobwas/ws", "its own handshake on a listener, frames through a buffered reader, one write a message; broadcast: one frame, a write each"),
	socketPeer(gorilla, "gorilla", "github.com/gorilla/websocket", "on net/http; NextReader into memory used again, pooled write buffers; broadcast of a PreparedMessage"),
	socketPeer(coder, "coder", "github.com/coder/websocket", "on net/http; Reader into memory used again; broadcast: a Write each, for it has nothing else"),
	{
		name: libwebsockets, key: "lws", program: "lws", kinds: []kind{webSocket}, over: []load.Protocol{load.HTTPS, load.H2},
		from: []string{"gcc", "-O2", "-o", "OUT", "third_party/peers/libwebsockets/echo.c", "-lwebsockets"},
		args: func(l launch) []string {
			args := []string{strconv.Itoa(l.Port())}
			if l.TLS() {
				args = append(args, l.Cert, l.Key)
			}
			return args
		},
		version: []string{"pkg-config", "--modversion", "libwebsockets"},
		does:    "C, on libuv, one thread; messages wait in a list until they can be sent back",
	},
}
