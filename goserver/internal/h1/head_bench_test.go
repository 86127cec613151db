package h1

import (
	"log"
	"net/http"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/pagecache"
)

// benchSession is a session that writes to its buffer only.
func benchSession() *Session {
	cfg := &semantics.Config{
		Clock: netio.NewClock(), Limits: semantics.Limits{HeadBytes: 1 << 16, Fields: 100, TargetBytes: 1 << 14},
		ErrorLog: log.Default, Draining: func() bool { return false }, KeepAlivesOff: func() bool { return false },
	}
	s := NewSession(cfg)
	s.keep = true
	s.head.Method, s.head.Minor = "GET", 1
	return s
}

// BenchmarkHead is the cost of assembling a response head on each path.
func BenchmarkHead(b *testing.B) {
	b.Run("page", func(b *testing.B) {
		s := benchSession()
		page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte("hello"))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			s.out = s.out[:0]
			s.sendPage(page)
		}
	})
	b.Run("direct", func(b *testing.B) {
		s := benchSession()
		r := &direct.Response{
			MediaType: "application/json", Charset: "utf-8",
			Header: []byte("Cache-Control: no-cache\r\nETag: \"1234\"\r\n"), Body: []byte("{}"),
		}
		b.ReportAllocs()
		for b.Loop() {
			s.out = s.out[:0]
			s.render(r)
		}
	})
	for _, fields := range []struct {
		name   string
		header http.Header
	}{
		{"handler/1 field", http.Header{"Content-Type": {"text/plain"}}},
		{"handler/8 fields", http.Header{
			"Content-Type": {"text/html; charset=utf-8"}, "Cache-Control": {"no-cache"}, "Etag": {`"1234"`},
			"Vary": {"Accept-Encoding"}, "X-Request-Id": {"0123456789abcdef"}, "X-Frame-Options": {"DENY"},
			"Set-Cookie": {"a=b; Path=/; HttpOnly"}, "Content-Language": {"en"},
		}},
	} {
		b.Run(fields.name, func(b *testing.B) {
			s := benchSession()
			x := new(exchange)
			b.ReportAllocs()
			for b.Loop() {
				s.out = s.out[:0]
				x.response = response{s: s, x: x, minor: 1, cfg: s.cfg, Response: semantics.Response{Length: -1, Fields: fields.header}}
				x.WriteHeader(200)
				x.finish()
			}
		})
	}
}
