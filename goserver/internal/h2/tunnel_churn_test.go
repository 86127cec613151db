package h2

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

func dialTCP(t testing.TB, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// A crier is a Protocol that sends back what comes, while others write into it. Its messages have 8
// bytes: who speaks, and a count of what that one has said.
type crier struct {
	semantics.Transport
	clock *netio.Clock
	room  [4096]byte
	mu    sync.Mutex // held by who writes
	over  bool
	said  uint32
}

func (p *crier) Returned(bool) { p.Serve() }

func (p *crier) Serve() {
	for {
		n, parked, err := p.Next(p.room[:], p.clock.Until(time.Millisecond))
		switch {
		case parked:
			return
		case err == netio.ErrReadExpired:
			p.ReadExpiry(0)
		case err != nil:
			p.end()
			return
		default:
			p.write(p.room[:n])
		}
	}
}

func (p *crier) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.End()
}

func (p *crier) write(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeLocked(b)
}

func (p *crier) writeLocked(b []byte) {
	for !p.over && len(b) > 0 {
		n, err := p.TryWritev(b)
		if b = b[n:]; err == nil && len(b) > 0 {
			err = p.CanWrite()
		}
		if err != nil {
			return
		}
	}
}

// cry says the next message of those that nobody has asked for.
func (p *crier) cry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said++
	p.writeLocked(binary.BigEndian.AppendUint32([]byte{'c', 'r', 'y', 0}, p.said))
}

// A listener is the peer of some criers on one connection.
type listener struct {
	t      *testing.T
	c      net.Conn
	out    *http2.Framer
	echoes map[uint32]uint32
	cries  map[uint32]uint32
	rounds uint32
}

// listen exchanges messages on each stream, and ends each behind its last.
func (l *listener) listen() error {
	in := http2.NewFramer(nil, l.c)
	in.SetMaxReadFrameSize(1 << 20)
	rest := make(map[uint32][]byte)
	for left := len(l.echoes); left > 0; {
		f, err := in.ReadFrame()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.PingFrame:
			if !f.IsAck() {
				l.out.WritePing(true, f.Data)
			}
		case *http2.DataFrame:
			id := f.StreamID
			p := append(rest[id], f.Data()...)
			for ; len(p) >= 8; p = p[8:] {
				if err := l.take(id, p[:8]); err != nil {
					return err
				}
			}
			rest[id] = append([]byte(nil), p...)
			if f.StreamEnded() {
				left--
			}
		case *http2.RSTStreamFrame:
			return fmt.Errorf("reset with %v", f.ErrCode)
		}
	}
	return nil
}

func (l *listener) take(id uint32, p []byte) error {
	count, n := l.echoes, binary.BigEndian.Uint32(p[4:])
	if p[0] == 'c' {
		count = l.cries
	}
	if count[id]++; count[id] != n {
		return fmt.Errorf("stream %d: %q behind %d", id, p, count[id]-1)
	}
	switch {
	case p[0] == 'c':
		return nil
	case n == l.rounds:
		return l.out.WriteData(id, true, nil)
	}
	return l.ask(id, n+1)
}

func (l *listener) ask(id, n uint32) error {
	return l.out.WriteData(id, false, binary.BigEndian.AppendUint32([]byte("ask "), n))
}

// Connections rest and wake while peers and others write, times pass, and the server ends gently or
// at once: nothing is lost, or said twice or in another order, and everything ends.
func TestTunnelRest_churn(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		for _, ending := range []string{"", "drain", "abort"} {
			t.Run(fmt.Sprint(procs, " ", ending), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				churn(t, ending)
			})
		}
	}
}

func churn(t *testing.T, ending string) {
	const conns, tunnels, rounds = 8, 3, 30
	b := &bench{t: t}
	criers := make(chan *crier, conns*tunnels)
	var draining atomic.Bool
	b.serveSocket(func() {
		b.cfg.ConnectProtocol, b.cfg.Ping = true, netio.SweepInterval
		b.cfg.Draining = draining.Load
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			p := &crier{clock: b.cfg.Clock}
			must(t, w.(semantics.Upgrader).Upgrade(nil, p, func(tr semantics.Transport, _ []byte) { p.Transport = tr }))
			criers <- p
		})
	}, func(addr string) {
		var peers, others sync.WaitGroup
		for range conns {
			e := newEchoClient(t, dialTCP(t, addr), tunnels, 1)
			l := &listener{t: t, c: e.c, out: http2.NewFramer(e.c, nil), rounds: rounds, echoes: make(map[uint32]uint32), cries: make(map[uint32]uint32)}
			for i := range uint32(tunnels) {
				l.echoes[2*i+1] = 0
				must(t, l.ask(2*i+1, 1))
			}
			peers.Go(func() {
				if err := l.listen(); err != nil && ending != "abort" {
					t.Error(err)
				}
				e.c.Close()
			})
		}
		done := make(chan struct{})
		for range conns * tunnels {
			p := <-criers
			others.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-done:
						return
					default:
					}
					if p.cry(); i%8 == 0 {
						time.Sleep(time.Duration(i%5) * time.Millisecond) // the connection rests meanwhile
					}
				}
			})
		}
		switch ending {
		case "drain":
			draining.Store(true)
			b.engine.Drain()
		case "abort":
			b.net.AbortAll()
		}
		peers.Wait()
		close(done)
		others.Wait()
		for deadline := time.Now().Add(20 * time.Second); b.engine.Streams() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d streams are left", b.engine.Streams())
			}
		}
	})
}
