package h2

import (
	"strings"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
	"github.com/hyperion-server/hyperion/pagecache"
)

// pageBlock returns the field block of a page, without what varies: Date, and
// Content-Length. It refers to no dynamic table, and so serves every connection.
func pageBlock(p *pagecache.Page) []byte {
	return p.Derived(func(p *pagecache.Page) []byte {
		b := appendStatus(nil, p.Status())
		for f := range p.Fields() {
			b = hpack.AppendStateless(b, strings.ToLower(f.Name), f.Value)
		}
		return b
	})
}

// sendPage answers with a prebuilt page. Its body is not copied when it is long.
func (c *conn) sendPage(st *stream, p *pagecache.Page, isHead bool) {
	semantics.Bump(&c.s.tally.Files[netio.RungPage], 1)
	body := p.Body()
	end := isHead || len(body) == 0
	c.pageHead(st, p, int64(len(body)), end)
	if !end {
		c.provide(st, body, true, true)
	}
}

// pageHead sends the head of a page for content of n bytes.
func (c *conn) pageHead(st *stream, p *pagecache.Page, n int64, end bool) {
	at := c.beginHead()
	o := c.out()
	o.buf = append(o.buf, pageBlock(p)...)
	o.buf = appendDate(o.buf, c.e.cfg.Clock.Date())
	o.buf = c.appendHSTS(o.buf)
	if semantics.BodyAllowed(p.Status()) {
		o.buf = appendLength(o.buf, n)
	}
	c.endHead(st, at, end)
}

// provide hands content over to be sent. stable says that it stays as it is for
// as long as anybody refers to it; else it is copied when it must wait.
func (c *conn) provide(st *stream, p []byte, last, stable bool) {
	n := int64(len(p))
	st.stable = stable
	if c.queue.n == 0 && n <= min(quantum, int64(c.peer.maxFrame), st.sendWindow, c.sendWindow) && c.gathered() < outPending {
		c.frameData(st, p, last)
		if last {
			c.ended(st)
		}
		return
	}
	if !stable {
		p = append([]byte(nil), p...)
	}
	c.enqueue(st, p, last)
}

// enqueue has p sent as the windows allow. An empty end needs none.
func (c *conn) enqueue(st *stream, p []byte, last bool) {
	if len(p) == 0 {
		if last {
			c.frameData(st, nil, true)
			c.ended(st)
		}
		return
	}
	st.data, st.last = p, last
	st.stalledAt = c.now() + 1
	c.ready(st)
	c.rearm(st.expiry())
}
