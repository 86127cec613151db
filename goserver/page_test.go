package goserver_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/pagecache"
)

// A shelf keeps a few pages in a cache that has no room for all. The body of a page
// is the number of its making, over and over.
type shelf struct {
	cache *pagecache.Cache
	made  atomic.Uint64
}

const shelfPages, shelfBody = 8, 60_000

func (s *shelf) page(t testing.TB, key string) *pagecache.Page {
	if e, _ := s.cache.Get([]byte(key), 0); e != nil {
		return e.Representations[pagecache.Identity].Page
	}
	return s.renew(t, key)
}

// renew makes a page anew and puts it into the cache, where others must go for it.
func (s *shelf) renew(t testing.TB, key string) *pagecache.Page {
	body := bytes.Repeat(binary.LittleEndian.AppendUint64(nil, s.made.Add(1)), shelfBody/8)
	p, err := pagecache.Build(http.StatusOK, nil, body)
	if err != nil {
		t.Error(err)
		return nil
	}
	e := new(pagecache.Entry)
	e.Representations[pagecache.Identity] = &pagecache.Representation{Page: p}
	s.cache.Put(key, e, 0)
	return p
}

// Pages are evicted, replaced and purged, and their memory is collected and used
// again, while slow readers receive them: the bytes are those of one making.
func TestPages_evictedWhileSent(t *testing.T) {
	s := &shelf{cache: pagecache.New(pagecache.Options{MaxBytes: 3 * shelfBody})}
	srv := &goserver.Server{}
	must(t, srv.Handle("GET /{key}", func(c *goserver.Ctx) { c.SendPage(s.page(t, string(c.PathValue("key")))) }))
	addr := serve(t, srv)

	const clients, rounds, pipelined = 4, 3, 80 // more bytes at once than the sockets hold
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range rounds {
				receiveSlowly(t, s, addr, pipelined)
			}
		})
	}
	group.Wait()
	if st := s.cache.Stats(); st.Evictions == 0 {
		t.Error("nothing was evicted")
	}
}

// receiveSlowly asks for n pages at once and, between the pages that it takes, has the
// cache let go of everything and others take its place.
func receiveSlowly(t *testing.T, s *shelf, addr string, n int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute)) // a failing server must not hang the test
	c.(*net.TCPConn).SetReadBuffer(16 << 10)
	var requests strings.Builder
	for i := range n {
		fmt.Fprintf(&requests, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i%shelfPages)
	}
	io.WriteString(c, requests.String())
	r, body := bufio.NewReaderSize(c, 4<<10), make([]byte, shelfBody)
	for i := range n {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("response %d: %v", i, err)
			return
		}
		if i%16 == 0 {
			s.cache.Clear()
			runtime.GC()
			for k := range shelfPages {
				s.renew(t, fmt.Sprint(k))
			}
		}
		if _, err := io.ReadFull(resp.Body, body); err != nil || resp.ContentLength != shelfBody {
			t.Errorf("response %d of %d bytes: %v", i, resp.ContentLength, err)
			return
		}
		if !bytes.Equal(body[8:], body[:len(body)-8]) || binary.LittleEndian.Uint64(body) == 0 {
			t.Errorf("response %d: the body is not of one making", i)
			return
		}
	}
}

// A page that is written from where it lies makes no allocation, alone or with
// others, nor does one that is cut for HEAD.
func TestAllocs_page(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	srv := &goserver.Server{}
	must(t, srv.HandleStatic("GET /page", bytes.Repeat([]byte("x"), 20<<10), "text/plain"))
	addr := serve(t, srv)
	for _, tc := range []struct {
		name, request string
		times, size   int // of the request; of the bodies
	}{
		{"one", "GET /page HTTP/1.1\r\nHost: x\r\n\r\n", 1, 20 << 10},
		{"pipelined", "GET /page HTTP/1.1\r\nHost: x\r\n\r\n", 20, 20 * 20 << 10},
		{"HEAD behind others", "GET /page HTTP/1.1\r\nHost: x\r\n\r\nHEAD /page HTTP/1.1\r\nHost: x\r\n\r\n", 1, 20 << 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			defer conn.Close()
			request := []byte(strings.Repeat(tc.request, tc.times))
			_, err = conn.Write(request)
			must(t, err)
			buf, size := make([]byte, tc.size+64<<10), 0
			for n := bytes.Count(request, []byte("\r\n\r\n")); bytes.Count(buf[:size], []byte("\r\n\r\n")) < n || bytes.Count(buf[:size], []byte("x")) < tc.size; {
				n, err := conn.Read(buf[size:])
				must(t, err)
				size += n
			}
			exchange := func() {
				conn.Write(request)
				if _, err := io.ReadFull(conn, buf[:size]); err != nil {
					t.Fatal(err)
				}
			}
			for range 100 { // warm the pools
				exchange()
			}
			if got := testing.AllocsPerRun(500, exchange); got > 0 {
				t.Errorf("%v allocations an exchange, want none", got)
			}
		})
	}
}
