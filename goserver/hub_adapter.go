package goserver

import (
	"log"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A HubAdapter carries what a Hub publishes to Hubs on other machines, each message at most once. One
// goroutine of the Hub calls it, one method after the other, so that a call may wait; Hub.AdapterBytes bounds what
// gathers meanwhile. Only Close may come while another method runs.
type HubAdapter interface {
	// Start comes first. receive takes messages from others, from any goroutine, and not those
	// that this adapter has sent. It may wait, and copies payload.
	Start(receive func(topic string, t MessageType, payload []byte)) error

	// Subscribe begins the receiving of a topic, which has a member now, and Unsubscribe ends it. A
	// message that comes afterwards does no harm.
	Subscribe(topic string) error
	Unsubscribe(topic string) error

	// Publish sends a message to all others. payload must not be changed or kept.
	Publish(topic string, t MessageType, payload []byte) error

	// Close ends the adapter, and calls that wait. When it returns, receive is not called any more.
	Close() error
}

// adapterDrain is how long Hub.Close lets the adapter send what is queued.
const adapterDrain = 5 * time.Second

// A relay is what a Hub has for its adapter to do. A goroutine does it, which is there while there is anything.
type relay struct {
	mu         sync.Mutex
	started    bool
	running    bool
	closed     bool
	ended      chan struct{} // closed when running ends; made by who waits
	queue      []relayed
	bytes      int                 // of queue, and of what was taken from it and is not sent
	changed    map[string]bool     // the topics that are to be subscribed to, or no longer
	subscribed map[string]struct{} // as the adapter knows it, or is about to
	unsent     atomic.Int64
}

// A relayed message has its payload alone, which is less memory than a PreparedMessage is.
type relayed struct {
	topic   string
	t       MessageType
	payload []byte
}

// relayedMore is how many bytes of memory a message takes beside its topic and payload.
const relayedMore = 64

// size is what the message counts for in bytes.
func (r *relayed) size() int { return len(r.topic) + len(r.payload) + relayedMore }

// send queues a message for other machines.
func (h *Hub) send(topic string, m *PreparedMessage) {
	r, it := &h.relay, relayed{topic, m.Opcode(), m.Payload()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bytes+it.size() > orDefault(h.AdapterBytes, DefaultHubAdapterBytes) {
		r.unsent.Add(1)
		return
	}
	r.queue = append(r.queue, it)
	r.bytes += it.size()
	r.wake(h)
}

// want notes that a topic has members, or has none any more.
func (r *relay) want(h *Hub, topic string, on bool) {
	if h.Adapter == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, is := r.subscribed[topic]; is == on {
		delete(r.changed, topic)
		return
	}
	if r.changed == nil {
		r.changed, r.subscribed = make(map[string]bool), make(map[string]struct{})
	}
	r.changed[topic] = on
	r.wake(h)
}

// wake has a goroutine work for the adapter. mu is held.
func (r *relay) wake(h *Hub) {
	if !r.running && !r.closed {
		r.running = true
		go h.runRelay()
	}
}

// runRelay works until there is nothing to be done.
func (h *Hub) runRelay() {
	r := &h.relay
	if !r.started {
		r.started = true
		h.adapterFailed("", h.Adapter.Start(h.receive))
	}
	for {
		h.subscribe()
		r.mu.Lock()
		queue := r.queue
		r.queue = nil
		if len(queue) == 0 && (len(r.changed) == 0 || r.closed) {
			r.running = false
			if r.ended != nil {
				close(r.ended)
			}
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		for i := range queue {
			h.relay1(&queue[i])
			queue[i].payload = nil
		}
	}
}

// relay1 sends a message, unless the Hub is about to close and that took too long.
func (h *Hub) relay1(it *relayed) {
	r := &h.relay
	r.mu.Lock()
	r.bytes -= it.size()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		r.unsent.Add(1)
		return
	}
	if err := h.Adapter.Publish(it.topic, it.t, it.payload); err != nil {
		r.unsent.Add(1)
		h.adapterFailed(it.topic, err)
	}
}

// subscribe subscribes to a few of the topics that have changed, as many as there are now.
func (h *Hub) subscribe() {
	r := &h.relay
	r.mu.Lock()
	for n := len(r.changed); n > 0 && !r.closed; n-- {
		for topic, on := range r.changed {
			delete(r.changed, topic)
			call := h.Adapter.Unsubscribe
			if on {
				call = h.Adapter.Subscribe
				r.subscribed[topic] = struct{}{}
			} else {
				delete(r.subscribed, topic)
			}
			r.mu.Unlock()
			h.adapterFailed(topic, call(topic))
			r.mu.Lock()
			break
		}
	}
	r.mu.Unlock()
}

// adapterFailed reports err, unless it is nil. The program has a goroutine of its own for that: it
// may end it.
func (h *Hub) adapterFailed(topic string, err error) {
	if err == nil || h.OnAdapterError == nil {
		return
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		defer func() {
			if v := recover(); v != nil {
				log.Printf("goserver: panic in OnAdapterError: %v\n%s", v, debug.Stack())
			}
		}()
		h.OnAdapterError(topic, err)
	}()
	<-told
}

// closeAdapter ends the adapter when what is queued has left, or that took too long.
func (h *Hub) closeAdapter() error {
	r := &h.relay
	r.mu.Lock()
	ended := make(chan struct{})
	if r.running {
		r.ended = ended
	} else {
		close(ended)
	}
	r.mu.Unlock()
	late := time.NewTimer(adapterDrain)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	err := h.Adapter.Close()
	<-ended
	return err
}
