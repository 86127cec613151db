package goserver

import (
	"context"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// closeIdleAfter is how long a connection must have been idle to be closed by
// Shutdown: one that is in use sends its next request sooner, and is told by
// that response to close.
const closeIdleAfter = 500 * time.Millisecond

// Shutdown ends the server gently: it stops accepting, tells connections to
// close with their next response, closes the idle ones, and returns when
// none is left, or with ctx's error when that is done first. WebSockets are closed
// with 1001, over WebSocketSpread, waited for with their OnClose, and cut off when ctx is done. Hijacked
// connections are not waited for. Serve methods return http.ErrServerClosed at once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.end()
	s.mu.Lock()
	for _, f := range s.onStop {
		go f()
	}
	s.mu.Unlock()
	s.http2.Drain()
	defer s.closeSockets(ctx)()
	t := time.NewTicker(netio.SweepInterval / 5)
	defer t.Stop()
	defer s.stopEngine() // also when time is up: it goes with the last connection
	for {
		s.engine.CloseIdle(closeIdleAfter)
		if s.idle() && s.engine.Conns() == 0 && s.sockets.Open() == 0 { // in this order: only a Serve call adds connections, and only these become WebSockets
			return nil
		}
		select {
		case <-ctx.Done():
			s.closeListeners()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// Close ends the server at once: connections are cut off, whatever their
// requests are doing; their handlers see broken writes and cancelled contexts.
// Hijacked connections are not touched.
func (s *Server) Close() error {
	s.end()
	s.closeListeners()
	s.engine.AbortAll()
	s.sockets.Abort()
	s.stopEngine()
	return nil
}

// closeSockets begins to close the WebSockets; what it returns waits until it has.
func (s *Server) closeSockets(ctx context.Context) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.sockets.Shutdown(ctx, span(s.WebSocketSpread, DefaultWebSocketSpread))
	}()
	return func() { <-done }
}

// end makes the Serve methods return.
func (s *Server) end() {
	s.start()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended.Store(true)
	for _, stop := range s.serves {
		stop(http.ErrServerClosed)
	}
}

// closeListeners frees the addresses at once: what the kernel had accepted on
// them is lost. Serve calls that end by themselves do that as well, later.
func (s *Server) closeListeners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.serves {
		l.Close()
	}
}

// idle reports whether all Serve calls have returned.
func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.serves) == 0
}

// stopEngine gives back the engine's goroutines and descriptors when the last
// connection is gone.
func (s *Server) stopEngine() {
	go func() {
		s.serving.Wait()
		s.engine.StopWhenEmpty(s.stopped)
	}()
}

// RegisterOnShutdown registers a function that Shutdown calls on a goroutine of
// its own: to end hijacked connections, say. Shutdown does not wait for it.
func (s *Server) RegisterOnShutdown(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onStop = append(s.onStop, f)
}

// SetKeepAlivesEnabled says whether connections serve more than one request;
// they do by default. Connections that are idle when it is switched off are closed.
func (s *Server) SetKeepAlivesEnabled(v bool) {
	s.noKeep.Store(!v)
	if !v {
		s.start()
		s.http2.Drain()
		s.engine.CloseIdle(0)
	}
}

// stopped gives back what connections needed: there are none any more.
func (s *Server) stopped() {
	s.http2.Stop()
	s.closeSites()
}

// closeSites closes the directories of the static sites, which nobody reads any more.
func (s *Server) closeSites() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, site := range s.sites {
		site.Close()
	}
	s.sites = nil
}
