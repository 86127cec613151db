package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
	"github.com/hyperion-server/hyperion/tools/bench/repo"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

// A bench is one run of this command.
type bench struct {
	options
	repo.Repo
	dir                string // of this run: the site and what servers write; removed at the end
	serverCPU, loadCPU int
	roots              *x509.CertPool // of the certificate that all servers have
	rows               []*row
	servers            []*server
	missing            map[*server]string // why a server is not measured
	started            time.Time
	trials             []report.Trial
}

func newBench(o options) (*bench, error) {
	b := &bench{options: o, missing: map[*server]string{}, started: time.Now().Truncate(time.Second)}
	cpus, err := proc.CPUs()
	if err != nil {
		return nil, err
	}
	if len(cpus) < 2 {
		return nil, errors.New("it takes two CPUs: one for the server, one for the load")
	}
	b.serverCPU, b.loadCPU = cpus[0], cpus[len(cpus)-1]
	if b.Repo, err = repo.Find(); err != nil {
		return nil, err
	}
	if b.servers, err = pickServers(o.peers); err != nil {
		return nil, err
	}
	for _, r := range rows(int64(len(encode(newObject()))), int64(len(marshal(newList())))) {
		if o.rows.MatchString(r.Name) {
			b.rows = append(b.rows, r)
		}
	}
	if len(b.rows) == 0 {
		return nil, errors.New("no row has such a name: see -list")
	}
	if b.dir, err = os.MkdirTemp("", "hyperion-bench-"); err != nil {
		return nil, err
	}
	if b.roots, err = writeTLS(b.dir); err != nil {
		return nil, err
	}
	return b, writeSite(b.dir)
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// pickServers returns ours and those with the keys; all for none.
func pickServers(keys []string) ([]*server, error) {
	if keys == nil {
		return servers, nil
	}
	for _, k := range keys {
		if !slices.ContainsFunc(servers, func(s *server) bool { return s.key == k }) {
			return nil, fmt.Errorf("no server has the key %q", k)
		}
	}
	var picked []*server
	for _, s := range servers {
		if s.name == ours || slices.Contains(keys, s.key) {
			picked = append(picked, s)
		}
	}
	return picked, nil
}

// build builds what can be built. Only Hyperion, the loader and wrk are needed;
// another server that is missing is noted, said, and left out.
func (b *bench) build(ctx context.Context) error {
	for program, from := range map[string]string{"wrk": "wrk", "h2load": "nghttp2-client"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed (apt-get install %s)", program, from)
		}
	}
	if err := b.Build(ctx, "loader", "go", "build", "-o", "OUT", "./tools/bench/loader"); err != nil {
		return err
	}
	if slices.ContainsFunc(b.rows, func(r *row) bool { return r.kind == rpc }) {
		if err := b.Build(ctx, grpcServer, "go", "build", "-o", "OUT", "./tools/bench/grpcserver"); err != nil {
			return err
		}
	}
	if err := b.Build(ctx, socketLimit, "gcc", "-O2", "-o", "OUT", "tools/bench/limit/ws.c"); err != nil {
		return err
	}
	for _, s := range b.servers {
		if s.from == nil {
			if b.program(s) == "" {
				b.miss(s, "apt-get install "+s.program)
			}
			continue
		}
		if err := b.Build(ctx, s.program, s.from...); err != nil {
			if s.name == ours {
				return err
			}
			b.miss(s, err.Error())
		}
	}
	return nil
}

func (b *bench) miss(s *server, why string) {
	b.missing[s] = why
	fmt.Fprintf(os.Stderr, "%s is not installed, its figures will be missing: %s\n", s.name, why)
}

// program returns the path of the server's program, "" when it is not installed.
func (b *bench) program(s *server) string {
	if s.from != nil {
		return b.Program(s.program)
	}
	path, err := exec.LookPath(s.program)
	if err != nil {
		return ""
	}
	return path
}

// measure runs every row on every server that can do it, in turn, round by
// round. What it has is kept when the context ends, too.
//
// Before all of them ours is loaded once, and the figures are thrown away: what the building and the writing of the site
// leave to the kernel is not to fall on the server that comes first.
func (b *bench) measure(ctx context.Context) error {
	for i, r := range b.rows {
		if r.site != nil {
			if err := r.site(b.dir); err != nil {
				return errors.Join(err, b.keep())
			}
		}
		if i == 0 {
			b.trial(ctx, r, b.servers[0], 0)
		}
		for round := 1; round <= b.rounds; round++ {
			for _, s := range b.turn(round) {
				if !s.can(r) {
					continue
				}
				t := b.trial(ctx, r, s, round)
				if ctx.Err() != nil {
					return errors.Join(ctx.Err(), b.keep())
				}
				b.trials = append(b.trials, t)
				progress(r, t)
			}
		}
	}
	return b.keep()
}

// turn returns the servers in the order of a round: backwards in every second
// one, so that what changes slowly falls on all alike.
func (b *bench) turn(round int) []*server {
	turn := slices.Clone(b.servers)
	if round%2 == 0 {
		slices.Reverse(turn)
	}
	return turn
}

func progress(r *row, t report.Trial) {
	if t.State != report.Measured {
		fmt.Fprintf(os.Stderr, "%-16s %d  %-9s %s: %s\n", t.Row, t.Round, t.Server, t.State, t.Note)
		return
	}
	fmt.Fprintf(os.Stderr, "%-16s %d  %-9s %10.2f %s  %9.0f/s  p50 %8s  p99 %8s  %6.1f MiB", t.Row, t.Round, t.Server,
		t.Figure, r.Unit, t.Rate, t.P50, t.P99, float64(t.RSS)/(1<<20))
	if t.Errors > 0 {
		fmt.Fprintf(os.Stderr, "  %d ERRORS: %s", t.Errors, t.Note)
	}
	fmt.Fprintln(os.Stderr)
}

// trial measures one server once, started for it.
func (b *bench) trial(ctx context.Context, r *row, s *server, round int) report.Trial {
	result := report.Trial{Run: b.started, Row: r.Name, Server: s.name, Round: round, State: report.Measured}
	if why, missing := b.missing[s]; missing {
		result.State, result.Note = report.NotInstalled, why
		return result
	}
	m, err := runTrial(ctx, b, r, s)
	if err == nil && m.Requests == 0 {
		err = errors.New("nothing was answered: " + m.Problem)
	}
	if err != nil {
		result.State, result.Note = report.Failed, b.anonymous(err.Error())
		return result
	}
	result.Figure = r.figure(m)
	switch {
	case r.kind == large: // as cpuPerBody
		result.Rate = float64(m.Bytes) / float64(r.size) / m.Elapsed.Seconds()
	case m.P50 > 0: // else nothing that has a rate was measured
		result.Rate = float64(m.Requests) / m.Elapsed.Seconds()
	}
	result.P50, result.P99, result.RSS = m.P50, m.P99, m.RSS
	result.Errors, result.Note = m.Errors, b.anonymous(cmp.Or(m.Problem, m.Note))
	return result
}

// anonymous takes this machine's paths out of a text that will be kept.
func (b *bench) anonymous(s string) string {
	return strings.NewReplacer(b.dir, "DIR", b.Root, ".").Replace(s)
}
