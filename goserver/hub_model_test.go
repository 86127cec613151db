package goserver

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// hubModel is a Hub as one would say what it does.
type hubModel struct {
	in        map[string][]int // the sockets of a topic
	got       [][]string       // by socket
	ended     []bool
	published int64
	delivered int64
}

// TestHub_model does random things with a Hub and with the model, and compares them. What is
// published is awaited before a Leave, which may keep it from a member.
func TestHub_model(t *testing.T) {
	topics := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		const sockets = 4
		h := Hub{MaxTopics: 2, MaxJoined: 2}
		m := hubModel{in: make(map[string][]int), got: make([][]string, sockets), ended: make([]bool, sockets)}
		peers, socks, closed := make([]*fakePeer, sockets), make([]*WebSocket, sockets), make(chan int)
		for i := range sockets {
			peers[i] = newFakePeer(-1)
			socks[i] = fakeSocket(peers[i], &WebSocketOptions{OnClose: func(*WebSocket, error) { closed <- i }})
		}
		end := func(i int) {
			settleHub(&h)
			socks[i].Abort()
			<-closed
			m.ended[i] = true
			m.leaveAll(i)
		}
		topic, socket := rapid.SampledFrom(topics), rapid.IntRange(0, sockets-1)
		for n := range rapid.IntRange(1, 60).Draw(t, "steps") {
			name, i := topic.Draw(t, "topic"), socket.Draw(t, "socket")
			switch rapid.SampledFrom([]string{"join", "join", "leave", "leave all", "publish", "publish", "except", "end"}).Draw(t, "do") {
			case "join":
				if err, want := h.Join(name, socks[i]), m.join(&h, name, i); err != want {
					t.Fatalf("Join: %v, want %v", err, want)
				}
			case "leave":
				settleHub(&h)
				h.Leave(name, socks[i])
				m.leave(name, i)
			case "leave all":
				settleHub(&h)
				h.LeaveAll(socks[i])
				m.leaveAll(i)
			case "publish":
				text := fmt.Sprint("message ", n)
				if err := h.Publish(name, TextMessage, []byte(text)); err != nil {
					t.Fatal(err)
				}
				m.publish(name, text, -1)
			case "except":
				text := fmt.Sprint("message ", n)
				if err := h.PublishExcept(socks[i], name, TextMessage, []byte(text)); err != nil {
					t.Fatal(err)
				}
				m.publish(name, text, i)
			case "end":
				if n%3 == 0 && !m.ended[i] {
					end(i)
				}
			}
			m.compare(t, &h, topics)
		}
		settleHub(&h)
		for i := range sockets {
			// Between topics there is no order.
			got, want := peers[i].messages(t), m.got[i]
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("socket %d got %q, want %q", i, got, want)
			}
			if !m.ended[i] {
				end(i)
			}
		}
		if s := h.Stats(); s != (HubStats{Published: m.published, Delivered: m.delivered}) {
			t.Fatalf("%+v; published %d, delivered %d", s, m.published, m.delivered)
		}
	})
}

func (m *hubModel) join(h *Hub, topic string, i int) error {
	joined := 0
	for _, in := range m.in {
		if slices.Contains(in, i) {
			joined++
		}
	}
	switch {
	case m.ended[i]:
		return ErrWebSocketClosing
	case slices.Contains(m.in[topic], i):
		return nil
	case joined == h.MaxJoined:
		return ErrTooManyJoined
	case m.in[topic] == nil && len(m.in) == h.MaxTopics:
		return ErrTooManyTopics
	}
	m.in[topic] = append(m.in[topic], i)
	return nil
}

func (m *hubModel) leave(topic string, i int) {
	m.in[topic] = slices.DeleteFunc(m.in[topic], func(j int) bool { return j == i })
	if len(m.in[topic]) == 0 {
		delete(m.in, topic)
	}
}

func (m *hubModel) leaveAll(i int) {
	for topic := range m.in {
		m.leave(topic, i)
	}
}

func (m *hubModel) publish(topic, text string, except int) {
	m.published++
	for _, i := range m.in[topic] {
		if i != except {
			m.got[i] = append(m.got[i], text)
			m.delivered++
		}
	}
}

// compare compares the counts of members.
func (m *hubModel) compare(t *rapid.T, h *Hub, topics []string) {
	all := 0
	for _, name := range topics {
		all += len(m.in[name])
		if got, want := h.Members(name), len(m.in[name]); got != want {
			t.Fatalf("topic %s has %d members, want %d", name, got, want)
		}
	}
	if s := h.Stats(); s.Members != all || s.Topics != len(m.in) {
		t.Fatalf("%+v; want %d members of %d topics", s, all, len(m.in))
	}
}
