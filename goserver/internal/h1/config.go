package h1

import (
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// Config is what the sessions of one server share. Durations of 0 and the
// limits that say so mean "none"; defaults are the server's business. It must
// not change while a session runs.
type Config struct {
	Clock         *netio.Clock
	Limits        Limits
	HeaderTimeout time.Duration // of a request head from its first byte
	IdleTimeout   time.Duration // between requests
	ReadTimeout   time.Duration // of a request with its body, from its first byte
	WriteTimeout  time.Duration // of a response, from the end of the request head
	BodyIdle      time.Duration // longest wait for the next body byte
	MinBodyRate   int64         // bytes a second of waiting; 0: none
	MaxInFlight   int64         // handlers running at once; 0: no limit
	FileRung      netio.Rung    // asked for when a file is sent

	Routes    *direct.Routes
	Handler   http.Handler
	ErrorLog  func() *log.Logger
	ConnState func(net.Conn, http.ConnState) // or nil
	Done      func(*access.Record)           // or nil

	// ServerValue is the request context's value of http.ServerContextKey.
	ServerValue any

	// Draining reports that connections end after the next response, which
	// says so. KeepAlivesOff reports that they end after any response, even
	// one whose head is sent already.
	Draining, KeepAlivesOff func() bool

	Counters Counters
}

// Counters are what the sessions of one server count together.
type Counters struct {
	InFlight atomic.Int64 // handlers running now
	Shed     atomic.Int64
	Refused  atomic.Int64 // by the parser or a limit
	TimedOut atomic.Int64
	sessions sessionCounts
}

func (c *Config) logf(format string, args ...any) { c.ErrorLog().Printf(format, args...) }

func (c *Config) connState(conn netio.Conn, s http.ConnState) {
	if c.ConnState != nil {
		conn.MayBlock()
		c.ConnState(conn, s)
	}
}
