package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
)

// wrk drives with wrk: once to warm up, once to measure.
func wrk(w load.Wrk) func(context.Context, *trial) (load.Result, error) {
	return func(ctx context.Context, t *trial) (load.Result, error) {
		w := w
		w.URL = "http://" + t.target.Addr.String() + t.target.Path
		w.CPU = t.bench.loadCPU
		if w.Script != "" {
			w.Script = filepath.Join(t.bench.Root, w.Script)
		}
		w.Duration = t.bench.warm
		if _, err := w.Run(ctx, t.pids); err != nil {
			return load.Result{}, err
		}
		w.Duration = t.bench.duration
		return w.Run(ctx, t.pids)
	}
}

// loader drives with one of the own clients.
func loader(mode string, args ...string) func(context.Context, *trial) (load.Result, error) {
	return func(ctx context.Context, t *trial) (r load.Result, err error) {
		cmd := t.loader(append(args, "-warm", t.bench.warm.String(), "-duration", t.bench.duration.String(), "-settle", t.bench.settle.String(), mode)...)
		var out, problem bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problem
		if err := load.RunCommand(ctx, cmd); err != nil {
			return r, fmt.Errorf("loader %s: %w: %s", mode, err, strings.TrimSpace(problem.String()))
		}
		err = json.Unmarshal(out.Bytes(), &r)
		return r, err
	}
}

var idle = loader("idle", "-conns", strconv.Itoa(idleConns))

// besideIdle drives with wrk beside connections that are open and idle.
func besideIdle(ctx context.Context, t *trial) (load.Result, error) {
	cmd := t.loader("-conns", strconv.Itoa(besideConns), "herd")
	in, err := cmd.StdinPipe()
	if err != nil {
		return load.Result{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return load.Result{}, err
	}
	var problem bytes.Buffer
	cmd.Stderr = &problem
	if err := cmd.Start(); err != nil {
		return load.Result{}, err
	}
	defer cmd.Wait()
	defer in.Close()

	said := json.NewDecoder(out)
	var opened, kept load.Result // kept also counts what failed at the opening
	if err := said.Decode(&opened); err != nil {
		return load.Result{}, fmt.Errorf("loader herd: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	select {
	case <-time.After(t.bench.settle):
	case <-ctx.Done():
		return load.Result{}, ctx.Err()
	}
	r, err := wrk(load.Wrk{Conns: 64})(ctx, t)
	if err != nil {
		return r, err
	}
	in.Close()
	if err := said.Decode(&kept); err != nil {
		return r, fmt.Errorf("loader herd: %w", err)
	}
	io.Copy(io.Discard, out)
	if kept.Errors > 0 {
		r.Errors += kept.Errors
		r.Problem = kept.Problem
	}
	return r, nil
}
