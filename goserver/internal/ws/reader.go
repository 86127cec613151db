package ws

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// Sizes of what is read into, in bytes.
const (
	readSmall  = 4 << 10   // by a program that waits
	readLarge  = 16 << 10  // by the engine, which shares it
	readHuge   = 128 << 10 // by the engine, if the last message was large
	readDirect = 4 << 10   // more than this of a frame to come is read to where the message is
	readStep   = 64 << 10  // for so much of a frame there is memory before it has come
)

// maxEmptyFrames is how many frames of a message may be without content, beside the first and the last.
const maxEmptyFrames = 1 << 10

// reader is the part of a Conn that belongs to who reads. What it needs while something comes
// is lent to it.
type reader struct {
	*incoming      // nil while the engine waits for a message
	*program       // nil: the engine reads
	driven    bool // it does
	large     bool // the last frame was longer than half of readLarge
	pingWaits bool // the pong of the engine's last ping has not come
	looked    bool // the peer's silence has lasted too long, and who reads looks once more
	marks     atomic.Uint32
	heard     time.Duration // when something came last
	pingAt    time.Duration // when that was sent, on the exact clock; 0: none was
}

// marks of a reader, which others look at.
const (
	markLeft    = 1 << iota // the engine will not read again
	markCalling             // a callback for a control frame runs
)

func (r *reader) marked(m uint32) bool { return r.marks.Load()&m != 0 }

// incoming is what has come.
type incoming struct {
	in   *[]byte // what was not consumed is (*in)[r:]; nil while nobody reads
	r    int
	kept []byte // of in, while the engine does not read: a part of a header

	state wsframe.State

	// The frame of data that is being read.
	inFrame bool
	fin     bool
	key     [4]byte
	pos     uint64 // of the payload
	rest    uint64 // of it

	// Its message.
	grown      time.Duration // when something of it came last
	empty      int           // its frames without content, but the first and the last
	op         wsframe.Opcode
	compressed bool
	msg        *[]byte // the payload so far; nil while there is none
	utf8       wsframe.UTF8

	// What advance came to.
	payload  []byte
	inflated *[]byte // where payload is, if it was inflated
	streamed bool    // a message is read by a MessageReader
}

// program is what reads by the program need.
type program struct {
	rd       sync.Mutex   // held while it reads
	deadline atomic.Int64 // of its reads, on the coarse clock; 0: none
	bound    binding
	over     error // why it can read no more
}

var incomings = sync.Pool{New: func() any { return new(incoming) }}

// lend sees that there is memory for what comes.
func (c *Conn) lend() {
	if c.incoming == nil {
		c.incoming = incomings.Get().(*incoming)
		c.state = wsframe.State{MaxMessage: c.cfg.MaxMessage, Deflate: c.z != nil}
	}
}

// quiet reports that nothing of a message or frame has come.
func (c *Conn) quiet() bool {
	return !c.inFrame && c.msg == nil && !c.state.Open() && len(c.unread()) == 0
}

// advance consumes what has come. It reports true when that has a whole message: it is
// payload then, until the next call. What else comes is attended to.
func (c *Conn) advance() (whole bool, err error) {
	c.forget()
	for {
		if !c.inFrame {
			if ok, err := c.begin(); !ok {
				return false, err
			}
		}
		p := c.piece()
		if c.fin && c.rest == 0 && c.msg == nil {
			c.inFrame = false
			return true, c.complete(p)
		}
		if err := c.gather(p); err != nil {
			return false, err
		}
		if c.rest > 0 {
			return false, nil
		}
		c.inFrame = false
		if c.fin {
			return true, c.complete(*c.msg)
		}
	}
}

// forget ends the life of the last message.
func (c *Conn) forget() {
	c.payload = nil
	if c.inflated != nil {
		give(c.inflated)
		c.inflated = nil
	}
	if c.msg != nil && !c.state.Open() && !c.inFrame {
		give(c.msg)
		c.msg = nil
	}
}

func (c *Conn) unread() []byte {
	if c.in == nil {
		return nil
	}
	return (*c.in)[c.r:]
}

// begin consumes headers and control frames up to the header of a frame of data. It
// reports false when more has to come.
func (c *Conn) begin() (bool, error) {
	for {
		b := c.unread()
		h, n, ok := wsframe.ParseHeader(b)
		if !ok {
			return false, nil
		}
		if err := wsframe.Check(h, c.state); err != nil {
			return false, err
		}
		if h.Opcode.Control() {
			if len(b) < n+int(h.Length) {
				return false, nil
			}
			c.state.Advance(h)
			c.r += n + int(h.Length)
			p := b[n : n+int(h.Length)]
			wsframe.Mask(h.Key, 0, p)
			if err := c.control(h.Opcode, p); err != nil {
				return false, err
			}
			c.attend()
			continue
		}
		c.op, c.compressed = c.state.Advance(h)
		c.r += n
		c.inFrame, c.fin, c.key, c.pos, c.rest = true, h.Fin, h.Key, 0, h.Length
		c.large = h.Length > readLarge/2
		c.progress(&h)
		return true, nil
	}
}

