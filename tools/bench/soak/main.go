// Command soak loads Hyperion as hard as one CPU can, with connections that
// come, go and break off, and says whether its descriptors, threads and memory
// stay flat: first ./bin/hyperion serving files, then tools/bench/server, which has
// direct routes and handlers too and tells its goroutines and its heap.
//
//	go run ./tools/bench/soak [-duration 5m] [-http2] [-websocket [-tls]]
//
// With -http2 all of it goes over TLS, and the load is h2load's. With -websocket only tools/bench/server is
// soaked, with 5 000 WebSockets that are open at all times: each talks for some seconds and closes
// or vanishes, and another one takes its place. With -tls they go over TLS, and with -http2 over streams of HTTP/2
// (RFC 8441) over TLS; there are 1 000 of them then.
//
// The server is pinned to the first CPU, the load to the last one. Every
// second a line of samples goes to a CSV file in tools/bench/out. The exit code
// is 1 when something grew or was left over at the end. A run of less than
// three minutes is too short for a verdict: the pools are still filling.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
	"github.com/hyperion-server/hyperion/tools/bench/repo"
)

func main() {
	duration := flag.Duration("duration", 5*time.Minute, "of the load on each of the two")
	http2 := flag.Bool("http2", false, "over TLS, with HTTP/2")
	webSocket := flag.Bool("websocket", false, "with WebSockets; in clear without one of the others")
	secure := flag.Bool("tls", false, "WebSockets over TLS, with HTTP/1.1")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *duration, *http2, *webSocket, *secure); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

var (
	errGrew = errors.New("not flat")
	errTLS  = errors.New("-tls is for -websocket without -http2")
)

func run(ctx context.Context, duration time.Duration, http2, webSocket, secure bool) error {
	if secure && (http2 || !webSocket) {
		return errTLS
	}
	cpus, err := proc.CPUs()
	if err != nil {
		return err
	}
	loadCPU := cpus[len(cpus)-1]
	if err := errors.Join(proc.RaiseDescriptors(), proc.PinSelf(loadCPU)); err != nil {
		return err
	}
	r, err := repo.Find()
	if err != nil {
		return err
	}
	if err := r.Build(ctx, "server", "go", "build", "-o", "OUT", "./tools/bench/server"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hyperion-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeSite(dir); err != nil {
		return err
	}
	over := &inClear
	if http2 || secure {
		if over, err = overTLS(dir); err != nil {
			return err
		}
	}
	if webSocket {
		over = over.webSockets(http2)
	}
	var failed []error
	for _, s := range subjects(r, dir, over) {
		fmt.Printf("%s for %s\n", s.name, duration)
		if err := s.soak(ctx, r, duration, cpus[0], loadCPU); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// A subject is a server that is soaked.
type subject struct {
	*over
	name    string
	command func(addr netip.AddrPort) []string
	state   bool // it has /state
}

// subjects are the two servers, which answer the same paths, or the second one.
func subjects(r repo.Repo, dir string, over *over) []subject {
	both := []subject{
		{over, "bin/hyperion serve", func(addr netip.AddrPort) []string {
			return append([]string{filepath.Join(r.Root, "bin", "hyperion"), "serve", dir, "--bind", addr.Addr().String(), "--port", strconv.Itoa(int(addr.Port())), "--no-log-requests"}, over.serve...)
		}, false},
		{over, "tools/bench/server", func(addr netip.AddrPort) []string {
			return append([]string{r.Program("server"), "-addr", addr.String(), "-files", filepath.Join(dir, "files")}, over.server...)
		}, true},
	}
	if over.serverOnly {
		return both[1:]
	}
	return both
}

// writeSite makes files for the paths that are routes of tools/bench/server.
func writeSite(dir string) error {
	big, hello := make([]byte, bigSize), []byte("hello")
	errs := []error{os.Mkdir(filepath.Join(dir, "files"), 0o755)}
	for name, body := range map[string][]byte{"files/" + bigFile: big, "sse": big, "static": hello, "direct": hello, "hello": hello} {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), body, 0o644))
	}
	return errors.Join(errs...)
}

// soak starts the server, loads it and judges.
func (s *subject) soak(ctx context.Context, r repo.Repo, duration time.Duration, cpu, loadCPU int) error {
	addr, err := proc.FreeAddr()
	if err != nil {
		return err
	}
	command := s.command(addr)
	p, err := proc.StartServer(ctx, cpu, addr, command[0], command[1:]...)
	if err != nil {
		return err
	}
	defer p.Stop()

	w := &watch{client: s.client, pids: p.Pids(), start: time.Now()}
	if s.state {
		w.url = s.scheme + addr.String() + "/state"
	}
	if err := s.visit(addr.String(), append([]string{"/sse?n=1"}, s.paths...)); err != nil {
		return err
	}
	before, err := w.settled(ctx, sample{})
	if err != nil {
		return err
	}
	soakCtx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	c := newChurner(addr.String(), s.habits, s.rate)
	used, err := proc.CPU(w.pids)
	if err != nil {
		return err
	}
	requests, err := s.load(soakCtx, c, w, loadCPU)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	end, err := proc.CPU(w.pids)
	if err != nil {
		return err
	}
	after, err := w.settled(ctx, before)
	if err != nil {
		return err
	}
	name := filepath.Join(r.Out, "soak-"+w.start.UTC().Format("20060102-150405")+".csv")
	if err := w.writeCSV(name); err != nil {
		return err
	}
	fmt.Printf("the server used %.0f %% of its CPU; %d %s; churned connections: %s\nsamples: tools/bench/out/%s\n", 100*(end-used).Seconds()/duration.Seconds(), requests, s.counted, c, filepath.Base(name))
	return verdict(before, after, w.samples, c)
}

// visit gets each path a few times, so that the files that the server keeps
// open are open before the first sample.
func (o *over) visit(addr string, paths []string) error {
	for range 3 {
		for _, path := range paths {
			resp, err := o.client.Get(o.scheme + addr + path)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if resp.Body.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// load loads and samples until the context ends, and returns what
// has been counted.
func (o *over) load(ctx context.Context, c *churner, w *watch, cpu int) (requests int64, err error) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { c.run(ctx) })
	running.Go(func() { w.run(ctx) })
	for i := 0; ctx.Err() == nil; i++ {
		r, err := o.run(ctx, c.addr, o.paths[i%len(o.paths)], cpu, w.pids)
		requests += r.Requests
		if ctx.Err() != nil {
			return requests, nil // interrupted at the end
		}
		if err == nil && r.Errors > 0 {
			err = errors.New(r.Problem)
		}
		if err != nil {
			return requests, err
		}
	}
	return requests, nil
}

// verdict prints the findings and returns an error unless all is flat and
// every answer was right.
func verdict(before, after sample, samples []sample, c *churner) error {
	findings, flat := judge(before, after, samples)
	fmt.Print(findings)
	switch {
	case c.wrong.Load() > 0:
		return fmt.Errorf("%d wrong answers, the first of each habit: %s", c.wrong.Load(), c.first())
	case !flat:
		return errGrew
	}
	fmt.Println("flat")
	return nil
}
