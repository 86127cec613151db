package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

var (
	errResumed  = errors.New("load: a handshake that must be full resumed a session")
	errFull     = errors.New("load: a handshake that must resume a session was full")
	errNoTicket = errors.New("load: the server gave no session ticket")
	errEnd      = errors.New("load: after the client's close_notify the server sent data")
)

// Handshakes has n workers connect, shake hands, say close_notify and FIN and wait
// for the server's end of the connection: no request is made. With resume every
// handshake resumes the session of one made before the measuring. A request is a
// connection; its latency is that of the handshake and of both ends.
func Handshakes(ctx context.Context, t Target, n int, resume bool, warm, duration time.Duration, pids []int) (Result, error) {
	conf := t.TLS()
	if resume {
		s, err := newSession(t)
		if err != nil {
			return Result{}, err
		}
		conf.ClientSessionCache = s
	}
	return Repeat(ctx, n, warm, duration, pids, func(context.Context, int) error { return handshake(t, conf, resume) })
}

func handshake(t Target, conf *tls.Config, resume bool) error {
	conn, err := dialTLS(t, conf)
	if err != nil {
		return err
	}
	defer conn.Close()
	switch resumed := conn.ConnectionState().DidResume; {
	case resumed && !resume:
		return errResumed
	case !resumed && resume:
		return errFull
	}
	if err := errors.Join(conn.CloseWrite(), conn.NetConn().(*net.TCPConn).CloseWrite()); err != nil {
		return fmt.Errorf("load: close: %w", err)
	}
	n, err := io.Copy(io.Discard, conn) // and reads tickets
	if err != nil {
		return fmt.Errorf("load: read: %w", err)
	}
	if n > 0 && !t.Over.HTTP2() { // an HTTP/2 server sends its SETTINGS
		return errEnd
	}
	return nil
}

// dialTLS connects and shakes hands. The connection has 10 s for all of its life.
func dialTLS(t Target, conf *tls.Config) (*tls.Conn, error) {
	plain, err := net.DialTimeout("tcp", t.Addr.String(), 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	plain.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Client(plain, conf)
	if err = conn.Handshake(); err == nil {
		err = t.Over.checkTLS(conn.ConnectionState())
	}
	if err != nil {
		plain.Close()
		return nil, fmt.Errorf("load: handshake: %w", err)
	}
	return conn, nil
}

// A session is a cache that keeps the first session that it is given.
type session struct {
	mu   sync.Mutex
	kept *tls.ClientSessionState
}

// newSession makes one connection and returns its session.
func newSession(t Target) (*session, error) {
	s := &session{}
	conf := t.TLS()
	conf.ClientSessionCache = s
	if err := handshake(t, conf, false); err != nil {
		return nil, err
	}
	if s.kept == nil {
		return nil, errNoTicket
	}
	return s, nil
}

func (s *session) Get(string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept, s.kept != nil
}

func (s *session) Put(_ string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = state
	}
}