// progress notes whether a frame brings its message on. One that does not is no reason to wait longer.
func (c *Conn) progress(h *wsframe.Header) {
	switch {
	case h.Opcode != wsframe.Continuation:
		c.empty = 0
		c.goesOn()
	case h.Fin:
		c.goesOn()
	case h.Length == 0:
		if c.empty++; c.empty == maxEmptyFrames+1 {
			c.startClose(wsframe.ClosePolicyViolation, "too many empty frames")
		}
		c.attend()
	}
}

// goesOn notes that something of a message came; now, however long it has waited for who reads.
func (c *Conn) goesOn() { c.grown, c.looked = c.now(), false }

// piece consumes what has come of the frame's payload, and returns it unmasked.
func (c *Conn) piece() []byte {
	p := c.unread()
	p = p[:min(uint64(len(p)), c.rest)]
	c.r += len(p)
	c.unmask(p)
	return p
}

func (c *Conn) unmask(p []byte) {
	if len(p) > 0 {
		c.goesOn()
	}
	wsframe.Mask(c.key, c.pos, p)
	c.pos += uint64(len(p))
	c.rest -= uint64(len(p))
}

// gather adds p to the message.
func (c *Conn) gather(p []byte) error {
	if c.msg == nil {
		c.msg = take(max(len(p), int(min(uint64(len(p))+c.rest, readStep))))
	}
	c.msg = grow(c.msg, len(p))
	*c.msg = append(*c.msg, p...)
	return c.check(p)
}

// check holds a piece of text against UTF-8 as soon as it has come (RFC 6455 §8.1).
func (c *Conn) check(p []byte) error {
	if c.op != wsframe.Text || c.compressed {
		return nil
	}
	return c.utf8.Feed(p)
}

// complete makes payload of p, which is the whole message or, of one in a single
// frame, was not checked.
func (c *Conn) complete(p []byte) error {
	plain := p
	if c.compressed {
		c.inflated = take(min(4*len(p), readLarge))
		out, err := c.z.inflate.Append(*c.inflated, p)
		*c.inflated = out
		if err != nil {
			return err
		}
		plain = out
	}
	if c.op == wsframe.Text && (c.compressed || c.msg == nil) {
		if err := c.utf8.Feed(plain); err != nil {
			return err
		}
	}
	if c.op == wsframe.Text {
		if err := c.utf8.End(); err != nil {
			return err
		}
	}
	c.payload = plain
	c.countIn(len(plain), len(p))
	return nil
}

// countIn counts a message of n bytes, which came as payload of as many as came.
func (c *Conn) countIn(n, came int) {
	c.route.MessagesIn.Add(1)
	c.route.BytesIn.Add(int64(n))
	if c.compressed {
		c.route.observeRatio(n, came)
	}
}

// space returns where the next bytes are to be read to: into the message, if a good part of
// a frame is to come and nothing before it.
func (c *Conn) space() (p []byte, direct bool) {
	if c.inFrame && !c.streamed && c.msg != nil && c.rest >= readDirect && len(c.unread()) == 0 {
		c.msg = grow(c.msg, int(min(c.rest, readDirect)))
		b := *c.msg
		return b[len(b):min(uint64(cap(b)), uint64(len(b))+c.rest)], true
	}
	b := *c.in
	n := copy(b, b[c.r:])
	*c.in, c.r = b[:n], 0
	return b[n:cap(b)], false
}

// came takes n bytes that were read to where space said.
func (c *Conn) came(n int, direct bool) error {
	if c.heard = c.now(); !c.inFrame && !c.state.Open() {
		c.looked = false
	}
	c.burst.Store(false) // what answers is to leave at once
	if !direct {
		*c.in = (*c.in)[:len(*c.in)+n]
		return nil
	}
	at := len(*c.msg)
	*c.msg = (*c.msg)[:at+n]
	p := (*c.msg)[at:]
	c.unmask(p)
	return c.check(p)
}

// disown leaves the last message to the program, which may still look at it: the memory is not
// used again.
func (c *Conn) disown() {
	if c.incoming == nil || c.payload == nil {
		return
	}
	if c.in != nil {
		in := take(readSmall)
		*in = append(*in, c.unread()...)
		c.in, c.r = in, 0
	}
	c.msg, c.inflated, c.payload = nil, nil, nil
}

// release gives back what a connection that has ended still holds.
func (c *Conn) release() {
	if c.incoming == nil {
		return
	}
	c.disown()
	for _, p := range []**[]byte{&c.in, &c.msg, &c.inflated} {
		if *p != nil {
			give(*p)
			*p = nil
		}
	}
	c.payload, c.kept = nil, nil
}
