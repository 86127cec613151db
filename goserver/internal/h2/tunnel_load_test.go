package h2

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	xhpack "golang.org/x/net/http2/hpack"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// Many tunnels of one connection write and read at once.
func TestTunnel_concurrent(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := newDigger()
			must(t, d.upgrade(w, nil))
			var both sync.WaitGroup
			both.Go(func() {
				p := make([]byte, 100_000)
				for len(p) > 0 {
					n, err := d.TryWritev(p)
					if p = p[n:]; err == nil && len(p) > 0 {
						err = d.CanWrite()
					}
					if err != nil {
						t.Errorf("write: %v", err)
						break
					}
				}
			})
			buf, total := make([]byte, 1000), 0
			for {
				n, err := d.Read(buf)
				if total += n; err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("read: %v", err)
					break
				}
			}
			both.Wait()
			if total != 50*1000 {
				t.Errorf("read %d", total)
			}
			d.End()
		})
	}, func(b *bench) {
		s := b.greet("INITIAL_WINDOW_SIZE=1000")
		s.hush()
		for i := range 50 {
			s.say("HEADERS " + strconv.Itoa(2*i+1) + " " + connect("websocket"))
		}
		part := strings.Repeat("y", 1000)
		for round := range 50 {
			for i := range 50 {
				end := ""
				if round == 49 {
					end = " END_STREAM"
				}
				s.say("DATA " + strconv.Itoa(2*i+1) + end + " | " + part)
				s.say("WINDOW_UPDATE " + strconv.Itoa(2*i+1) + " 2000")
			}
			s.say("WINDOW_UPDATE 0 100000")
		}
		synctest.Wait()
		if n := b.engine.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// A peer that opens the window byte by byte makes work, and is sent away.
func TestTunnel_dribble(t *testing.T) {
	tunnelled(t, nil, "INITIAL_WINDOW_SIZE=0", func(b *bench, s *speaker, d *digger) {
		s.hush()
		go func() {
			p := make([]byte, 100_000)
			for len(p) > 0 {
				n, err := d.TryWritev(p)
				if p = p[n:]; err == nil {
					err = d.CanWrite()
				}
				if err != nil {
					break
				}
			}
			d.Abort()
			d.End()
		}()
		for range 2 * guardMax {
			if s.out.WriteWindowUpdate(1, 1) != nil {
				break
			}
		}
		s.talk("< GOAWAY 1 ENHANCE_YOUR_CALM\n< CLOSED")
	})
}

// An echo is a Protocol that sends back what comes.
type echo struct {
	t    semantics.Transport
	room []byte
	v    [1][]byte
}

func (e *echo) Returned(bool) { e.Serve() }

func (e *echo) Serve() {
	for {
		n, parked, err := e.t.Next(e.room, 0)
		if parked {
			return
		}
		if err != nil {
			e.t.End()
			return
		}
		e.v[0] = e.room[:n]
		e.t.TryWritev(e.v[:]...)
	}
}

func serveEcho(w http.ResponseWriter, _ *http.Request) {
	e := &echo{room: make([]byte, 4096)}
	w.(semantics.Upgrader).Upgrade(nil, e, func(t semantics.Transport, _ []byte) { e.t = t })
}

// An echoClient has tunnels in the streams 1, 3, and so on, and says the same in all of them.
type echoClient struct {
	c     net.Conn
	n     int
	round []byte // DATA of all streams
	in    [64 << 10]byte
	held  int
}

func newEchoClient(t testing.TB, c net.Conn, n, size int) *echoClient {
	e := &echoClient{c: c, n: n}
	var block bytes.Buffer
	enc := xhpack.NewEncoder(&block)
	_, err := io.WriteString(c, http2.ClientPreface)
	must(t, err)
	out := http2.NewFramer(c, c)
	must(t, out.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow}))
	must(t, out.WriteWindowUpdate(0, maxWindow-initialWindow))
	for i := range n {
		block.Reset()
		for _, f := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}} {
			enc.WriteField(xhpack.HeaderField{Name: f[0], Value: f[1]})
		}
		id := uint32(2*i + 1)
		must(t, out.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: block.Bytes()}))
		e.round = append(appendFrameHeader(e.round, size, http2.FrameData, 0, id), make([]byte, size)...)
	}
	return e
}

// exchange says a round and reads until all of it has come back.
func (e *echoClient) exchange(t testing.TB) {
	if _, err := e.c.Write(e.round); err != nil {
		t.Fatal(err)
	}
	for left := len(e.round) - e.n*frameHeaderLen; left > 0; {
		m, err := e.c.Read(e.in[e.held:])
		if err != nil {
			t.Fatal(err)
		}
		p := e.in[:e.held+m]
		for len(p) >= frameHeaderLen {
			f := parseFrameHeader(p)
			if len(p) < frameHeaderLen+f.length {
				break
			}
			if f.typ == http2.FrameData {
				left -= f.length
			}
			p = p[frameHeaderLen+f.length:]
		}
		e.held = copy(e.in[:], p)
	}
}

// What comes and goes through a tunnel costs nothing on the heap.
func TestTunnel_allocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := &bench{t: t}
	b.serveSocket(func() { b.cfg.ConnectProtocol, b.cfg.Handler = true, http.HandlerFunc(serveEcho) }, func(addr string) {
		const tunnels = 100
		c, err := net.Dial("tcp", addr)
		must(t, err)
		defer c.Close()
		e := newEchoClient(t, c, tunnels, 125)
		round := func() { e.exchange(t) }
		round()
		round()
		if n := testing.AllocsPerRun(20, round) / tunnels; n > 0.5 { // the bursts of others, pools that were emptied
			t.Errorf("%.2f allocations a message", n)
		}
	})
}

func BenchmarkTunnel(b *testing.B) {
	for _, tunnels := range []int{1, 100} {
		b.Run(strconv.Itoa(tunnels), func(b *testing.B) {
			s := &bench{t: b}
			s.serveSocket(func() { s.cfg.ConnectProtocol, s.cfg.Handler = true, http.HandlerFunc(serveEcho) }, func(addr string) {
				c, err := net.Dial("tcp", addr)
				must(b, err)
				defer c.Close()
				e := newEchoClient(b, c, tunnels, 125)
				b.ReportAllocs()
				for range max(b.N/tunnels, 1) {
					e.exchange(b)
				}
			})
		})
	}
}
