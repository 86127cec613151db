package netio

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// Errors of a TLS handshake, besides those of crypto/tls.
var (
	// ErrNotTLS reports a client that does not speak TLS, on a port that does.
	ErrNotTLS = errors.New("netio: client does not speak TLS")
	// ErrHandshakeTime reports that a handshake took longer than TLS.HandshakeTimeout.
	ErrHandshakeTime error = &expiredError{"TLS handshake"}
)

// TLS says how an Engine makes the TLS connections of ServeTLS.
type TLS struct {
	HandshakeTimeout time.Duration // from accept to the end of the handshake; 0: no limit
	HandshakeRate    int           // handshakes started a second, and at once; 0: no limit. Others are closed before a byte

	// Failed is told of each handshake that failed, before the connection is closed.
	// Nil means nobody is told.
	Failed func(c Conn, err error)

	// NotTLS returns what a client is sent, in clear text, that started with first,
	// its first five bytes, and not with a TLS record; nothing when that is empty.
	NotTLS func(first []byte) []byte

	// Kernel, unless nil, learns the secrets of connections whose sending half then
	// goes to the kernel, if it can be: those of TLS 1.3 over TCP. Only where
	// ktls.Supported says so.
	Kernel *ktls.Secrets
}

// TLSTotals counts since the engine was made.
type TLSTotals struct {
	Handshakes int64 // completed
	Resumed    int64 // of these
	Failed     int64
	Refused    int64 // by HandshakeRate
	Kernel     int64 // connections open now whose records the kernel makes
}

type tlsCounters struct{ handshakes, resumed, failed, refused, kernel atomic.Int64 }

// TLSTotals returns the counts of TLS handshakes.
func (e *Engine) TLSTotals() TLSTotals {
	t := &e.tls
	return TLSTotals{t.handshakes.Load(), t.resumed.Load(), t.failed.Load(), t.refused.Load(), t.kernel.Load()}
}

// ServeTLS is Serve for connections that are to speak TLS by conf, which must not
// change any more. A session gets them with the handshake done: NetConn is then
// a *tls.Conn, for its ConnectionState, and nothing else may be done with it.
func (e *Engine) ServeTLS(ctx context.Context, l net.Listener, conf *tls.Config, accepted func(Conn)) error {
	e.sweeper.start(e)
	if s := e.cfg.TLS.Kernel; s != nil {
		conf = withSecrets(conf, s)
	}
	if served, err := e.serveEpoll(ctx, l, conf, accepted); served {
		return err
	}
	return e.servePlain(ctx, tls.NewListener(l, conf), accepted)
}

// shook counts a handshake that ended.
func (e *Engine) shook(c Conn, tc *tls.Conn, err error) {
	if err == nil {
		e.tls.handshakes.Add(1)
		if tc.ConnectionState().DidResume {
			e.tls.resumed.Add(1)
		}
		return
	}
	e.tls.failed.Add(1)
	if f := e.cfg.TLS.Failed; f != nil {
		f(c, err)
	}
}

// admitHandshake reports whether another handshake may start now.
func (e *Engine) admitHandshake() bool {
	if e.shakes.take(e.clock.Exact()) {
		return true
	}
	e.tls.refused.Add(1)
	return false
}

// maxShutdown is how long and maxUnread how much a client is still read after a failed
// handshake, so that it gets the reason rather than a reset.
const (
	maxShutdown = time.Second
	maxUnread   = 64 << 10
)
