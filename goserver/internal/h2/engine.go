package h2

import (
	"log"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// Defaults of Config.
const (
	DefaultMaxStreams    = 128
	DefaultStreamWindow  = 1 << 20
	DefaultMaxFrameSize  = 1 << 20
	DefaultConnWindow    = 2 << 20
	DefaultMaxConnWindow = 8 << 20
)

// Config is what the HTTP/2 connections of one server share. It must not change
// after NewEngine. Zero fields mean their defaults.
type Config struct {
	*semantics.Config

	MaxStreams      uint32        // streams of one connection at once
	MaxTotalStreams int64         // streams of all connections at once; 0: no limit. Passed: REFUSED_STREAM
	StreamWindow    uint32        // bytes of a request body that may wait to be read; clamped to 2^31-1
	ConnWindow      int64         // the same of all streams of a connection, at first: 65 535 at least
	MaxConnWindow   int64         // what it may grow to
	MaxFrameSize    uint32        // bytes, clamped to 16 384 .. 16 777 215
	WriteStall      time.Duration // longest time in which a peer opens no window for a response; 0: none
	Ping            time.Duration // how long a connection with streams may be silent before it is asked for a sign of life; 0: not asked
	ConnectProtocol bool          // clients are told that they may use extended CONNECT (RFC 8441 §3), to WebSocket
	Timing          *log.Logger   // gets the timings of the first stream of each connection, unless nil
}

// withDefaults returns c with each field in its range.
func (c Config) withDefaults() Config {
	c.MaxStreams = or(c.MaxStreams, DefaultMaxStreams)
	c.StreamWindow = min(or(c.StreamWindow, DefaultStreamWindow), maxWindow)
	c.MaxFrameSize = min(max(or(c.MaxFrameSize, DefaultMaxFrameSize), minMaxFrameSize), maxMaxFrameSize)
	c.ConnWindow = min(max(or(c.ConnWindow, DefaultConnWindow), initialWindow), maxWindow)
	c.MaxConnWindow = min(max(or(c.MaxConnWindow, DefaultMaxConnWindow), c.ConnWindow), maxWindow)
	return c
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// An Engine serves the HTTP/2 connections of one server.
type Engine struct {
	cfg     Config
	total   atomic.Int64 // streams that live, of all connections
	refused atomic.Int64
	workers workers

	mu      sync.Mutex
	waiting map[*conn]struct{} // connections that wait with streams open, or rest
}

// NewEngine returns an engine with the settings of cfg, each in its range.
func NewEngine(cfg Config) *Engine { return &Engine{cfg: cfg.withDefaults()} }

// Streams returns how many streams live now, and StreamsRefused how many were
// refused for want of a place.
func (e *Engine) Streams() int64        { return e.total.Load() }
func (e *Engine) StreamsRefused() int64 { return e.refused.Load() }

// Stop ends the goroutines that wait for a handler to run. It is called when no
// connection is left, or none will come.
func (e *Engine) Stop() { e.workers.stop() }

// Expired tells the peer of a parked connection that is about to be closed.
// The connection must be one of this engine's.
func (e *Engine) Expired(nc netio.Conn) {
	c := connOf(nc)
	if c == nil {
		return
	}
	var b [frameHeaderLen + 8]byte
	nc.TryWritev(appendGoAway(b[:0], c.lastID, 0, ""))
}

// Owns reports whether nc speaks HTTP/2 already.
func Owns(nc netio.Conn) bool { return connOf(nc) != nil }

// connOf returns what this package keeps with a connection, or nil.
func connOf(nc netio.Conn) *conn {
	if st, ok := nc.State().(*semantics.Conn); ok {
		c, _ := st.HTTP2.(*conn)
		return c
	}
	return nil
}
