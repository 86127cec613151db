package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// A trial is a server that runs, to be loaded once.
type trial struct {
	bench  *bench
	server *server
	row    *row
	target load.Target
	pids   []int // the server's processes
}

// runTrial starts a server, checks its answer, loads it and stops it.
func runTrial(ctx context.Context, b *bench, r *row, s *server) (load.Result, error) {
	addr, err := proc.FreeAddr()
	if err != nil {
		return load.Result{}, err
	}
	t := &trial{bench: b, server: s, row: r, target: load.Target{Addr: addr, Path: r.path, Size: r.size}}
	if s.name == ours && r.ours != "" {
		t.target.Path = r.ours
	}
	args, err := t.args()
	if err != nil {
		return load.Result{}, err
	}
	p, err := proc.StartServer(ctx, b.serverCPU, addr, b.program(s), args...)
	if err != nil {
		return load.Result{}, err
	}
	defer p.Stop()
	if err := t.check(); err != nil {
		return load.Result{}, err
	}
	t.pids = p.Pids()
	return r.drive(ctx, t)
}

// args renders the server's configuration, if it has one, and returns its arguments.
func (t *trial) args() ([]string, error) {
	b := t.bench
	l := launch{Addr: t.target.Addr, Files: filepath.Join(b.dir, "files"), Dir: b.dir, object: filepath.Join(b.dir, "object.json"), row: t.row}
	if t.server.config == "" {
		return t.server.args(l), nil
	}
	tmpl, err := template.ParseFiles(filepath.Join(b.Root, "third_party", "peers", "conf", t.server.config))
	if err != nil {
		return nil, err
	}
	var conf bytes.Buffer
	if err := tmpl.Execute(&conf, l); err != nil {
		return nil, err
	}
	l.Config = filepath.Join(b.dir, strings.TrimSuffix(t.server.config, ".tmpl"))
	return t.server.args(l), os.WriteFile(l.Config, conf.Bytes(), 0o644)
}

// check makes sure that the server does the row's work before it is measured.
// The limit does not read requests, so a slow stream cannot be asked of it.
func (t *trial) check() error {
	switch {
	case t.row.kind != stream:
		return load.Check(t.target)
	case t.server.name == epoll:
		return nil
	}
	return load.Live(t.target, 5, 50*time.Millisecond)
}

// loader is the command of an own client for this trial.
func (t *trial) loader(args ...string) *exec.Cmd {
	var pids []string
	for _, pid := range t.pids {
		pids = append(pids, strconv.Itoa(pid))
	}
	args = append([]string{"-addr", t.target.Addr.String(), "-path", t.target.Path, "-size", strconv.FormatInt(t.target.Size, 10),
		"-pids", strings.Join(pids, ",")}, args...)
	return proc.Command(t.bench.loadCPU, t.bench.Program("loader"), args...)
}
