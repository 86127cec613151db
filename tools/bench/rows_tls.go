package main

import (
	"strconv"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

const (
	handshakers  = 8
	perHandshake = "CPU µs/handshake"
	perCall      = "CPU µs/call"
	perStream    = "CPU µs/stream"
	grpcConns    = 50
)

// tlsRows are the rows about HTTP/1.1 over TLS.
func tlsRows(listSize int64) []*row {
	wrk64 := func(name, title string, targets ...report.Target) *row {
		return &row{Row: report.Row{Name: name, Title: title, Unit: perRequest, Load: "`wrk -t1 -c64` over TLS 1.3.", Targets: append(targets, tail)},
			over: load.HTTPS, drive: wrk(load.Wrk{Conns: 64})}
	}
	hello := wrk64("tls-hello", "TLS hello, static route", report.Target{Than: nginx, Max: 1})
	hello.path, hello.ours, hello.size = "/hello", "/static", helloSize
	list := wrk64("tls-json-50k", "TLS JSON, 50 KB, `http.Handler`")
	list.kind, list.path, list.size = object, "/list", listSize
	large := wrk64("tls-file-1m", "TLS 1 MiB file", report.Target{Than: nginx, Max: 1})
	large.kind, large.path, large.size = file, "/files/1m.txt", 1<<20
	return []*row{
		hello, list, large,
		shake("tls-handshake", "TLS handshake, full", "handshake", "A full handshake each time."),
		shake("tls-resume", "TLS handshake, resumed", "resume", "Every handshake resumes the session of one made before."),
		idleRow("idle-tls", "memory of an idle connection, HTTP/1.1 over TLS", load.HTTPS, 8<<10),
	}
}

// shake is a row of handshakes. No general tool makes them as all servers do:
// s_time of OpenSSL does not resume over TLS 1.3, and h2load makes requests.
func shake(name, title, mode, text string) *row {
	return &row{Row: report.Row{Name: name, Title: title, Unit: perHandshake,
		Load: strconv.Itoa(handshakers) + " workers of tools/bench/load connect, shake hands (TLS 1.3, ECDSA P-256, X25519) and end the connection. " + text + " Accepting and closing are in the figure.", Targets: []report.Target{tail}},
		over: load.HTTPS, path: "/hello", size: helloSize, drive: loader(mode, "-conns", strconv.Itoa(handshakers))}
}

// grpcRows are the rows about gRPC.
func grpcRows() []*row {
	one := func(name, title, unit, text string, targets ...report.Target) *row {
		return &row{Row: report.Row{Name: name, Title: title, Unit: unit,
			Load:    "The client of tools/bench/load/rpc on 50 connections over TLS 1.3, one call under way on each. " + text + " Ours and net/http run grpc-go's server as a handler, through its ServeHTTP.",
			Targets: append(targets, tail)},
			over: load.H2, kind: rpc, path: "/", drive: loader(name, "-conns", strconv.Itoa(grpcConns))}
	}
	return []*row{
		one("grpc-unary", "gRPC unary", perCall, "A message has a payload of 10 bytes.", report.Target{Than: grpcgo, Max: 1.2}),
		one("grpc-stream", "gRPC server stream of 100 messages", perStream, "A message has a payload of 10 bytes.", report.Target{Than: grpcgo, Max: 1.2}),
	}
}
