package goserver

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hyperion-server/hyperion/goserver/internal/ws"
)

// Bounds of what waits to be delivered to the members of a topic. One message may be longer.
const (
	maxPosts     = 64
	maxPostBytes = 1 << 20
)

// deliverChunk is how many members are delivered to in one go; a topic of several chunks is shared by
// as many goroutines as run at a time.
const deliverChunk = 64

// A topic is the WebSockets that get what is published to a name. While posts wait, one goroutine
// delivers them: it takes all that wait, offers them to each member and looks again.
type topic struct {
	hub  *Hub
	name string

	mu         sync.Mutex
	room       sync.Cond // posts were taken
	members    []*membership
	lent       bool // a delivery reads members: a change makes a copy
	posts      []post
	spare      []post // empty
	bytes      int    // of posts
	seq        uint64 // of the last post
	delivering bool
	gone       bool // it is not in the Hub any more
}

// A post is a message on its way to the members.
type post struct {
	m      *PreparedMessage
	except *WebSocket
}

// post queues p; false if the topic is gone.
func (t *topic) post(p post) bool {
	n := len(p.m.Frame())
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.posts) == maxPosts || len(t.posts) > 0 && t.bytes+n > maxPostBytes {
		t.room.Wait()
	}
	if t.gone || len(t.members) == 0 {
		return !t.gone
	}
	t.posts = append(t.posts, p)
	t.bytes += n
	t.seq++
	if !t.delivering {
		t.delivering = true
		t.hub.work.Add(1)
		go t.deliver()
	}
	return true
}

// deliver delivers until no posts wait.
func (t *topic) deliver() {
	t.mu.Lock()
	for len(t.posts) > 0 {
		d := delivery{hub: t.hub, posts: t.posts, members: t.members, before: t.seq - uint64(len(t.posts))}
		t.posts, t.bytes, t.lent = t.spare, 0, true
		t.room.Broadcast()
		t.mu.Unlock()
		d.run()
		clear(d.posts)
		t.mu.Lock()
		t.spare, t.lent = d.posts[:0], false
	}
	t.delivering = false
	t.removeIfUnused()
	t.mu.Unlock()
	t.hub.work.Done()
}

// add makes m a member; false if the topic is gone.
func (t *topic) add(m *membership) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false
	}
	t.own()
	m.topic, m.index, m.after = t, len(t.members), t.seq
	t.members = append(t.members, m)
	t.hub.joined.Add(1)
	return true
}

func (t *topic) remove(m *membership) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.own()
	last := len(t.members) - 1
	moved := t.members[last]
	t.members[m.index], moved.index = moved, m.index
	t.members[last] = nil
	t.members = t.members[:last]
	t.hub.joined.Add(-1)
	t.removeIfUnused()
}

// own makes members the topic's alone. mu is held.
func (t *topic) own() {
	if t.lent {
		t.members = append(make([]*membership, 0, len(t.members)+1), t.members...)
		t.lent = false
	}
}

// removeIfUnused removes a topic without members and posts from the Hub. mu is held.
func (t *topic) removeIfUnused() {
	if len(t.members) > 0 || t.delivering || t.gone {
		return
	}
	t.gone = true
	t.hub.removeTopic(t.name)
}

// A delivery is posts on their way to some members.
type delivery struct {
	hub     *Hub
	posts   []post
	members []*membership
	before  uint64 // the number of the post ahead of the first
	next    atomic.Int64
	wait    sync.WaitGroup
}

// run delivers, together with other goroutines if there are many members.
func (d *delivery) run() {
	chunks := (len(d.members) + deliverChunk - 1) / deliverChunk
	for range min(chunks, runtime.GOMAXPROCS(0)) - 1 {
		d.wait.Go(d.share)
	}
	d.share()
	d.wait.Wait()
}

// share delivers to chunks of the members until none is left.
func (d *delivery) share() {
	o := offerings.Get().(*offering)
	var delivered, dropped int
	for {
		end := int(d.next.Add(deliverChunk))
		start := end - deliverChunk
		if start >= len(d.members) {
			break
		}
		for _, m := range d.members[start:min(end, len(d.members))] {
			a, b := m.socket.conn.Offer(o.choose(d, m), &o.memory, d.hub.Slow.policy())
			delivered, dropped = delivered+a, dropped+b
		}
		runtime.Gosched()
	}
	clear(o.messages[:])
	offerings.Put(o)
	d.hub.delivered.Add(int64(delivered))
	d.hub.dropped.Add(int64(dropped))
}

// An offering is what a goroutine needs to deliver.
type offering struct {
	messages [maxPosts]*PreparedMessage
	memory   ws.Offering
}

var offerings = sync.Pool{New: func() any { return new(offering) }}

// choose returns the messages that are for m.
func (o *offering) choose(d *delivery, m *membership) []*PreparedMessage {
	n := 0
	for i := range d.posts {
		if p := &d.posts[i]; p.except != m.socket && d.before+uint64(i) >= m.after {
			o.messages[n] = p.m
			n++
		}
	}
	return o.messages[:n]
}
