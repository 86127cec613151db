package hubnats

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/nats-io/nats.go"
)

// Defaults of Options.
const (
	DefaultPrefix  = "hyperion.hub"
	DefaultPending = 1024
)

// Options are those of an Adapter. A zero field means its default.
type Options struct {
	// Prefix is what the subjects begin with; default DefaultPrefix. Hubs that share messages
	// have the same. A topic "a.b" is the subject "hyperion.hub.a=2Eb": letters, digits, "-" and "_" stand for
	// themselves, other bytes are "=" and two hexadecimal digits.
	Prefix string

	// Pending is how many messages may wait to be delivered here; default DefaultPending. More are lost. Each is at
	// most as long as the max_payload of the NATS server.
	Pending int
}

// An Adapter is a goserver.HubAdapter over a connection to NATS, which stays the program's. It is for
// one Hub. Several Hubs, of one process too, may use the same connection.
type Adapter struct {
	nc     *nats.Conn
	prefix string
	origin uint64 // tells what this adapter has sent

	incoming chan *nats.Msg
	quit     chan struct{} // closed by Close
	ended    sync.WaitGroup

	mu      sync.Mutex // guards what follows
	topics  map[string]*nats.Subscription
	dropped int // by subscriptions that have ended
	closed  bool

	buf []byte // of Publish
}

// ErrClosed is what a closed Adapter fails with.
var ErrClosed = errors.New("hubnats: adapter is closed")

var _ goserver.HubAdapter = (*Adapter)(nil)

// New returns an Adapter. o may be nil. What nats.go reports by itself, for example that messages
// come too fast, goes to the error handler of nc.
func New(nc *nats.Conn, o *Options) *Adapter {
	a := &Adapter{nc: nc, prefix: DefaultPrefix, origin: rand.Uint64(), quit: make(chan struct{}), topics: make(map[string]*nats.Subscription)}
	pending := DefaultPending
	if o != nil && o.Prefix != "" {
		a.prefix = o.Prefix
	}
	if o != nil && o.Pending > 0 {
		pending = o.Pending
	}
	a.incoming = make(chan *nats.Msg, pending)
	return a
}

// Start is for the Hub, as the methods below.
func (a *Adapter) Start(receive func(topic string, t goserver.MessageType, payload []byte)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	a.ended.Go(func() {
		for {
			select {
			case m := <-a.incoming:
				a.take(m, receive)
			case <-a.quit:
				return
			}
		}
	})
	return nil
}

// take hands a message on, unless it is an own one or none of a Hub.
func (a *Adapter) take(m *nats.Msg, receive func(string, goserver.MessageType, []byte)) {
	origin, t, payload, ok := parse(m.Data)
	if !ok || origin == a.origin || len(m.Subject) <= len(a.prefix) {
		return
	}
	if topic, ok := topicOf(m.Subject[len(a.prefix)+1:]); ok {
		receive(topic, t, payload)
	}
}

// do calls NATS, which waits while the server does not read. Close ends the waiting.
func (a *Adapter) do(call func() error) error {
	select {
	case <-a.quit:
		return ErrClosed
	default:
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-a.quit:
		return ErrClosed
	}
}

func (a *Adapter) Subscribe(topic string) error {
	a.mu.Lock()
	is := a.topics[topic] != nil
	a.mu.Unlock()
	if is {
		return nil
	}
	return a.do(func() error {
		sub, err := a.nc.ChanSubscribe(a.subject(topic), a.incoming)
		if err != nil {
			return err
		}
		a.mu.Lock()
		closed := a.closed
		if !closed {
			a.topics[topic] = sub
		}
		a.mu.Unlock()
		if closed {
			return sub.Unsubscribe()
		}
		return nil
	})
}

func (a *Adapter) Unsubscribe(topic string) error {
	a.mu.Lock()
	sub := a.topics[topic]
	if sub != nil {
		delete(a.topics, topic)
		a.count(sub)
	}
	a.mu.Unlock()
	if sub == nil {
		return nil
	}
	return a.do(sub.Unsubscribe)
}

// count counts what a subscription that is about to end has dropped. mu is held.
func (a *Adapter) count(sub *nats.Subscription) {
	if n, err := sub.Dropped(); err == nil {
		a.dropped += n
	}
}

// Publish sends a message.
func (a *Adapter) Publish(topic string, t goserver.MessageType, payload []byte) error {
	a.buf = appendMessage(a.buf[:0], a.origin, t, payload)
	message := a.buf
	err := a.do(func() error { return a.nc.Publish(a.subject(topic), message) })
	if err == ErrClosed || cap(a.buf) > keepBuffer { // the call that Close has left behind may read it still
		a.buf = nil
	}
	return err
}

// Lost returns how many messages came faster than they were delivered here.
func (a *Adapter) Lost() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.dropped
	for _, sub := range a.topics {
		if d, err := sub.Dropped(); err == nil {
			n += d
		}
	}
	return n
}

// ErrBusy is what Close returns when the NATS server does not read: the subscriptions end later, or with the connection.
var ErrBusy = errors.New("hubnats: NATS server does not read")

// closeWait is how long Close waits for the subscriptions to end.
const closeWait = time.Second

// Close ends the subscriptions. The connection stays open.
func (a *Adapter) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return ErrClosed
	}
	a.closed = true
	var subs []*nats.Subscription
	for _, sub := range a.topics {
		a.count(sub)
		subs = append(subs, sub)
	}
	clear(a.topics)
	a.mu.Unlock()
	close(a.quit)
	a.ended.Wait()
	done := make(chan error, 1)
	go func() { done <- unsubscribe(subs) }()
	late := time.NewTimer(closeWait)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return ErrBusy
	}
}

// unsubscribe ends subscriptions, and returns why one did not end.
func unsubscribe(subs []*nats.Subscription) (failed error) {
	for _, sub := range subs {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			failed = err
		}
	}
	return failed
}
