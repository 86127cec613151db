package hubnats

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hyperion-server/hyperion/goserver"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startBroker starts a NATS server on a port; -1: any.
func startBroker(t testing.TB, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	must(t, err)
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS server does not start")
	}
	return s
}

func stopBroker(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// A machine is a server whose WebSockets join the topics that their query names, by a Hub.
type machine struct {
	nc      *nats.Conn
	adapter *watched
	hub     *goserver.Hub
	url     string
	lost    chan struct{} // the connection to NATS was
	back    chan struct{}
	failed  chan error // of the adapter
}

func startMachine(t testing.TB, broker string, options ...nats.Option) *machine {
	t.Helper()
	m := &machine{lost: make(chan struct{}, 10), back: make(chan struct{}, 10), failed: make(chan error, 100)}
	nc, err := nats.Connect(broker, append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { m.lost <- struct{}{} }),
		nats.ReconnectHandler(func(*nats.Conn) { m.back <- struct{}{} }),
	}, options...)...)
	must(t, err)
	m.nc, m.adapter = nc, watch(New(nc, nil))
	m.hub = &goserver.Hub{Adapter: m.adapter, OnAdapterError: func(_ string, err error) { m.failed <- err }}
	srv := &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(w, r, sockets)
		if err != nil {
			return
		}
		for _, topic := range r.URL.Query()["topic"] {
			if err := m.hub.Join(topic, s); err != nil {
				t.Error(err)
			}
		}
		s.WriteText("joined")
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	m.url = "ws://" + l.Addr().String() + "/"
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
		must(t, m.hub.Close())
		nc.Close()
	})
	return m
}

var sockets = &goserver.WebSocketOptions{OnMessage: func(*goserver.WebSocket, goserver.MessageType, []byte) {}}

// dial returns a client that has joined topics, of which NATS knows.
func (m *machine) dial(t testing.TB, topics ...string) *websocket.Conn {
	t.Helper()
	c := m.dial1(t, topics...)
	must(t, m.nc.Flush())
	return c
}

// dial1 returns a client that has joined topics, whether NATS knows or not.
func (m *machine) dial1(t testing.TB, topics ...string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial(m.url+"?"+url.Values{"topic": topics}.Encode(), nil)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	wantMessages(t, c, "joined")
	for _, topic := range topics {
		m.adapter.wait(topic, true)
	}
	return c
}

// A watched is an Adapter that tells which topics it is subscribed to.
type watched struct {
	*Adapter
	mu      sync.Mutex
	changed sync.Cond
	on      map[string]bool
}

func watch(a *Adapter) *watched {
	w := &watched{Adapter: a, on: make(map[string]bool)}
	w.changed.L = &w.mu
	return w
}

func (w *watched) Subscribe(topic string) error {
	err := w.Adapter.Subscribe(topic)
	w.set(topic, true)
	return err
}

func (w *watched) Unsubscribe(topic string) error {
	err := w.Adapter.Unsubscribe(topic)
	w.set(topic, false)
	return err
}

func (w *watched) set(topic string, on bool) {
	w.mu.Lock()
	w.on[topic] = on
	w.changed.Broadcast()
	w.mu.Unlock()
}

// wait waits until a topic is subscribed to, or is not.
func (w *watched) wait(topic string, on bool) {
	w.mu.Lock()
	for w.on[topic] != on {
		w.changed.Wait()
	}
	w.mu.Unlock()
}

func wantMessages(t testing.TB, c *websocket.Conn, want ...string) {
	t.Helper()
	for _, w := range want {
		if _, got, err := c.ReadMessage(); err != nil || string(got) != w {
			t.Fatalf("got %q, %v; want %q", got, err, w)
		}
	}
}
