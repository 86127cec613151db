// Command loader runs one of the clients of package load and prints its
// Result as a line of JSON. The bench harness starts it, pinned to a CPU.
//
//	loader -addr HOST:PORT -path PATH [-over h2 -cert FILE] [-size N] [-conns N] [-pids 1,2] MODE
//
//	loader -addr HOST:PORT -path PATH -size N [-depth N] [-rate N] [-deflate] [-threads N] ws-echo
//	loader -addr HOST:PORT -path PATH -size N -over h2 -cert FILE [-depth N] [-streams N] ws-echo
//
// MODE is keepalive, random (PATH is that of the directory with the files of
// load.RandomSite), idle, stream, handshake, resume, cold, grpc-unary,
// grpc-stream; ws-echo, ws-broadcast, ws-upgrade or ws-idle (WebSockets, -size is that of a
// message); or herd: connections that stay open and idle until standard
// input ends.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/load/rpc"
	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	errMode = errors.New("loader: there is no such mode")
	errCert = errors.New("loader: no certificate in the file")
)

func run(ctx context.Context) error {
	var (
		target   load.Target
		pids     []int
		echo     load.Echo
		conns    = flag.Int("conns", 64, "connections")
		events   = flag.Int("events", 1000, "stream: events in a stream")
		warm     = flag.Duration("warm", time.Second, "of those that have a duration: time before the measuring")
		duration = flag.Duration("duration", 4*time.Second, "of all but idle, herd and cold: time of the measuring")
		settle   = flag.Duration("settle", 3*time.Second, "idle: time before the memory is read again")
	)
	flag.IntVar(&echo.Depth, "depth", 1, "ws-echo: messages under way on a connection, without -rate; ws-broadcast: messages published at once")
	flag.IntVar(&echo.Streams, "streams", 1, "ws-echo, ws-idle: WebSockets on a connection, with HTTP/2")
	flag.IntVar(&echo.Rate, "rate", 0, "ws-echo: messages a second, sent by the clock; 0: one is sent when one has come")
	flag.IntVar(&echo.Threads, "threads", 1, "ws-echo: threads that share the connections")
	flag.BoolVar(&echo.Deflate, "deflate", false, "ws-echo, ws-idle: messages are compressed")
	flag.TextVar(&target.Addr, "addr", netip.AddrPort{}, "the server's address and port")
	flag.StringVar((*string)(&target.Over), "over", "", "protocol, a load.Protocol; with idle, herd, handshake, resume, cold, gRPC, ws-echo and ws-idle")
	flag.StringVar(&target.Path, "path", "/", "request target")
	flag.Int64Var(&target.Size, "size", 5, "bytes of body that an answer must have")
	flag.Func("pids", "processes of the server, comma between them", func(s string) (err error) {
		pids, err = parsePids(s)
		return err
	})
	flag.Func("cert", "file with the server's certificate", func(name string) (err error) {
		target.Roots, err = readRoots(name)
		return err
	})
	flag.Parse()
	if err := proc.RaiseDescriptors(); err != nil {
		return err
	}
	var r load.Result
	var err error
	switch flag.Arg(0) {
	case "keepalive":
		r, err = load.KeepAlive(ctx, target, *conns, *warm, *duration, pids)
	case "random":
		r, err = load.Random(ctx, target, *conns, *warm, *duration, pids)
	case "idle":
		r, err = load.Idle(ctx, target, *conns, *settle, pids)
	case "stream":
		r, err = load.Stream(ctx, target, *conns, *events, *warm, *duration, pids)
	case "handshake", "resume":
		r, err = load.Handshakes(ctx, target, *conns, flag.Arg(0) == "resume", *warm, *duration, pids)
	case "ws-echo":
		echo.Conns = *conns
		r, err = echo.Run(ctx, target, *warm, *duration, pids)
	case "ws-broadcast":
		r, err = load.Broadcast(ctx, target, *conns, echo.Depth, *warm, *duration, pids)
	case "ws-upgrade":
		r, err = load.Upgrades(ctx, target, *conns, *warm, *duration, pids)
	case "ws-idle":
		r, err = load.IdleSockets(ctx, target, *conns, echo.Streams, echo.Deflate, *settle, pids)
	case "cold":
		r, err = load.Cold(ctx, target, *conns, pids)
	case "herd":
		return herd(ctx, target, *conns)
	default:
		call, found := rpc.Calls[flag.Arg(0)]
		if !found {
			return errMode
		}
		r, err = rpc.Run(ctx, target, call, *conns, *warm, *duration, pids)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// herd reports the opening when it is done, and once more, when standard input
// has ended, with the connections that the server did not keep as errors.
func herd(ctx context.Context, t load.Target, n int) error {
	h, err := load.OpenHerd(ctx, t, n)
	if err != nil {
		return err
	}
	defer h.Close()
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(h.Result()); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return out.Encode(h.Result())
}

func readRoots(name string) (*x509.CertPool, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		return nil, errCert
	}
	return roots, nil
}

func parsePids(s string) (pids []int, err error) {
	for f := range strings.SplitSeq(s, ",") {
		pid, err := strconv.Atoi(f)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
