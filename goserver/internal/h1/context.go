package h1

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// A requestContext is the context of one request. It ends when the handler
// returned or the client went away. Watching for the latter starts with the
// first Done or Err, and costs nothing before.
type requestContext struct {
	parent context.Context
	server any // value of http.ServerContextKey
	local  net.Addr

	mu     sync.Mutex
	conn   netio.Conn // nil once the request has ended
	inner  context.Context
	cancel context.CancelFunc
	ended  bool
}

// arm starts the watch and returns the context that ends.
func (c *requestContext) arm() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.cancel = context.WithCancel(c.parent)
		switch {
		case c.ended:
			c.cancel()
		case c.conn != nil:
			c.conn.Watch(c.cancel)
		}
	}
	return c.inner
}

// end cancels the context and ends the watch.
func (c *requestContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.inner != nil {
		if c.conn != nil {
			c.conn.Unwatch()
		}
		c.cancel()
	}
	c.conn = nil
}

// unwatch gives the connection up without ending the context: it was hijacked.
func (c *requestContext) unwatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && c.inner != nil {
		c.conn.Unwatch()
	}
	c.conn = nil
}

func (c *requestContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *requestContext) Done() <-chan struct{}       { return c.arm().Done() }
func (c *requestContext) Err() error                  { return c.arm().Err() }

// Value answers for the keys of net/http. What the context package asks to
// find a cancelable parent goes to the inner context, so that children hang on
// it without a goroutine each.
func (c *requestContext) Value(key any) any {
	switch key {
	case http.ServerContextKey:
		return c.server
	case http.LocalAddrContextKey:
		return c.local
	}
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	if inner != nil {
		return inner.Value(key)
	}
	return c.parent.Value(key)
}
