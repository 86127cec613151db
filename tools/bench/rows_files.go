package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

const (
	scriptSize    = 100 << 10
	largeSize     = 100 << 20
	largeConns    = 4
	preloadFiles  = 100_000
	perStart      = "ms to readiness"
	perFile       = "bytes resident/file"
	perKept       = "bytes resident/byte kept"
	preloadedText = "100 000 files of 1–4 KiB in the file system's cache. Set: Preload, room for them in the cache, no compression. "
)

// fileRows are the rows about files, but for those of one plain file.
func fileRows() []*row {
	return append([]*row{
		{Row: report.Row{Name: "file-100m", Title: "100 MiB file", Unit: perRequest,
			Load:    fmt.Sprintf("The epoll client of tools/bench/load on %d connections. Parts of a body at the ends of the load count as parts of a request. There are too few requests for a p99: it is the slowest one.", largeConns),
			Targets: []report.Target{{Than: nginx, Max: 1}}},
			kind: large, path: "/files/100m.txt", size: largeSize, site: writeLarge, measure: cpuPerBody,
			drive: loader("keepalive", "-conns", strconv.Itoa(largeConns))},
		{Row: report.Row{Name: "zipf", Title: "10 000 files of 1–32 KiB, by Zipf's law", Unit: perRequest,
			Load: "The epoll client of tools/bench/load on 64 connections. The k-th most popular file is asked for in proportion to 1/k, in the same order of all servers; the files have 165 MiB together, and sizes that say nothing of their popularity. The warm-up is of 5 s, so that caches have filled. " +
				"Set: OpenFiles 9000, as nginx has an open_file_cache; the cache for pages has its default, 256 MiB, which holds them all.",
			Targets: []report.Target{{Than: nginx, Max: 1}, {Than: h2o, Max: 1}, tail}},
			kind: random, path: "/files/random/", site: writeRandom,
			set: func(launch) []string { return []string{"-open-files", "9000"} }, drive: loader("random", "-conns", "64", "-warm", "5s")},
		coded("coded-gzip", "gzip", gzipped),
		coded("coded-br", "br", brotlied),
		{Row: report.Row{Name: "not-modified", Title: "304, 8 KiB file", Unit: perRequest,
			Load: "`wrk -t1 -c64` with If-None-Match and If-Modified-Since, as the server gave the validators; fasthttp gives no ETag.", Targets: []report.Target{tail}},
			kind: condition, path: "/files/8k.txt", status: http.StatusNotModified, drive: wrk(load.Wrk{Conns: 64})},
		{Row: report.Row{Name: "range", Title: "range of 1 KiB in a 1 MiB file", Unit: perRequest,
			Load: "`wrk -t1 -c64 -H 'Range: bytes=524288-525311'`.", Targets: []report.Target{tail}},
			kind: ranged, path: "/files/1m.txt", fields: []string{"Range: bytes=524288-525311"}, status: http.StatusPartialContent, size: 1 << 10, drive: wrk(load.Wrk{Conns: 64})},
	}, preloadRows()...)
}

// coded is a row of a script that is asked for in a coding.
func coded(name, coding string, k kind) *row {
	return &row{Row: report.Row{Name: name, Title: "100 KiB script, " + coding, Unit: perRequest,
		Load:    "`wrk -t1 -c64 -H 'Accept-Encoding: " + coding + "'`, when the server has answered so. nginx, h2o and Caddy are given files that are compressed at the best level; fasthttp and ours compress it themselves, ours in the background. ",
		Targets: []report.Target{tail}},
		kind: k, path: "/files/script.js", sidecar: "/files/sidecars/script.js", fields: []string{"Accept-Encoding: " + coding}, coding: coding, size: scriptSize, site: writeSidecars,
		drive: wrk(load.Wrk{Conns: 64})}
}

// preloadRows are of one load, told in three figures. That of the bytes kept
// is of the whole process and counts a body and one head a file.
func preloadRows() []*row {
	one := func(name, title, unit, text string, measure func(*row, load.Result) float64, targets ...report.Target) *row {
		return &row{Row: report.Row{Name: name, Title: title, Unit: unit, Load: preloadedText + text, Targets: targets},
			kind: preload, path: "/preloaded/" + preloadName(0), size: preloadSize(0), site: writePreload, drive: preloaded, measure: measure,
			set: func(l launch) []string {
				return []string{"-preload", filepath.Join(l.Dir, "preload"), "-cache-bytes", strconv.Itoa(1 << 30), "-cache-entries", strconv.Itoa(2 * preloadFiles), "-no-compression"}
			}}
	}
	return []*row{
		one("preload-time", "100 000 files preloaded: time", perStart, "The time is from the start of the process until all files are in memory and one is answered.",
			func(_ *row, m load.Result) float64 { return float64(m.Elapsed) / float64(time.Millisecond) }),
		one("preload-memory", "100 000 files preloaded: memory", perFile, "Memory is that of the whole process when it has settled.",
			func(_ *row, m load.Result) float64 { return float64(m.RSS) / preloadFiles }),
		one("preload-excess", "100 000 files preloaded: memory above what is kept", perKept, "Memory is that of the whole process when it has settled; kept are the bodies, and a head of the length that is sent for each.",
			func(_ *row, m load.Result) float64 { return float64(m.RSS) / float64(m.Bytes) }, report.Target{Max: 1.3}),
	}
}

func preloadName(i int) string { return fmt.Sprintf("%02d/%05d.txt", i/1000, i) }

// preloadSize is between 1 and 4 KiB.
func preloadSize(i int) int64 { return 1<<10 + int64(i*7919%(3<<10+1)) }
