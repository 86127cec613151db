package ws

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// copyMax is how long a payload may be, in bytes, to be copied into the queue when
// nobody writes: a longer one leaves from where it is.
const copyMax = 16 << 10

// writer is the part of a Conn that messages go through. Its fields are guarded by the
// lock of the Conn, except order and what it guards.
type writer struct {
	order sync.Mutex // held from the first frame of a message to the last

	queue   *[]byte        // frames that have not left; nil while there are none
	drops   *drops         // of the messages in it; nil unless the policy is DropOldest
	leaving *[]byte        // what is being written, or what is left of it
	wrote   int            // bytes of it that have left
	writing bool           // somebody writes
	corked  bool           // who reads flushes when it has consumed what has come
	later   bool           // a goroutine is on its way to flush
	burst   atomic.Bool    // something was written since the peer was heard
	burstAt time.Duration  // when the last of it was, on the exact clock; 0: not noted
	room    *sync.Cond     // a write has ended, or the connection; nil until somebody waits
	stream  *MessageWriter // which holds order; the end of the connection takes that from it
	held    atomic.Pointer[held]
}

// queueEnd returns where in the queue the next frame will be.
func (c *Conn) queueEnd() int {
	if c.queue == nil {
		return 0
	}
	return len(*c.queue)
}

// queued returns how many bytes wait to be written.
func (c *Conn) queued() int {
	n := c.queueEnd()
	if c.drops != nil {
		n -= c.drops.dropped
	}
	if c.leaving != nil {
		n += len(*c.leaving) - c.wrote
	}
	return n
}

// Write sends a message, as a whole and after those that were sent before. When it
// returns, p may be changed; the message may wait in the queue then.
func (c *Conn) Write(op wsframe.Opcode, p []byte) error {
	c.order.Lock()
	err := c.writeMessage(op, p)
	c.releaseOrder()
	c.leave()
	return err
}

// writeMessage is Write for who holds order.
func (c *Conn) writeMessage(op wsframe.Opcode, p []byte) error {
	if c.dead.Load() {
		return c.refused()
	}
	h := wsframe.Header{Opcode: op, Fin: true}
	payload := p
	if c.z != nil && len(p) >= max(c.cfg.CompressFrom, 1) {
		z := take(len(p))
		defer func() { give(z) }()
		out, ok := c.z.deflate.Append(*z, p)
		*z = out
		if ok {
			c.route.observeRatio(len(p), len(out))
			h.RSV1, payload = true, out
		}
	}
	return c.enqueue(h, payload, len(p))
}

// WritePrepared sends a message that is framed already.
func (c *Conn) WritePrepared(m *wsframe.PreparedMessage) error {
	defer c.leave()
	c.order.Lock()
	defer c.releaseOrder()
	frame, deflated := c.chooseFrame(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(len(frame), true); err != nil {
		return err
	}
	if deflated {
		c.z.deflate.Sent(m.Payload())
	}
	c.countOut(len(m.Payload()))
	c.put(nil, frame, true)
	return nil
}

// enqueue sends a message, or a part of one that a MessageWriter streams: then h has no Fin, or
// is a continuation. size is how long the message is for the counters; below 0 where it does not end.
func (c *Conn) enqueue(h wsframe.Header, p []byte, size int) error {
	whole := h.Fin && h.Opcode.Data()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(len(p), whole); err != nil {
		return err
	}
	if size >= 0 {
		c.countOut(size)
	}
	start := c.queueEnd()
	split := false
	for f := c.cfg.Fragment; f > 0 && len(p) > f; p = p[f:] {
		part := h
		part.Fin, part.Length = false, uint64(f)
		c.append(&part, p[:f])
		h.Opcode, h.RSV1 = wsframe.Continuation, false
		split = true
	}
	h.Length = uint64(len(p))
	if split {
		c.append(&h, p)
		c.mark(start, whole)
		c.flushSoon()
		return nil
	}
	c.put(&h, p, whole)
	return nil
}

func (c *Conn) countOut(n int) {
	c.route.MessagesOut.Add(1)
	c.route.BytesOut.Add(int64(n))
}

// admit makes room for n bytes in the queue, by the policy. mu is held; it is
// released while it waits. A message that is longer than the queue finds room when
// that is empty. Of one that is not sent whole, no part is dropped.
func (c *Conn) admit(n int, whole bool) error {
	for {
		if c.status != open {
			return c.refusal()
		}
		if c.queued() == 0 || c.queued()+n <= c.cfg.QueueBytes {
			return nil
		}
		switch {
		case c.cfg.Full == DropOldest && c.dropsHelp(n) && c.dropOne():
		case c.cfg.Full == DropOldest && whole:
			c.route.Dropped.Add(1) // those before it are on their way
			return ErrDropped
		case c.cfg.Full == Disconnect:
			c.startCloseLocked(wsframe.CloseTryAgainLater, "too slow")
			c.flush()
			return ErrQueueFull
		default:
			c.awaitWrite()
		}
	}
}

// refused is refusal for who does not hold mu.
func (c *Conn) refused() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal()
}

