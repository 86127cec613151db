package goserver

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestHub_race has many goroutines join, leave, publish and end sockets at the same time. At the
// end nothing is left, and each socket has got what others published to a topic in the order of each of them.
func TestHub_race(t *testing.T) {
	const goroutines, steps = 64, 150
	var h Hub
	topics := []string{"a", "b", "c"}
	var ended, running sync.WaitGroup
	peers := make([]*fakePeer, goroutines)
	policies := []QueuePolicy{QueueBlock, QueueDropOldest, QueueDisconnect}
	for g := range goroutines {
		peers[g] = newFakePeer(-1)
		if g%4 == 0 {
			peers[g].window = 100 // a slow one
		}
		ended.Add(1)
		s := fakeSocket(peers[g], &WebSocketOptions{QueuePolicy: policies[g%3], QueueBytes: 4096, OnClose: func(s *WebSocket, _ error) {
			h.Publish("a", TextMessage, []byte("left 0 0"))
			ended.Done()
		}})
		running.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for i := range steps {
				topic := topics[r.IntN(len(topics))]
				switch r.IntN(6) {
				case 0, 1:
					h.Join(topic, s)
				case 2:
					h.Leave(topic, s)
				case 3:
					h.PublishExcept(s, topic, TextMessage, fmt.Appendf(nil, "%s %d %d", topic, g, i))
				case 4:
					h.Publish(topic, BinaryMessage, fmt.Appendf(nil, "%s %d %d", topic, g, i))
				case 5:
					if i == steps/2 && g%2 == 0 {
						s.Abort()
					}
				}
			}
			s.Abort()
		})
	}
	running.Wait()
	ended.Wait()
	settleHub(&h)
	if s := h.Stats(); s.Topics != 0 || s.Members != 0 || len(h.topics) != 0 {
		t.Errorf("left: %+v", s)
	}
	for g, p := range peers {
		if p.window >= 0 {
			continue // a message may have left in part
		}
		last := make(map[string]int)
		for _, m := range p.messages(t) {
			var topic string
			var from, i int
			fmt.Sscan(m, &topic, &from, &i)
			key := fmt.Sprint(topic, from)
			if before, ok := last[key]; topic != "left" && ok && before >= i {
				t.Fatalf("socket %d got %q after %d", g, m, before)
			}
			last[key] = i
		}
	}
}

// Publishing costs a few allocations, and none for a member.
func TestHub_allocs(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates")
	}
	const members = 1000
	var h Hub
	for range members {
		p := newFakePeer(-1)
		p.discard = true
		s := fakeSocket(p, nil)
		defer s.Abort()
		must(t, h.Join("a", s))
	}
	payload := make([]byte, 1000)
	publish := func() {
		h.Publish("a", TextMessage, payload)
		settleHub(&h)
	}
	publish()
	if n := testing.AllocsPerRun(50, publish); n > 15 {
		t.Errorf("%v allocations for %d members", n, members)
	} else {
		t.Logf("%v allocations for %d members", n, members)
	}
	if got, want := h.Stats().Delivered, h.Stats().Published*members; got != want {
		t.Errorf("%d delivered, want %d", got, want)
	}
}
