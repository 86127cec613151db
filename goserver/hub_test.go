package goserver

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestHub(t *testing.T) {
	var h Hub
	peers, sockets := make([]*fakePeer, 3), make([]*WebSocket, 3)
	for i := range peers {
		peers[i] = newFakePeer(-1)
		sockets[i] = fakeSocket(peers[i], nil)
		must(t, h.Join("news", sockets[i]))
	}
	must(t, h.Join("news", sockets[0])) // again
	must(t, h.Join("sport", sockets[0]))
	must(t, h.Publish("news", TextMessage, []byte("to all")))
	must(t, h.PublishExcept(sockets[1], "news", TextMessage, []byte("not to 1")))
	must(t, h.Publish("sport", TextMessage, []byte("to 0")))
	must(t, h.Publish("nobody", TextMessage, []byte("to nobody")))
	settleHub(&h)
	h.Leave("news", sockets[2])
	h.Leave("sport", sockets[2]) // never joined
	h.LeaveAll(sockets[0])
	must(t, h.Publish("news", TextMessage, []byte("to 1")))
	must(t, h.Publish("sport", TextMessage, []byte("to nobody")))
	settleHub(&h)
	for i, want := range []string{"not to 1,to 0,to all", "to 1,to all", "not to 1,to all"} {
		got := peers[i].messages(t)
		slices.Sort(got)
		if s := strings.Join(got, ","); s != want {
			t.Errorf("socket %d got %q, want %q", i, s, want)
		}
	}
	want := HubStats{Topics: 1, Members: 1, Published: 6, Delivered: 7}
	if got := h.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	if n := h.Members("news"); n != 1 {
		t.Errorf("%d members", n)
	}
	must(t, h.Close())
	if err := h.Publish("news", TextMessage, nil); err != ErrHubClosed {
		t.Errorf("Publish after Close: %v", err)
	}
	for _, s := range sockets {
		s.Abort()
	}
}

// A socket that has ended is in no topic, and comes into none.
func TestHub_socketEnds(t *testing.T) {
	var h Hub
	inClose := make(chan HubStats, 1)
	o := &WebSocketOptions{OnClose: func(*WebSocket, error) {
		must(t, h.Publish("a", TextMessage, []byte("left")))
		inClose <- h.Stats()
	}}
	stays := newFakePeer(-1)
	other := fakeSocket(stays, nil)
	defer other.Abort()
	must(t, h.Join("a", other))
	s := fakeSocket(newFakePeer(-1), o)
	for _, topic := range []string{"a", "b", "c"} {
		must(t, h.Join(topic, s))
	}
	s.Abort()
	if last := <-inClose; last.Topics != 1 || last.Members != 1 {
		t.Errorf("in OnClose: %+v", last)
	}
	settleHub(&h)
	if got := stays.messages(t); !slices.Equal(got, []string{"left"}) {
		t.Errorf("others got %q", got)
	}
	never := fakeSocket(newFakePeer(-1), o)
	never.Abort()
	<-inClose
	for _, s := range []*WebSocket{s, never} {
		if err := h.Join("a", s); err != ErrWebSocketClosing {
			t.Errorf("Join after the end: %v", err)
		}
		h.Leave("a", s)
		h.LeaveAll(s)
	}
}

// A member whose peer breaks in a delivery leaves, and its OnClose may publish to the same topic,
// however full that is.
func TestHub_breaksInDelivery(t *testing.T) {
	var h Hub
	ended := make(chan struct{})
	peer := newFakePeer(-1)
	s := fakeSocket(peer, &WebSocketOptions{OnClose: func(*WebSocket, error) {
		for range 3 * maxPosts {
			h.Publish("a", TextMessage, []byte("left"))
		}
		close(ended)
	}})
	must(t, h.Join("a", s))
	stays := newFakePeer(-1)
	other := fakeSocket(stays, nil)
	defer other.Abort()
	must(t, h.Join("a", other))
	peer.Abort()
	must(t, h.Publish("a", TextMessage, []byte("x")))
	<-ended
	settleHub(&h)
	if n := h.Members("a"); n != 1 {
		t.Errorf("%d members", n)
	}
	if got := stays.messages(t); len(got) != 1+3*maxPosts {
		t.Errorf("%d messages", len(got))
	}
}

