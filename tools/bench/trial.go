package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

	started time.Time // the server was
	pids    []int     // the server's processes
}

// runTrial starts a server, checks its answer, loads it, checks its answer
// once more and stops it.
func runTrial(ctx context.Context, b *bench, r *row, s *server) (load.Result, error) {
	addr, err := proc.FreeAddr()
	if err != nil {
		return load.Result{}, err
	}
	t := &trial{bench: b, server: s, row: r}
	if t.target, err = t.aim(addr); err != nil {
		return load.Result{}, err
	}
	args, err := t.args()
	if err != nil {
		return load.Result{}, err
	}
	t.started = time.Now()
	p, err := proc.StartServer(ctx, b.serverCPU, addr, t.program(), args...)
	if err != nil {
		return load.Result{}, err
	}
	defer p.Stop()
	if err := t.check(ctx); err != nil {
		return load.Result{}, err
	}
	t.pids = p.Pids()
	m, err := r.drive(ctx, t)
	if err != nil {
		return m, cmp.Or(p.Ended(), err)
	}
	return m, t.recheck(&m)
}

// aim returns what is asked of the server, and what its answer must be.
func (t *trial) aim(addr netip.AddrPort) (load.Target, error) {
	r := t.row
	target := load.Target{Addr: addr, Over: r.over, Roots: t.bench.roots, Path: r.path, Fields: r.fields, Content: r.content, Status: r.status, Size: r.size, Coding: r.coding}
	switch {
	case t.server.name == ours && r.ours != "":
		target.Path = r.ours
	case t.server.sidecar && r.sidecar != "":
		target.Path = r.sidecar
	}
	if !slices.Contains([]kind{file, large, gzipped, brotlied, ranged}, r.kind) || t.server.name == epoll {
		return target, nil
	}
	body, err := os.ReadFile(filepath.Join(t.bench.dir, target.Path))
	if err != nil {
		return target, err
	}
	if r.kind == ranged {
		body = body[len(body)/2:][:r.size]
	}
	target.Body = body
	return target, nil
}

// program is that of the server in this row.
func (t *trial) program() string {
	switch {
	case t.row.kind == rpc:
		return t.bench.Program(grpcServer)
	case t.row.kind == webSocket && t.server.name == epoll:
		return t.bench.Program(socketLimit)
	}
	return t.bench.program(t.server)
}

// args renders the server's configuration, if it has one, and returns its arguments.
func (t *trial) args() ([]string, error) {
	b := t.bench
	l := launch{
		Addr: t.target.Addr, Files: filepath.Join(b.dir, "files"), Dir: b.dir,
		Cert: filepath.Join(b.dir, certFile), Key: filepath.Join(b.dir, keyFile), row: t.row,
	}
	if t.row.kind == rpc {
		return t.server.grpcArgs(l), nil
	}
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
func (t *trial) check(ctx context.Context) (err error) {
	switch t.row.kind {
	case stream:
		if t.server.name == epoll {
			return nil
		}
		return load.Live(t.target, 5, 50*time.Millisecond)
	case random:
		return t.checkRandom()
	case rpc, webSocket, deflated: // by its load
		return nil
	case varied:
		t.target.Size, err = load.CheckVaried(t.target)
		return err
	case condition:
		if t.target.Fields, err = load.Conditions(t.target); err != nil {
			return err
		}
	case gzipped, brotlied:
		t.target.Size, err = load.AwaitCoded(ctx, t.target)
		return err
	}
	_, err = load.Check(t.target)
	return err
}

// checkRandom checks every hundredth file; the load checks the length of each answer.
func (t *trial) checkRandom() error {
	for i, f := range load.RandomSite() {
		if i%100 != 0 {
			continue
		}
		one := t.target
		one.Path, one.Size, one.Body = one.Path+f.Name, f.Size, titled(f.Name, int(f.Size))
		if _, err := load.Check(one); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// recheck makes sure that the server still did the row's work in the load.
func (t *trial) recheck(m *load.Result) error {
	switch t.row.kind {
	case stream, random, preload, rpc, webSocket, deflated: // checked by their loads
		return nil
	case varied:
		_, err := load.CheckVaried(t.target)
		return err
	case gzipped, brotlied:
		m.Note = fmt.Sprintf("bodies of %d bytes", t.target.Size)
	}
	_, err := load.Check(t.target)
	return err
}

// loader is the command of an own client for this trial.
func (t *trial) loader(args ...string) *exec.Cmd {
	var pids []string
	for _, pid := range t.pids {
		pids = append(pids, strconv.Itoa(pid))
	}
	args = append([]string{"-addr", t.target.Addr.String(), "-path", t.target.Path, "-size", strconv.FormatInt(t.target.Size, 10),
		"-over", string(t.target.Over), "-cert", filepath.Join(t.bench.dir, certFile), "-pids", strings.Join(pids, ",")}, args...)
	return proc.Command(t.bench.loadCPU, t.bench.Program("loader"), args...)
}
