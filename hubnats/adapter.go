package hubnats

import (
	"errors"
	"math/rand/v2"
	"sync"

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

func (a *Adapter) Subscribe(topic string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	if a.topics[topic] != nil {
		return nil
	}
	sub, err := a.nc.ChanSubscribe(a.subject(topic), a.incoming)
	if err != nil {
		return err
	}
	a.topics[topic] = sub
	return nil
}

func (a *Adapter) Unsubscribe(topic string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	sub := a.topics[topic]
	if sub == nil {
		return nil
	}
	delete(a.topics, topic)
	return a.end(sub)
}

// end ends a subscription. mu is held.
func (a *Adapter) end(sub *nats.Subscription) error {
	if n, err := sub.Dropped(); err == nil {
		a.dropped += n
	}
	return sub.Unsubscribe()
}

// Publish sends a message.
func (a *Adapter) Publish(topic string, t goserver.MessageType, payload []byte) error {
	a.buf = appendMessage(a.buf[:0], a.origin, t, payload)
	err := a.nc.Publish(a.subject(topic), a.buf)
	if cap(a.buf) > keepBuffer {
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

// Close ends the subscriptions. The connection stays open.
func (a *Adapter) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return ErrClosed
	}
	a.closed = true
	var failed error
	for _, sub := range a.topics {
		if err := a.end(sub); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			failed = err
		}
	}
	clear(a.topics)
	a.mu.Unlock()
	close(a.quit)
	a.ended.Wait()
	return failed
}
