package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

// A kind is what a server must be able to do for a row.
type kind int

const (
	hello kind = iota
	object
	file
	stream
	large     // a file too large to be sent from memory
	random    // files of load.RandomSite
	gzipped   // a file that is gzipped before it is asked for, or in the background
	brotlied  // the same with br
	condition // 304
	ranged    // 206
	preload   // files loaded at the start
	varied    // JSON with many fields, another at each request
	post      // takes a body
	rpc       // gRPC
	webSocket // sends messages back, and to all of a topic
	deflated  // sends messages back, compressed
)

// A row is one load. Every server has the path, of the same content; some
// may have another one: ours that of the route that the row is about, others that
// of a copy with compressed files beside it.
type row struct {
	report.Row
	kind    kind
	over    load.Protocol
	path    string
	ours    string                 // "": path
	sidecar string                 // for servers that want compressed files to be made for them; "": path
	fields  []string               // further fields of the request, "Name: value"
	content []byte                 // of the requests, which are POSTs then
	status  int                    // of the answers; 0: 200
	coding  string                 // of the answers
	size    int64                  // bytes of body
	limit   []string               // further arguments of the C server
	set     func(launch) []string  // further arguments of ours; nil: none
	site    func(dir string) error // makes files that only this row needs, unless they are there
	drive   func(context.Context, *trial) (load.Result, error)
	measure func(r *row, m load.Result) float64 // nil: cpuPerRequest
}

// figure is what the row is about, in its unit.
func (r *row) figure(m load.Result) float64 {
	if r.measure == nil {
		return cpuPerRequest(r, m)
	}
	return r.measure(r, m)
}

func cpuPerRequest(_ *row, m load.Result) float64 {
	return float64(m.CPU) / float64(time.Microsecond) / float64(m.Requests)
}

// cpuPerBody is for bodies so large that only a few are whole at the end of a
// load: it counts parts of them, too.
func cpuPerBody(r *row, m load.Result) float64 {
	return float64(m.CPU) / float64(time.Microsecond) / (float64(m.Bytes) / float64(r.size))
}

func growthPerRequest(_ *row, m load.Result) float64 { return float64(m.Growth) / float64(m.Requests) }

const (
	perRequest = "CPU µs/request"
	perEvent   = "CPU µs/event"
	perConn    = "bytes/connection"

	helloSize     = 5
	streamClients = 16
	streamEvents  = 1000
	idleConns     = 15_000
	besideConns   = 5_000
)

// tail is the target of rows in which the server makes the latency.
var tail = report.Target{Tail: true, Max: 1}

