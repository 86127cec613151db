package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// wrk drives with wrk: once to warm up, once to measure.
func wrk(w load.Wrk) func(context.Context, *trial) (load.Result, error) {
	return func(ctx context.Context, t *trial) (load.Result, error) {
		w := w
		w.URL, w.OpenSSL = t.target.URL(), filepath.Join(t.bench.dir, opensslFile)
		w.CPU, w.Fields = t.bench.loadCPU, append(w.Fields, t.target.Fields...)
		if w.Script != "" {
			w.Script = filepath.Join(t.bench.Root, w.Script)
		}
		w.Duration = t.bench.warm
		if _, err := w.Run(ctx, t.pids); err != nil {
			return load.Result{}, err
		}
		w.Duration = t.bench.duration
		r, err := w.Run(ctx, t.pids)
		if err == nil && float64(r.Bytes) < 0.99*float64(r.Requests*t.target.Size) {
			err = load.ErrShort
		}
		return r, err
	}
}

// h2load drives with h2load, as wrk does; content is the name of the file in the
// run's directory that is posted, if any.
func h2load(conns, streams int, content string) func(context.Context, *trial) (load.Result, error) {
	return func(ctx context.Context, t *trial) (load.Result, error) {
		dir := t.bench.dir
		h := load.H2load{Target: t.target, Conns: conns, Streams: streams, CPU: t.bench.loadCPU,
			Log: filepath.Join(dir, "h2load.log"), OpenSSL: filepath.Join(dir, opensslFile)}
		if content != "" {
			h.Content = filepath.Join(dir, content)
		}
		h.Duration = t.bench.warm
		if _, err := h.Run(ctx, t.pids); err != nil {
			return load.Result{}, err
		}
		h.Duration = t.bench.duration
		return h.Run(ctx, t.pids)
	}
}

// loader drives with one of the own clients; args override the settings of the run.
func loader(mode string, args ...string) func(context.Context, *trial) (load.Result, error) {
	return func(ctx context.Context, t *trial) (r load.Result, err error) {
		all := []string{"-warm", t.bench.warm.String(), "-duration", t.bench.duration.String(), "-settle", t.bench.settle.String()}
		cmd := t.loader(append(append(all, args...), mode)...)
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

// preloaded waits until the server has all files in memory and answers one of
// them. Bytes is what their answers have, heads too; RSS is that of a server
// that has settled.
func preloaded(ctx context.Context, t *trial) (r load.Result, err error) {
	if err := t.awaitEntries(ctx, preloadFiles); err != nil {
		return r, err
	}
	if _, err := load.Check(t.preloadTarget(preloadFiles - 1)); err != nil {
		return r, err
	}
	r.Elapsed, r.Requests = time.Since(t.started), preloadFiles
	for i := range preloadFiles {
		r.Bytes += preloadSize(i)
		if i%1000 != 0 {
			continue
		}
		head, err := load.HeadSize(t.preloadTarget(i))
		if err != nil {
			return r, err
		}
		r.Bytes += 1000 * int64(head)
	}
	select {
	case <-time.After(t.bench.settle):
	case <-ctx.Done():
		return r, ctx.Err()
	}
	r.RSS, err = proc.RSS(t.pids)
	return r, err
}

// preloadTarget is the i-th preloaded file.
func (t *trial) preloadTarget(i int) load.Target {
	name := preloadName(i)
	return load.Target{Addr: t.target.Addr, Path: "/preloaded/" + name, Size: preloadSize(i), Body: titled(name, int(preloadSize(i)))}
}

// awaitEntries waits until our server's file cache has that many entries, or a minute.
func (t *trial) awaitEntries(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.target.Addr.String()+"/state", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		var state struct{ Files pagecache.Stats }
		err = json.NewDecoder(resp.Body).Decode(&state)
		resp.Body.Close()
		if err != nil || state.Files.Entries >= n {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d files in memory: %w", state.Files.Entries, n, ctx.Err())
		}
	}
}
