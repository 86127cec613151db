package hubnats

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/nats-io/nats.go"
)

// A brokenBroker speaks the protocol of NATS with one client at a time, until it is told to do otherwise.
type brokenBroker struct {
	t    *testing.T
	l    net.Listener
	ends sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	conn    net.Conn
	subs    map[string]string // sid by subject, of the connection that is there
	silent  bool              // what comes is not read
}

const brokenInfo = `INFO {"server_id":"x","version":"2.11.0","proto":1,"headers":true,"max_payload":1048576}` + "\r\n"

func startBroken(t *testing.T) *brokenBroker {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := &brokenBroker{t: t, l: l}
	b.changed.L = &b.mu
	b.ends.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.ends.Go(func() { b.serve(c) })
		}
	})
	return b
}

func (b *brokenBroker) url() string { return "nats://" + b.l.Addr().String() }

// stop ends it. Clients must have gone, or go with it.
func (b *brokenBroker) stop() {
	b.l.Close()
	b.mu.Lock()
	if b.conn != nil {
		b.conn.Close()
	}
	b.silent = false
	b.changed.Broadcast()
	b.mu.Unlock()
	b.ends.Wait()
}

func (b *brokenBroker) serve(c net.Conn) {
	defer c.Close()
	b.mu.Lock()
	b.conn, b.subs = c, make(map[string]string)
	b.mu.Unlock()
	io.WriteString(c, brokenInfo)
	in := bufio.NewReader(c)
	for {
		b.mu.Lock()
		for b.silent {
			b.changed.Wait()
		}
		b.mu.Unlock()
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		b.mu.Lock()
		switch {
		case len(f) == 0:
		case f[0] == "PING":
			io.WriteString(c, "PONG\r\n")
		case f[0] == "SUB":
			b.subs[f[1]] = f[len(f)-1]
			b.changed.Broadcast()
		}
		b.mu.Unlock()
	}
}

// subscribed waits until a client is, and returns the sid.
func (b *brokenBroker) subscribed(subject string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.subs[subject] == "" {
		b.changed.Wait()
	}
	return b.subs[subject]
}

// say sends what it likes; the connection may be gone.
func (b *brokenBroker) say(text string) {
	b.mu.Lock()
	c := b.conn
	b.mu.Unlock()
	c.SetWriteDeadline(time.Now().Add(patience))
	io.WriteString(c, text)
}

func (b *brokenBroker) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = nil
	b.conn.Close()
}

const (
	brokenSubject = DefaultPrefix + ".x"
	brokenHead    = "\x01origin00" // text, of another Hub
)

// delivery is a message as NATS says it.
func delivery(subject, sid, payload string) string {
	return fmt.Sprintf("MSG %s %s %d\r\n%s\r\n", subject, sid, len(payload), payload)
}