// rows returns all rows; the encoded object and the encoded list have that many bytes.
func rows(objectSize, listSize int64) []*row {
	wrk64 := wrk(load.Wrk{Conns: 64})
	const wrk64Text = "`wrk -t1 -c64`."
	hello64 := func(name, title, ours string, targets ...report.Target) *row {
		return &row{Row: report.Row{Name: name, Title: title, Unit: perRequest, Load: wrk64Text, Targets: append(targets, tail)},
			path: "/hello", ours: ours, size: helloSize, drive: wrk64}
	}
	file64 := func(name, title, path string, size int64, targets ...report.Target) *row {
		return &row{Row: report.Row{Name: name, Title: title, Unit: perRequest, Load: wrk64Text, Targets: append(targets, tail)},
			kind: file, path: "/files/" + path, size: size, drive: wrk64}
	}
	all := []*row{
		hello64("hello-static", "hello, static route", "/static",
			report.Target{Than: epoll, Max: 1.10}, report.Target{Than: nginx, Max: 1 / 1.2}, report.Target{Than: fasthttp, Max: 1 / 1.2}),
		hello64("hello-direct", "hello, direct route", "/direct"),
		hello64("hello-handler", "hello, `http.Handler`", "",
			report.Target{Than: nethttp, Max: 0.5}, report.Target{Than: fasthttp, Max: 1}),
		{Row: report.Row{Name: "json", Title: "JSON, 50 keys, `http.Handler`", Unit: perRequest, Load: wrk64Text, Targets: []report.Target{tail}},
			kind: object, path: "/json", size: objectSize, drive: wrk64},
		file64("file-1k", "1 KiB file", "1k.txt", 1<<10, report.Target{Than: epoll, Max: 1.15}, report.Target{Than: h2o, Max: 1}),
		file64("file-8k", "8 KiB file", "8k.txt", 8<<10, report.Target{Than: epoll, Max: 1.15}, report.Target{Than: h2o, Max: 1}),
		file64("file-64k", "64 KiB file", "64k.txt", 64<<10, report.Target{Than: nginx, Max: 1}),
		file64("file-1m", "1 MiB file", "1m.txt", 1<<20, report.Target{Than: nginx, Max: 1}),
		{Row: report.Row{Name: "pipelined", Title: "hello, 16 pipelined", Unit: perRequest,
			Load: "`wrk -t1 -c64 -s tools/bench/pipeline.lua`; a latency is that of the 16.", Targets: []report.Target{tail}},
			path: "/hello", ours: "/static", size: helloSize, drive: wrk(load.Wrk{Conns: 64, Script: "tools/bench/pipeline.lua"})},
		{Row: report.Row{Name: "connections", Title: "hello, a connection per request", Unit: perRequest,
			Load: "`wrk -t1 -c64 -H 'Connection: close'`; latencies are without the connecting.", Targets: []report.Target{tail}},
			path: "/hello", ours: "/static", size: helloSize, limit: []string{"close"}, drive: wrk(load.Wrk{Conns: 64, Fields: []string{"Connection: close"}})},
		{Row: report.Row{Name: "sse", Title: "1 000 SSE events of 50 B, each flushed", Unit: perEvent,
			Load: fmt.Sprintf("%d clients of tools/bench/load read one stream of %d events after the other; each event must be a chunk of its own, and before the trial a slow stream shows that events are not held back. A latency is from the making of an event to its arrival, and mostly the client's, which is the slower side.", streamClients, streamEvents)},
			kind: stream, path: "/sse", limit: []string{"sse", strconv.Itoa(streamEvents)},
			drive: loader("stream", "-conns", strconv.Itoa(streamClients), "-events", strconv.Itoa(streamEvents))},
	}
	for _, n := range []int{64, 1000, 10_000} {
		all = append(all, &row{Row: report.Row{Name: fmt.Sprintf("keepalive-%d", n), Title: fmt.Sprintf("hello, %d connections", n), Unit: perRequest,
			Load: "The epoll client of tools/bench/load: all connections are open before the measuring begins, each has one request under way."},
			path: "/hello", ours: "/static", size: helloSize, drive: loader("keepalive", "-conns", strconv.Itoa(n))})
	}
	all = slices.Concat(all, fileRows(), h2Rows(), tlsRows(listSize), grpcRows(), socketRows())
	return append(all,
		&row{Row: report.Row{Name: "idle", Title: "memory of an idle connection, 15 000 open", Unit: perConn,
			Load:    "tools/bench/load opens them with one GET each; growth of the resident memory of the server's processes, when they have settled. What the kernel keeps for a socket is not in it.",
			Targets: []report.Target{{Max: 1024}}},
			path: "/hello", ours: "/static", size: helloSize, measure: growthPerRequest, drive: idle},
		&row{Row: report.Row{Name: "beside-idle", Title: "hello beside 5 000 idle connections", Unit: perRequest,
			Load: wrk64Text + " Meanwhile 5 000 connections are open that have had one answer each; one that the server ends is an error.", Targets: []report.Target{tail}},
			path: "/hello", ours: "/static", size: helloSize, drive: besideIdle},
	)
}

var growths = []report.Growth{
	{Title: "TLS: a resumed handshake to a full one", From: "tls-handshake", To: "tls-resume", Max: 0.35},
	{Title: "growth of CPU per request from 64 to 10 000 connections", From: "keepalive-64", To: "keepalive-10000", Max: 1.15},
}
