package h1

import (
	"io"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// Sizes of a session's buffers, in bytes.
const (
	readSize  = 4 << 10  // read buffer at first; grows to hold one head
	writeSize = 4 << 10  // write buffer at first
	outFlush  = 16 << 10 // write when so much has gathered; larger pieces are not copied
	keepSize  = 32 << 10 // larger buffers are given back when the connection is idle
	drainSize = 256 << 10
)

// lingerTime is how long a connection that must close is still read, so that
// the peer gets the response rather than a reset (RFC 9112 §9.6).
const lingerTime = time.Second

// A Session serves HTTP/1.1 on one connection at a time. It owns the buffers
// that a busy connection needs; they pass to the next connection with it.
type Session struct {
	cfg  *semantics.Config
	conn netio.Conn
	tls  bool

	// Read side. in[r:w] is read but not consumed.
	in      []byte
	r, w    int
	seen    int  // bytes of in[r:w] that Head.Ready has judged
	partial bool // part of a head is there and its deadline is armed
	head    Head
	headAt  time.Duration // coarse time of the request's first byte
	base    int           // in[base:] may be overwritten while the request runs

	// Write side. out is not yet written.
	out     []byte
	pages   pageQueue // behind out
	vec     [2][]byte
	werr    error
	sent    int64 // bytes of the current response given to out or to the kernel
	bodyBuf []byte

	// The current request.
	ctx      direct.Ctx
	req      *direct.Request
	resp     *direct.Response
	body     body // of direct routes
	rec      access.Record
	status   int                // of the response, for the record
	fresh    bool               // nothing was read since the connection was handed to us
	keep     bool               // the connection may go on after the response
	gone     bool               // the connection is no longer ours
	left     bool               // Serve came to its end
	other    semantics.Protocol // that the connection was upgraded to, until it was told that the handler has returned
	returned bool               // its handler has returned
	new      *semantics.Conn    // of a connection marked as new; nil once a head was read
	ahead    []byte             // what was read of a connection that is HTTP/2's

	// Deadlines of the request that must not outlive it.
	readTimed, writeTimed atomic.Bool // a handler's goroutine may be the one that reads

	tally *semantics.Tally
}

// NewSession returns a session; it is used by one goroutine.
func NewSession(cfg *semantics.Config) *Session {
	s := &Session{
		cfg: cfg, in: make([]byte, readSize), out: make([]byte, 0, writeSize),
		tally: cfg.Counters.TakeTally(),
	}
	s.req, s.resp = direct.Describe(&s.ctx)
	return s
}

// Retire gives a session's tally back.
func (s *Session) Retire() { s.cfg.Counters.PutTally(s.tally) }

// Serve answers the requests of c until it has nothing more to read, and
// parks it; or until it must close, and closes it. If c is marked as new and
// its first line is that of HTTP/2's connection preface, it leaves c as it is and
// returns what it has read, which is valid until the next call of Serve.
func (s *Session) Serve(c netio.Conn) (ahead []byte) {
	s.bind(c)
	s.serveBound()
	s.tellOther()
	return s.ahead
}

func (s *Session) serveBound() {
	defer s.unbind()
	s.serveConn()
	s.left = true
}

// prefaceLine is the first line of HTTP/2's connection preface (RFC 9113 §3.4).
const prefaceLine = "PRI * HTTP/2.0\r\n"

// handOver leaves a new connection to HTTP/2 if it starts with the preface.
func (s *Session) handOver(buf []byte) bool {
	if s.new == nil || len(buf) < len(prefaceLine) || string(buf[:len(prefaceLine)]) != prefaceLine {
		return false
	}
	if s.partial {
		s.conn.ReadExpiry(0)
	}
	s.ahead, s.gone = buf, true
	return true
}

func (s *Session) serveConn() {
	for s.fill() {
		for s.keep && !s.gone && s.next() {
		}
		if s.gone {
			return
		}
		if s.flush() != nil || !s.keep {
			s.close()
			return
		}
	}
}

func (s *Session) bind(c netio.Conn) {
	s.conn = c
	s.tls = semantics.Secured(c)
	s.r, s.w, s.seen, s.partial = 0, 0, 0, false
	s.fresh, s.keep, s.gone, s.left, s.werr = true, true, false, false, nil
	s.status = 0
	s.ahead, s.new = nil, nil
	if st, ok := c.State().(*semantics.Conn); ok && st.New {
		s.new = st
	}
}

// unbind leaves the connection. A callback of the program may have panicked, or ended
// the goroutine: that costs the connection, as it does in net/http.
func (s *Session) unbind() {
	if !s.left {
		v := recover()
		s.conn.MayBlock()
		if v != nil {
			s.cfg.Logf("http: panic serving %v: %v\n%s", s.conn.RemoteAddr(), v, debug.Stack())
		}
		s.conn.End()
	}
	s.conn = nil
	s.trim()
	s.pages.reset()
	if s.ahead == nil {
		semantics.Poison(s.in)
	}
	semantics.Poison(s.out[:cap(s.out)])
	semantics.Poison(s.bodyBuf[:cap(s.bodyBuf)])
}

// trim gives large buffers back, and empties the others.
func (s *Session) trim() {
	if len(s.in) > keepSize {
		s.in = make([]byte, readSize)
	}
	if cap(s.out) > keepSize {
		s.out = make([]byte, 0, writeSize)
	}
	if cap(s.bodyBuf) > keepSize {
		s.bodyBuf = nil
	}
	s.out, s.bodyBuf = s.out[:0], s.bodyBuf[:0]
}

// fill reads more bytes. It returns false when the connection has been parked,
// since nothing more is there to be read, or has ended.
func (s *Session) fill() bool {
	if s.r < s.w {
		if s.w == len(s.in) {
			s.makeRoom()
		}
		n, err := s.conn.Read(s.in[s.w:])
		if err != nil {
			s.readFailed(err)
			return false
		}
		s.w += n
		return true
	}
	if s.fresh {
		s.fresh = false
	} else {
		s.cfg.TellState(s.conn, http.StateIdle)
		s.trim() // not every connection can be parked: some wait here
	}
	s.r, s.w = 0, 0
	n, parked, err := s.conn.Next(s.in, s.cfg.Clock.Until(s.cfg.IdleTimeout))
	switch {
	case parked:
		s.gone = true
		return false
	case err != nil:
		s.readFailed(err)
		return false
	}
	s.w = n
	s.headAt = s.cfg.Clock.Now()
	s.cfg.TellState(s.conn, http.StateActive)
	return true
}

// makeRoom moves the unread bytes to the front, or into a larger buffer.
func (s *Session) makeRoom() {
	if s.r > 0 {
		s.w = copy(s.in, s.in[s.r:s.w])
		s.r = 0
		return
	}
	in := make([]byte, 2*len(s.in))
	copy(in, s.in[:s.w])
	s.in = in
}

// readFailed ends the connection after a failed read between or inside request heads.
func (s *Session) readFailed(err error) {
	if err == netio.ErrReadExpired {
		s.cfg.Counters.TimedOut.Add(1)
		if s.r < s.w {
			s.refuse(semantics.ErrHeaderTimeout)
		}
		s.r, s.partial = s.w, false // nobody is sending: no need to linger
	}
	s.close()
}

// next parses and answers one request. It returns false when the buffer
// holds no whole head; the head's deadline runs then.
func (s *Session) next() bool {
	buf := s.in[s.r:s.w]
	if len(buf) == 0 {
		return false
	}
	if s.partial && !s.head.Ready(buf, s.seen, &s.cfg.Limits) {
		s.seen = len(buf)
		return false
	}
	n, err := s.head.Parse(buf, &s.cfg.Limits)
	if err != nil {
		if s.handOver(buf) {
			return false
		}
		s.refuse(err.(*semantics.Error))
		return false
	}
	if n == 0 {
		s.seen = len(buf)
		if !s.partial {
			s.partial = true
			s.conn.ReadExpiry(s.headExpiry())
		}
		return false
	}
	if s.partial {
		s.partial = false
		s.conn.ReadExpiry(0)
	}
	if s.new != nil {
		s.settle()
	}
	s.r += n
	s.base = s.r
	s.seen = 0
	s.serve()
	if s.gone {
		return false
	}
	semantics.Poison(buf[:n])
	if s.keep && s.r < s.w {
		s.headAt = s.cfg.Clock.Now()
		s.cfg.TellState(s.conn, http.StateIdle)
		s.cfg.TellState(s.conn, http.StateActive)
	}
	return true
}

// settle ends the time in which the connection might have turned out to be HTTP/2's. A
// state that says nothing more is not kept.
func (s *Session) settle() {
	if s.new.New = false; s.new.Bare() {
		s.conn.SetState(nil)
	}
	s.new = nil
}

func (s *Session) headExpiry() time.Duration {
	return s.cfg.HeadExpiry(s.headAt)
}

// serve answers the request whose head was just parsed.
func (s *Session) serve() {
	s.sent, s.status = 0, 0
	s.keep = s.head.KeepAlive && !s.cfg.Draining()
	s.beginRecord()
	if s.cfg.WriteTimeout > 0 {
		s.conn.WriteExpiry(s.cfg.Clock.Exact() + s.cfg.WriteTimeout)
	}
	s.head.Describe(s.req, s.conn.Remote(), s.tls)
	if m, ok := s.cfg.Routes.Match(&s.ctx); ok {
		s.serveDirect(&m)
	} else {
		s.serveHandler()
	}
	semantics.Bump(&s.tally.Requests, 1)
	semantics.Bump(&s.tally.BytesOut, s.sent)
	s.endRecord()
	if s.cfg.KeepAlivesOff() {
		s.keep = false
	}
	s.endDeadlines()
}

// endDeadlines ends those of the request.
func (s *Session) endDeadlines() {
	// Load first: most requests have none, and a Swap costs more.
	read := s.readTimed.Load() && s.readTimed.Swap(false)
	write := s.writeTimed.Load() && s.writeTimed.Swap(false)
	if s.gone {
		return
	}
	if read {
		s.conn.ReadExpiry(0)
	}
	if write {
		s.flush() // the handler's deadline is for all of its response
	}
	if write || s.cfg.WriteTimeout > 0 {
		s.conn.WriteExpiry(0)
	}
}

// emit adds response bytes: copied to gather with others when they are few,
// written together with what gathered when they are many.
func (s *Session) emit(p []byte) {
	s.sent += int64(len(p))
	if len(s.out)+len(p) <= outFlush {
		s.out = append(s.out, p...)
		return
	}
	s.markFirstByte()
	if s.werr == nil {
		s.vec[0], s.vec[1] = s.out, p
		_, s.werr = s.conn.Writev(s.vec[:]...)
		s.vec = [2][]byte{}
	}
	s.out = s.out[:0]
}

// flush writes what gathered.
func (s *Session) flush() error {
	s.flushPages()
	if len(s.out) > 0 {
		if s.werr == nil {
			_, s.werr = s.conn.Write(s.out)
		}
		s.out = s.out[:0]
	}
	return s.werr
}

// close ends the connection. While the peer may still be sending, it is read
// on for a moment after FIN: a close with unread bytes would make a reset,
// which can destroy the response on its way.
func (s *Session) close() {
	s.gone = true
	s.flush()
	if s.werr == netio.ErrWriteExpired {
		s.cfg.Counters.TimedOut.Add(1)
	}
	if s.werr == nil && (s.r < s.w || !s.conn.Drained() || s.partial) && s.status != 0 {
		s.linger()
	}
	s.cfg.TellState(s.conn, http.StateClosed)
	s.conn.End()
}

func (s *Session) linger() {
	if s.conn.CloseWrite() != nil {
		return
	}
	s.conn.ReadExpiry(s.cfg.Clock.Until(lingerTime))
	for {
		if _, err := s.conn.Read(s.in); err != nil {
			return
		}
	}
}

// drain reads the rest of a request body that the handler left, so that the
// connection can go on; it gives up on large or slow ones. What must not wait
// for that has to be flushed before.
func (s *Session) drain(b *body) {
	if b.ended() {
		return
	}
	if !s.keep || !b.drainable() {
		s.keep, s.partial = false, true // partial: the peer may still be sending
		return
	}
	if n, err := io.CopyN(io.Discard, drainReader{b}, drainSize+1); err != io.EOF || n > drainSize {
		s.keep, s.partial = false, true
	}
}

// markFirstByte notes when the response started to leave.
func (s *Session) markFirstByte() {
	if s.cfg.Done != nil && s.rec.FirstByte == 0 {
		s.rec.FirstByte = time.Since(s.rec.Start)
	}
}

func (s *Session) beginRecord() {
	if s.cfg.Done == nil {
		return
	}
	s.head.BeginRecord(&s.rec, s.conn.Remote())
}

// endRecord logs the request. A response that no pipelined request follows is
// flushed first, so that its time includes the write.
func (s *Session) endRecord() {
	if s.cfg.Done == nil || s.status == 0 {
		return
	}
	if s.r == s.w && !s.gone {
		s.flush()
	}
	s.rec.Duration = time.Since(s.rec.Start)
	if s.rec.FirstByte == 0 {
		s.rec.FirstByte = s.rec.Duration
	}
	s.rec.Status, s.rec.BytesOut = s.status, s.sent
	if s.werr != nil && s.rec.FirstByte == s.rec.Duration {
		s.rec.Status = semantics.StatusClientGone
	}
	s.conn.MayBlock()
	s.cfg.Done(&s.rec)
}
