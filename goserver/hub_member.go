package goserver

import (
	"slices"
	"sync"
)

// A membership is a WebSocket in a topic. Its fields do not change, but for index.
type membership struct {
	socket *WebSocket
	topic  *topic
	index  int    // in the topic's members; guarded by its mu
	after  uint64 // it gets posts with higher numbers
}

// memberships are the topics that a WebSocket is in. Its mu is taken before that of a topic.
type memberships struct {
	mu    sync.Mutex
	ended bool // the WebSocket has
	list  []*membership
}

// hasEnded is for WebSockets that have ended without ever being in a topic.
var hasEnded = &memberships{ended: true}

// memberships returns those of s.
func (s *WebSocket) memberships() *memberships {
	if ms := s.hubs.Load(); ms != nil {
		return ms
	}
	s.hubs.CompareAndSwap(nil, new(memberships))
	return s.hubs.Load()
}

// leaveHubs takes s out of all topics, for good.
func (s *WebSocket) leaveHubs() {
	if s.hubs.CompareAndSwap(nil, hasEnded) {
		return
	}
	ms := s.hubs.Load()
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.ended = true
	for _, m := range ms.list {
		m.topic.remove(m)
	}
	ms.list = nil
}

// find returns where the membership in a topic is in the list, or -1.
func (ms *memberships) find(h *Hub, topic string) int {
	return slices.IndexFunc(ms.list, func(m *membership) bool { return m.topic.hub == h && m.topic.name == topic })
}

// Join makes s a member of a topic. It changes nothing if it is one. It fails with
// ErrWebSocketClosing when s has ended, for whatever reason.
func (h *Hub) Join(topic string, s *WebSocket) error {
	if err := checkTopic(topic); err != nil {
		return err
	}
	if !h.enter() {
		return ErrHubClosed
	}
	defer h.work.Done()
	ms := s.memberships()
	ms.mu.Lock()
	defer ms.mu.Unlock()
	switch {
	case ms.ended:
		return ErrWebSocketClosing
	case ms.find(h, topic) >= 0:
		return nil
	case len(ms.list) >= orDefault(h.MaxJoined, DefaultMaxJoined):
		return ErrTooManyJoined
	}
	m := &membership{socket: s}
	for {
		t, err := h.makeTopic(topic)
		if err != nil {
			return err
		}
		if t.add(m) {
			break
		}
	}
	ms.list = append(ms.list, m)
	return nil
}

// Leave ends the membership of s in a topic, if there is one.
func (h *Hub) Leave(topic string, s *WebSocket) {
	h.leave(s, func(m *membership) bool { return m.topic.hub == h && m.topic.name == topic })
}

// LeaveAll takes s out of all topics of the Hub.
func (h *Hub) LeaveAll(s *WebSocket) {
	h.leave(s, func(m *membership) bool { return m.topic.hub == h })
}

func (h *Hub) leave(s *WebSocket, those func(*membership) bool) {
	ms := s.hubs.Load()
	if ms == nil || ms == hasEnded {
		return
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.list = slices.DeleteFunc(ms.list, func(m *membership) bool {
		if !those(m) {
			return false
		}
		m.topic.remove(m)
		return true
	})
}

// makeTopic returns a topic, a new one if there is none.
func (h *Hub) makeTopic(name string) (*topic, error) {
	if t := h.topic(name); t != nil {
		return t, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[name]; t != nil {
		return t, nil
	}
	if len(h.topics) >= orDefault(h.MaxTopics, DefaultMaxTopics) {
		return nil, ErrTooManyTopics
	}
	if h.topics == nil {
		h.topics = make(map[string]*topic)
	}
	t := &topic{hub: h, name: name}
	t.room.L = &t.mu
	h.topics[name] = t
	h.relay.want(h, name, true)
	return t, nil
}

// removeTopic removes a topic that nobody is in.
func (h *Hub) removeTopic(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.topics, name)
	if !h.closed {
		h.relay.want(h, name, false)
	}
}
