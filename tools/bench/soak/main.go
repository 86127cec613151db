// Command soak loads Hyperion as hard as one CPU can, with connections that
// come, go and break off, and says whether its descriptors, threads and memory
// stay flat: first ./bin/hyperion serving files, then tools/bench/server, which has
// direct routes and handlers too and tells its goroutines and its heap.
//
//	go run ./tools/bench/soak [-duration 5m]
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
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/proc"
	"github.com/hyperion-server/hyperion/tools/bench/repo"
)

func main() {
	duration := flag.Duration("duration", 5*time.Minute, "of the load on each of the two")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *duration); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

var errGrew = errors.New("not flat")

func run(ctx context.Context, duration time.Duration) error {
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
	var failed []error
	for _, s := range subjects(r, dir) {
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
	name    string
	command func(addr netip.AddrPort) []string
	state   bool // it has /state
}

// subjects are the two servers; they answer the same paths.
func subjects(r repo.Repo, dir string) []subject {
	return []subject{
		{"bin/hyperion serve", func(addr netip.AddrPort) []string {
			return []string{filepath.Join(r.Root, "bin", "hyperion"), "serve", dir, "--bind", addr.Addr().String(), "--port", strconv.Itoa(int(addr.Port())), "--no-log-requests"}
		}, false},
		{"tools/bench/server", func(addr netip.AddrPort) []string {
			return []string{r.Program("server"), "-addr", addr.String(), "-files", filepath.Join(dir, "files")}
		}, true},
	}
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

	w := &watch{pids: p.Pids(), start: time.Now()}
	if s.state {
		w.url = "http://" + addr.String() + "/state"
	}
	if err := visit("http://"+addr.String(), append([]string{"/sse?n=1"}, paths...)); err != nil {
		return err
	}
	before, err := w.settled(ctx, sample{})
	if err != nil {
		return err
	}
	soakCtx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	c := &churner{addr: addr.String()}
	used, err := proc.CPU(w.pids)
	if err != nil {
		return err
	}
	requests, err := soak(soakCtx, c, w, loadCPU)
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
	fmt.Printf("the server used %.0f %% of its CPU; %d requests by wrk; churned connections: %s\nsamples: tools/bench/out/%s\n", 100*(end-used).Seconds()/duration.Seconds(), requests, c, filepath.Base(name))
	return verdict(before, after, w.samples, c)
}

// visit gets each path a few times, so that the files that the server keeps
// open are open before the first sample.
func visit(url string, paths []string) error {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 {
		for _, path := range paths {
			resp, err := client.Get(url + path)
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

// paths are what wrk asks for in turn, a few seconds each.
var paths = []string{"/static", "/direct", "/hello", "/files/" + bigFile}

// soak loads and samples until the context ends, and returns how many
// requests wrk made.
func soak(ctx context.Context, c *churner, w *watch, cpu int) (requests int64, err error) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { c.run(ctx) })
	running.Go(func() { w.run(ctx) })
	for i := 0; ctx.Err() == nil; i++ {
		r, err := load.Wrk{URL: "http://" + c.addr + paths[i%len(paths)], Conns: 64, Duration: 5 * time.Second, CPU: cpu}.Run(ctx, w.pids)
		if ctx.Err() != nil {
			return requests, nil // interrupted at the end
		}
		if err == nil && r.Errors > 0 {
			err = errors.New(r.Problem)
		}
		if err != nil {
			return requests, err
		}
		requests += r.Requests
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
		return fmt.Errorf("%d wrong answers, the first: %v", c.wrong.Load(), c.first())
	case !flat:
		return errGrew
	}
	fmt.Println("flat")
	return nil
}
