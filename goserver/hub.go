package goserver

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hyperion-server/hyperion/goserver/internal/ws"
)

// Defaults and limits of a Hub.
const (
	DefaultMaxTopics       = 1 << 16
	DefaultMaxJoined       = 256
	DefaultHubAdapterBytes = 4 << 20
	MaxTopicName           = 255 // bytes
)

// Errors of a Hub's methods, besides those of a WebSocket.
var (
	ErrHubClosed     = errors.New("goserver: Hub is closed")
	ErrTopicName     = errors.New("goserver: name of a topic is empty or longer than MaxTopicName")
	ErrTooManyTopics = errors.New("goserver: Hub has MaxTopics topics")
	ErrTooManyJoined = errors.New("goserver: WebSocket is in MaxJoined topics")
)

// A Hub sends messages to all WebSockets that have joined a topic; with an Adapter also to
// those of Hubs on other machines. Its zero value is ready. The fields must not be
// changed after the first call; zero means the default. All methods may be called from any
// goroutine, also from the callbacks of a WebSocket. It must not be copied.
//
// A topic exists while a WebSocket is in it. A WebSocket that ends has left its topics before its
// OnClose is called.
//
// What one goroutine publishes to a topic reaches each member in that order; and all members of a
// topic get what they get in the same order, except that messages from other machines are in
// another place there. A member gets what is published after Join has returned and, at most, before Leave is
// called: what was published just before Leave may be on its way, or never come. Between topics there
// is no order.
//
// A message is framed once, and compressed once for each size of window that peers have agreed to.
// Publish does not wait for members: messages are delivered beside it, several with one
// write if they come fast. A member whose queue is full (WebSocketOptions.QueueBytes) has its own
// QueuePolicy applied; with QueueBlock, Slow says what happens. While a member sends a message by a MessageWriter, what
// is published is kept for it, within QueueBytes as well.
type Hub struct {
	// Slow is for members whose peer is slow, and that have QueueBlock.
	Slow SlowMember

	MaxTopics int // at a time; default DefaultMaxTopics. More fail with ErrTooManyTopics
	MaxJoined int // topics of this and other Hubs that a WebSocket is in; default DefaultMaxJoined. More: ErrTooManyJoined

	// Adapter connects the Hub with those of other machines. It belongs to this Hub. AdapterBytes are how many
	// bytes of messages may wait for it, where each counts for 64 more than it has; default
	// DefaultHubAdapterBytes. What finds no room is not sent, and counted as HubStats.Unsent.
	Adapter      HubAdapter
	AdapterBytes int

	// OnAdapterError is told what Adapter fails with, by one goroutine at a time; nothing is sent meanwhile. It must
	// not call Close, which waits for it. A panic there is logged (log.Default), and the Hub goes on.
	OnAdapterError func(topic string, err error)

	mu     sync.RWMutex
	closed bool
	topics map[string]*topic
	work   sync.WaitGroup // calls, and goroutines that deliver
	relay  relay

	joined, published, received, delivered, dropped atomic.Int64
}

// A SlowMember says what becomes of a message for a member that would have to be waited for.
type SlowMember uint8

const (
	SlowDrop       SlowMember = iota // the member does not get it
	SlowDisconnect                   // the WebSocket is closed with 1013
)

func (m SlowMember) policy() ws.Policy {
	if m == SlowDisconnect {
		return ws.Disconnect
	}
	return ws.Block
}

// HubStats are the counts of a Hub since it was made.
type HubStats struct {
	Topics  int // now
	Members int // of all topics together, now

	Published int64 // messages that Publish took
	Received  int64 // messages from Adapter
	Unsent    int64 // messages that Adapter was not given, for want of AdapterBytes, or failed to send
	Delivered int64 // messages handed to members: each counts once a member
	Dropped   int64 // messages that a member did not get, since its queue was full
}

// Stats returns the counts.
func (h *Hub) Stats() HubStats {
	h.mu.RLock()
	topics := len(h.topics)
	h.mu.RUnlock()
	return HubStats{
		Topics: topics, Members: int(h.joined.Load()),
		Published: h.published.Load(), Received: h.received.Load(), Unsent: h.relay.unsent.Load(),
		Delivered: h.delivered.Load(), Dropped: h.dropped.Load(),
	}
}

// Members returns how many members a topic has here.
func (h *Hub) Members(topic string) int {
	h.mu.RLock()
	t := h.topics[topic]
	h.mu.RUnlock()
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.members)
}

// Publish sends a message to the members of a topic. payload is copied. It waits while messages of
// 1 MiB, or 64 of them, wait to be delivered to the topic's members: for the time that it takes to
// offer one to each.
func (h *Hub) Publish(topic string, t MessageType, payload []byte) error {
	return h.PublishExcept(nil, topic, t, payload)
}

// PublishExcept is Publish, without the member s.
func (h *Hub) PublishExcept(s *WebSocket, topic string, t MessageType, payload []byte) error {
	if err := checkTopic(topic); err != nil {
		return err
	}
	if !t.Data() {
		return ErrMessageType
	}
	if !h.enter() {
		return ErrHubClosed
	}
	defer h.work.Done()
	h.published.Add(1)
	here := h.topic(topic)
	if here == nil && h.Adapter == nil {
		return nil
	}
	p := post{NewPreparedMessage(t, payload), s}
	if h.Adapter != nil {
		h.send(topic, p.m)
	}
	h.post(here, p)
	return nil
}

// receive publishes here what comes from another machine.
func (h *Hub) receive(topic string, t MessageType, payload []byte) {
	if !t.Data() || !h.enter() {
		return
	}
	defer h.work.Done()
	h.received.Add(1)
	if here := h.topic(topic); here != nil {
		h.post(here, post{m: NewPreparedMessage(t, payload)})
	}
}

// post has a message delivered to a topic, which may be nil.
func (h *Hub) post(t *topic, p post) {
	for t != nil && !t.post(p) {
		t = h.topic(t.name)
	}
}

// topic returns a topic, or nil if there is none.
func (h *Hub) topic(name string) *topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.topics[name]
}

// enter begins a call, which ends with work.Done; false if the Hub is closed.
func (h *Hub) enter() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return false
	}
	h.work.Add(1)
	return true
}

// Close ends the Hub and its Adapter. It returns when what was published has been
// delivered, and given to the adapter if that takes it within 5 seconds. WebSockets stay open. Calls
// fail from then on with ErrHubClosed.
func (h *Hub) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ErrHubClosed
	}
	h.closed = true
	h.mu.Unlock()
	h.work.Wait()
	if h.Adapter == nil {
		return nil
	}
	return h.closeAdapter()
}

func checkTopic(name string) error {
	if name == "" || len(name) > MaxTopicName {
		return ErrTopicName
	}
	return nil
}