// Whatever a broken NATS server says, the Hub goes on here; and when the server is as it should be, with it.
func TestAdapter_broken(t *testing.T) {
	long := strings.Repeat("x", 4<<20)
	for _, tc := range []struct {
		name string
		said string // SID is the subscription's
		drop bool   // the connection breaks behind it
	}{
		{"garbage", "\x00\xff\x16\x03\x01 garbage\r\n", false},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", false},
		{"overlong line", long, true},
		{"overlong MSG", "MSG " + long + "\r\n", true},
		{"too many arguments", "MSG a b c d e f\r\n", false},
		{"negative size", "MSG " + brokenSubject + " SID -1\r\n", false},
		{"size that is no number", "MSG " + brokenSubject + " SID 0x10\r\n", false},
		{"other sid", delivery(brokenSubject, "999", brokenHead+"no"), false},
		{"other prefix", delivery("a", "SID", brokenHead+"no"), false},
		{"only the prefix", delivery(DefaultPrefix, "SID", brokenHead+"no"), false},
		{"prefix and point", delivery(DefaultPrefix+".", "SID", brokenHead+"no"), false},
		{"bad escape", delivery(DefaultPrefix+".=G0", "SID", brokenHead+"no"), false},
		{"wildcard", delivery(DefaultPrefix+".>", "SID", brokenHead+"no"), false},
		{"another topic", delivery(DefaultPrefix+".other", "SID", brokenHead+"no"), false},
		{"topic of 4 MiB", delivery(DefaultPrefix+"."+long, "SID", brokenHead+"no"), true},
		{"no head", delivery(brokenSubject, "SID", "\x01short"), false},
		{"no payload", delivery(brokenSubject, "SID", ""), false},
		{"no type", delivery(brokenSubject, "SID", "\x07origin00no"), false},
		{"longer than it says", "MSG " + brokenSubject + " SID 4\r\n" + long[:100] + "\r\n", false},
		{"half a message", "MSG " + brokenSubject + " SID 100000\r\n" + brokenHead, true},
		{"headers of a bad length", "HMSG " + brokenSubject + " SID 100 10\r\nNATS/1.0\r\n\r\n", true},
		{"headers that are none", "HMSG " + brokenSubject + " SID 12 12\r\nxxxxxxxxxxxx\r\n", false},
		{"bad INFO", "INFO {\r\n", false},
		{"INFO that allows nothing", `INFO {"max_payload":-1}` + "\r\n" + brokenInfo, false},
		{"an error of permissions", "-ERR 'Permissions Violation for Subscription to \"" + brokenSubject + "\"'\r\n", true},
		{"PING without end", strings.Repeat("PING\r\n", 50_000), false},
		{"PONG without end", strings.Repeat("PONG\r\n", 50_000), false},
		{"+OK without end", strings.Repeat("+OK\r\n", 50_000), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			broker := startBroken(t)
			defer broker.stop()
			m := startMachine(t, broker.url(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
			c := m.dial(t, "x")
			said := strings.ReplaceAll(tc.said, "SID", broker.subscribed(brokenSubject))
			broker.say(said)
			must(t, m.hub.Publish("x", goserver.TextMessage, []byte("here")))
			wantMessages(t, c, "here")
			if tc.drop {
				broker.drop()
			}
			// It is said again, as nobody tells whether the client has given up the connection meanwhile.
			heard := make(chan struct{})
			go func() {
				defer close(heard)
				wantMessages(t, c, "there")
			}()
			for {
				broker.say(delivery(brokenSubject, broker.subscribed(brokenSubject), brokenHead+"there"))
				select {
				case <-heard:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
}

// Of an error that nats.go takes for the end, OnAdapterError hears with each message; here they go on.
func TestAdapter_givenUp(t *testing.T) {
	broker := startBroken(t)
	defer broker.stop()
	closed := make(chan struct{})
	m := startMachine(t, broker.url(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	c := m.dial(t, "x")
	broker.subscribed(brokenSubject)
	broker.say("-ERR 'Unknown Protocol Operation'\r\n")
	<-closed
	for range 3 {
		must(t, m.hub.Publish("x", goserver.TextMessage, []byte("here")))
		wantMessages(t, c, "here")
		if err := <-m.failed; !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("the adapter failed with %v", err)
		}
	}
	other := m.dial1(t, "y")
	if err := <-m.failed; !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Subscribe failed with %v", err)
	}
	must(t, m.hub.Publish("y", goserver.TextMessage, []byte("here, too")))
	wantMessages(t, other, "here, too")
	if s := m.hub.Stats(); s.Unsent < 3 {
		t.Errorf("%+v", s)
	}
}

// A server that floods is heard as fast as the members are, and what waits is bounded; one that sends messages
// longer than all that waits at once has them delivered alone.
func TestAdapter_flood(t *testing.T) {
	broker := startBroken(t)
	defer broker.stop()
	m := startMachine(t, broker.url(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	c := m.dial(t, "x")
	sid := broker.subscribed(brokenSubject)
	const long = 3 << 20
	broker.say(delivery(brokenSubject, sid, brokenHead+strings.Repeat("l", long)))
	if _, p, err := c.ReadMessage(); err != nil || len(p) != long {
		t.Fatalf("%d bytes, %v", len(p), err)
	}
	for range 100 {
		broker.say(strings.Repeat(delivery(brokenSubject, sid, brokenHead+strings.Repeat("f", 100)), 500))
	}
	const sent = 1 + 100*500
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s := m.hub.Stats()
		if s.Received+int64(m.adapter.Lost()) == sent && s.Delivered+s.Dropped == s.Received {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v and %d lost of %d", s, m.adapter.Lost(), sent)
		}
	}
}

// A server that does not read holds up who publishes, until the adapter closes; and Close only for a moment.
func TestAdapter_unread(t *testing.T) {
	broker := startBroken(t)
	defer broker.stop()
	nc := connect(t, broker.url(), nats.FlusherTimeout(0), nats.NoReconnect())
	defer broker.drop() // so that what waits in nats.go ends
	a := New(nc, nil)
	must(t, a.Start(func(string, goserver.MessageType, []byte) {}))
	must(t, a.Subscribe("x"))
	broker.subscribed(brokenSubject)
	broker.mu.Lock()
	broker.silent = true
	broker.mu.Unlock()
	last := make(chan error, 1)
	published := make(chan struct{}, 1<<20)
	go func() {
		var err error
		for p := make([]byte, 512<<10); err == nil; published <- struct{}{} {
			err = a.Publish("x", goserver.BinaryMessage, p)
		}
		last <- err
	}()
	for waits := false; !waits; {
		select {
		case <-published:
		case <-time.After(time.Second): // no more goes out, or it is slow: then Close has less to do
			waits = true
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- a.Close() }()
	for _, wait := range []struct {
		what string
		ch   <-chan error
		want error
	}{{"Publish", last, ErrClosed}, {"Close", closed, ErrBusy}} {
		select {
		case err := <-wait.ch:
			if err != wait.want {
				t.Errorf("%s: %v, want %v", wait.what, err, wait.want)
			}
		case <-time.After(patience):
			t.Fatalf("%s waits for a server that does not read", wait.what)
		}
	}
	if err := a.Subscribe("y"); err != ErrClosed {
		t.Errorf("Subscribe: %v", err)
	}
	a.Lost()
}
