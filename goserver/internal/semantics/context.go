package semantics

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Watcher tells when the client of a request goes away. Watch calls gone, from
// another goroutine and at most once, or at once where it is gone already;
// Unwatch ends that, and gone may still be running when it returns.
type Watcher interface {
	Watch(gone func())
	Unwatch()
}

// A Context is the context of one request. It ends when the handler
// returned or the client went away. Watching for the latter starts with the
// first Done or Err, and costs nothing before.
type Context struct {
	parent context.Context
	server any // value of http.ServerContextKey
	local  net.Addr

	mu     sync.Mutex
	client Watcher // nil once the request has ended
	inner  context.Context
	cancel context.CancelFunc
	ended  bool
}

// arm starts the watch and returns the context that ends.
func (c *Context) arm() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.cancel = context.WithCancel(c.parent)
		switch {
		case c.ended:
			c.cancel()
		case c.client != nil:
			c.client.Watch(c.cancel)
		}
	}
	return c.inner
}

// End cancels the context and ends the watch: the handler has returned.
func (c *Context) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.inner != nil {
		if c.client != nil {
			c.client.Unwatch()
		}
		c.cancel()
	}
	c.client = nil
}

// Unwatch gives the client up without ending the context: its connection was hijacked.
func (c *Context) Unwatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil && c.inner != nil {
		c.client.Unwatch()
	}
	c.client = nil
}

func (c *Context) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *Context) Done() <-chan struct{}       { return c.arm().Done() }
func (c *Context) Err() error                  { return c.arm().Err() }

// Value answers for the keys of net/http. What the context package asks to
// find a cancelable parent goes to the inner context, so that children hang on
// it without a goroutine each.
func (c *Context) Value(key any) any {
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
