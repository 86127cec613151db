package h1

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A body reads the content of one request from its session. The handler may
// read it from another goroutine than it answers from, and may still hold it
// when it has returned: cut takes it from the handler then.
type body struct {
	mu        sync.Mutex // held while a Read waits
	s         *Session
	conn      netio.Conn  // of s, to wake a Read that holds mu
	over      bool        // cut off: only the session reads on
	cutting   atomic.Bool // cut waits for a Read to end
	framing   Framing
	remain    int64 // bytes to come, of ContentLength
	chunked   Chunked
	total     int64 // bytes read
	waited    time.Duration
	state     bodyState
	err       error        // sticky
	cont      func() error // sends 100 (Continue); nil when it is not awaited
	continued atomic.Bool  // cont was called, or need not be
	trailer   *http.Header // where trailers go; nil to drop them
	userTimed atomic.Bool  // the handler set a read deadline of its own
}

type bodyState uint8

const (
	bodyOpen  bodyState = iota
	bodyRead            // the end was read: the next request may follow
	bodyBroke           // the connection cannot go on
)

// begin readies b for the request at hand. It reports false when that has no body.
func (b *body) begin(s *Session) bool {
	b.s, b.conn, b.framing = s, s.conn, s.head.Framing
	b.remain, b.total, b.waited = b.framing.Length, 0, 0
	b.cont, b.trailer, b.over = nil, nil, false
	b.userTimed.Store(false)
	if b.framing.Empty() {
		b.state, b.err = bodyRead, io.EOF
		return false
	}
	b.state, b.err = bodyOpen, nil
	b.continued.Store(false)
	b.chunked = Chunked{}
	return true
}

// Read reads content. It ends with io.EOF; every other error is final and ends
// the connection after the response.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.read(p)
}

func (b *body) read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.cont != nil && !b.continued.Swap(true) {
		if err := b.cont(); err != nil {
			return 0, b.fail(err)
		}
	}
	if b.framing.Kind == ChunkedCoding {
		n, err = b.readChunked(p)
	} else {
		n, err = b.readLength(p)
	}
	b.total += int64(n)
	semantics.Bump(&b.s.tally.BytesIn, int64(n))
	return n, err
}

func (b *body) readLength(p []byte) (int, error) {
	s := b.s
	p = p[:min(int64(len(p)), b.remain)]
	n := copy(p, s.in[s.r:s.w])
	s.r += n
	if n == 0 {
		var err error
		if n, err = b.wait(p); err != nil {
			return 0, b.fail(err)
		}
	}
	if b.remain -= int64(n); b.remain == 0 {
		b.state, b.err = bodyRead, io.EOF
		return n, io.EOF // with the last bytes, as net/http does it
	}
	return n, nil
}

func (b *body) readChunked(p []byte) (n int, err error) {
	s := b.s
	for n == 0 {
		if s.r == s.w {
			s.roomForBody()
			m, err := b.wait(s.in[s.w:])
			if err != nil {
				return 0, b.fail(err)
			}
			s.w += m
		}
		// Never more than p holds: what follows the data stays unread.
		avail := s.in[s.r:s.w]
		data, used, done, err := b.chunked.Next(avail[:min(len(avail), len(p))], &s.cfg.Limits)
		n = copy(p, data)
		s.r += used
		if err != nil {
			return n, b.fail(err)
		}
		if done {
			b.state, b.err = bodyRead, io.EOF
			b.takeTrailers()
			if n == 0 {
				return 0, io.EOF
			}
		}
	}
	return n, nil
}

// takeTrailers adds the trailer section to the request's Trailer, which holds
// the announced names already.
func (b *body) takeTrailers() {
	if b.trailer == nil {
		return
	}
	semantics.AddTrailers(b.trailer, b.chunked.Trailers())
}

// wait reads from the connection under the deadlines of a body.
func (b *body) wait(p []byte) (int, error) {
	s := b.s
	if b == &s.body {
		s.flush() // a direct route: responses to earlier requests must not wait for this one's body
	}
	s.readTimed.Store(true)
	if !b.userTimed.Load() {
		s.conn.ReadExpiry(s.cfg.BodyExpiry(s.headAt))
	}
	if b.cutting.Load() { // looked at after the expiry, which cut sets in the other order
		return 0, http.ErrBodyReadAfterClose
	}
	before := s.cfg.Clock.Now()
	n, err := s.conn.Read(p)
	b.waited += s.cfg.Clock.Now() - before
	switch {
	case err == nil && s.cfg.TooSlow(b.total+int64(n), b.waited):
		return 0, semantics.ErrBodyTooSlow
	case err == io.EOF:
		return 0, io.ErrUnexpectedEOF
	case err != nil && b.cutting.Load():
		return 0, http.ErrBodyReadAfterClose
	}
	return n, err
}

func (b *body) fail(err error) error {
	b.state, b.err = bodyBroke, b.s.cfg.BodyError(err)
	return b.err
}

// rule returns the error of the protocol or of a limit that broke the body, to
// be answered when the handler did not answer itself; else nil.
func (b *body) rule() *semantics.Error {
	if b == nil || b.state != bodyBroke {
		return nil
	}
	return semantics.BodyRule(b.err)
}

// Close keeps the rest from being read by the handler. The session decides
// later whether to drain it.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over && b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}

// cut takes b from the handler: what that reads from now on fails, and a Read
// that waits is woken and fails. Then only the session's goroutine has it. The
// lock of the response must not be held: a Read may want it for 100 (Continue).
func (b *body) cut() {
	if b == nil {
		return
	}
	if !b.mu.TryLock() {
		b.cutting.Store(true)
		b.conn.SetReadDeadline(time.Unix(1, 0))
		b.mu.Lock()
		b.conn.ReadExpiry(0)
		b.cutting.Store(false)
	}
	b.over = true
	b.trailer = nil
	b.mu.Unlock()
}

// ended reports whether the whole body was read; only for its session.
func (b *body) ended() bool { return b == nil || b.state == bodyRead }

// wantsContinue reports that the client still waits for 100 (Continue), so that
// nobody knows whether it will send the body.
func (b *body) wantsContinue() bool { return b != nil && b.cont != nil && !b.continued.Load() }

// drainable reports whether the rest may be few bytes, and will come.
func (b *body) drainable() bool { return b.ended() || !b.wantsContinue() && b.left() <= drainSize }

// left returns how many bytes are known to come.
func (b *body) left() int64 {
	if b.state == bodyBroke {
		return drainSize + 1
	}
	return b.remain
}

// A drainReader reads on where the handler closed the body, or was cut off.
type drainReader struct{ b *body }

func (d drainReader) Read(p []byte) (int, error) {
	if d.b.state == bodyOpen {
		d.b.err = nil
	}
	return d.b.read(p)
}

// roomForBody makes room to read behind the request head, which must stay
// while the request runs: the handler of a direct route sees slices of it.
func (s *Session) roomForBody() {
	s.r, s.w = s.base, s.base
	if len(s.in)-s.base < readSize/4 {
		s.in = make([]byte, readSize)
		s.r, s.w, s.base = 0, 0, 0
	}
}