// refusal tells why nothing can be sent any more. mu is held.
func (c *Conn) refusal() error {
	if err := c.cause(); err != nil && c.dead.Load() {
		return err
	}
	return ErrClosing
}

// put appends a frame and sees that it leaves. mu is held; it may be released meanwhile.
func (c *Conn) put(h *wsframe.Header, p []byte, whole bool) {
	switch {
	case c.writing || c.corked:
	case len(p) > copyMax && h != nil:
		c.append(h, nil)
		c.writeThrough(p)
		return
	case h == nil && !c.hurried():
		c.writeThrough(p)
		return
	}
	start := c.queueEnd()
	c.append(h, p)
	c.mark(start, whole)
	c.flushSoon()
}

// append puts a frame into the queue. Without h, p has the header. mu is held.
func (c *Conn) append(h *wsframe.Header, p []byte) {
	n := len(p) + wsframe.MaxHeader
	if c.queue == nil {
		c.queue = take(n)
	} else {
		c.queue = grow(c.queue, n)
	}
	if h != nil {
		*c.queue = h.Append(*c.queue)
	}
	*c.queue = append(*c.queue, p...)
}

// awaitWrite waits until a write has ended, or the connection. mu is held; it is released
// meanwhile.
func (c *Conn) awaitWrite() {
	if c.room == nil {
		c.room = sync.NewCond(&c.mu)
	}
	c.t.MayBlock()
	c.room.Wait()
}

// wakeWriters wakes those who wait in awaitWrite. mu is held.
func (c *Conn) wakeWriters() {
	if c.room != nil {
		c.room.Broadcast()
	}
}

// vectors are for what is written: what an interface is given would be allocated.
var vectors = sync.Pool{New: func() any { return new([2][]byte) }}

// tryWrite writes two slices as far as the peer takes them at once. mu is not held.
func (c *Conn) tryWrite(p, q []byte) (int, error) {
	v := vectors.Get().(*[2][]byte)
	v[0], v[1] = p, q
	n, err := c.t.TryWritev(v[:]...)
	*v = [2][]byte{}
	vectors.Put(v)
	return int(n), err
}

// writeControl sends a control frame, however full the queue is; not after Close.
func (c *Conn) writeControl(op wsframe.Opcode, p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != open {
		return c.refusal()
	}
	if c.queued() > c.cfg.QueueBytes+controlBytes {
		return ErrQueueFull // a pong that a peer does not take need not be sent: the next one will do
	}
	c.queueControl(op, p)
	return nil
}

// controlBytes is how many bytes of control frames may wait beyond QueueBytes.
const controlBytes = 4 << 10

// queueControl queues a control frame. mu is held.
func (c *Conn) queueControl(op wsframe.Opcode, p []byte) {
	c.append(&wsframe.Header{Opcode: op, Fin: true, Length: uint64(len(p))}, p)
	c.flushSoon()
}

// burstGap is how soon messages follow each other that are sent together.
const burstGap = 100 * time.Microsecond

