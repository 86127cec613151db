package h2

import (
	"bytes"
)

// A priority is that of RFC 9218: urgency 0 (first) to 7, and whether the
// response is of use in parts, so that it shares with its equals.
type priority struct {
	urgency     uint8
	incremental bool
}

const (
	urgencies      = 8
	defaultUrgency = 3
)

// firstPriority is that of a stream whose peer said nothing. Responses to a
// peer that never says anything share, so that none waits for a long one.
func (c *conn) firstPriority() priority {
	return priority{urgency: defaultUrgency, incremental: !c.prioritises}
}

// parsePriority reads a Priority Field Value (RFC 9218 §5), a dictionary of
// structured fields. Unknown members and wrong values are passed over.
func parsePriority(v []byte) priority {
	p := priority{urgency: defaultUrgency}
	for more := true; more; {
		var member []byte
		member, v, more = bytes.Cut(v, comma)
		member = bytes.Trim(member, " \t")
		member, _, _ = bytes.Cut(member, semicolon) // parameters
		switch {
		case len(member) == 3 && member[0] == 'u' && member[1] == '=' && '0' <= member[2] && member[2] <= '7':
			p.urgency = member[2] - '0'
		case string(member) == "i", string(member) == "i=?1":
			p.incremental = true
		case string(member) == "i=?0":
			p.incremental = false
		}
	}
	return p
}

var comma, semicolon = []byte{','}, []byte{';'}

// queueLinks are a stream's place among those that can send.
type queueLinks struct {
	prev, next *stream
	queued     bool
}

// A sendQueue holds the streams that have DATA and a window for it, by urgency.
type sendQueue struct {
	first, last [urgencies]*stream
	n           int
}

func (q *sendQueue) push(st *stream) {
	u := st.priority.urgency
	st.queue = queueLinks{prev: q.last[u], queued: true}
	if q.last[u] != nil {
		q.last[u].queue.next = st
	} else {
		q.first[u] = st
	}
	q.last[u] = st
	q.n++
}

func (q *sendQueue) remove(st *stream) {
	u, l := st.priority.urgency, st.queue
	if l.prev != nil {
		l.prev.queue.next = l.next
	} else {
		q.first[u] = l.next
	}
	if l.next != nil {
		l.next.queue.prev = l.prev
	} else {
		q.last[u] = l.prev
	}
	st.queue = queueLinks{}
	q.n--
}

// head returns the stream that sends next, or nil.
func (q *sendQueue) head() *stream {
	for _, st := range q.first {
		if st != nil {
			return st
		}
	}
	return nil
}

// ready queues st if it has something to send and may.
func (c *conn) ready(st *stream) {
	if !st.queue.queued && len(st.data) > 0 && st.sendWindow > 0 {
		c.queue.push(st)
	}
}

func (c *conn) unready(st *stream) {
	if st.queue.queued {
		c.queue.remove(st)
	}
}

// reprioritise moves st to another place in the queue.
func (c *conn) reprioritise(st *stream, p priority) {
	queued := st.queue.queued
	c.unready(st)
	st.priority = p
	if queued {
		c.queue.push(st)
	}
}
