package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/native/cpu"
)

const (
	defaultGraceful = 30 * time.Second
	flushAtStop     = 5 * time.Second        // for the access log, after a stop in good order
	flushAtOnce     = 250 * time.Millisecond // and after one that does not wait
)

// A site is what a serving command serves, beside the Server that has its routes.
type site struct {
	name    string // for the boot report
	dir     string // absolute, "" if it is no directory
	observe func(*goserver.Record)
}

// serve runs a server until a signal ends it. build registers the routes.
func (a *app) serve(f *serverFlags, build func(*goserver.Server) (site, error)) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGPIPE) // a log reader that goes away must not end the server

	if err := errors.Join(f.apply(a.environ), f.tls.check(), f.http2.check()); err != nil {
		return badConfig(err)
	}
	a.logs = a.openLogs(f)
	defer a.logs.closeWithin(flushAtOnce, nil) // of an end that does not wait
	a.warnVariables(a.logs.log)

	t := newTransport(a.logs.log)
	defer t.close()
	stopping := new(atomic.Bool)
	srv, site, err := a.newServer(f, build, stopping)
	if err != nil {
		return err
	}
	l, err := listen(f.bind, f.port.String(), "--port")
	if err != nil {
		return err
	}
	if err := t.open(f, srv, l, signals); err != nil {
		l.Close()
		return err
	}
	served := make(chan error, 1)
	go func() { served <- t.serve(srv, l) }()
	a.announce(f, site, t, l.Addr().(*net.TCPAddr))

	select {
	case err := <-served:
		return fmt.Errorf("cannot go on accepting: %w", err)
	case s := <-signals:
		stopping.Store(true)
		return a.stop(srv, s, f.graceful.D, signals)
	}
}

// newServer makes the server with its routes and logs; stopping is what its
// health path looks at.
func (a *app) newServer(f *serverFlags, build func(*goserver.Server) (site, error), stopping *atomic.Bool) (*goserver.Server, site, error) {
	srv := f.server()
	srv.ErrorLog = slog.NewLogLogger(a.logs.log.Handler(), slog.LevelError)
	if f.http2.timing {
		srv.HTTP2Timing = slog.NewLogLogger(a.logs.log.Handler(), slog.LevelInfo)
	}
	site, err := build(srv)
	if err != nil {
		return nil, site, err
	}
	if srv.Handler == nil { // for what no route matches, such as paths with empty segments
		srv.Handler = http.NotFoundHandler()
	}
	srv.AccessLog = a.logs.record(site.observe)
	if err := handleHealth(srv, f.healthPath, stopping); err != nil {
		return nil, site, badConfig(fmt.Errorf("--health-path %q: %w", f.healthPath, err))
	}
	return srv, site, nil
}

// stop stops the server in good order, the access log included.
func (a *app) stop(srv *goserver.Server, s os.Signal, graceful time.Duration, signals <-chan os.Signal) error {
	log, start, now := a.logs.log, time.Now(), srv.Stats()
	log.Info("draining", "signal", s.String(), "graceful_timeout", graceful.String(), "connections", now.Conns, "in_flight", now.InFlight)
	if err := drain(srv, graceful, signals); err != nil {
		return err
	}
	a.logs.closeWithin(flushAtStop, signals)
	log.Info("stopped", "took", time.Since(start).Round(time.Millisecond).String(), "requests_served", srv.Stats().Requests)
	return nil
}

// drain waits for what runs, until the time is over or a second signal comes;
// then it cuts off the rest, if any, which is its error.
func drain(srv *goserver.Server, graceful time.Duration, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(ctx) }()
	var err error
	select {
	case err = <-done:
	case s := <-signals:
		err = fmt.Errorf("second signal (%v)", s)
	}
	if err == nil {
		return nil
	}
	left := srv.Stats()
	if left.Conns == 0 {
		srv.Close()
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests were still running after %v", graceful)
	}
	srv.Close()
	return fmt.Errorf("%w: cut off %d connections, %d requests", err, left.Conns, left.InFlight)
}

// handleHealth answers on path: 200, or 503 while the server stops.
func handleHealth(srv *goserver.Server, path string, stopping *atomic.Bool) error {
	if path == "" {
		return nil
	}
	if strings.ContainsAny(path, "?#{}") || strings.HasSuffix(path, "/") {
		return errors.New("expected one path, such as /health")
	}
	return srv.Handle("GET "+path, func(c *goserver.Ctx) {
		c.SetContentType("text/plain", "utf-8")
		c.AddHeader("Cache-Control", "no-store")
		if stopping.Load() {
			c.SetStatus(http.StatusServiceUnavailable)
			c.WriteString("stopping\n")
			return
		}
		c.WriteString("ok\n")
	})
}

// record returns the function for a Server's AccessLog; nil if nobody listens.
func (l *logs) record(observe func(*goserver.Record)) func(*goserver.Record) {
	access := l.access // which drops what comes after its end
	switch {
	case access == nil:
		return observe
	case observe == nil:
		return access.Log
	}
	return func(r *goserver.Record) {
		observe(r)
		access.Log(r)
	}
}

// warnVariables tells of variables that mean nothing.
func (a *app) warnVariables(log *slog.Logger) {
	known := map[string]bool{cpu.Env: true}
	var names []string
	for _, g := range newServeFlags().groups {
		for _, name := range setting.Names(g.FlagSet) {
			known[name] = true
			names = append(names, name)
		}
	}
	for _, name := range setting.Unknown(a.environ, known) {
		if near := setting.Nearest(name, append(names, cpu.Env)); near != "" {
			log.Warn("unknown variable", "name", name, "did_you_mean", near)
		} else {
			log.Warn("unknown variable", "name", name)
		}
	}
	if err := cpu.Check(); err != nil {
		log.Warn("bad value of a variable", "name", cpu.Env, "error", err.Error())
	}
}
