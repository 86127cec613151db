package ws

// A span is where a message is in the queue.
type span struct{ start, end int }

// drops are the messages of the queue that may be dropped, where the policy is DropOldest. What was
// dropped stays in the queue until half of that is of no use, or it leaves: to drop a message costs
// what it is long, however many wait behind it.
type drops struct {
	messages []span
	first    int // of messages that was not dropped
	dropped  int // bytes that were dropped, and are in the queue still
	bytes    int // of those that were not
}

// mark notes where a message is in the queue that may be dropped.
func (c *Conn) mark(start int, whole bool) {
	if d := c.drops; whole && d != nil {
		d.messages = append(d.messages, span{start, len(*c.queue)})
		d.bytes += len(*c.queue) - start
	}
}

// dropsHelp reports whether there would be room for n bytes without the messages that may be dropped:
// those in the queue, and those held.
func (c *Conn) dropsHelp(n int) bool {
	if c.drops == nil {
		return false
	}
	left := c.queued() - c.drops.bytes
	return left == 0 || left+n <= c.cfg.QueueBytes
}

// dropOne drops the oldest message of which no byte has left.
func (c *Conn) dropOne() bool {
	d := c.drops
	if d == nil || d.first == len(d.messages) {
		return false
	}
	s := d.messages[d.first]
	d.first++
	d.dropped += s.end - s.start
	d.bytes -= s.end - s.start
	if 2*d.dropped > len(*c.queue) {
		c.closeGaps()
	}
	c.route.Dropped.Add(1)
	return true
}

// closeGaps takes what was dropped out of the queue.
func (c *Conn) closeGaps() {
	d, q := c.drops, *c.queue
	n, from := 0, 0
	for _, s := range d.messages[:d.first] {
		n += copy(q[n:], q[from:s.start])
		from = s.end
	}
	n += copy(q[n:], q[from:])
	*c.queue = q[:n]
	left := d.messages[:copy(d.messages, d.messages[d.first:])]
	for i := range left { // behind all that was dropped
		left[i].start -= d.dropped
		left[i].end -= d.dropped
	}
	d.messages, d.first, d.dropped = left, 0, 0
}

// settleDrops readies the queue to leave: nothing in it may be dropped any more.
func (c *Conn) settleDrops() {
	d := c.drops
	if d == nil {
		return
	}
	if d.dropped > 0 {
		c.closeGaps()
	}
	d.messages, d.bytes = d.messages[:0], 0
}
