package h1

import (
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// testLimits are the defaults of goserver.Server.
var testLimits = semantics.Limits{HeadBytes: 64 << 10, Fields: 100, TargetBytes: 16 << 10, BodyBytes: 16 << 20}

// benchHeads are request heads as load generators, browsers and API clients send them.
var benchHeads = []struct{ name, head string }{
	{"wrk", "GET / HTTP/1.1\r\nHost: 127.0.0.1:9292\r\n\r\n"},
	{"curl", "GET /hello HTTP/1.1\r\nHost: localhost:9292\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"},
	{"post", "POST /api/items HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n\r\n"},
	{"browser", "GET /articles/2026/how-to-parse?page=2&sort=date HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Referer: https://www.example.com/articles/2026/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
		"Cookie: session=0f8b5a1c2d3e4f5061728394a5b6c7d8; theme=dark\r\n\r\n"},
	{"target4k", "GET /" + strings.Repeat("a", 4096) + " HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"value4k", "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + strings.Repeat("a", 4096) + "\r\n\r\n"},
}

func BenchmarkParse(b *testing.B) {
	for _, c := range benchHeads {
		b.Run(c.name, func(b *testing.B) {
			buf := []byte(c.head)
			var h Head
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if n, err := h.Parse(buf, &testLimits); n != len(buf) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	for _, c := range benchHeads {
		buf := []byte(c.head)
		var h Head
		if _, err := h.Parse(buf, &testLimits); err != nil { // makes room for the fields
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { h.Parse(buf, &testLimits) }); n != 0 {
			t.Errorf("%s: %v allocations a request, want 0", c.name, n)
		}
	}
}
