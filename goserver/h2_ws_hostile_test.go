package goserver_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// behaviours are what programs do with a WebSocket, some of it foolish.
var behaviours = map[string]func(w http.ResponseWriter, r *http.Request){
	"echo": func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, nil); err == nil {
			echoMessages(s)
		}
	},
	"callback": func(w http.ResponseWriter, r *http.Request) { goserver.Upgrade(w, r, hostileCallback) },
	"exits": func(w http.ResponseWriter, r *http.Request) {
		goserver.Upgrade(w, r, hostileCallback)
		runtime.Goexit()
	},
	"panics": func(w http.ResponseWriter, r *http.Request) {
		goserver.Upgrade(w, r, &goserver.WebSocketOptions{CloseTimeout: 50 * time.Millisecond})
		panic(http.ErrAbortHandler)
	},
	"answers": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("no ", 10_000)) },
	"aborts": func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, hostileCallback); err == nil {
			go s.Abort()
			s.WriteText("hello")
			s.SetReadDeadline(time.Now())
			s.Next()
			s.NextReader()
			s.Ping(nil)
			s.Close(1000, "")
			s.RemoteAddr()
		}
	},
	"closes": func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, &goserver.WebSocketOptions{CloseTimeout: 50 * time.Millisecond}); err == nil {
			go s.Close(4000, "enough")
			go s.WriteText(strings.Repeat("x", 100_000))
			ctx, stop := context.WithCancel(r.Context())
			stop()
			s.ReadContext(ctx, nil)
			if _, m, err := s.NextReader(); err == nil {
				io.Copy(io.Discard, m)
			}
		}
	},
	"writes": func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, hostileCallback); err == nil {
			m, _ := s.NextWriter(goserver.BinaryMessage)
			go func() {
				for m.Flush() == nil {
					if _, err := m.Write(make([]byte, 40_000)); err != nil {
						break
					}
				}
			}()
		}
	},
	"twice": func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, nil); err == nil {
			goserver.Upgrade(w, r, nil)
			io.WriteString(w, "too late")
			s.Close(1000, "")
		}
	},
}

var hostileCallback = &goserver.WebSocketOptions{
	Compression: goserver.CompressionTakeover, CloseTimeout: 50 * time.Millisecond, WriteTimeout: time.Second,
	OnMessage: func(s *goserver.WebSocket, t goserver.MessageType, p []byte) {
		switch {
		case len(p) == 7:
			panic("seven")
		case len(p) == 8:
			runtime.Goexit()
		case len(p) == 9:
			s.Abort()
		}
		s.Write(t, p)
		s.Next()
		s.SetReadDeadline(time.Now())
	},
	OnPing: func(s *goserver.WebSocket, p []byte) {
		if len(p) == 3 {
			s.Close(1000, "")
		}
	},
}

// Peers that do what they like with tunnels, to programs that do likewise, take nothing with them:
// neither places, nor the window of the connection, nor sockets that stay.
func TestWebSocketHTTP2_hostile(t *testing.T) {
	for name, secure := range map[string]bool{"h2c": false, "h2": true} {
		t.Run(name, func(t *testing.T) { hostileTunnels(t, secure) })
	}
}

func hostileTunnels(t *testing.T, secure bool) {
	names := make([]string, 0, len(behaviours))
	mux := http.NewServeMux()
	for name, f := range behaviours {
		names = append(names, name)
		mux.HandleFunc("GET /"+name, f)
	}
	mux.HandleFunc("POST /sink", func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s := &goserver.Server{Handler: mux, WebSockets: true, WebSocketSpread: -1, ErrorLog: log.New(io.Discard, "", 0)}
	var addr net.Addr
	if secure {
		cert, _ := certificate(t)
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		addr = l.Addr()
		served := make(chan error, 1)
		go func() { served <- s.ServeTLS(l, "", "") }()
		defer func() {
			s.Close()
			<-served
		}()
	} else {
		addr, _ = start(t, s)
	}
	var peers sync.WaitGroup
	for seed := range uint64(6) {
		peers.Go(func() {
			c := dialSockets(t, addr, secure, 20_000)
			defer c.conn.Close()
			h := hostilePeer{c, rand.New(rand.NewPCG(seed, 41)), names}
			for range 40 {
				h.act()
			}
			if seed%3 == 0 {
				return // and it is gone
			}
			h.locked(func() {
				for id := range c.streams {
					c.out.WriteRSTStream(id, http2.ErrCodeCancel)
				}
			})
			h.upload(t, 10<<20)
		})
	}
	peers.Wait()
	poll(t, "the end of the streams", func() bool { return s.Stats().Streams == 0 })
	for _, r := range s.WebSocketStats() {
		if r.Open != 0 {
			t.Errorf("%s: %d sockets are open", r.Route, r.Open)
		}
	}
}

type hostilePeer struct {
	c     *socketConn
	rnd   *rand.Rand
	names []string
}

func (h hostilePeer) locked(f func()) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if h.c.err == nil {
		f()
	}
}

