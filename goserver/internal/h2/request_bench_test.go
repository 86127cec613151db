package h2

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/hyperion-server/hyperion/pagecache"
)

// BenchmarkRequest answers bursts of requests on one connection: with a page, which the reader does,
// and with a handler. A burst of one is a connection that is parked behind each request.
func BenchmarkRequest(b *testing.B) {
	s := &bench{t: b}
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte("hello"))
	must(b, err)
	must(b, s.routes.HandlePage("GET /page", page))
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "handler") })
	s.serveSocket(func() { s.cfg.Handler = hello }, func(addr string) {
		for _, path := range []string{"/page", "/handler"} {
			for _, burst := range []int{1, 100} {
				b.Run(path[1:]+"/"+strconv.Itoa(burst), func(b *testing.B) {
					c, err := net.Dial("tcp", addr)
					must(b, err)
					defer c.Close()
					talk := newBurst(b, c, path, burst)
					talk.round()
					b.ReportAllocs()
					b.ResetTimer()
					for range max(b.N/burst, 1) {
						talk.round()
					}
				})
			}
		}
	})
}
