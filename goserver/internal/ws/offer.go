package ws

import "github.com/hyperion-server/hyperion/wsframe"

// MaxOffer is how many messages one system call takes at most.
const MaxOffer = 16

// An Offering is memory for Offer, for one goroutine at a time.
type Offering struct {
	frames [MaxOffer][]byte
	vector [MaxOffer][]byte // the same, for a transport to consume
}

// held are messages that were offered while somebody else was sending one. They leave
// when that has ended. mu of the Conn guards them; whether there are any is seen without.
type held struct {
	messages []*wsframe.PreparedMessage
	bytes    int // that they count for
}

// heldMore is how many bytes of memory a held message takes beside its frame.
const heldMore = 128

// heldSize is how many bytes a message counts for while it is held.
func heldSize(m *wsframe.PreparedMessage) int { return len(m.Frame()) + heldMore }

// Offer sends messages in their order, as WritePrepared does, but never waits and calls
// nothing of the program: full says what becomes of one that finds the queue full
// where the policy of the connection is Block; Block there drops the message. It returns
// how many are sent or on their way, and how many the queue had no room for. The rest found
// the connection closing.
//
// What the peer takes at once leaves from where it is: no byte is copied.
func (c *Conn) Offer(ms []*wsframe.PreparedMessage, o *Offering, full Policy) (sent, dropped int) {
	c.mu.Lock()
	if c.status != open {
		c.mu.Unlock()
		return 0, 0
	}
	if !c.takeOrder() {
		sent, dropped = c.hold(ms, full)
	} else {
		sent, dropped = c.offer(ms, o, full)
		c.order.Unlock()
		c.sendHeld()
	}
	dead := c.dead.Load()
	c.mu.Unlock()
	if dead {
		c.leave()
	}
	return sent, dropped
}

// takeOrder takes order, unless somebody has it: then there is c.held, which releaseOrder will
// see. mu is held from here until it has messages.
func (c *Conn) takeOrder() bool {
	if c.held.Load() != nil {
		return false
	}
	if c.order.TryLock() {
		return true
	}
	c.held.Store(new(held))
	if c.order.TryLock() {
		c.held.Store(nil)
		return true
	}
	return false
}

// releaseOrder ends the sending of a message. mu is not held.
func (c *Conn) releaseOrder() {
	c.order.Unlock()
	if c.held.Load() != nil {
		c.mu.Lock()
		c.sendHeld()
		c.mu.Unlock()
		c.leave()
	}
}

// sendHeld sends what is held, unless somebody sends a message: who does comes here afterwards.
// mu is held; it may be released meanwhile.
func (c *Conn) sendHeld() {
	for c.held.Load() != nil && c.order.TryLock() {
		for _, m := range c.held.Swap(nil).messages {
			if c.status == open {
				c.queueFrame(m)
			}
		}
		if !c.corked {
			c.flush()
		}
		c.order.Unlock()
	}
}

// hold keeps messages until nobody sends one. mu is held.
func (c *Conn) hold(ms []*wsframe.PreparedMessage, full Policy) (sent, dropped int) {
	for _, m := range ms {
		switch ok, wasOpen := c.admitNow(heldSize(m), full); {
		case ok:
			l := c.held.Load()
			l.messages = append(l.messages, m)
			l.bytes += heldSize(m)
			sent++
		case wasOpen:
			dropped++
		}
	}
	if l := c.held.Load(); l != nil && len(l.messages) == 0 {
		c.held.Store(nil)
	}
	return sent, dropped
}

// dropHeld drops the oldest message that is held.
func (c *Conn) dropHeld() bool {
	l := c.held.Load()
	if l == nil || len(l.messages) == 0 {
		return false
	}
	l.bytes -= heldSize(l.messages[0])
	l.messages[0] = nil
	l.messages = l.messages[1:]
	c.route.Dropped.Add(1)
	return true
}

// fits reports whether n bytes find room in the queue, which what is held will be in.
func (c *Conn) fits(n int) bool {
	waiting := c.queued()
	if l := c.held.Load(); l != nil {
		waiting += l.bytes
	}
	return waiting == 0 || waiting+n <= c.cfg.QueueBytes
}

