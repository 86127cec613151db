// Command soak loads Hyperion as hard as one CPU can, with connections that
// come, go and break off, and says whether its descriptors, goroutines and
// memory stay flat.
//
//	go run ./tools/bench/soak [-duration 10m]
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
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/proc"
	"github.com/hyperion-server/hyperion/tools/bench/repo"
)

func main() {
	duration := flag.Duration("duration", 10*time.Minute, "of the load")
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
	dir, err := os.MkdirTemp("", "hyperion-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, bigFile), make([]byte, bigSize), 0o644); err != nil {
		return err
	}
	r, err := repo.Find()
	if err != nil {
		return err
	}
	if err := r.Build(ctx, "server", "go", "build", "-o", "OUT", "./tools/bench/server"); err != nil {
		return err
	}
	addr, err := proc.FreeAddr()
	if err != nil {
		return err
	}
	p, err := proc.StartServer(ctx, cpus[0], addr, r.Program("server"), "-addr", addr.String(), "-files", dir)
	if err != nil {
		return err
	}
	defer p.Stop()

	w := &watch{url: "http://" + addr.String() + "/state", pids: p.Pids(), start: time.Now()}
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
