package h2

import (
	"runtime"
	"time"

	"golang.org/x/net/http2"
)

// quantum is how many bytes of DATA one stream sends before another's turn.
const quantum = 16 << 10

// schedule frames the DATA of the streams that may send, the most urgent first,
// until the output or a window is full. c.mu is held.
func (c *conn) schedule() {
	for c.queue.n > 0 && c.sendWindow > 0 && c.gathered() < outPending {
		st := c.queue.head()
		n := min(int64(len(st.data)), st.sendWindow, c.sendWindow, int64(c.peer.maxFrame), quantum)
		whole := n == int64(len(st.data))
		c.frameData(st, st.data[:n], whole && st.last)
		st.data = st.data[n:]
		if !whole && n < dribble {
			c.credit -= gainData
		}
		st.stalledAt = c.e.cfg.Clock.Now()
		switch {
		case whole:
			c.queue.remove(st)
			c.sentData(st)
		case st.sendWindow == 0:
			c.queue.remove(st)
		case st.priority.incremental:
			c.queue.remove(st)
			c.queue.push(st)
		}
	}
}

// frameData appends a frame of DATA and takes its bytes from the windows.
func (c *conn) frameData(st *stream, p []byte, end bool) {
	o := c.out()
	var flags http2.Flags
	if end {
		flags = http2.FlagDataEndStream
	}
	if k := st.from; k != nil && k.starts(p) {
		appendFrameHeader(k.mem[:0], len(p), http2.FrameData, flags, st.id)
		k.share()
		o.ref(k.mem[:frameHeaderLen+len(p)], k)
	} else {
		o.buf = appendFrameHeader(o.buf, len(p), http2.FrameData, flags, st.id)
		switch {
		case k != nil:
			k.share()
			o.ref(p, k)
		case st.stable && len(p) > copyMax:
			o.ref(p, nil)
		default:
			o.buf = append(o.buf, p...)
		}
	}
	c.framed(st, len(p))
}

// framed takes n bytes of DATA from the windows.
func (c *conn) framed(st *stream, n int) {
	st.sendWindow -= int64(n)
	c.sendWindow -= int64(n)
	c.credit += gainData + n>>10
	c.count(int64(frameHeaderLen + n))
}

// sentData is called when all of st.data has been framed.
func (c *conn) sentData(st *stream) {
	st.stalledAt = 0
	st.drop()
	if st.last {
		c.ended(st)
	}
	st.sendable.Broadcast()
}

// What of a request is still received when it was answered before it was whole.
const (
	drainSize = 64 << 10
	drainTime = time.Second
)

// ended notes that END_STREAM was framed. When the peer is still sending the
// request, the little that may be to come is passed over; else the peer is told
// to stop (RFC 9113 §8.1). While a handler runs, it may still read.
func (c *conn) ended(st *stream) {
	st.localDone = true
	if st.remoteDone || st.running {
		c.done(st)
		return
	}
	b := &st.body
	if b.declared-b.total > drainSize {
		c.resetStream(st, http2.ErrCodeNo)
		return
	}
	c.giveBack(b.discard())
	b.limit = b.total + drainSize
	st.readBy = c.e.cfg.Clock.Until(drainTime)
	c.rearm(st.readBy)
}

// flush sends what has gathered, as far as the peer takes it at once. The rest
// is left to a goroutine, and so is what gathers meanwhile. c.mu is held; it is
// released while bytes are written. Once a connection has ended nothing is sent.
func (c *conn) flush() {
	for (c.s != nil || !c.dead) && !c.writing && c.werr == nil {
		c.schedule()
		size := c.gathered()
		if size == 0 {
			break
		}
		c.tell()
		c.writing = true
		w := c.sender
		w.out, w.leaving = w.leaving, w.out
		w.vec = w.leaving.vector(w.vec[:0], 0)
		c.mu.Unlock()
		n, err := c.nc.TryWritev(w.vec...)
		c.mu.Lock()
		c.firstWrite()
		if err == nil && int(n) < size {
			c.wrote = int(n)
			c.e.workers.do((*writeRest)(c))
			return
		}
		c.left(err)
	}
	c.repay()
}

// left notes that the output which was leaving has left, or never will.
func (c *conn) left(err error) {
	clear(c.sender.vec)
	c.sender.leaving.reset()
	c.writing = false
	if err != nil && c.werr == nil {
		c.lost(err)
	}
	if c.waiters > 0 {
		c.drained.Broadcast()
	}
}

// lost ends the connection after a failed write; the reader learns of it as well.
func (c *conn) lost(err error) {
	c.werr = err
	c.killAll(errGone)
	c.sender.out.reset()
	c.nc.Abort()
}

// writeRest is the job that writes what the peer did not take at once.
type writeRest conn

func (j *writeRest) work() {
	c := (*conn)(j)
	w := c.sender
	size := w.leaving.size()
	for {
		err := c.nc.CanWrite()
		if err == nil {
			clear(w.vec) // it gets shorter
			w.vec = w.leaving.vector(w.vec[:0], c.wrote)
			var n int64
			n, err = c.nc.TryWritev(w.vec...)
			c.wrote += int(n)
		}
		if err != nil || c.wrote >= size {
			c.mu.Lock()
			c.left(err)
			c.flush()
			c.mu.Unlock()
			return
		}
	}
}

// flushSoon sends what a handler has added, unless somebody else will: the
// reader, when it is at work, or a handler that lets others add before it
// writes. c.mu is held; it is released meanwhile.
func (c *conn) flushSoon() {
	if c.busy.Load() || c.flushing || c.writing {
		return
	}
	c.flushing = true
	c.mu.Unlock()
	runtime.Gosched()
	c.mu.Lock()
	c.flushing = false
	c.flush()
}

// flushLater is flushSoon for a handler that goes on: another goroutine writes, so
// that what the handler adds before it waits leaves with the same write. c.mu is held.
func (c *conn) flushLater() {
	if c.busy.Load() || c.flushing || c.writing {
		return
	}
	c.flushing = true
	c.e.workers.do((*laterFlush)(c))
}

// laterFlush is the job of flushLater.
type laterFlush conn

func (j *laterFlush) work() {
	runtime.Gosched()
	c := (*conn)(j)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushing = false
	c.flush()
}

// awaitRoom waits while so much is to be sent that the reader must not make
// more of it. c.mu is held.
func (c *conn) awaitRoom() {
	for c.gathered()+c.sender.leaving.size() > outMax && c.writing && !c.dead {
		c.nc.MayBlock()
		c.waiters++
		c.drained.Wait()
		c.waiters--
	}
}
