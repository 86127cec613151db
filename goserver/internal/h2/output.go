package h2

import "github.com/hyperion-server/hyperion/goserver/internal/semantics"

// An output gathers frames. What is long and stays as it is stands in it by
// reference, all else is copied.
type output struct {
	buf  []byte
	refs []outRef
	held int // bytes of refs
}

// An outRef is a slice that comes before buf[at:].
type outRef struct {
	at   int
	p    []byte
	from *chunk // gets p back when it has left, unless nil
}

// Sizes of the output, in bytes.
const (
	outSize    = 4 << 10   // of the buffer at first
	outKeep    = 128 << 10 // a larger buffer is not kept; one that is sent at outFlush is
	outFlush   = 64 << 10  // the reader sends when so much has gathered
	outPending = 256 << 10 // DATA waits while so much has not left
	outMax     = 1 << 20   // the reader waits while so much has not left
	copyMax    = 4 << 10   // longer pieces that stay as they are go by reference
)

func (o *output) size() int { return len(o.buf) + o.held }

func (o *output) ref(p []byte, from *chunk) {
	o.refs = append(o.refs, outRef{len(o.buf), p, from})
	o.held += len(p)
}

// vector appends the output behind its first skip bytes to v, as slices in order.
func (o *output) vector(v [][]byte, skip int) [][]byte {
	add := func(p []byte) {
		if skip >= len(p) {
			skip -= len(p)
			return
		}
		v = append(v, p[skip:])
		skip = 0
	}
	at := 0
	for i := range o.refs {
		r := &o.refs[i]
		add(o.buf[at:r.at])
		add(r.p)
		at = r.at
	}
	add(o.buf[at:])
	return v
}

// reset empties the output: it has left, or never will.
func (o *output) reset() {
	for i := range o.refs {
		if c := o.refs[i].from; c != nil {
			c.release()
		}
	}
	clear(o.refs)
	if cap(o.buf) > outKeep {
		o.buf = make([]byte, 0, outSize)
	}
	semantics.Poison(o.buf[:cap(o.buf)])
	o.buf, o.refs, o.held = o.buf[:0], o.refs[:0], 0
}
