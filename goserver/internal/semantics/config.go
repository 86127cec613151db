package semantics

import (
	"log"
	"net"
	"net/http"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// Config is what the connections of one server share. Durations of 0 and the
// limits that say so mean "none"; defaults are the server's business. It must
// not change while a connection is served.
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

	// HSTS is the value of Strict-Transport-Security (RFC 6797 §6.1), sent with each
	// response over TLS unless a handler has set its own; "": none.
	HSTS string

	// ServerValue is the request context's value of http.ServerContextKey.
	ServerValue any

	// Draining reports that connections end after the next response, which
	// says so. KeepAlivesOff reports that they end after any response, even
	// one whose head is sent already.
	Draining, KeepAlivesOff func() bool

	// WebSockets is what the program's upgrades to WebSocket need of the server.
	WebSockets any

	Counters Counters
}

// Limits bounds what a peer can make a server read. It is shared by
// connections and not written to.
type Limits struct {
	HeadBytes     int   // request line, fields and the blank line, with empty lines before them; above 0
	Fields        int   // header fields, and on their own trailer fields
	TargetBytes   int   // request target
	BodyBytes     int64 // content after decoding; negative: no limit
	ChunkExtBytes int   // extensions of one chunk of HTTP/1.1; 0: the engine's default
	TrailerBytes  int   // trailer section; 0: DefaultTrailerBytes
}

// DefaultTrailerBytes is Limits.TrailerBytes where that is zero.
const DefaultTrailerBytes = 8 << 10

// Logf writes to the server's error log.
func (c *Config) Logf(format string, args ...any) { c.ErrorLog().Printf(format, args...) }

// TellState tells the program's ConnState, if it has one. The goroutine is one
// that may be told with conn.MayBlock that it blocks.
func (c *Config) TellState(conn netio.Conn, s http.ConnState) {
	if c.ConnState != nil {
		conn.MayBlock()
		c.ConnState(conn, s)
	}
}

// Complain logs a handler's misuse of its response with the place of the caller
// outside the server's own packages.
func (c *Config) Complain(what string) {
	var pc [16]uintptr
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "/goserver/internal/") || !more {
			c.Logf("%s from %s (%s:%d)", what, f.Function, path.Base(f.File), f.Line)
			return
		}
	}
}