func TestHub_bounds(t *testing.T) {
	h := Hub{MaxTopics: 2, MaxJoined: 2}
	ended := make(chan struct{})
	s := fakeSocket(newFakePeer(-1), &WebSocketOptions{OnClose: func(*WebSocket, error) { close(ended) }})
	other := fakeSocket(newFakePeer(-1), nil)
	defer other.Abort()
	for _, c := range []struct {
		topic string
		s     *WebSocket
		want  error
	}{
		{"", s, ErrTopicName},
		{strings.Repeat("x", MaxTopicName+1), s, ErrTopicName},
		{strings.Repeat("x", MaxTopicName), s, nil},
		{"b", s, nil},
		{"b", s, nil},
		{"c", s, ErrTooManyJoined},
		{"c", other, ErrTooManyTopics},
		{"b", other, nil},
	} {
		if err := h.Join(c.topic, c.s); err != c.want {
			t.Errorf("Join %.9q: %v, want %v", c.topic, err, c.want)
		}
	}
	if err := h.Publish("", TextMessage, nil); err != ErrTopicName {
		t.Error(err)
	}
	if err := h.Publish("b", 9, nil); err != ErrMessageType {
		t.Error(err)
	}
	s.Abort()
	<-ended
	must(t, h.Join("c", other))
}

// A message that is longer than all queues goes out, alone.
func TestHub_longMessage(t *testing.T) {
	var h Hub
	peer := newFakePeer(-1)
	s := fakeSocket(peer, nil)
	defer s.Abort()
	must(t, h.Join("a", s))
	long := strings.Repeat("x", 3<<20)
	for range 3 {
		must(t, h.Publish("a", TextMessage, []byte(long)))
	}
	settleHub(&h)
	if got := peer.messages(t); len(got) != 3 || got[2] != long {
		t.Errorf("%d messages", len(got))
	}
}

// A member that leaves and joins again while a delivery is on its way gets later messages after it, though
// the topic had no members for a moment.
func TestHub_joinsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		reached, goOn := make(chan struct{}), make(chan struct{})
		first, peer := newFakePeer(-1), newFakePeer(-1)
		first.before = sync.OnceFunc(func() { close(reached); <-goOn })
		holds, s := fakeSocket(first, nil), fakeSocket(peer, nil)
		defer holds.Abort()
		defer s.Abort()
		must(t, h.Join("a", holds))
		must(t, h.Join("a", s))
		must(t, h.Publish("a", TextMessage, []byte("1")))
		<-reached
		h.Leave("a", holds)
		h.Leave("a", s)
		must(t, h.Join("a", s))
		must(t, h.Publish("a", TextMessage, []byte("2")))
		synctest.Wait() // who could deliver it has
		close(goOn)
		settleHub(&h)
		if got := peer.messages(t); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("got %q", got)
		}
	})
}

// Many messages, published while deliveries run, come in order, whoever else publishes.
func TestHub_order(t *testing.T) {
	var h Hub
	const publishers, messages, members = 4, 500, 3 * deliverChunk
	peers := make([]*fakePeer, members)
	for i := range peers {
		peers[i] = newFakePeer(-1)
		s := fakeSocket(peers[i], nil)
		defer s.Abort()
		must(t, h.Join("a", s))
	}
	done := make(chan struct{})
	for p := range publishers {
		go func() {
			for i := range messages {
				h.Publish("a", TextMessage, fmt.Appendf(nil, "%d %d", p, i))
			}
			done <- struct{}{}
		}()
	}
	for range publishers {
		<-done
	}
	settleHub(&h)
	first := peers[0].messages(t)
	if len(first) != publishers*messages {
		t.Fatalf("%d messages", len(first))
	}
	var next [publishers]int
	for _, text := range first {
		var p, i int
		fmt.Sscan(text, &p, &i)
		if next[p] != i {
			t.Fatalf("message %d of publisher %d, want %d", i, p, next[p])
		}
		next[p]++
	}
	for i, p := range peers {
		if !slices.Equal(p.messages(t), first) {
			t.Errorf("member %d got another order", i)
		}
	}
}
