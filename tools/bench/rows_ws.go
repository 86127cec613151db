package main

import (
	"fmt"
	"strconv"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

const (
	perMessage  = "CPU µs/message"
	perDelivery = "CPU µs/delivery"
	perUpgrade  = "CPU µs/upgrade"
	perSocket   = "bytes/WebSocket"

	socketPace        = 20_000 // messages a second
	socketDepth       = 16
	broadcastConns    = 5_000
	upgraders         = 16
	idleSockets       = 15_000
	idleSecureSockets = 5_000 // a client pays for TLS, too
	socketStreams     = 10    // on a connection of HTTP/2
)

const (
	socketText = "The epoll client of tools/bench/load: all WebSockets are open before the measuring begins; every message that comes back is compared with what was sent."
	leastText  = "The C server is the least that can be done with a read and a write a message, without checks."
)

// socketTargets are those of rows in which messages are sent back.
func socketTargets() []report.Target { return []report.Target{{Than: gws, Max: 0.8}, tail} }

// socketRows are the rows about WebSockets.
func socketRows() []*row {
	var all []*row
	for _, size := range []struct {
		name  string
		bytes int64
	}{{"125", 125}, {"1k", 1 << 10}, {"64k", 64 << 10}} {
		for _, conns := range []int{10, 200, 5000} {
			all = append(all, echoRow(fmt.Sprintf("%s-c%d", size.name, conns), fmt.Sprintf("%s, %d connections", bytesText(size.bytes), conns), size.bytes, conns, "One message is under way on each."))
		}
	}
	deflate := echoRow("1k-deflate", "1 KiB, compressed, 200 connections", 1<<10, 200, "One message is under way on each; all are compressed, each by itself (RFC 7692), to about a third.", "-deflate")
	deflate.kind, deflate.path = deflated, "/ws-deflate"
	blocking := echoRow("1k-blocking", "1 KiB, 200 connections, a goroutine that reads", 1<<10, 200, "One message is under way on each. Ours has a goroutine for each WebSocket here, as the others have, and not a callback.")
	blocking.ours = "/ws-blocking"
	return append(all, deflate, blocking,
		echoRow("1k-pipelined", "1 KiB, 16 pipelined, 200 connections", 1<<10, 200, fmt.Sprintf("%d messages are under way on each.", socketDepth), "-depth", strconv.Itoa(socketDepth)),
		secureRow("1k-tls", "1 KiB over TLS, 200 connections", load.HTTPS, 200, "One message is under way on each. TLS is 1.3."),
		secureRow("1k-h2", "1 KiB over HTTP/2 and TLS, 20 connections with 10 streams each", load.H2, 200/socketStreams,
			"WebSockets are streams (RFC 8441); one message is under way on each. Messages that come together are answered together. The same number over TLS without HTTP/2 is the row before.",
			"-streams", strconv.Itoa(socketStreams)),
		echoRow("1k-paced", "1 KiB by the clock, 200 connections", 1<<10, 200, fmt.Sprintf("%d messages a second, whatever comes back: a latency counts from when the message was to be sent.", socketPace), "-rate", strconv.Itoa(socketPace)),
		broadcastRow("125", "125 B", 125, 1), broadcastRow("1k", "1 KiB", 1<<10, 1),
		broadcastRow("burst", fmt.Sprintf("%d of 125 B at once", socketDepth), 125, socketDepth),
		&row{Row: report.Row{Name: "ws-upgrade", Title: "WebSocket: connect, upgrade and close", Unit: perUpgrade,
			Load: fmt.Sprintf("%d workers of tools/bench/load connect, upgrade and close, to the server's end of the connection; p50 and p99 are of all of it.", upgraders), Targets: []report.Target{tail}},
			kind: webSocket, path: "/ws", size: 125, drive: loader("ws-upgrade", "-conns", strconv.Itoa(upgraders))},
		idleSocketRow("", "", idleSockets, 1, load.HTTP1, 1<<10, webSocket),
		idleSocketRow("-deflate", ", compression agreed", idleSockets, 1, load.HTTP1, 1<<10, deflated, "-deflate"),
		idleSocketRow("-tls", ", over TLS", idleSecureSockets, 1, load.HTTPS, 8<<10, webSocket),
		idleSocketRow("-h2", ", over HTTP/2 and TLS, one on each connection", idleSecureSockets, 1, load.H2, 13<<10, webSocket),
		idleSocketRow("-h2-streams", fmt.Sprintf(", over HTTP/2 and TLS, %d on each connection", socketStreams), idleSecureSockets, socketStreams, load.H2, (12<<10)/socketStreams+(1<<10), webSocket),
	)
}

func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func echoRow(name, title string, size int64, conns int, text string, args ...string) *row {
	return &row{Row: report.Row{Name: "ws-echo-" + name, Title: "WebSocket echo, " + title, Unit: perMessage, Load: socketText + " " + leastText + " " + text, Targets: socketTargets()},
		kind: webSocket, path: "/ws", size: size, drive: loader("ws-echo", append([]string{"-conns", strconv.Itoa(conns)}, args...)...)}
}

func secureRow(name, title string, over load.Protocol, conns int, text string, args ...string) *row {
	r := echoRow(name, title, 1<<10, conns, text, args...)
	r.over, r.Load = over, socketText+" "+text
	if over.HTTP2() {
		r.Targets[0].Than = libwebsockets // no other peer has WebSockets over HTTP/2
	}
	return r
}

func broadcastRow(name, title string, size int64, depth int) *row {
	return &row{Row: report.Row{Name: "ws-broadcast-" + name, Title: fmt.Sprintf("WebSocket broadcast, %s to %d", title, broadcastConns), Unit: perDelivery,
		Load:    "tools/bench/load publishes on one of the WebSockets when all have what came before; a latency is from a publishing until the last one has it. Every copy is compared.",
		Targets: []report.Target{{Than: gws, Max: 0.5}, {Tail: true, Max: 0.5}}},
		kind: webSocket, path: "/ws-topic", size: size, drive: loader("ws-broadcast", "-conns", strconv.Itoa(broadcastConns), "-depth", strconv.Itoa(depth))}
}

func idleSocketRow(name, title string, sockets, streams int, over load.Protocol, most float64, k kind, args ...string) *row {
	path := "/ws"
	if k == deflated {
		path = "/ws-deflate"
	}
	return &row{Row: report.Row{Name: "ws-idle" + name, Title: "memory of an idle WebSocket" + title, Unit: perSocket,
		Load:    fmt.Sprintf("tools/bench/load opens %d, with one echo of 1 KiB on each; growth of the resident memory of the server's processes, when they have settled. What the kernel keeps for a socket is not in it.", sockets),
		Targets: []report.Target{{Max: most}}},
		over: over, kind: k, path: path, size: 1 << 10, measure: growthPerRequest, drive: loader("ws-idle", append([]string{"-conns", strconv.Itoa(sockets / streams), "-streams", strconv.Itoa(streams)}, args...)...)}
}