// begin sends the head of a request, and does not wait.
func (h hostilePeer) begin(path, method string, offer bool) *socketStream {
	c := h.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last++; c.last > 1 {
		c.last++
	}
	st := &socketStream{c: c, id: c.last, send: c.initial}
	c.streams[st.id] = st
	c.block.Reset()
	add := func(name, value string) { c.enc.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	add(":method", method)
	if method == "CONNECT" {
		add(":protocol", "websocket")
	}
	add(":scheme", "http")
	add(":authority", "a.example")
	add(":path", path)
	add("sec-websocket-version", "13")
	if offer {
		add("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")
	}
	c.out.WriteHeaders(http2.HeadersFrameParam{StreamID: st.id, EndHeaders: true, BlockFragment: c.block.Bytes()})
	return st
}

// act does something, on a new stream and then on it.
func (h hostilePeer) act() {
	st := h.begin("/"+h.names[h.rnd.IntN(len(h.names))], "CONNECT", h.rnd.IntN(2) == 0)
	if h.rnd.IntN(3) > 0 {
		h.c.wait(func() bool { return st.status != "" || st.err != nil })
	}
	for range h.rnd.IntN(12) {
		h.on(st)
	}
}

func (h hostilePeer) on(st *socketStream) {
	n := h.rnd.IntN(30)
	if h.rnd.IntN(4) == 0 {
		n = h.rnd.IntN(20_000)
	}
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(h.rnd.Uint32())
	}
	end := h.rnd.IntN(10) == 0
	switch what := h.rnd.IntN(12); what {
	case 0, 1, 2, 3: // a message
		hd := wsframe.Header{Opcode: wsframe.Binary, Fin: what > 0, Masked: true, Length: uint64(len(p)), RSV1: what == 3}
		h.data(st, append(hd.Append(nil), p...), end)
	case 4:
		hd := wsframe.Header{Opcode: wsframe.Ping, Fin: true, Masked: true, Length: uint64(min(n, 125))}
		h.data(st, append(hd.Append(nil), p[:min(n, 125)]...), end)
	case 5:
		hd := wsframe.Header{Opcode: wsframe.Close, Fin: true, Masked: true, Length: 2}
		h.data(st, append(hd.Append(nil), 3, 232), end)
	case 6: // anything
		h.data(st, p, end)
	case 7:
		h.data(st, nil, end)
	case 8:
		h.padded(st, p, end)
	case 9:
		h.locked(func() {
			h.c.out.WriteRSTStream(st.id, http2.ErrCodeCancel)
			st.send = -1 << 62
		})
	case 10:
		h.locked(func() { h.c.out.WriteWindowUpdate(st.id, uint32(1+n)) })
	case 11:
		runtime.Gosched()
	}
}

// data sends DATA, where the windows allow it.
func (h hostilePeer) data(st *socketStream, p []byte, end bool) {
	h.locked(func() {
		if n := int64(len(p)); n <= st.send && st.err == nil && n <= h.c.send {
			h.c.out.WriteData(st.id, end, p)
			st.send, h.c.send = st.send-n, h.c.send-n
			if end {
				st.send = -1 << 62 // nothing more
			}
		}
	})
}

func (h hostilePeer) padded(st *socketStream, p []byte, end bool) {
	pad := make([]byte, h.rnd.IntN(256))
	h.locked(func() {
		p := p[:min(len(p), 16_000)]
		if n := int64(len(p) + len(pad) + 1); n <= st.send && st.err == nil && n <= h.c.send {
			h.c.out.WriteDataPadded(st.id, end, p, pad)
			st.send, h.c.send = st.send-n, h.c.send-n
			if end {
				st.send = -1 << 62 // nothing more
			}
		}
	})
}

// upload sends so many bytes, for which the window of the connection must come back.
func (h hostilePeer) upload(t *testing.T, n int) {
	st := h.begin("/sink", "POST", false)
	late := time.AfterFunc(20*time.Second, func() {
		t.Errorf("the window of the connection has not come back: %d", h.c.send)
		h.c.conn.Close()
	})
	defer late.Stop()
	if _, err := st.Write(make([]byte, n)); err != nil {
		t.Errorf("the connection is of no use: %v", err)
		return
	}
	h.locked(func() { h.c.out.WriteData(st.id, true, nil) })
	h.c.wait(func() bool { return st.status != "" || st.err != nil })
}
