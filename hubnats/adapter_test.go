package hubnats

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/nats-io/nats.go"
)

func TestAdapter(t *testing.T) {
	broker := startBroker(t, -1)
	defer stopBroker(broker)
	a, b := startMachine(t, broker.ClientURL()), startMachine(t, broker.ClientURL())
	onA, onB, both := a.dial(t, "x.y"), b.dial(t, "x.y"), b.dial(t, "x.y", "z")
	for i := range 100 {
		must(t, a.hub.Publish("x.y", goserver.TextMessage, fmt.Appendf(nil, "message %d", i)))
	}
	must(t, b.hub.Publish("z", goserver.TextMessage, []byte("z")))
	for i := range 100 {
		want := fmt.Sprintf("message %d", i)
		wantMessages(t, onA, want) // once: it does not come back
		wantMessages(t, onB, want)
	}
	must(t, b.hub.Publish("x.y", goserver.TextMessage, []byte("from b")))
	wantMessages(t, onA, "from b")
	wantMessages(t, onB, "from b")
	got := make(map[string]int)
	for range 102 {
		_, p, err := both.ReadMessage()
		must(t, err)
		got[string(p)]++
	}
	if len(got) != 102 || got["z"] != 1 {
		t.Errorf("got %d different messages, z %d times", len(got), got["z"])
	}
	if s := b.hub.Stats(); s.Received != 100 || s.Unsent != 0 {
		t.Errorf("%+v", s)
	}
	// The topic "z" has no members on a: NATS must not have sent it there.
	if s := a.hub.Stats(); s.Received != 1 {
		t.Errorf("%+v", s)
	}
}

// A topic whose last member has left is not subscribed to.
func TestAdapter_unsubscribes(t *testing.T) {
	broker := startBroker(t, -1)
	defer stopBroker(broker)
	m := startMachine(t, broker.ClientURL())
	c := m.dial(t, "a", "b")
	if n := m.nc.NumSubscriptions(); n != 2 {
		t.Errorf("%d subscriptions, want 2", n)
	}
	c.Close()
	m.adapter.wait("a", false)
	m.adapter.wait("b", false)
	if n := m.nc.NumSubscriptions(); n != 0 {
		t.Errorf("%d subscriptions without members", n)
	}
}

// While NATS is away messages are lost, for others; afterwards they flow again.
func TestAdapter_restart(t *testing.T) {
	broker := startBroker(t, -1)
	a, b := startMachine(t, broker.ClientURL(), nats.ReconnectBufSize(-1)), startMachine(t, broker.ClientURL())
	onA, onB := a.dial(t, "x"), b.dial(t, "x")
	port := broker.Addr().(*net.TCPAddr).Port
	stopBroker(broker)
	for _, m := range []*machine{a, b} {
		<-m.lost
	}
	must(t, a.hub.Publish("x", goserver.TextMessage, []byte("lost")))
	if err := <-a.failed; !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("the adapter failed with %v", err)
	}
	broker = startBroker(t, port)
	defer stopBroker(broker)
	for _, m := range []*machine{a, b} {
		<-m.back
		must(t, m.nc.Flush())
	}
	must(t, a.hub.Publish("x", goserver.TextMessage, []byte("after")))
	wantMessages(t, onA, "lost", "after")
	wantMessages(t, onB, "after")
	if s := a.hub.Stats(); s.Unsent != 1 {
		t.Errorf("%+v", s)
	}
}

// What is published while NATS is away is kept by nats.go, and reaches those that were back before.
func TestAdapter_restartBuffered(t *testing.T) {
	broker := startBroker(t, -1)
	reconnect := make(chan struct{})
	a := startMachine(t, broker.ClientURL(), nats.CustomReconnectDelay(func(int) time.Duration {
		<-reconnect
		return 0
	}))
	b := startMachine(t, broker.ClientURL())
	onB := b.dial(t, "x")
	port := broker.Addr().(*net.TCPAddr).Port
	stopBroker(broker)
	for _, m := range []*machine{a, b} {
		<-m.lost
	}
	must(t, a.hub.Publish("x", goserver.TextMessage, []byte("kept")))
	broker = startBroker(t, port)
	defer stopBroker(broker)
	<-b.back
	must(t, b.nc.Flush())
	close(reconnect)
	wantMessages(t, onB, "kept")
}

// Who delivers too slowly loses messages, and no memory.
func TestAdapter_slow(t *testing.T) {
	broker := startBroker(t, -1)
	defer stopBroker(broker)
	slow := make(chan struct{}, 1000)
	nc := connect(t, broker.ClientURL(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrSlowConsumer) {
			slow <- struct{}{}
		}
	}))
	sender := New(connect(t, broker.ClientURL()), nil)
	a := New(nc, &Options{Pending: 4})
	got, goOn := make(chan string, 100), make(chan struct{})
	must(t, a.Start(func(topic string, _ goserver.MessageType, p []byte) {
		got <- string(p)
		<-goOn
	}))
	must(t, a.Subscribe("x"))
	must(t, nc.Flush())
	must(t, sender.Publish("x", goserver.TextMessage, []byte("first")))
	<-got // receive waits now
	const more = 50
	for range more {
		must(t, sender.Publish("x", goserver.TextMessage, []byte("more")))
	}
	must(t, sender.nc.Flush())
	must(t, nc.Flush()) // all of them have come behind it
	if n := a.Lost(); n != more-4 {
		t.Errorf("%d lost, want %d", n, more-4)
	}
	<-slow
	close(goOn)
	for range 4 {
		<-got
	}
	must(t, sender.Publish("x", goserver.TextMessage, []byte("last")))
	must(t, sender.nc.Flush())
	if p := <-got; p != "last" {
		t.Errorf("got %q", p)
	}
	must(t, a.Unsubscribe("x"))
	if n := a.Lost(); n != more-4 {
		t.Errorf("%d lost after Unsubscribe", n)
	}
	must(t, a.Close())
	if err := a.Subscribe("x"); err != ErrClosed {
		t.Errorf("Subscribe after Close: %v", err)
	}
	must(t, sender.Close())
}

func connect(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, options...)
	must(t, err)
	t.Cleanup(nc.Close)
	return nc
}
