package h2

import (
	"io"
	"slices"
	"sync"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// An aside is a request with content for the handler of a direct route. It runs
// on a goroutine of the pool, since the reader has to bring the content.
type aside struct {
	c       *conn
	st      *stream
	handler direct.Handler
	isHead  bool

	ctx   direct.Ctx
	req   *direct.Request
	resp  *direct.Response
	arena []byte // what the request's slices are slices of
	body  asideBody
	rec   access.Record
}

var asidePool = sync.Pool{New: func() any {
	a := new(aside)
	a.req, a.resp = direct.Describe(&a.ctx)
	return a
}}

// serveAside has a goroutine call h. What the request says is copied for it.
func (c *conn) serveAside(st *stream, h direct.Handler) {
	s := c.s
	a := asidePool.Get().(*aside)
	a.c, a.st, a.handler, a.isHead = c, st, h, s.isHead()
	head := s.head.Head
	a.copyHead(&head)
	head.Describe(a.req, c.nc.Remote(), c.info.TLS != nil)
	c.e.cfg.Routes.Match(&a.ctx) // again, for the values of wildcards
	a.body = asideBody{c: c, st: st, continues: s.head.continues}
	a.req.Body = &a.body
	if c.e.cfg.Done != nil {
		head.BeginRecord(&a.rec, c.nc.Remote())
	}
	c.e.workers.do(a)
}

// copyHead makes the slices of h those of a's arena.
func (a *aside) copyHead(h *semantics.Head) {
	n := len(h.Target) + len(h.Host)
	for i := range h.Fields {
		n += len(h.Fields[i].Name) + len(h.Fields[i].Value)
	}
	a.arena = slices.Grow(a.arena[:0], n)
	keep := func(p []byte) []byte {
		at := len(a.arena)
		a.arena = append(a.arena, p...)
		return a.arena[at:len(a.arena):len(a.arena)]
	}
	h.Target, h.Host = keep(h.Target), keep(h.Host)
	h.Path, h.Query = nil, nil
	if h.Form == semantics.OriginForm {
		h.SplitPath(h.Target)
	}
	fields := slices.Grow(a.req.Fields[:0], len(h.Fields))
	for _, f := range h.Fields {
		fields = append(fields, direct.Field{Name: keep(f.Name), Value: keep(f.Value)})
	}
	h.Fields = fields
}

func (a *aside) work() {
	c, st := a.c, a.st
	ok := c.e.cfg.RunDirect(a.handler, &a.ctx, a)
	an := answer{st: st, r: a.resp, isHead: a.isHead}
	an.take(ok, semantics.BodyRule(a.body.err))
	if an.rule != nil {
		c.e.cfg.Counters.CountRefused(an.rule)
	}
	an.stream = len(a.resp.Segments) > 0
	c.mu.Lock()
	c.giveBack(st.body.discard())
	a.rec.BytesIn = st.body.total
	if a.resp.Close {
		c.closeAfter = true
	}
	handed := c.answerDirect(&an)
	c.flushUnlessGone()
	c.mu.Unlock()
	if !handed {
		semantics.CloseAll(a.resp)
	}
	if c.e.cfg.Done != nil {
		finishRecord(&a.rec, an.status, int64(len(a.resp.Body)))
		c.e.cfg.Done(&a.rec)
	}
	a.free()
}

// Exiting ends the stream of a handler that ended its goroutine.
func (a *aside) Exiting() {
	semantics.CloseAll(a.resp)
	(&exiting{a.c, a.st}).reset()
}

func (a *aside) free() {
	fields := a.req.Fields[:0]
	direct.Reset(&a.ctx, keepSize)
	clear(fields[:cap(fields)])
	semantics.Poison(a.arena)
	arena := a.arena[:0]
	if cap(arena) > keepSize {
		arena = nil
	}
	a.c, a.st, a.handler, a.arena, a.body, a.rec = nil, nil, nil, arena, asideBody{}, access.Record{}
	a.req.Fields = fields
	asidePool.Put(a)
}

// An asideBody is the content of the request of an aside.
type asideBody struct {
	c         *conn
	st        *stream
	continues bool
	err       error
}

func (b *asideBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.continues {
		b.continues = false
		b.c.sendContinue(b.st)
	}
	n, err := b.c.readBody(b.st, p)
	b.err = err
	return n, err
}

var _ io.Reader = (*asideBody)(nil)
