package h2

import (
	"iter"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// A stream is one request and its response. All of it is guarded by the lock of
// its connection. It serves another request when it has ended and its handler,
// if it had one, has returned.
type stream struct {
	c    *conn
	id   uint32
	next *stream // in the same bucket of the table, or on the free list

	remoteDone bool  // the peer sent END_STREAM
	localDone  bool  // we did
	reset      bool  // either side reset it
	byPeer     bool  // the peer did
	running    bool  // a goroutine has it for a handler, or it is a tunnel
	returned   bool  // that handler has returned; what is left is the rest of the response, and the log
	closing    bool  // it is one of conn.closing
	listed     bool  // it is in the table
	err        error // why the handler can send and receive no more, or nil

	// What is to be sent.
	sendWindow int64
	data       []byte // DATA to come; not copied
	from       *chunk // owns data, unless nil
	stable     bool   // data stays as it is when it has been framed
	cut        bool   // the handler has returned: a goroutine that it left must not send
	last       bool   // END_STREAM goes with the end of data
	queue      queueLinks
	priority   priority
	sendable   sync.Cond // data has been framed, or err was set

	// What is received.
	body       body
	receivable sync.Cond // the body has more, or err was set

	// Coarse times, 0 for never.
	readBy    time.Duration // when the whole request must be here
	writeBy   time.Duration // when the response must have left; not coarse
	stalledAt time.Duration // since when data waits for the peer's windows, and no byte moved

	connect    bool      // of an extended CONNECT
	tunnel     *tunnel   // what that has become, until its End
	x          *exchange // of an http.Handler that runs
	gone       func()    // called when the peer ends the stream, unless nil
	headSent   bool      // the head of the response, not counting interim ones
	readTimer  *time.Timer
	writeTimer *time.Timer
	timed      bool // a timer was set, which may still look at this when it was stopped
}

// tableSize is the number of buckets of a stream table. The numbers of streams
// that live at once lie close together, and spread evenly.
const tableSize = 64

// A table finds streams by number.
type table [tableSize]*stream

func (t *table) bucket(id uint32) **stream { return &t[id>>1%tableSize] }

func (t *table) find(id uint32) *stream {
	st := *t.bucket(id)
	for st != nil && st.id != id {
		st = st.next
	}
	return st
}

func (t *table) add(st *stream) {
	b := t.bucket(st.id)
	st.next, *b = *b, st
}

func (t *table) remove(st *stream) {
	for p := t.bucket(st.id); *p != nil; p = &(*p).next {
		if *p == st {
			*p, st.next = st.next, nil
			return
		}
	}
}

// streams yields those in the table. A stream may be removed while it is visited.
func (c *conn) streams() iter.Seq[*stream] {
	return func(yield func(*stream) bool) {
		if c.listed == 0 {
			return
		}
		for _, st := range c.table {
			for st != nil {
				next := st.next
				if !yield(st) {
					return
				}
				st = next
			}
		}
	}
}

var streamPool = sync.Pool{New: func() any { return new(stream) }}

// newStream returns a stream that is in the table.
func (c *conn) newStream(id uint32) *stream {
	s := c.s
	st := s.free
	if st != nil {
		s.free = st.next
		st.next = nil
	} else {
		st = streamPool.Get().(*stream)
	}
	st.c, st.id = c, id
	st.sendable.L, st.receivable.L = &c.mu, &c.mu
	st.sendWindow = int64(c.peer.window)
	st.priority = c.firstPriority()
	c.active++
	st.listed = true
	c.table.add(st)
	c.listed++
	return st
}

// done ends what has nothing more to do: a stream that both sides have ended,
// or that was reset, is closed; when its handler has returned as well, it is free.
func (c *conn) done(st *stream) {
	if !st.reset && !(st.localDone && st.remoteDone) {
		return
	}
	if st.listed {
		c.table.remove(st)
		c.listed--
		st.listed = false
		c.noteClosed(st.id, st.reset && !st.byPeer)
	}
	if st.running {
		if st.returned && !st.closing {
			st.closing = true
			c.closing++
		}
		return
	}
	if !st.reset {
		c.credit += gainStream
	}
	st.free()
}

// free gives st back; nothing refers to it any more.
func (st *stream) free() {
	c := st.c
	c.unready(st)
	st.drop()
	c.giveBack(st.body.discard())
	c.active--
	c.eased()
	if st.closing {
		c.closing--
	}
	c.e.total.Add(-1)
	if st.timed {
		st.stopTimers()
		return
	}
	*st = stream{}
	if s := c.s; s != nil {
		st.next, s.free = s.free, st
	} else {
		streamPool.Put(st)
	}
}

// eased has the reader look whether it may now park the connection, or leave it at rest, which it
// may have waited for.
func (c *conn) eased() {
	if c.active == 0 || c.active == c.tunnels && c.s != nil {
		c.rearm(c.now() + 1)
	}
}

func (st *stream) stopTimers() {
	for _, t := range []*time.Timer{st.readTimer, st.writeTimer} {
		if t != nil {
			t.Stop()
		}
	}
	st.readTimer, st.writeTimer = nil, nil
}

// drop forgets what was to be sent.
func (st *stream) drop() {
	if st.from != nil {
		st.from.release()
		st.from = nil
	}
	st.data = nil
}

// kill ends a stream for its handler, for the reason err.
func (c *conn) kill(st *stream, err error) {
	st.reset = true
	if st.err == nil {
		st.err = err
	}
	c.unready(st)
	st.drop()
	c.giveBack(st.body.breakOff(st.err))
	st.sendable.Broadcast()
	st.arrived()
	if st.gone != nil {
		go st.gone() // not here: it may call into the program
		st.gone = nil
	}
	c.done(st)
}

// arrived wakes who waits for what the peer sends: something has come, or nothing will.
func (st *stream) arrived() {
	st.receivable.Broadcast()
	if st.tunnel != nil {
		st.tunnel.unpark()
	}
}

// resetStream ends a stream with RST_STREAM.
func (c *conn) resetStream(st *stream, code http2.ErrCode) {
	o := c.out()
	o.buf = appendReset(o.buf, st.id, code)
	c.kill(st, http2.StreamError{StreamID: st.id, Code: code})
}

// noteClosed remembers a stream that closed, and whether we reset it.
func (c *conn) noteClosed(id uint32, reset bool) {
	if reset {
		c.closed.reset.note(id, 2*int(c.e.cfg.MaxStreams))
	} else {
		c.closed.ended.note(id, recentEnded)
	}
}

// closedStreams remembers the streams that closed last: what may still come on
// them depends on how they ended (RFC 9113 §5.1).
type closedStreams struct {
	ended recentStreams
	reset recentStreams // by us: frames of them may have been on their way
}

// recentEnded is how many streams that ended are remembered. Of those that we reset it is
// twice as many as there may be: all of them may be reset at once.
const recentEnded = 32

// knows reports whether the stream was open, and closed not long ago.
func (r *closedStreams) knows(id uint32) bool { return r.ended.has(id) || r.reset.has(id) }

// recentStreams are the last numbers noted. They take memory as they come.
type recentStreams struct {
	ids  []uint32
	next int
}

func (r *recentStreams) note(id uint32, most int) {
	if len(r.ids) < most {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next%most] = id
	r.next++
}

func (r *recentStreams) has(id uint32) bool { return slices.Contains(r.ids, id) }