// admitNow is admit, which does not wait. wasOpen tells that a message was dropped, for want
// of room. mu is held.
func (c *Conn) admitNow(n int, full Policy) (ok, wasOpen bool) {
	policy := c.cfg.Full
	if policy == Block {
		policy = full
	}
	for {
		switch {
		case c.status != open:
			return false, false
		case c.fits(n):
			return true, true
		case policy == DropOldest && c.dropsHelp(n) && (c.dropOne() || c.dropHeld()):
		case policy == Disconnect:
			c.startCloseLocked(wsframe.CloseTryAgainLater, "too slow")
			c.flush()
			return false, true
		default:
			c.route.Dropped.Add(1)
			return false, true
		}
	}
}

// offer sends messages for who holds order. mu is held; it is released while bytes are written.
func (c *Conn) offer(ms []*wsframe.PreparedMessage, o *Offering, full Policy) (sent, dropped int) {
	for len(ms) > 0 && c.queue == nil && !c.writing && !c.corked && c.status == open {
		n := c.writeFrames(ms, o)
		ms, sent = ms[n:], sent+n
	}
	for _, m := range ms {
		switch ok, wasOpen := c.admitNow(len(m.Frame()), full); {
		case ok:
			c.queueFrame(m)
			sent++
		case wasOpen:
			dropped++
		}
	}
	if c.corked {
		c.flushSoon()
	} else {
		c.flush()
	}
	return sent, dropped
}

// queueFrame puts a message into the queue. mu and order are held.
func (c *Conn) queueFrame(m *wsframe.PreparedMessage) {
	start := c.queueEnd()
	c.append(nil, c.frameOf(m))
	c.mark(start, true)
	c.countOut(len(m.Payload()))
}

// frameOf returns the frame of m for this peer, which is then taken for sent. order is held.
func (c *Conn) frameOf(m *wsframe.PreparedMessage) []byte {
	frame, deflated := c.chooseFrame(m)
	if deflated {
		c.z.deflate.Sent(m.Payload())
	}
	return frame
}

// chooseFrame returns the frame of m for this peer. One that is deflated is to be told to the
// compressor when it is sent.
func (c *Conn) chooseFrame(m *wsframe.PreparedMessage) (frame []byte, deflated bool) {
	size := len(m.Payload())
	if c.z == nil || size < max(c.cfg.CompressFrom, 1) {
		return m.Frame(), false
	}
	z, ok := m.Deflated(c.z.window)
	if !ok {
		return m.Frame(), false
	}
	c.route.observeRatio(size, len(z))
	return z, true
}

// writeFrames writes as many of the messages as one system call and the queue take, at least
// one, and keeps what does not leave. mu and order are held; mu is released meanwhile.
// Nobody writes, and the queue is empty.
func (c *Conn) writeFrames(ms []*wsframe.PreparedMessage, o *Offering) int {
	n, size, plain := 0, 0, 0
	for n < min(len(ms), MaxOffer) && (n == 0 || size+len(ms[n].Frame()) <= c.cfg.QueueBytes) {
		o.frames[n] = c.frameOf(ms[n])
		size += len(o.frames[n])
		plain += len(ms[n].Payload())
		n++
	}
	c.route.MessagesOut.Add(int64(n))
	c.route.BytesOut.Add(int64(plain))
	copy(o.vector[:], o.frames[:n])
	c.writing = true
	c.mu.Unlock()
	done, err := c.t.TryWritev(o.vector[:n]...)
	c.mu.Lock()
	if left := size - int(done); err == nil && left > 0 && !c.dead.Load() {
		rest := take(left)
		for _, f := range o.frames[:n] {
			skip := min(int(done), len(f))
			*rest = append(*rest, f[skip:]...)
			done -= int64(skip)
		}
		c.leaving, c.wrote = rest, 0
		go c.writeRest()
		return n
	}
	c.writing = false
	if err != nil {
		c.lost(err)
	}
	c.wakeWriters()
	return n
}
