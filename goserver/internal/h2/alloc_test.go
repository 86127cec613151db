package h2

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"golang.org/x/net/http2"
	xhpack "golang.org/x/net/http2/hpack"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

// TestAllocations pins what a request costs on the heap, of a burst on a real
// socket: nothing on the direct path.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := &bench{t: t}
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte("hello"))
	must(t, err)
	must(t, b.routes.HandlePage("GET /page", page))
	must(t, b.routes.Handle("GET /direct", func(c *direct.Ctx) {
		c.AddHeader("X-A", "b")
		c.WriteString("direct")
	}))
	b.serveSocket(func() {
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "handler") })
	}, func(addr string) { allocations(t, addr) })
}

func allocations(t *testing.T, addr string) {
	for _, tc := range []struct {
		path string
		most float64
	}{{"/page", 0}, {"/direct", 0}, {"/handler", 7}} {
		const burst = 100
		c, err := net.Dial("tcp", addr)
		must(t, err)
		talk := newBurst(t, c, tc.path, burst)
		talk.round() // warms up
		talk.round()
		if n := testing.AllocsPerRun(20, talk.round) / burst; n > tc.most+0.5 { // the bursts of others, pools that were emptied
			t.Errorf("%s: %.2f allocations a request, want %v", tc.path, n, tc.most)
		}
		c.Close()
	}
}

// A burst is a client that asks for a path many times at once, without allocating.
type burstClient struct {
	t     testing.TB
	c     net.Conn
	n     int
	id    uint32
	block []byte
	out   []byte
	in    [64 << 10]byte
	held  int
}

func newBurst(t testing.TB, c net.Conn, path string, n int) *burstClient {
	var block bytes.Buffer
	enc := xhpack.NewEncoder(&block)
	enc.SetMaxDynamicTableSize(0)
	block.Reset()
	for _, f := range []xhpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "a"}, {Name: ":path", Value: path}} {
		enc.WriteField(f)
	}
	_, err := io.WriteString(c, http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	must(t, err)
	_, err = c.Write(appendWindowUpdate(nil, 0, 1<<30))
	must(t, err)
	return &burstClient{t: t, c: c, n: n, id: 1, block: block.Bytes()}
}

// round asks n times and reads to the last answer.
func (b *burstClient) round() {
	b.out = b.out[:0]
	for range b.n {
		b.out = append(appendFrameHeader(b.out, len(b.block), http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersEndStream, b.id), b.block...)
		b.id += 2
	}
	if _, err := b.c.Write(b.out); err != nil {
		b.t.Fatal(err)
	}
	for ended := 0; ended < b.n; {
		m, err := b.c.Read(b.in[b.held:])
		if err != nil {
			b.t.Fatal(err)
		}
		p := b.in[:b.held+m]
		for len(p) >= frameHeaderLen {
			f := parseFrameHeader(p)
			if len(p) < frameHeaderLen+f.length {
				break
			}
			if f.typ == http2.FrameData && f.flags&http2.FlagDataEndStream != 0 {
				ended++
			}
			p = p[frameHeaderLen+f.length:]
		}
		b.held = copy(b.in[:], p)
	}
}
