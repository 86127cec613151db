package h2

import (
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A sender is what a connection needs to send: while it is served, or something has to leave.
// It is guarded by the lock of the connection that has it.
type sender struct {
	out, leaving output // leaving belongs to who writes, while conn.writing
	vec          [][]byte
}

var (
	senderPool = sync.Pool{New: func() any {
		w := new(sender)
		w.out.buf, w.leaving.buf = make([]byte, 0, outSize), make([]byte, 0, outSize)
		return w
	}}
	tablePool = sync.Pool{New: func() any { return new(table) }}
)

// out is where frames gather. A connection that has no sender gets one: who adds to a
// connection that rests must flush it, which gives the sender back.
func (c *conn) out() *output {
	if c.sender == nil {
		c.borrow()
	}
	return &c.sender.out
}

func (c *conn) borrow() { c.sender = senderPool.Get().(*sender) }

// gathered is how many bytes wait to be written, besides those that are being written.
func (c *conn) gathered() int {
	if c.sender == nil {
		return 0
	}
	return c.sender.out.size()
}

// attach has s serve the connection: it goes on with what has gathered, if anything has.
func (c *conn) attach(s *Session) {
	c.mu.Lock()
	c.s = s
	if c.sender == nil {
		c.borrow()
	}
	if c.table == nil {
		c.table = tablePool.Get().(*table)
	}
	c.mu.Unlock()
	c.busy.Store(true)
}

// detach ends that. The connection keeps what its streams are found by, and what has to leave.
func (c *conn) detach() {
	c.s = nil
	c.repay()
	if c.listed == 0 {
		tablePool.Put(c.table)
		c.table = nil
	}
}

// repay gives the sender back when nothing is to leave any more, and nobody serves the connection.
func (c *conn) repay() {
	w := c.sender
	if w == nil || c.s != nil || c.writing || w.out.size() > 0 && !c.dead {
		return
	}
	c.sender = nil
	w.out.reset()
	w.leaving.reset()
	if cap(w.vec) > keepRefs {
		w.vec = nil
	}
	senderPool.Put(w)
}

// count adds to the bytes that were framed.
func (c *conn) count(n int64) { c.sent += n }

// tell adds them to those of the server.
func (c *conn) tell() {
	n := c.sent - c.told
	c.told = c.sent
	if c.s != nil {
		semantics.Bump(&c.s.tally.BytesOut, n)
		return
	}
	t := c.e.cfg.Counters.TakeTally()
	semantics.Bump(&t.BytesOut, n)
	c.e.cfg.Counters.PutTally(t)
}
