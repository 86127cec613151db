package h1

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A countingConn takes all that is written, and counts the calls.
type countingConn struct {
	netio.Conn
	calls int
	got   []byte
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.calls++
	c.got = append(c.got, p...)
	return len(p), nil
}

func (c *countingConn) Writev(v ...[]byte) (n int64, err error) {
	c.calls++
	for _, p := range v {
		c.got = append(c.got, p...)
		n += int64(len(p))
	}
	return n, nil
}

func (c *countingConn) WritePages(ahead []byte, date *[netio.DateLen]byte, pages []netio.PageRef) error {
	c.calls++
	c.got = append(c.got, ahead...)
	for _, p := range pages {
		c.got = append(c.got, p.Bytes[:p.Date]...)
		c.got = append(c.got, date[:]...)
		c.got = append(c.got, p.Bytes[p.Date+netio.DateLen:]...)
	}
	return nil
}

func (c *countingConn) NetConn() net.Conn { return nil }
func (c *countingConn) State() any        { return nil }

// newPageSession returns a session that is about to answer a GET.
func newPageSession(t testing.TB) (*Session, *countingConn) {
	t.Helper()
	s := NewSession(&semantics.Config{Clock: netio.NewClock()})
	t.Cleanup(s.Retire)
	c := new(countingConn)
	s.bind(c)
	s.head.Method, s.head.Minor = "GET", 1
	return s, c
}

func buildPage(t testing.TB, body int) *pagecache.Page {
	t.Helper()
	p, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}}, bytes.Repeat([]byte{'x'}, body))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answer is what the client gets of a page.
func answer(s *Session, p *pagecache.Page, lines string) string {
	head := strings.Replace(string(p.Head()), "Thu, 01 Jan 1970 00:00:00 GMT", string(s.cfg.Clock.Date()[:]), 1)
	if s.head.Minor == 0 {
		head = strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1)
	}
	head = strings.TrimSuffix(head, "\r\n") + lines + "\r\n"
	if s.head.Method == "HEAD" {
		return head
	}
	return head + string(p.Body())
}

// Pages of all lengths leave in one call, whatever the connection says of itself.
func TestSendPage(t *testing.T) {
	for _, body := range []int{0, 5, 1 << 10, pageCopy - 300, pageCopy, 8 << 10, outFlush, 64 << 10, 300 << 10} {
		p := buildPage(t, body)
		for _, c := range []struct {
			name, method string
			minor        int
			keep         bool
			lines        string
		}{
			{"keep-alive", "GET", 1, true, ""},
			{"HEAD", "HEAD", 1, true, ""},
			{"close", "GET", 1, false, "Connection: close\r\n"},
			{"HEAD, close", "HEAD", 1, false, "Connection: close\r\n"},
			{"1.0", "GET", 0, false, ""},
			{"1.0 keep-alive", "GET", 0, true, "Connection: keep-alive\r\n"},
		} {
			t.Run(fmt.Sprint(body, " B/", c.name), func(t *testing.T) {
				s, conn := newPageSession(t)
				s.head.Method, s.head.Minor, s.keep = c.method, c.minor, c.keep
				s.sendPage(p)
				s.flush()
				want := answer(s, p, c.lines)
				if string(conn.got) != want {
					t.Errorf("got %.300q, want %.300q", conn.got, want)
				}
				if conn.calls != 1 || s.sent != int64(len(want)) || s.status != 200 {
					t.Errorf("%d calls, %d bytes counted, status %d; want 1, %d and 200", conn.calls, s.sent, s.status, len(want))
				}
			})
		}
	}
}

// Pipelined answers leave in few calls and in order, whatever stands beside them.
func TestSendPage_pipelined(t *testing.T) {
	small, large := buildPage(t, 100), buildPage(t, 20<<10)
	for _, c := range []struct {
		answers string // s, l: pages; r: a refusal; c: interim 100; h: a head alone; x: the last, with a large page
		calls   int
	}{
		{"", 0},
		{"ssss", 1},
		{"l", 1},
		{"ll", 1},
		{"ssll", 1},
		{"slsl", 1},
		{"llllllllllll", 1},   // 240 KiB
		{"lllllllllllll", 1},  // 260 KiB
		{"llllllllllllll", 2}, // the 13th filled the queue
		{"l" + strings.Repeat("s", netio.MaxPages-1), 1},
		{"l" + strings.Repeat("s", netio.MaxPages), 2},
		{"lr", 2},
		{"sr", 1},
		{"lc", 2},
		{"lh", 2},
		{"lx", 2},
		{"sx", 1},
		{"lrlslx", 3},
	} {
		t.Run(c.answers, func(t *testing.T) {
			s, conn := newPageSession(t)
			var want string
			for _, a := range c.answers {
				switch a {
				case 's':
					s.sendPage(small)
					want += answer(s, small, "")
				case 'l':
					s.sendPage(large)
					want += answer(s, large, "")
				case 'c':
					s.sendContinue()
					want += "HTTP/1.1 100 Continue\r\n\r\n"
				case 'h':
					s.startPage(large)
					s.out = append(s.out, "\r\n"...)
					want += answer(s, large, "")[:large.BodyOffset()]
				case 'x':
					s.keep = false
					s.sendPage(large)
					want += answer(s, large, "Connection: close\r\n")
				case 'r':
					at := len(s.out)
					s.reply(semantics.ErrPanic, 1, false)
					if s.pages.n != 0 {
						t.Fatal("a reply overtakes pages")
					}
					if at > len(s.out) {
						at = 0
					}
					want += string(s.out[at:])
				}
			}
			s.flush()
			if string(conn.got) != want {
				t.Errorf("got %d bytes, want %d, or in other order", len(conn.got), len(want))
			}
			if conn.calls != c.calls {
				t.Errorf("%d calls, want %d", conn.calls, c.calls)
			}
			for _, r := range s.pages.refs {
				if r.Bytes != nil {
					t.Fatal("a page is still referred to")
				}
			}
		})
	}
}
