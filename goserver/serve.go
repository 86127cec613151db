package goserver

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/h2"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/goserver/internal/static"
	"github.com/hyperion-server/hyperion/goserver/internal/ws"
)

// serverState is what a Server keeps while it runs.
type serverState struct {
	routes    direct.Routes
	clockOnce sync.Once
	clock     *netio.Clock
	once      sync.Once // makes cfg and engine
	cfg       *semantics.Config
	engine    *netio.Engine
	http2     *h2.Engine
	sockets   *ws.Engine
	ktlsOnce  sync.Once   // says why there is none
	ended     atomic.Bool // Shutdown or Close was called
	noKeep    atomic.Bool // SetKeepAlivesEnabled(false)
	mu        sync.Mutex
	serves    map[*onceCloser]context.CancelCauseFunc // one for each running Serve
	serving   sync.WaitGroup                          // running Serve calls
	onStop    []func()
	sites     []*static.Site
}

// ListenAndServe listens on Addr and serves until Shutdown or Close; it then
// returns http.ErrServerClosed.
func (s *Server) ListenAndServe() error {
	if s.ended.Load() {
		return http.ErrServerClosed
	}
	l, err := listen(s.Addr, ":http")
	if err != nil {
		return err
	}
	return s.Serve(l)
}

func listen(addr, fallback string) (net.Listener, error) {
	if addr == "" {
		addr = fallback
	}
	return net.Listen("tcp", addr)
}

// Serve serves the connections of l, which it closes at the end, until
// accepting fails or the server is shut down; then it returns
// http.ErrServerClosed. TCP and Unix listeners are served from the
// engine's own epoll set, others through their net.Conns.
func (s *Server) Serve(l net.Listener) error {
	return s.serve(l, s.baseContext(l), nil)
}

func (s *Server) baseContext(l net.Listener) context.Context {
	if s.BaseContext == nil {
		return context.Background()
	}
	ctx := s.BaseContext(l)
	if ctx == nil {
		panic("BaseContext returned a nil context")
	}
	return ctx
}

// serve serves l, over TLS unless conf is nil.
func (s *Server) serve(l net.Listener, base context.Context, conf *tls.Config) error {
	once := &onceCloser{Listener: l}
	if err := s.check(conf != nil); err != nil {
		once.Close()
		return err
	}
	s.start()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if !s.enter(once, cancel) {
		once.Close()
		return http.ErrServerClosed
	}
	defer s.leave(once)
	open := s.undecided(l, conf != nil)
	accepted := func(c netio.Conn) { s.accepted(c, base, open) }
	var err error
	if conf != nil {
		err = s.engine.ServeTLS(ctx, l, conf, accepted)
	} else {
		err = s.engine.Serve(ctx, l, accepted)
	}
	if s.ended.Load() {
		return http.ErrServerClosed
	}
	return err
}

// undecided reports whether the connections of l may turn out to speak another
// protocol than HTTP/1.1.
func (s *Server) undecided(l net.Listener, tls bool) bool {
	p := s.protocols()
	return !p.HTTP1() || tls && (p.HTTP2() || len(s.TLSNextProto) > 0) || !tls && s.priorKnowledge(l)
}

// accepted readies a new connection, which is undecided as to its protocol if open is set.
func (s *Server) accepted(c netio.Conn, base context.Context, open bool) {
	if s.ConnContext != nil {
		base = context.WithValue(base, http.ServerContextKey, s.cfg.ServerValue)
		if base = s.ConnContext(base, c); base == nil {
			panic("ConnContext returned nil")
		}
	}
	if open || base != context.Background() {
		c.SetState(&semantics.Conn{Context: base, New: open})
	}
	c.WriteIdle(span(s.WriteIdleTimeout, DefaultWriteIdleTimeout))
	if s.ConnState != nil {
		s.ConnState(c, http.StateNew)
	}
}

// expired tells of a connection that the engine is about to close.
func (s *Server) expired(c netio.Conn) {
	s.http2.Expired(c)
	if s.ConnState == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil { // as on a connection that is served
			s.errorLog().Printf("http: panic in ConnState of %v: %v\n%s", c.RemoteAddr(), v, debug.Stack())
		}
	}()
	s.ConnState(c, http.StateClosed)
}

// enter registers a Serve call; it fails when the server has been shut down.
func (s *Server) enter(l *onceCloser, cancel context.CancelCauseFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.Load() {
		return false
	}
	if s.serves == nil {
		s.serves = make(map[*onceCloser]context.CancelCauseFunc)
	}
	s.serves[l] = cancel
	s.serving.Add(1)
	return true
}

