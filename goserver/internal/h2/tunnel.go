package h2

import (
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A tunnel is the stream of an extended CONNECT, as a semantics.Transport (RFC 8441
// §5). It is guarded by the lock of the connection, under which its Protocol is never called.
//
// What comes waits in the stream's body, bounded by the windows. What is to go is
// framed at once where the windows allow it; behind that one chunk waits its turn
// among the other streams.
type tunnel struct {
	c  *conn
	st *stream // nil after End
	p  semantics.Protocol

	readBy    time.Duration // coarse time until which a read waits; 0: for ever
	reading   bool          // a Read waits
	parked    bool          // nobody reads, p is to be told
	writeIdle time.Duration
	writing   bool // a CanWrite waits
	late      bool // one has waited too long
	aborted   bool
	total     int64 // bytes that came, once the stream was given back
}

// Read reads what has come, and waits for it.
func (t *tunnel) Read(p []byte) (int, error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	for {
		if n, err := t.take(p); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		t.reading = true
		t.c.rearm(t.readBy)
		t.st.receivable.Wait()
		t.reading = false
	}
}

// Next reads what has come. Where that is nothing, the tunnel is parked: its Protocol is
// told when something comes, or the coarse time idle.
func (t *tunnel) Next(p []byte, idle time.Duration) (n int, parked bool, err error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.readBy = idle
	if n, err := t.take(p); n > 0 || err != nil || len(p) == 0 {
		t.readBy = 0
		return n, false, err
	}
	t.parked = true
	t.c.rearm(idle)
	return 0, true, nil
}

// take moves what has come into p. It returns nothing when there is nothing to tell.
func (t *tunnel) take(p []byte) (int, error) {
	c, st := t.c, t.st
	b := &st.body
	switch {
	case t.aborted:
		return 0, netio.ErrAborted
	case b.n > 0:
		n := b.take(p)
		c.giveBackStream(st, int64(n))
		c.flushWindows()
		return n, nil
	case b.err != nil:
		return 0, b.err
	case t.readBy != 0 && t.readBy <= c.now():
		return 0, netio.ErrReadExpired
	}
	return 0, nil
}

// ReadExpiry sets until when reads wait, also one that does already.
func (t *tunnel) ReadExpiry(at time.Duration) {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	t.readBy = at
	switch {
	case t.st == nil || !t.reading || at == 0:
	case at <= c.now():
		t.st.receivable.Broadcast()
	default:
		c.rearm(at)
	}
}

// unpark has a goroutine tell the Protocol of a tunnel that is parked. The lock of the
// connection is held.
func (t *tunnel) unpark() {
	if t.parked {
		t.parked, t.readBy = false, 0
		t.c.e.workers.do(t)
	}
}

func (t *tunnel) work() { t.p.Serve() }

// TryWritev frames what the windows allow, and takes what the chunk that waits for them
// has room for.
func (t *tunnel) TryWritev(v ...[]byte) (n int64, err error) {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	left := 0
	for _, p := range v {
		left += len(p)
	}
	for left > 0 {
		if err = t.writeStop(); err != nil {
			return n, err
		}
		m := t.fits(left)
		if m > 0 {
			t.frame(v, m)
		} else {
			m = t.hold(v, left)
		}
		n += int64(m)
		if left -= m; left > 0 && len(t.st.data) > 0 {
			break
		}
		if c.gathered() >= outFlush {
			c.flush()
		}
	}
	c.flushUnlessGone()
	return n, nil
}

// writeStop tells why nothing can be written any more, or nil.
func (t *tunnel) writeStop() error {
	switch st := t.st; {
	case t.aborted:
		return netio.ErrAborted
	case t.late:
		return netio.ErrWriteExpired
	case st.err != nil:
		return st.err
	case st.localDone || st.last:
		return io.ErrClosedPipe
	}
	return nil
}

// fits returns how much of n bytes can be framed now, in one frame. Streams that wait for
// their turn come first.
func (t *tunnel) fits(n int) int {
	c, st := t.c, t.st
	if len(st.data) > 0 || c.queue.n > 0 || c.gathered() >= outPending {
		return 0
	}
	return int(max(0, min(int64(n), quantum, int64(c.peer.maxFrame), st.sendWindow, c.sendWindow)))
}

// frame appends a frame of the first n bytes of v, which drops them.
func (t *tunnel) frame(v [][]byte, n int) {
	c, st := t.c, t.st
	o := c.out()
	o.buf = appendFrameHeader(o.buf, n, http2.FrameData, 0, st.id)
	o.buf = gather(o.buf, v, n)
	c.framed(st, n)
}

// hold takes of the n bytes of v what the chunk has room for that waits for the windows.
func (t *tunnel) hold(v [][]byte, n int) int {
	st := t.st
	if len(st.data) > 0 {
		n = min(n, cap(st.data)-len(st.data))
		st.data = gather(st.data, v, n)
		return n
	}
	k := newChunk()
	n = min(n, chunkSize)
	st.from, st.stable = k, true
	t.c.enqueue(st, gather(k.payload()[:0], v, n), false)
	return n
}

// gather appends the first n bytes of v to b, and drops them of v.
func gather(b []byte, v [][]byte, n int) []byte {
	for i := range v {
		m := min(n, len(v[i]))
		b = append(b, v[i][:m]...)
		v[i] = v[i][m:]
		n -= m
	}
	return b
}

// RemoteAddr returns the peer's address.
func (t *tunnel) RemoteAddr() net.Addr { return t.c.nc.RemoteAddr() }

// CanWrite waits until what was taken has been framed.
func (t *tunnel) CanWrite() error {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	st := t.st
	st.stalledAt = c.now() + 1
	for len(st.data) > 0 && t.writeStop() == nil {
		t.writing = true
		c.rearm(t.expiry())
		st.sendable.Wait()
		t.writing = false
	}
	return t.writeStop()
}

// WriteIdle sets how long CanWrite waits while no byte moves; 0: for ever.
func (t *tunnel) WriteIdle(d time.Duration) {
	t.c.mu.Lock()
	t.writeIdle = d
	t.c.mu.Unlock()
}

// MayBlock does nothing: no other connection waits for who serves a tunnel.
func (t *tunnel) MayBlock() {}

// CloseWrite ends our side of the stream, behind what was taken.
func (t *tunnel) CloseWrite() error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if err := t.writeStop(); err != nil {
		return err
	}
	t.c.endTunnel(t.st)
	t.c.flushUnlessGone()
	return nil
}

func (c *conn) endTunnel(st *stream) {
	if len(st.data) > 0 {
		st.last = true
		return
	}
	c.frameData(st, nil, true)
	c.ended(st)
}

// Abort resets the stream, unless both sides have ended it.
func (t *tunnel) Abort() {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	st := t.st
	if st == nil || t.aborted {
		return
	}
	t.aborted = true
	if !st.reset && !c.dead && !(st.localDone && st.remoteDone) {
		c.resetStream(st, http2.ErrCodeCancel)
	}
	st.sendable.Broadcast()
	st.arrived()
	c.flushUnlessGone()
}

// End gives the stream back. What is still to leave does so as the end of a response would.
func (t *tunnel) End() {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	st := t.st
	t.total, t.st, st.tunnel = st.body.total, nil, nil
	c.tunnels--
	if !st.reset && !c.dead && !st.localDone && !st.last {
		c.endTunnel(st)
	}
	st.stalledAt = 0
	if len(st.data) > 0 {
		st.stalledAt = c.now() + 1
		c.rearm(st.expiry())
	}
	c.answered(st)
	c.flushUnlessGone()
}

// received returns how many bytes have come.
func (t *tunnel) received() int64 {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.st == nil {
		return t.total
	}
	return t.st.body.total
}

// expiry is when something must have happened, or 0.
func (t *tunnel) expiry() (at time.Duration) {
	if t.reading || t.parked {
		at = t.readBy
	}
	return semantics.Earlier(at, t.writeBy())
}

// writeBy is when a byte of what was taken must have moved, if somebody waits for that; or 0.
func (t *tunnel) writeBy() time.Duration {
	if !t.writing || t.writeIdle <= 0 || t.st.stalledAt == 0 { // 0: all has left, and who waits is woken
		return 0
	}
	return t.st.stalledAt + t.writeIdle + netio.SweepInterval
}

// expire acts on a time that has passed: of a reader, or of who waits to write.
func (t *tunnel) expire(now time.Duration) {
	if (t.reading || t.parked) && t.readBy != 0 && t.readBy <= now {
		t.reading = false
		t.st.arrived()
	}
	if by := t.writeBy(); by != 0 && by <= now {
		t.writing, t.late = false, true
		t.c.e.cfg.Counters.TimedOut.Add(1)
		t.st.sendable.Broadcast()
	}
}

var _ semantics.Transport = (*tunnel)(nil)
