package goserver

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/ws"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A fakePeer is a peer that takes up to window bytes, and says nothing.
type fakePeer struct {
	mu      sync.Mutex
	moved   sync.Cond // bytes, or its end
	window  int       // how many more it takes; below 0 any number
	wire    []byte    // what it has taken
	discard bool      // count only
	taken   int
	gone    bool
	before  func() // called before it takes bytes; nil: nothing is
}

func newFakePeer(window int) *fakePeer {
	p := &fakePeer{window: window}
	p.moved.L = &p.mu
	return p
}

var errFakeGone = errors.New("peer is gone")

func (p *fakePeer) TryWritev(v ...[]byte) (n int64, err error) {
	if p.before != nil {
		p.before()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return 0, errFakeGone
	}
	for i, b := range v {
		if p.window >= 0 {
			b = b[:min(len(b), p.window)]
			p.window -= len(b)
		}
		if !p.discard {
			p.wire = append(p.wire, b...)
		}
		n += int64(len(b))
		v[i] = v[i][len(b):] // a transport may consume it
	}
	p.taken += int(n)
	p.moved.Broadcast()
	return n, nil
}

func (p *fakePeer) RemoteAddr() net.Addr { return &net.TCPAddr{} }

func (p *fakePeer) CanWrite() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.window == 0 && !p.gone {
		p.moved.Wait()
	}
	if p.gone {
		return errFakeGone
	}
	return nil
}

// open has the peer take n bytes more; below 0 any number.
func (p *fakePeer) open(n int) {
	p.mu.Lock()
	p.window = n
	p.moved.Broadcast()
	p.mu.Unlock()
}

// waitTaken waits until the peer has taken n bytes, or is gone.
func (p *fakePeer) waitTaken(n int) { p.waitFor(func() bool { return p.taken >= n }) }

func (p *fakePeer) waitFor(what func() bool) {
	p.mu.Lock()
	for !what() && !p.gone {
		p.moved.Wait()
	}
	p.mu.Unlock()
}

func (p *fakePeer) Abort() {
	p.mu.Lock()
	p.gone = true
	p.moved.Broadcast()
	p.mu.Unlock()
}

func (p *fakePeer) Read([]byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.gone {
		p.moved.Wait()
	}
	return 0, io.EOF
}

func (p *fakePeer) Next([]byte, time.Duration) (int, bool, error) { return 0, true, nil }
func (p *fakePeer) ReadExpiry(time.Duration)                      {}
func (p *fakePeer) WriteIdle(time.Duration)                       {}
func (p *fakePeer) MayBlock()                                     {}
func (p *fakePeer) CloseWrite() error                             { return nil }
func (p *fakePeer) End()                                          {}

// A fataler is a *testing.T, or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// messages returns what was sent, as texts; Close is "close" and its code.
func (p *fakePeer) messages(t fataler) (texts []string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var part []byte
	for b := p.wire; len(b) > 0; {
		h, n, ok := wsframe.ParseHeader(b)
		if !ok || len(b) < n+int(h.Length) {
			t.Fatalf("%d bytes are no frame", len(b))
		}
		payload := b[n : n+int(h.Length)]
		b = b[n+int(h.Length):]
		switch {
		case h.Opcode == wsframe.Close:
			code, _, _ := wsframe.ParseClose(payload)
			texts = append(texts, "close "+code.String())
		case h.RSV1:
			t.Fatal("compressed")
		default:
			if part = append(part, payload...); h.Fin {
				texts = append(texts, string(part))
				part = nil
			}
		}
	}
	return texts
}

var fakeEngine = sync.OnceValue(func() *ws.Engine {
	return ws.NewEngine(ws.Environment{Clock: netio.NewClock(), Logf: func(string, ...any) {}})
})

// fakeSocket returns a WebSocket whose peer is p.
func fakeSocket(p *fakePeer, o *WebSocketOptions) *WebSocket {
	if o == nil {
		o = &defaultWebSocket
	}
	s := &WebSocket{o: o}
	s.conn.Init(&o.settle().config, fakeEngine().Route("hub"), ws.Agreement{}, s.observer())
	s.conn.Start(p, nil)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settleHub waits until a Hub that nobody calls has delivered all.
func settleHub(h *Hub) { h.work.Wait() }
