package goserver_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// An attackWay is what a hostile peer comes by, and the ways in which the program reads, all of which send back what
// comes.
type attackWay struct {
	name          string
	secure, http2 bool
	paths         []string
}

var attackWays = []attackWay{
	{"HTTP 1.1", false, false, []string{"/callback", "/program", "/streamed"}},
	{"HTTP 1.1 over TLS", true, false, []string{"/callback"}},
	{"HTTP 2", false, true, []string{"/program"}},
	{"HTTP 2 over TLS", true, true, []string{"/callback", "/streamed"}},
}

// An attacked is a server under attack.
type attacked struct {
	t    *testing.T
	way  attackWay
	path string
	srv  *goserver.Server
	addr net.Addr
}

// eachAttack runs a test with a server for each way and each path. set changes the options of the WebSockets.
func eachAttack(t *testing.T, set func(*goserver.WebSocketOptions), f func(t *testing.T, a *attacked)) {
	for _, way := range attackWays {
		for _, path := range way.paths {
			t.Run(way.name+path, func(t *testing.T) {
				quiet(t)
				a := &attacked{t: t, way: way, path: path}
				a.serve(set)
				f(t, a)
			})
		}
	}
}

func (a *attacked) serve(set func(*goserver.WebSocketOptions)) {
	o := new(goserver.WebSocketOptions)
	then := map[string]func(*goserver.WebSocket){"/callback": nil, "/program": echoMessages, "/streamed": echoStreams}[a.path]
	if then == nil {
		o.OnMessage = echoMessage
	}
	if set != nil {
		set(o)
	}
	a.srv = &goserver.Server{WebSockets: true, WebSocketSpread: -1, Protocols: protocols("12c"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := goserver.Upgrade(w, r, o); err == nil && then != nil {
			then(s)
		}
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(a.t, err)
	serve := a.srv.Serve
	if a.way.secure {
		cert, _ := certificate(a.t)
		a.srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		serve = func(l net.Listener) error { return a.srv.ServeTLS(l, "", "") }
	}
	a.addr = l.Addr()
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	a.t.Cleanup(func() {
		a.srv.Close()
		<-served
	})
}

// echoStreams sends back messages as they come.
func echoStreams(s *goserver.WebSocket) {
	var p bytes.Buffer
	for {
		typ, m, err := s.NextReader()
		if err != nil {
			return
		}
		p.Reset()
		if _, err := io.Copy(&p, m); err != nil {
			return
		}
		if s.Write(typ, p.Bytes()) != nil {
			return
		}
	}
}

// tunnelWindow is how many bytes of a stream a client takes before it reads.
const tunnelWindow = 20_000

// A tunnelConn is a stream of HTTP/2 as a connection.
type tunnelConn struct {
	net.Conn
	st *socketStream
}

func (c tunnelConn) Read(p []byte) (int, error)  { return c.st.Read(p) }
func (c tunnelConn) Write(p []byte) (int, error) { return c.st.Write(p) }

// dial opens a WebSocket, by a connection of its own. With offer its messages may be compressed, over the context.
func (a *attacked) dial(offer bool) *socketClient {
	a.t.Helper()
	const field, value = "sec-websocket-extensions", "permessage-deflate"
	if a.way.http2 {
		c := dialSockets(a.t, a.addr, a.way.secure, tunnelWindow)
		c.conn.SetDeadline(time.Now().Add(patience))
		var fields []string
		if offer {
			fields = []string{field, value}
		}
		st := c.open(a.path, fields...)
		if st.status != "200" || offer != (st.fields[field] != "") {
			a.t.Fatalf("answered with %q, %v, %v", st.status, st.fields, st.err)
		}
		conn := tunnelConn{c.conn, st}
		return &socketClient{t: a.t, conn: conn, in: bufio.NewReader(conn)}
	}
	url := "ws://"
	if a.way.secure {
		url = "wss://"
	}
	var fields []string
	if offer {
		fields = []string{field + ": " + value}
	}
	c := dialSocket(a.t, url+a.addr.String()+a.path, fields...)
	if got := c.resp.Header.Get(field); offer != (got != "") {
		a.t.Fatalf("agreed to %q", got)
	}
	return c
}

// cut resets the connection.
func cut(c net.Conn) {
	switch conn := c.(type) {
	case tunnelConn:
		cut(conn.Conn)
	case *tls.Conn:
		cut(conn.NetConn())
	default:
		reset(conn)
		conn.Close()
	}
}

// clientFrame is a frame of a client.
func clientFrame(h wsframe.Header, p []byte) []byte {
	h.Masked, h.Key, h.Length = true, [4]byte{0x37, 0xfa, 0x21, 0x3d}, uint64(len(p))
	b := append(h.Append(nil), p...)
	wsframe.Mask(h.Key, 0, b[len(b)-len(p):])
	return b
}

// end reads to the end: exactly one Close with the code, if there is one, and nothing behind. others is how many
// frames come before.
func (c *socketClient) end(code wsframe.CloseCode) (others int) {
	c.t.Helper()
	for {
		h, p, err := c.frame(nil)
		if err != nil {
			c.t.Fatalf("%v behind %d frames, want close with %v", err, others, code)
		}
		if h.Opcode != wsframe.Close {
			others++
			continue
		}
		if got, reason, err := wsframe.ParseClose(p); err != nil || got != code {
			c.t.Fatalf("closed with %v %q, %v; want %v", got, reason, err, code)
		}
		if b, err := c.in.ReadByte(); err != io.EOF {
			c.t.Fatalf("behind Close: %#x, %v", b, err)
		}
		return others
	}
}

// An attack is what many peers do at once.
type attack struct {
	peers  int
	offer  bool                // their messages may be compressed
	held   int64               // bytes of the heap that each may make the server hold, with its own
	act    func(*socketClient) // comes to an end while the server holds what it does; on goroutines of their own
	finish func(*socketClient) // ends the WebSocket; nil: the peer vanishes
}

// suffer lets the peers act, measures what is held meanwhile and sees that nothing stays.
func (a *attacked) suffer(k attack) {
	a.t.Helper()
	a.dial(k.offer).conn.Close() // what is there once for all is there
	empty := func() bool { return a.srv.Stats().Conns == 0 && a.srv.OpenWebSockets() == 0 }
	poll(a.t, "the end of the first", empty)
	before := measure(a.t)
	peers := make([]*socketClient, k.peers)
	for i := range peers {
		peers[i] = a.dial(k.offer)
	}
	bound := measure(a.t)
	bound.heap += uint64(int64(k.peers) * k.held)
	if raceEnabled { // then pools lose what they get, and HeapAlloc has much that nobody holds
		bound.heap = math.MaxUint64 / 2
	}
	bound.goroutines += 4*k.peers + 2 // two of the peer, and of the server one that reads and one that writes; who measures
	stop, most := make(chan struct{}), make(chan usage)
	go func() { most <- peak(a.t, stop) }()
	var acting sync.WaitGroup
	for _, c := range peers {
		acting.Go(func() { k.act(c) })
	}
	acting.Wait()
	close(stop)
	if got := <-most; !got.within(bound) {
		a.t.Errorf("%d peers take %+v, want at most %+v and %d bytes of heap", k.peers, got, bound, heapSlack)
	}
	for _, c := range peers {
		if k.finish != nil && !a.t.Failed() {
			k.finish(c)
		}
		c.conn.Close()
	}
	clear(peers)
	poll(a.t, "the end of all", empty)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		after := measure(a.t)
		after.goroutines = 0 // those of the pool stay for a while
		if after.within(before) {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%+v when all have gone, %+v before", after, before)
		}
	}
}

// peak measures until it is told to stop, and once more, and returns the most of each.
func peak(t *testing.T, stop <-chan struct{}) (most usage) {
	for last := false; ; {
		u := measure(t)
		u.heap = min(u.heap, measure(t).heap) // what came and went meanwhile is not held
		most = usage{max(most.goroutines, u.goroutines), max(most.descriptors, u.descriptors), max(most.heap, u.heap)}
		if last {
			return most
		}
		select {
		case <-stop:
			last = true
		case <-time.After(50 * time.Millisecond):
		}
	}
}
