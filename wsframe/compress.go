package wsframe

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// A Compressor compresses the messages that one end sends, in the order in which
// they are sent (RFC 7692 section 7.2.1). Between messages it holds nothing but
// the end of what was sent, 4.5 KiB at most, and that only if it takes over its
// context. What it needs while it works is shared by all.
//
// It is for one goroutine at a time.
type Compressor struct {
	bits     int
	takeover bool
	history  history
	deflater *deflater // of the message that AppendPart began
}

// maxHistory is how many octets of earlier messages a message can refer to.
const maxHistory = 4 << 10

// NewCompressor returns one for an end whose Window was agreed. It panics later if
// that is not valid, see [Deflate.Validate].
func NewCompressor(own Window) *Compressor {
	return &Compressor{
		bits:     own.bits(),
		takeover: !own.NoContextTakeover,
		history:  history{max: min(1<<own.bits(), maxHistory)},
	}
}

// Append compresses a whole message and appends the payload for its frames to
// dst. If that would be no shorter than the message, ok is false and dst as it
// was: the message is to be sent as it is, without RSV1.
func (c *Compressor) Append(dst, message []byte) (out []byte, ok bool) {
	c.Reset()
	if len(message) <= maxFixed {
		out, ok = appendFixed(dst, c.history.last(), message, 1<<c.bits)
	} else {
		out, ok = c.appendLong(dst, message)
	}
	if ok {
		c.Sent(message)
	}
	return out, ok
}

func (c *Compressor) appendLong(dst, message []byte) (out []byte, ok bool) {
	history := c.history.last()
	z := newDeflater(bitsFor(c.bits, len(history)+len(message)), history)
	out = z.append(dst, message)
	z.free()
	n := len(out) - len(syncTail)
	if n-len(dst) >= len(message) {
		return out[:len(dst)], false
	}
	return out[:n], true
}

// AppendPart compresses the next part of a message and appends the payload for
// one or more frames to dst, from which the peer can inflate all up to here.
func (c *Compressor) AppendPart(dst, part []byte, last bool) []byte {
	if c.deflater == nil {
		c.deflater = newDeflater(c.bits, c.history.last())
	}
	dst = c.deflater.append(dst, part)
	c.Sent(part)
	if last {
		c.Reset()
		dst = dst[:len(dst)-len(syncTail)]
	}
	return dst
}

// Sent says that a message was sent which another Compressor has compressed. It
// is part of the context now.
func (c *Compressor) Sent(message []byte) {
	if c.takeover {
		c.history.add(message)
	}
}

// Reset gives up the message that AppendPart began, if it has not ended.
func (c *Compressor) Reset() {
	if c.deflater != nil {
		c.deflater.free()
		c.deflater = nil
	}
}

// bitsFor returns of how many bits the window of a message must be that is n octets
// long with all it can refer to. It is the largest if that is within the agreed one.
func bitsFor(agreed, n int) int {
	if n <= 1<<agreed {
		return maxWindowBits
	}
	return agreed
}

// syncTail is what a flush ends with, and a message does not (section 7.2.1).
const syncTail = "\x00\x00\xff\xff"

// A deflater is what it takes to compress a message. It is recycled.
type deflater struct {
	bits int
	out  []byte
	w    *flate.Writer
}

var deflaters [maxWindowBits + 1]sync.Pool // by bits of the window

// newDeflater returns one for a message that goes on after the history.
func newDeflater(bits int, history []byte) *deflater {
	z, _ := deflaters[bits].Get().(*deflater)
	if z == nil {
		z = &deflater{bits: bits}
		if bits == maxWindowBits {
			z.w, _ = flate.NewWriter(z, flate.BestSpeed)
		} else {
			z.w, _ = flate.NewWriterWindow(z, 1<<bits)
		}
	}
	z.w.ResetDict(z, history)
	return z
}

func (z *deflater) append(dst, p []byte) []byte {
	z.out = dst
	z.w.Write(p) // writes to memory do not fail
	z.w.Flush()
	dst, z.out = z.out, nil
	return dst
}

func (z *deflater) Write(p []byte) (int, error) {
	z.out = append(z.out, p...)
	return len(p), nil
}

// free gives z back. It must not keep the history, which is the connection's.
func (z *deflater) free() {
	z.w.ResetDict(z, nil)
	deflaters[z.bits].Put(z)
}
