package ws

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A Conn is a server's end of a WebSocket connection. Everybody may write and close;
// one at a time may read, unless the engine does.
type Conn struct {
	cfg        *Config
	route      *RouteStats // also leads to the Engine
	t          semantics.Transport
	o          Observer     // a Handler, if the engine reads
	prev, next *Conn        // in the list of the Engine
	z          *compression // nil: none was agreed

	reader
	writer

	// The life of the connection. mu, which is also the writer's, guards what is not atomic.
	mu       sync.Mutex
	dead     atomic.Bool // nothing is sent any more, and who reads is to leave
	status   status
	ended    bool
	answered bool    // the peer's Close has come
	ending   *ending // nil until there is something of it
}

// An ending is of a connection that is about to end, or whose end somebody waits for.
type ending struct {
	err   error         // why; the first reason stays
	timer *time.Timer   // ends a closing handshake that takes too long
	done  chan struct{} // closed at the end; nil until somebody waits
}

// A compression is how messages are compressed both ways.
type compression struct {
	inflate *wsframe.Decompressor
	deflate *wsframe.Compressor // guarded by order
	window  wsframe.Window      // of deflate
}

// A status is how far the closing handshake has come (RFC 6455 §7.1).
type status uint8

const (
	open    status = iota
	closing        // our Close was queued, and nothing may follow it
	closed         // the peer's has come as well, or never will
)

// Agreement is what the opening handshake settled.
type Agreement struct {
	Subprotocol string
	Deflate     *wsframe.Deflate // nil: no compression
}

// Init readies a zero Conn. The engine reads it if o is a Handler.
func (c *Conn) Init(cfg *Config, route *RouteStats, a Agreement, o Observer) {
	c.cfg, c.route, c.o = cfg, route, o
	if d := a.Deflate; d != nil {
		c.z = &compression{wsframe.NewDecompressor(d.Client), wsframe.NewCompressor(d.Server), d.Server}
		c.z.inflate.MaxMessage, c.z.inflate.MaxRatio = cfg.MaxMessage, cfg.MaxRatio
	}
	if _, c.driven = o.(Handler); !c.driven {
		c.program = new(program)
		c.lend()
	}
	if cfg.Full == DropOldest {
		c.drops = new(drops)
	}
}

// Start begins the work on t. ahead is what has come already; it is copied.
func (c *Conn) Start(t semantics.Transport, ahead []byte) {
	c.t = t
	t.WriteIdle(c.cfg.WriteTimeout)
	c.heard = c.now()
	if len(ahead) > 0 {
		c.lend()
		c.kept = append([]byte(nil), ahead...)
	}
	c.route.Opened.Add(1)
	c.route.Open.Add(1)
	if !c.engine().add(c) {
		c.startClose(wsframe.CloseGoingAway, "server is shutting down")
	}
}

func (c *Conn) engine() *Engine { return c.route.engine }

func (c *Conn) env() *Environment { return &c.route.engine.env }

func (c *Conn) now() time.Duration { return c.env().Clock.Now() }

// Returned is called when the handler of the opening handshake has returned: from then
// on the engine reads, if it is to.
func (c *Conn) Returned(ok bool) {
	if !ok {
		c.startClose(wsframe.CloseInternalError, "")
	}
	if c.driven {
		c.Serve()
	}
}

// Err returns why the connection has ended, or is about to; nil while it is open.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause()
}

// cause is Err for who holds mu.
func (c *Conn) cause() error {
	if c.ending == nil {
		return nil
	}
	return c.ending.err
}

// because notes why the connection is about to end, unless it is known. mu is held.
func (c *Conn) because(err error) {
	if e := c.theEnding(); e.err == nil {
		e.err = err
	}
}

func (c *Conn) theEnding() *ending {
	if c.ending == nil {
		c.ending = new(ending)
	}
	return c.ending
}

// lost ends the connection at once, for the reason err. mu is held.
func (c *Conn) lost(err error) {
	c.because(err)
	c.status = closed
	if c.dead.Swap(true) {
		return
	}
	c.drop()
	c.endStream()
	c.t.Abort()
	c.wakeWriters()
}

// Abort ends the connection without a closing handshake.
func (c *Conn) Abort() {
	c.mu.Lock()
	c.lost(netio.ErrAborted)
	c.mu.Unlock()
	c.leave()
}

// leave ends the transport when nobody uses it any more. Who was reading or writing calls
// it, and who has made the connection dead.
func (c *Conn) leave() {
	for c.dead.Load() {
		if !c.driven && !c.rd.TryLock() || c.driven && !c.marked(markLeft) {
			return // who reads will come here
		}
		ended := c.end()
		if !c.driven {
			c.rd.Unlock()
		}
		if ended {
			go c.tellEnd()
			return
		}
		if !c.unused() {
			return // who writes will come here
		}
	}
}

// unused reports whether a writer has left while leave looked.
func (c *Conn) unused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.ended && !c.writing
}

// tellEnd tells everybody that the connection has ended. It has a goroutine of its own: who ended
// it may hold locks of the program, as one that writes does.
func (c *Conn) tellEnd() {
	c.mu.Lock()
	end := *c.theEnding()
	c.mu.Unlock()
	c.countEnd(end.err)
	if end.done != nil {
		close(end.done)
	}
	defer c.engine().remove(c) // who shuts down waits for the callback
	c.observe(func() { c.o.Closed(end.err) })
}

// end ends the transport, unless somebody writes. Nobody reads.
func (c *Conn) end() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.writing {
		return false
	}
	c.ended = true
	if e := c.ending; e != nil && e.timer != nil {
		e.timer.Stop()
	}
	if !c.driven {
		c.unbind()
	}
	c.t.End()
	c.release()
	return true
}

func (c *Conn) countEnd(err error) {
	c.route.Open.Add(-1)
	code := wsframe.CloseAbnormal
	if e := (*CloseError)(nil); errors.As(err, &e) {
		code = e.Code
	}
	c.route.countClose(code)
}

// observe calls the program. A panic there is logged, and costs the connection.
func (c *Conn) observe(f func()) {
	ok := false
	defer func() {
		if !ok {
			c.panicked(recover())
		}
	}()
	f()
	ok = true
}
