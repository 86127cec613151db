package h2

import (
	"io"
	"net/http"
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A requestBody is the http.Request.Body of an exchange, which a handler may
// still hold when it has returned, and read from another goroutine than it
// answers from.
type requestBody struct {
	mu       sync.Mutex // held while a Read waits
	x        *exchange
	c        *conn
	st       *stream // nil once the handler has returned; guarded by the lock of the connection as well
	err      error   // sticky
	trailer  *http.Header
	trailers []direct.Field // guarded by the lock of the connection
}

// Read reads content. It ends with io.EOF; every other error is final.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	if b.st == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.x.continues {
		b.x.continues = false
		b.c.sendContinue(b.st)
	}
	n, err := b.c.readBody(b.st, p)
	if err == io.EOF {
		semantics.AddTrailers(b.trailer, b.trailers)
	}
	b.err = err
	return n, err
}

// Close keeps the rest from being read by the handler. A Read that waits fails.
func (b *requestBody) Close() error {
	b.seize()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
	b.abandon(b.st)
	return nil
}

// cut takes b from the handler: what that reads from now on fails, and a Read
// that waits is woken and fails.
func (b *requestBody) cut() {
	if b.c == nil {
		return
	}
	b.seize()
	defer b.mu.Unlock()
	b.abandon(nil)
}

// seize takes the lock of the body from a Read that waits.
func (b *requestBody) seize() {
	if b.mu.TryLock() {
		return
	}
	b.c.mu.Lock()
	if b.st != nil {
		b.st.body.fail(http.ErrBodyReadAfterClose)
		b.st.receivable.Broadcast()
	}
	b.c.mu.Unlock()
	b.mu.Lock()
}

// abandon drops what has come, and will. From now on b is of st, or of none.
func (b *requestBody) abandon(st *stream) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	if b.st != nil {
		b.c.giveBack(b.st.body.discard())
	}
	b.st = st
}

// rule returns the rule that broke the body, to be answered when the handler did
// not answer itself; else nil.
func (b *requestBody) rule() *semantics.Error {
	if b.err == nil {
		return nil
	}
	return semantics.BodyRule(b.err)
}

// readBody waits for content of a request and moves it into p.
func (c *conn) readBody(st *stream, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, cfg := &st.body, c.e.cfg.Config
	for b.n == 0 && b.err == nil {
		if st.err != nil {
			return 0, st.err
		}
		since := c.now()
		b.waitingAt = since + 1
		c.rearm(st.expiry())
		st.receivable.Wait()
		b.waitingAt = 0
		if b.waited += c.now() - since; b.n > 0 && cfg.TooSlow(b.total, b.waited) {
			c.giveBack(b.breakOff(semantics.ErrBodyTooSlow))
		}
	}
	n := b.take(p)
	if n > 0 {
		c.giveBackStream(st, int64(n))
		c.flushWindows()
	}
	if b.n == 0 && b.err != nil && (n == 0 || b.err == io.EOF) {
		return n, b.err // the end comes with the last bytes, as in net/http
	}
	return n, nil
}

// flushWindows sends a WINDOW_UPDATE that a reader of a body has added.
func (c *conn) flushWindows() {
	if !c.dead && c.gathered() > 0 {
		c.flushLater()
	}
}

// errReadExpired is what a handler sees of a body that stopped coming.
var errReadExpired = netio.ErrReadExpired