// leave ends a Serve call, and first its listener: when nobody serves any more,
// the addresses are free.
func (s *Server) leave(l *onceCloser) {
	l.Close()
	s.mu.Lock()
	delete(s.serves, l)
	s.mu.Unlock()
	s.serving.Done()
}

// start makes the engine with the settings as they are at the first call.
func (s *Server) start() {
	s.once.Do(func() {
		s.cfg = s.sessionConfig()
		s.sockets = ws.NewEngine(ws.Environment{Clock: s.coarseClock(), Logf: s.cfg.Logf})
		s.cfg.WebSockets = s.sockets
		s.http2 = h2.NewEngine(s.http2Config())
		s.engine = netio.New(netio.Config{
			Clock:      s.coarseClock(),
			NewSession: s.newSession,
			Expired:    s.expired,
			FirstByte:  s.headerTimeout(),
			TLS:        s.tlsLimits(),
			MaxConns:   orDefault(s.MaxConns, DefaultMaxConns),
		})
	})
}

// coarseClock returns the server's clock, which stands until it serves.
func (s *Server) coarseClock() *netio.Clock {
	s.clockOnce.Do(func() { s.clock = netio.NewClock() })
	return s.clock
}

func (s *Server) sessionConfig() *semantics.Config {
	rung, _ := s.fileRung() // check has refused what is none
	return &semantics.Config{
		Clock: s.coarseClock(),
		Limits: semantics.Limits{
			HeadBytes:   s.headLimit(),
			Fields:      orDefault(s.MaxHeaderCount, DefaultMaxHeaderCount),
			TargetBytes: orDefault(s.MaxTargetBytes, DefaultMaxTargetBytes),
			BodyBytes:   bodyLimit(s.MaxBodyBytes),
		},
		HeaderTimeout: s.headerTimeout(),
		IdleTimeout:   s.idleTimeout(),
		ReadTimeout:   span(s.ReadTimeout, 0),
		WriteTimeout:  span(s.WriteTimeout, 0),
		BodyIdle:      span(s.BodyIdleTimeout, DefaultBodyIdleTimeout),
		MinBodyRate:   int64(orDefault(s.MinBodyRate, DefaultMinBodyRate)),
		MaxInFlight:   int64(max(s.MaxInFlight, 0)),
		FileRung:      rung,
		Routes:        &s.routes,
		Handler:       s.handler(),
		ErrorLog:      s.errorLog,
		ConnState:     s.ConnState,
		Done:          s.accessLog(),
		HSTS:          s.hsts(),
		ServerValue:   s.standIn(),
		Draining:      func() bool { return s.noKeep.Load() || s.ended.Load() },
		KeepAlivesOff: s.noKeep.Load,
	}
}

// accessLog returns AccessLog for the engines, nil if there is none.
func (s *Server) accessLog() func(*access.Record) {
	log := s.AccessLog
	if log == nil {
		return nil
	}
	return func(r *access.Record) { log((*Record)(r)) }
}

func (s *Server) errorLog() *log.Logger {
	if s.ErrorLog != nil {
		return s.ErrorLog
	}
	return log.Default()
}

// handler returns the handler with the answer to "OPTIONS *" before it.
func (s *Server) handler() http.Handler {
	next := s.Handler
	if next == nil {
		next = http.HandlerFunc(s.defaultHandler)
	}
	if s.DisableGeneralOptionsHandler {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.RequestURI == "*" {
			w.Header().Set("Content-Length", "0")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// defaultHandler serves programs that set no Handler: with http.DefaultServeMux,
// and where that has nothing either, but direct routes know the path, with 405.
func (s *Server) defaultHandler(w http.ResponseWriter, r *http.Request) {
	if _, pattern := http.DefaultServeMux.Handler(r); pattern == "" {
		if allow := s.routes.Allow(r.Host, r.URL.EscapedPath()); allow != "" {
			w.Header().Set("Allow", allow)
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
	}
	http.DefaultServeMux.ServeHTTP(w, r)
}

// standIn is the value of http.ServerContextKey: code written for net/http
// expects its Server there, and finds the fields that both have.
func (s *Server) standIn() *http.Server {
	return &http.Server{
		Addr: s.Addr, Handler: s.Handler, TLSConfig: s.TLSConfig, ErrorLog: s.ErrorLog,
		ReadTimeout: s.ReadTimeout, ReadHeaderTimeout: s.ReadHeaderTimeout, WriteTimeout: s.WriteTimeout,
		IdleTimeout: s.IdleTimeout, MaxHeaderBytes: s.MaxHeaderBytes,
		TLSNextProto: s.TLSNextProto, HTTP2: s.HTTP2, Protocols: s.Protocols,
	}
}

// onceCloser closes a listener once: Serve and Close both do.
type onceCloser struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *onceCloser) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}
