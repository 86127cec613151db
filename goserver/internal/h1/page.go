package h1

import (
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/pagecache"
)

// pageCopy is the length in bytes up to which a page is copied to what gathered
// rather than written from where it lies. BenchmarkWritePages of netio on 2 cores
// of an AMD EPYC, least of 18 rounds: µs of processor to write pages over loopback
// and read them, copied into one write and gathered by one sendmsg.
//
//	body                5 B  1 KiB  4 KiB  8 KiB  16 KiB  64 KiB
//	1 page, copied      6.9    7.0    7.3    7.6     8.1    15.7
//	1 page, gathered    7.2    7.2    7.4    7.5     8.0    14.6
//	16 pages, copied    7.4    8.5   16.2   25.0    46.1   186.7
//	16 pages, gathered  8.6    9.4   16.4   23.7    41.1   147.7
//	16, copied up to outFlush a write, the rest gathered with one page each
//	                    7.5   13.2   29.4   51.3    96.2   218.7
const pageCopy = 4 << 10

// pageFlush is how many bytes of pages wait at most, before they are written.
const pageFlush = 256 << 10

// A pageQueue holds the pages that wait, behind the bytes in out, to be written
// from where they lie. A page is memory without pointers, which the collector
// never scans, and frees only when nobody refers to it: so it may be replaced or
// purged in its cache while it is here.
type pageQueue struct {
	refs  [netio.MaxPages]netio.PageRef
	n     int
	bytes int
}

func (q *pageQueue) reset() {
	clear(q.refs[:q.n])
	q.n, q.bytes = 0, 0
}

// sendPage sends a prebuilt page with the Date pasted in and what this
// connection has to say of itself.
func (s *Session) sendPage(p *pagecache.Page) {
	s.status = p.Status()
	page := p.Bytes()
	if s.head.Method == "HEAD" {
		page = p.Head()
	}
	switch {
	case !s.keep || s.head.Minor == 0 || s.sendsHSTS():
		s.startPage(p)
		s.emit(page[p.TailOffset():])
	case s.pages.n == 0 && len(page) <= pageCopy && len(s.out)+len(page) <= outFlush:
		at := len(s.out)
		s.out = append(s.out, page...)
		copy(s.out[at+p.DateOffset():], s.cfg.Clock.Date()[:])
		s.sent += int64(len(page))
	default:
		s.sent += int64(len(page))
		s.queuePage(netio.PageRef{Bytes: page, Date: p.DateOffset()})
	}
}

// startPage appends a page's head, up to the blank line, for a connection that
// has to add fields or to answer in the older version.
func (s *Session) startPage(p *pagecache.Page) {
	s.flushPages()
	at := len(s.out)
	b := append(s.out, p.Bytes()[:p.DateOffset()]...)
	if s.head.Minor == 0 {
		b[at+len("HTTP/1.")] = '0'
	}
	b = append(b, s.cfg.Clock.Date()[:]...)
	b = append(b, "\r\n"...)
	b = s.appendHSTS(b)
	b = appendConnection(b, s.head.Minor, s.keep)
	s.sent += int64(len(b) - at)
	s.out = b
}

func (s *Session) queuePage(r netio.PageRef) {
	q := &s.pages
	q.refs[q.n] = r
	q.n++
	if q.bytes += len(r.Bytes); q.n == len(q.refs) || q.bytes >= pageFlush {
		s.markFirstByte()
		s.flushPages()
	}
}

// flushPages writes the pages that wait, together with what gathered before
// them. It comes before anything is appended to out: that would overtake them.
func (s *Session) flushPages() {
	q := &s.pages
	if q.n == 0 {
		return
	}
	if s.werr == nil {
		s.werr = s.conn.WritePages(s.out, s.cfg.Clock.Date(), q.refs[:q.n])
	}
	s.out = s.out[:0]
	q.reset()
}
