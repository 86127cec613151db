package h2

import (
	"net/http"
	"sync"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

// An exchange is all that one request of an http.Handler needs: one allocation,
// never recycled, since handlers keep parts of it. It is the http.ResponseWriter.
type exchange struct {
	mu   sync.Mutex // held by the methods of the response
	c    *conn
	st   *stream // nil once the exchange has ended; set with mu and the lock of the connection
	cfg  *semantics.Config
	req  semantics.Request
	res  semantics.Response
	body requestBody
	pad  *pad // nil once the exchange has ended

	connect   bool    // the request is an extended CONNECT
	tunnel    *tunnel // what it has become; then st is nil
	returned  bool    // the handler of a tunnel has, and did not fail
	headSent  bool
	continues bool // the client waits for 100 (Continue)
	sent      int64
	rec       *access.Record
}

// A pad is memory that an exchange needs while it runs.
type pad struct {
	fields []semantics.Field // of the head, as they were when the status was chosen
	buf    []byte            // content held back so that its length is known
}

var padPool = sync.Pool{New: func() any { return &pad{buf: make([]byte, 0, semantics.HeldBytes)} }}

func (p *pad) free() {
	clear(p.fields)
	p.fields = p.fields[:0]
	semantics.Poison(p.buf)
	p.buf = p.buf[:0]
	padPool.Put(p)
}

// serveHandler has the http.Handler answer, on a goroutine of the pool.
func (c *conn) serveHandler(st *stream) {
	h, cfg := &c.s.head, c.e.cfg.Config
	x := &exchange{c: c, st: st, cfg: cfg}
	r, err := x.req.Fill(cfg, c.info, &h.Head, st)
	if err != nil {
		c.refuse(st, semantics.ErrTargetURL)
		return
	}
	x.res.Length, x.res.Head = -1, h.Method == "HEAD"
	if h.connect {
		x.presentUpgrade(r)
	}
	x.attachBody(r, h)
	x.pad = padPool.Get().(*pad)
	if cfg.Done != nil {
		x.rec = new(access.Record)
		h.BeginRecord(x.rec, c.nc.Remote())
		ownRecord(x.rec)
	}
	c.mu.Lock()
	st.x = x
	c.mu.Unlock()
	c.handed = true
	c.e.workers.do(x)
}

// ownRecord makes the slices of a record its own: the buffers they are in serve
// the next request soon.
func ownRecord(r *access.Record) {
	all := make([]byte, 0, len(r.Path)+len(r.Query)+len(r.Host)+len(r.RequestID)+len(r.UserAgent)+len(r.Referer))
	for _, p := range []*[]byte{&r.Path, &r.Query, &r.Host, &r.RequestID, &r.UserAgent, &r.Referer} {
		if *p != nil {
			at := len(all)
			all = append(all, *p...)
			*p = all[at:len(all):len(all)]
		}
	}
}

// attachBody gives the request its body, length and announced trailers.
func (x *exchange) attachBody(r *http.Request, h *head) {
	if x.st.remoteDone || h.length == 0 || h.connect {
		r.Body = http.NoBody
		return
	}
	x.body.x, x.body.st, x.body.c = x, x.st, x.c
	r.Body = &x.body
	r.ContentLength = h.length
	x.continues = h.continues
	if h.trailer {
		semantics.AnnounceTrailers(r)
	}
	x.body.trailer = &r.Trailer
}

// work runs the handler.
func (x *exchange) work() {
	defer x.handOver() // last of all
	defer x.cfg.Release()
	if !x.cfg.Admit() {
		x.shed()
		return
	}
	if x.cfg.Run(x, &x.req.HTTP) {
		x.conclude(true)
	}
}

// Failed ends the exchange of a handler that panicked, or ended its goroutine.
func (x *exchange) Failed(bool) { x.conclude(false) }

// shed answers a request that is over the limit of handlers at once.
func (x *exchange) shed() {
	c, st := x.c, x.st
	c.mu.Lock()
	if !st.reset && !c.dead {
		c.reply(st, semantics.ErrOverload, x.res.Head)
		x.res.Status = semantics.ErrOverload.Status
	}
	c.mu.Unlock()
	x.end(true)
}

// conclude completes the exchange when its handler has returned (ok) or not.
// First it takes everything from the handler, of which goroutines may be left:
// none of them reads or writes any more.
func (x *exchange) conclude(ok bool) {
	x.req.Ctx.End()
	x.body.cut()
	x.seize()
	defer x.mu.Unlock()
	if x.tunnel != nil {
		x.leave(ok)
		return
	}
	if ok {
		ok = x.finish()
	}
	x.end(ok)
}

// seize takes the lock of the response from a method that waits for the peer.
func (x *exchange) seize() {
	if x.mu.TryLock() {
		return
	}
	c := x.c
	cut := func(on bool) {
		c.mu.Lock()
		if st := x.st; st != nil {
			st.cut = on
			st.sendable.Broadcast()
		}
		c.mu.Unlock()
	}
	cut(true)
	x.mu.Lock()
	cut(false)
}

// end gives the stream back. When the response is not whole, the client must see
// that.
func (x *exchange) end(whole bool) {
	c, st := x.c, x.st
	x.log(whole)
	c.mu.Lock()
	st.x, x.st = nil, nil
	if !whole && !st.reset && !st.localDone && !c.dead {
		c.resetStream(st, http2.ErrCodeInternal)
	}
	c.answered(st)
	c.flushUnlessGone()
	c.mu.Unlock()
	x.pad.free()
	x.pad = nil
}

// flushUnlessGone sends what a handler has added. c.mu is held.
func (c *conn) flushUnlessGone() {
	if c.sender != nil && !c.dead {
		c.flushSoon()
	}
}

// log hands the record over.
func (x *exchange) log(whole bool) {
	if x.rec == nil {
		return
	}
	x.finishRecord(whole)
	x.cfg.Done(x.rec)
}

// keepTrailers adds the trailer section of the request for the handler that
// reads its body to the end.
func (x *exchange) keepTrailers(fields []hpack.HeaderField) {
	own := make([]direct.Field, len(fields))
	for i := range fields {
		own[i] = direct.Field{Name: append([]byte(nil), fields[i].Name...), Value: append([]byte(nil), fields[i].Value...)}
	}
	x.body.trailers = own
}

// Watch and Unwatch make a stream the semantics.Watcher of its request.
func (st *stream) Watch(gone func()) {
	st.c.mu.Lock()
	over := st.err != nil || st.c.dead
	if !over {
		st.gone = gone
	}
	st.c.mu.Unlock()
	if over {
		gone()
	}
}

func (st *stream) Unwatch() {
	st.c.mu.Lock()
	st.gone = nil
	st.c.mu.Unlock()
}