// flushSoon has what is queued leave: at once; or together with what follows, when
// the reader will flush, or messages come so fast that a goroutine may. mu is held; it
// may be released meanwhile.
func (c *Conn) flushSoon() {
	switch {
	case c.writing:
	case c.corked || c.hurried():
		if !c.later {
			c.later = true
			go c.flushLater()
		}
	default:
		c.flush()
	}
}

// hurried reports whether something was sent just now. It looks at the time only from the second
// message on that leaves while the peer is not heard.
func (c *Conn) hurried() bool {
	if !c.burst.Swap(true) {
		c.burstAt = 0
		return false
	}
	last := c.burstAt
	c.burstAt = c.env().Clock.Exact()
	return last > 0 && c.burstAt-last < burstGap
}

// flushLater flushes when those have run who would add more.
func (c *Conn) flushLater() {
	runtime.Gosched()
	c.mu.Lock()
	c.later = false
	c.flush()
	c.mu.Unlock()
	c.leave()
}

// flush writes what is queued, as far as the peer takes it at once. The rest is left to a
// goroutine. mu is held; it is released while bytes are written.
func (c *Conn) flush() {
	for c.queue != nil && !c.writing && !c.dead.Load() {
		c.settleDrops()
		q := c.queue
		c.queue, c.leaving, c.wrote, c.writing = nil, q, 0, true
		c.mu.Unlock()
		n, err := c.tryWrite(*q, nil)
		c.mu.Lock()
		c.tookSome(n, len(*q), err)
	}
}

// writeThrough writes the queue, which ends with the header of p if that has none itself, and p
// behind it. mu is held; it is released meanwhile.
func (c *Conn) writeThrough(p []byte) {
	c.settleDrops()
	var ahead []byte
	if c.queue != nil {
		ahead = *c.queue
	}
	c.queue, c.leaving, c.wrote, c.writing = nil, c.queue, 0, true
	size := len(ahead) + len(p)
	c.mu.Unlock()
	n, err := c.tryWrite(ahead, p)
	c.mu.Lock()
	if err == nil && n < size { // the rest of p has to stay
		rest := take(size - n)
		*rest = append(*rest, ahead[min(n, len(ahead)):]...)
		*rest = append(*rest, p[max(n-len(ahead), 0):]...)
		if c.leaving != nil {
			give(c.leaving)
		}
		c.leaving, n, size = rest, 0, len(*rest)
	}
	c.tookSome(n, size, err)
	c.flush()
}

// tookSome notes that n bytes of size have left. mu is held.
func (c *Conn) tookSome(n, size int, err error) {
	if err == nil && n < size && !c.dead.Load() {
		c.wrote = n
		go c.writeRest()
		return
	}
	c.wroteAll(err)
}

// wroteAll ends the writing of what was leaving. mu is held.
func (c *Conn) wroteAll(err error) {
	if c.leaving != nil {
		give(c.leaving)
	}
	c.leaving, c.wrote, c.writing = nil, 0, false
	if err != nil {
		c.lost(err)
	}
	c.wakeWriters()
}

// writeRest writes what the peer did not take at once.
func (c *Conn) writeRest() {
	c.mu.Lock()
	p := (*c.leaving)[c.wrote:]
	c.mu.Unlock()
	var err error
	for len(p) > 0 && err == nil {
		if err = c.t.CanWrite(); err != nil {
			break
		}
		var n int
		n, err = c.tryWrite(p, nil)
		p = p[n:]
		c.mu.Lock()
		c.wrote += n
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.wroteAll(err)
	c.flush()
	c.mu.Unlock()
	c.leave()
}

// drop forgets what is queued. mu is held.
func (c *Conn) drop() {
	if c.queue != nil {
		c.settleDrops()
		give(c.queue)
		c.queue = nil
	}
	c.held.Store(nil)
}

// cork has writes wait until uncork: the reader has more messages to hand out.
func (c *Conn) cork() {
	c.mu.Lock()
	c.corked = true
	c.mu.Unlock()
}

// uncork flushes what was written meanwhile.
func (c *Conn) uncork() {
	c.mu.Lock()
	c.corked = false
	c.flush()
	c.mu.Unlock()
}
