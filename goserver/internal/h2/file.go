package h2

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A chunk is memory that a part of a file passes through: it is sent from where
// it was read to, and used again when the last frame of it has left. There is
// place for the header of a frame before it.
type chunk struct {
	refs atomic.Int32
	mem  [frameHeaderLen + chunkSize]byte
}

// chunkSize makes a frame as long as a record of TLS (RFC 8446 §5.1), which is then
// made of it without gathering. It is small, so that what was read is still in the
// processor's cache when it is encrypted or sent.
const chunkSize = 16<<10 - frameHeaderLen

var chunkPool = sync.Pool{New: func() any { return new(chunk) }}

func newChunk() *chunk {
	k := chunkPool.Get().(*chunk)
	k.refs.Store(1)
	return k
}

func (k *chunk) share() { k.refs.Add(1) }

// payload is where the part of the file is.
func (k *chunk) payload() []byte { return k.mem[frameHeaderLen:] }

// starts reports whether p is what the chunk begins with.
func (k *chunk) starts(p []byte) bool { return &p[0] == &k.mem[frameHeaderLen] }

func (k *chunk) release() {
	if k.refs.Add(-1) == 0 {
		semantics.Poison(k.mem[:])
		chunkPool.Put(k)
	}
}

// A directTask sends the body of a direct route's response that has files, on a
// goroutine of its own.
type directTask struct {
	c        *conn
	st       *stream
	body     []byte
	segments []direct.Segment
	closers  []io.Closer
}

// streamSegments has a goroutine send body and segments of r. c.mu is held.
func (c *conn) streamSegments(st *stream, r *direct.Response) {
	t := &directTask{c: c, st: st, segments: slices.Clone(r.Segments), closers: slices.Clone(r.Closers)}
	if r.Head == nil {
		t.body = slices.Clone(r.Body)
	}
	st.returned = true
	c.e.workers.do(t)
}

func (t *directTask) work() {
	err := t.send()
	for _, c := range t.closers {
		c.Close()
	}
	c, st := t.c, t.st
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !st.reset && !c.dead {
		c.resetStream(st, http2.ErrCodeInternal)
	}
	c.answered(st)
	c.flushUnlessGone()
}

func (t *directTask) send() error {
	last := len(t.segments) - 1
	if len(t.body) > 0 {
		if err := t.c.send(t.st, t.body, false, true); err != nil {
			return err
		}
	}
	for i := range t.segments {
		g := &t.segments[i]
		var err error
		if g.File == nil {
			err = t.c.send(t.st, g.Bytes, i == last, true)
		} else {
			_, err = t.c.sendFile(t.st, g.File, g.Off, g.N, i == last)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// send sends p and waits until all of it has been framed. p is not copied when
// it is stable. end ends the stream with it.
func (c *conn) send(st *stream, p []byte, end, stable bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sendLocked(st, p, nil, end, stable)
}

func (c *conn) sendLocked(st *stream, p []byte, from *chunk, end, stable bool) error {
	if err := c.sendError(st); err != nil {
		if from != nil {
			from.release()
		}
		return err
	}
	st.from, st.stable = from, stable
	c.enqueue(st, p, end)
	c.schedule()
	switch {
	case len(st.data) > 0 || c.gathered() >= outFlush:
		c.flush()
	case !end && from == nil: // of a file, the next piece comes at once
		c.flushLater()
	}
	for len(st.data) > 0 && c.sendError(st) == nil {
		st.sendable.Wait()
	}
	err := c.sendError(st)
	if err == nil || end && st.localDone {
		return nil
	}
	c.unready(st)
	st.drop()
	return err
}

// sendError tells why nothing can be sent on a stream any more, or nil. It ends a
// stream whose time for the response has passed, before the reader comes to see it.
func (c *conn) sendError(st *stream) error {
	if st.writeBy != 0 && st.err == nil && !st.localDone && !c.dead && st.writeBy <= c.e.cfg.Clock.Exact() {
		c.writeLate(st)
	}
	switch {
	case st.err != nil:
		return st.err
	case c.dead:
		return errGone
	case st.cut:
		return semantics.ErrAfterHandler
	}
	return nil
}

// sendFile sends n bytes of f from off, a chunk at a time.
func (c *conn) sendFile(st *stream, f direct.File, off, n int64, end bool) (sent int64, err error) {
	for n > 0 {
		k := newChunk()
		p := k.payload()[:min(n, chunkSize)]
		m, rerr := f.ReadAt(p, off)
		if m == 0 {
			k.release()
			if rerr == nil || rerr == io.EOF {
				rerr = netio.ErrFileShrank
				direct.Shrank(f)
			}
			c.e.cfg.Logf("goserver: %s while it was sent: %v", f.Name(), rerr)
			return sent, rerr
		}
		off, n = off+int64(m), n-int64(m)
		c.mu.Lock()
		err := c.sendLocked(st, p[:m], k, end && n == 0, true)
		if err == nil {
			sent += int64(m)
			c.sentFile(n == 0, end)
		}
		c.mu.Unlock()
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// sentFile is called when a part of a file was framed. c.mu is held.
func (c *conn) sentFile(whole, end bool) {
	if !whole || c.s == nil {
		return
	}
	semantics.Bump(&c.s.tally.Files[netio.RungCopy], 1)
	if !end {
		c.flushLater() // what the handler does next may take long
	}
}
