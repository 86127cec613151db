package main

import (
	"fmt"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

const (
	postSize   = 1 << 10
	tenMiB     = 10 << 20
	coldConns  = 200
	idleSecure = 5_000 // connections; a client pays for TLS, too
	perCold    = "µs to the first byte"
)

// streams are the two shapes of load over HTTP/2.
var streams = []struct {
	name           string
	conns, streams int
}{{"c1", 1, 100}, {"c32", 32, 10}}

// h2Rows are the rows about HTTP/2, all over TLS but for idle-h2c.
func h2Rows() []*row {
	var all []*row
	for _, s := range streams {
		shape := func(name, title string, targets ...report.Target) *row {
			return &row{Row: report.Row{Name: "h2-" + name + "-" + s.name, Title: fmt.Sprintf("h2 %s, %d × %d", title, s.conns, s.streams), Unit: perRequest,
				Load: h2loadText(s.conns, s.streams), Targets: append(targets, tail)},
				over: load.H2, drive: h2load(s.conns, s.streams, "")}
		}
		fast := []report.Target{{Than: h2o, Max: 1}, {Than: nginx, Max: 0.5}, {Than: nethttp, Max: 1 / 8.0}}
		hello := shape("hello", "hello, static route", fast...)
		hello.path, hello.ours, hello.size = "/hello", "/static", helloSize
		small := shape("file-1k", "1 KiB file", fast...)
		small.kind, small.path, small.size = file, "/files/1k.txt", 1<<10
		varying := shape("json-25", "JSON with 25 fields, `http.Handler`")
		varying.Load += " " + variedText
		varying.kind, varying.path = varied, "/varied"
		all = append(all, hello, small, varying)
	}
	return append(all,
		&row{Row: report.Row{Name: "h2-file-100k", Title: "h2 100 KiB file", Unit: perRequest, Load: h2loadText(32, 10), Targets: []report.Target{{Than: nginx, Max: 1}}},
			over: load.H2, kind: file, path: "/files/100k.txt", size: 100 << 10, drive: h2load(32, 10, "")},
		&row{Row: report.Row{Name: "h2-file-10m", Title: "h2 10 MiB file", Unit: perRequest,
			Load:    h2loadText(4, 2) + " Parts of a body at the ends of the load count as parts of a request.",
			Targets: []report.Target{{Than: nginx, Max: 1}}},
			over: load.H2, kind: large, path: "/files/10m.txt", size: tenMiB, site: writeTenMiB, measure: cpuPerBody, drive: h2load(4, 2, "")},
		&row{Row: report.Row{Name: "h2-post", Title: "h2 POST of 1 KiB", Unit: perRequest,
			Load: h2loadText(1, 100) + " Handlers read the body and answer hello; Caddy throws it away. Not nginx: it would need another server behind it, for its `return` comes before the body, which it then takes for a flood.", Targets: []report.Target{tail}},
			over: load.H2, kind: post, path: "/post", size: helloSize, content: text(postSize), drive: h2load(1, 100, "post.txt")},
		cold("h2-cold", "h2, first byte of a cold connection: median", func(_ *row, m load.Result) float64 { return micros(m.P50) }),
		cold("h2-cold-max", "h2, first byte of a cold connection: slowest", func(_ *row, m load.Result) float64 { return micros(m.P99) },
			report.Target{Max: 20_000}),
		idleRow("idle-h2", "memory of an idle connection, h2 over TLS", load.H2, 12<<10),
		idleRow("idle-h2c", "memory of an idle connection, h2 in clear", load.H2C, 4<<10),
	)
}

const variedText = "22 fields and Content-Type, Content-Length and Date, some servers add Server; the ETag, the session's cookie, two ids and two times are another at each request. The body has about 200 bytes and the same id."

func h2loadText(conns, streams int) string {
	return fmt.Sprintf("`h2load -t1 -c%d -m%d` over TLS 1.3. Every answer must be a 2xx.", conns, streams)
}

// cold is a row of one load, told in two figures. A stall of delayed
// acknowledgements is 40 ms.
func cold(name, title string, figure func(*row, load.Result) float64, targets ...report.Target) *row {
	return &row{Row: report.Row{Name: name, Title: title, Unit: perCold,
		Load:    fmt.Sprintf("tools/bench/load makes %d connections, one after the other: from the beginning of connecting, TLS and HTTP/2 and a GET, until the answer's fields are there. p99 is the slowest one.", coldConns),
		Targets: targets},
		over: load.H2, path: "/hello", ours: "/static", size: helloSize, measure: figure, drive: loader("cold", "-conns", fmt.Sprint(coldConns))}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func idleRow(name, title string, over load.Protocol, most float64) *row {
	return &row{Row: report.Row{Name: name, Title: title, Unit: perConn,
		Load:    fmt.Sprintf("tools/bench/load opens %d with one GET each; growth of the resident memory of the server's processes, when they have settled. What the kernel keeps for a socket is not in it.", idleSecure),
		Targets: []report.Target{{Max: most}}},
		over: over, path: "/hello", ours: "/static", size: helloSize, measure: growthPerRequest, drive: loader("idle", "-conns", fmt.Sprint(idleSecure))}
}
