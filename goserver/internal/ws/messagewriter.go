package ws

import (
	"io"

	"github.com/hyperion-server/hyperion/wsframe"
)

// writePart is how many bytes of a streamed message go into a frame.
const writePart = 16 << 10

// A MessageWriter sends one message in parts. Other messages wait until it is closed;
// control frames do not. It is for one goroutine at a time.
type MessageWriter struct {
	c    *Conn
	head wsframe.Header // of the next frame
	held *[]byte        // gathered for it
	size int
	err  error // sticky

	sending bool // the compressor is at work, or a frame waits; guarded by mu of c
}

// Writer begins a message, unless none can be sent any more.
func (c *Conn) Writer(op wsframe.Opcode) (*MessageWriter, error) {
	c.order.Lock()
	w := &MessageWriter{c: c, head: wsframe.Header{Opcode: op, RSV1: c.z != nil}}
	c.mu.Lock()
	if c.status != open {
		err := c.refusal()
		c.mu.Unlock()
		c.releaseOrder()
		return nil, err
	}
	c.stream = w
	c.mu.Unlock()
	w.held = take(writePart)
	return w, nil
}

// Write adds p to the message, and sends what fills a frame. It, Flush and Close fail when a frame cannot be sent:
// with what a write of a whole message would fail with.
func (w *MessageWriter) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		m := min(len(p)-n, writePart-len(*w.held))
		*w.held = append(*w.held, p[n:n+m]...)
		n += m
		if len(*w.held) == writePart {
			w.send(false)
		}
	}
	w.size += n
	return n, w.err
}

// Flush sends what was written so far.
func (w *MessageWriter) Flush() error {
	if w.err == nil && len(*w.held) > 0 {
		w.send(false)
	}
	return w.err
}

// Close ends the message.
func (w *MessageWriter) Close() error {
	if w.held == nil {
		return w.err
	}
	if w.err == nil {
		w.send(true)
	}
	give(w.held)
	w.held = nil
	err := w.err
	if w.err == nil {
		w.err = io.ErrClosedPipe
	}
	w.c.mu.Lock()
	holds := w.c.stream == w
	if holds {
		w.c.stream = nil
	}
	w.c.mu.Unlock()
	if holds {
		w.c.releaseOrder()
	}
	return err
}

// send sends what is held as a frame.
func (w *MessageWriter) send(fin bool) {
	c, p := w.c, *w.held
	if w.err = w.begin(); w.err != nil {
		return
	}
	if c.z != nil {
		z := take(len(p))
		defer func() { give(z) }()
		*z = c.z.deflate.AppendPart(*z, p, fin)
		p = *z
	}
	w.head.Fin = fin
	size := -1
	if fin {
		size = w.size
	}
	w.err = c.enqueue(w.head, p, size)
	w.sent()
	w.head.Opcode, w.head.RSV1 = wsframe.Continuation, false
	*w.held = (*w.held)[:0]
}

// begin begins to send a frame, for which w must hold order.
func (w *MessageWriter) begin() error {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != w {
		return c.refusal()
	}
	w.sending = true
	return nil
}

// sent ends the sending of a frame.
func (w *MessageWriter) sent() {
	c := w.c
	c.mu.Lock()
	if w.sending = false; c.dead.Load() {
		c.endStream()
	}
	c.mu.Unlock()
	c.leave()
}

// endStream has other writers go on, and find that the connection is dead; who sends a frame
// comes here afterwards. mu is held.
func (c *Conn) endStream() {
	if c.stream != nil && !c.stream.sending {
		c.stream = nil
		c.order.Unlock()
	}
}
