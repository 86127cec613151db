package goserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What a member gets whose peer takes nothing for a while, of ten messages of which three fit the
// queue; the peer has begun to take the first.
func TestHub_slowMember(t *testing.T) {
	message := func(i int) string { return strings.Repeat(fmt.Sprint(i), 100) }
	const frame = 102
	all := make([]string, 10)
	for i := range all {
		all[i] = message(i)
	}
	for _, c := range []struct {
		name    string
		policy  QueuePolicy
		slow    SlowMember
		want    []string
		dropped int64
	}{
		{"block, drop", QueueBlock, SlowDrop, all[:3], 7},
		{"block, disconnect", QueueBlock, SlowDisconnect, append(slices.Clone(all[:3]), "close 1013"), 1},
		{"drop oldest", QueueDropOldest, SlowDrop, []string{all[0], all[8], all[9]}, 0},
		{"disconnect", QueueDisconnect, SlowDrop, append(slices.Clone(all[:3]), "close 1013"), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := Hub{Slow: c.slow}
			slow, fast := newFakePeer(10), newFakePeer(-1)
			closed := make(chan struct{})
			s := fakeSocket(slow, &WebSocketOptions{QueuePolicy: c.policy, QueueBytes: 3 * frame, OnClose: func(*WebSocket, error) { close(closed) }})
			other := fakeSocket(fast, nil)
			defer other.Abort()
			must(t, h.Join("a", s))
			must(t, h.Join("a", other))
			for i := range all {
				must(t, h.Publish("a", TextMessage, []byte(message(i))))
				settleHub(&h)
			}
			if got := fast.messages(t); !slices.Equal(got, all) {
				t.Errorf("the fast member got %d messages", len(got))
			}
			slow.open(-1)
			want := 0
			for _, m := range c.want {
				if want += frame; strings.HasPrefix(m, "close") {
					want += 2 + 2 + len("too slow") - frame
				}
			}
			slow.waitTaken(want)
			got := slow.messages(t)
			for i := range got {
				if i < len(c.want) && strings.HasPrefix(got[i], c.want[i]) {
					got[i] = c.want[i]
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the slow member got %.3q, want %.3q", got, c.want)
			}
			if n := h.Stats().Dropped; n != c.dropped {
				t.Errorf("%d dropped, want %d", n, c.dropped)
			}
			s.Abort()
			<-closed
		})
	}
}

// heldMore is what a message counts for beside its frame while a member sends one in parts.
const heldMore = 128

// A member that sends a long message in parts gets what is published behind that; as much as its queue
// holds, and nobody waits.
func TestHub_memberStreams(t *testing.T) {
	for _, c := range []struct {
		policy QueuePolicy
		want   []string
	}{
		{QueueBlock, []string{"long message", "000", "111", "222"}},
		{QueueDropOldest, []string{"long message", "777", "888", "999"}},
	} {
		var h Hub
		peer := newFakePeer(-1)
		s := fakeSocket(peer, &WebSocketOptions{QueuePolicy: c.policy, QueueBytes: 3 * (5 + heldMore)})
		must(t, h.Join("a", s))
		w, err := s.NextWriter(TextMessage)
		must(t, err)
		fmt.Fprint(w, "long ")
		must(t, w.Flush())
		peer.waitTaken(2 + 5)
		for i := range 10 {
			must(t, h.Publish("a", TextMessage, []byte(strings.Repeat(fmt.Sprint(i), 3))))
			settleHub(&h)
		}
		fmt.Fprint(w, "message")
		must(t, w.Close())
		must(t, s.WriteText("end"))
		peer.waitTaken(2 + 5 + 2 + 7 + 3*5 + 5)
		if got := peer.messages(t); !slices.Equal(got, append(c.want, "end")) {
			t.Errorf("policy %d: got %q, want %q", c.policy, got, c.want)
		}
		s.Abort()
	}
}

// Messages without content take memory as well, while a member sends one in parts.
func TestHub_memberStreamsLittle(t *testing.T) {
	var h Hub
	s := fakeSocket(newFakePeer(-1), &WebSocketOptions{QueueBytes: 4 << 10})
	must(t, h.Join("a", s))
	w, err := s.NextWriter(TextMessage)
	must(t, err)
	for range 1000 {
		must(t, h.Publish("a", TextMessage, nil))
	}
	settleHub(&h)
	if kept := 1000 - h.Stats().Dropped; kept > 4<<10/heldMore {
		t.Errorf("%d messages are kept in 4 KiB", kept)
	}
	must(t, w.Close())
	s.Abort()
}

// Published messages are never within another one, however many send at the same time.
func TestHub_memberSends(t *testing.T) {
	var h Hub
	peer := newFakePeer(-1)
	s := fakeSocket(peer, &WebSocketOptions{Fragment: 10})
	defer s.Abort()
	must(t, h.Join("a", s))
	const n = 300
	done := make(chan struct{})
	go func() {
		for i := range n {
			h.Publish("a", TextMessage, fmt.Appendf(nil, "published %d", i))
		}
		close(done)
	}()
	for range n {
		w, err := s.NextWriter(TextMessage)
		must(t, err)
		fmt.Fprint(w, "in ")
		must(t, w.Flush())
		fmt.Fprint(w, "parts")
		must(t, w.Close())
		must(t, s.WriteText("sent as a whole, in frames"))
	}
	<-done
	settleHub(&h)
	must(t, s.WriteText("last"))
	peer.waitFor(func() bool { return strings.HasSuffix(string(peer.wire), "last") })
	got := make(map[string]int)
	next := 0
	for _, m := range peer.messages(t) {
		var i int
		if k, _ := fmt.Sscanf(m, "published %d", &i); k == 1 {
			if m = "published"; i != next {
				t.Fatalf("message %d came before %d", i, next)
			}
			next++
		}
		got[m]++
	}
	if len(got) != 4 || got["in parts"] != n || got["sent as a whole, in frames"] != n || got["published"] != n {
		t.Errorf("%v", got)
	}
}
