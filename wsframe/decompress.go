package wsframe

import (
	"bufio"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
)

// A Decompressor inflates the messages of one peer, in the order in which they
// come (RFC 7692 section 7.2.2). Between messages it holds nothing but the end of
// what came, up to the peer's window, and that only if the peer takes over its
// context. What it needs while it works is shared by all.
//
// It is for one goroutine at a time.
type Decompressor struct {
	// MaxMessage is how many octets a message may have. 0 is no limit.
	MaxMessage int

	// MaxRatio is how many octets may come of one octet of the payload. It
	// does not bound the first 16 KiB of a message. 0 is no limit.
	MaxRatio int

	takeover bool
	history  history
	inflater *inflater // of the message that Open began
	size     int       // octets of it so far
}

// ratioFrom is how many octets of a message MaxRatio leaves alone: short ones
// have high ratios and do no harm.
const ratioFrom = 16 << 10

// NewDecompressor returns one for what the peer's Window describes.
func NewDecompressor(peer Window) *Decompressor {
	return &Decompressor{takeover: !peer.NoContextTakeover, history: history{max: 1 << peer.bits()}}
}

// Append inflates a whole message, of which payload is the unmasked payload of
// all frames, and appends it to dst. Never more than MaxMessage octets are
// written, and with MaxRatio never more than that allows for the payload.
//
// The error is ErrInflate, ErrMessageTooBig or ErrRatio; dst is then returned
// with what was good, and the Decompressor can no longer be used.
func (d *Decompressor) Append(dst, payload []byte) ([]byte, error) {
	d.Reset()
	z := newInflater(payload, nil, d.history.octets)
	defer z.free()
	start, recorded := len(dst), len(dst)
	limit, tooBig := d.limit(len(payload))
	for {
		if len(dst) == cap(dst) && len(dst)-start < limit {
			dst = slices.Grow(dst, min(max(len(dst)-start, minGrow), limit-(len(dst)-start)))
		}
		room := dst[len(dst):min(cap(dst), start+limit)]
		if len(dst)-start == limit {
			room = z.probe[:]
		}
		n, err := z.flate.Read(room)
		switch {
		case n > 0 && len(dst)-start == limit:
			return dst, tooBig
		case err == nil || err == io.EOF:
			dst = dst[:len(dst)+n]
		default:
			return dst[:len(dst)+n], ErrInflate
		}
		if err == nil {
			continue
		}
		d.history.add(dst[recorded:])
		recorded = len(dst)
		if z.ended() {
			break
		}
		if err := z.goOn(d.history.octets); err != nil {
			return dst, err
		}
	}
	d.end()
	return dst, nil
}

// minGrow is by how many octets a message's memory grows at least.
const minGrow = 512

// limit is how many octets n octets of payload may become, and the error if
// they become more.
func (d *Decompressor) limit(n int) (int, error) {
	const none = 1 << 62
	limit := d.MaxMessage
	if limit == 0 {
		limit = none
	}
	if d.MaxRatio > 0 && n < none/d.MaxRatio {
		if byRatio := max(ratioFrom, n*d.MaxRatio); byRatio < limit {
			return byRatio, ErrRatio
		}
	}
	return limit, ErrMessageTooBig
}

// Open begins a message whose payload is read from src, unmasked, up to io.EOF.
// Then Read returns what it inflates to. A message that is not read to its end
// must be given up by Reset.
func (d *Decompressor) Open(src io.Reader) {
	d.Reset()
	d.inflater = newInflater(nil, src, d.history.octets)
	d.size = 0
}

// Read reads from the message that Open began. At its end it returns io.EOF.
// Never more than MaxMessage octets come, or than MaxRatio allows for the payload
// that was read of src.
//
// The error is ErrInflate, ErrMessageTooBig, ErrRatio or that of src; the
// Decompressor can then no longer be used.
func (d *Decompressor) Read(p []byte) (n int, err error) {
	z := d.inflater
	if z == nil {
		return 0, io.EOF
	}
	for n == 0 && err == nil && len(p) > 0 {
		if n, err = d.read(z, p); err == io.EOF && !z.ended() {
			err = z.goOn(d.history.octets)
		}
	}
	if err == io.EOF {
		d.Reset()
		d.end()
	}
	return n, err
}

// read reads once, within the limits.
func (d *Decompressor) read(z *inflater, p []byte) (n int, err error) {
	limit, tooBig := d.limit(z.src.read)
	room := p[:min(len(p), max(0, limit-d.size))]
	if len(room) == 0 {
		room = z.probe[:]
	}
	n, err = z.flate.Read(room)
	if n > 0 && d.size >= limit {
		return 0, tooBig
	}
	d.size += n
	d.history.add(p[:n])
	if err != nil && err != io.EOF {
		if err = ErrInflate; z.src.err != nil {
			err = z.src.err
		}
	}
	return n, err
}

// Reset gives up the message that Open began, if it has not ended. Unless it
// had, the Decompressor can only be used further if the peer does not take over
// its context.
func (d *Decompressor) Reset() {
	if d.inflater != nil {
		d.inflater.free()
		d.inflater = nil
	}
}

// end keeps of a message what the next one may refer to.
func (d *Decompressor) end() {
	if !d.takeover {
		d.history.forget()
	}
}

// An inflater is what it takes to inflate a message. It is recycled.
type inflater struct {
	src    source
	input  *bufio.Reader
	flate  io.Reader
	probe  [1]byte
	blocks int // final blocks that were not the end
}

var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.input = bufio.NewReaderSize(&z.src, 4<<10)
	z.flate = flate.NewReader(z.input)
	return z
}}

// newInflater returns one for a message that goes on after the history.
func newInflater(payload []byte, src io.Reader, history []byte) *inflater {
	z := inflaters.Get().(*inflater)
	z.src = source{payload: payload, reader: src, tail: deflateTail}
	z.input.Reset(&z.src)
	z.blocks = 0
	z.reset(history)
	return z
}

func (z *inflater) reset(history []byte) {
	z.flate.(flate.Resetter).Reset(z.input, history) // its error is always nil
}

func (z *inflater) free() {
	z.src = source{}
	inflaters.Put(z)
}

// ended reports, after the end of a final block, whether it was our own.
func (z *inflater) ended() bool { return z.input.Buffered() == 0 && z.src.tail == "" }

// maxFinalBlocks is how many blocks of a message may say that they are the last
// one. A message that is compressed for itself has one (RFC 7692 section 7.2.3.4),
// and each costs as much as to set up a window.
const maxFinalBlocks = 16

// goOn inflates what stands behind a final block.
func (z *inflater) goOn(history []byte) error {
	if z.blocks++; z.blocks > maxFinalBlocks {
		return ErrInflate
	}
	z.reset(history)
	return nil
}

// deflateTail is what a sender takes off (section 7.2.1), and a final block, at
// which decompressors stop.
const deflateTail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

// A source is a message's payload and the tail.
type source struct {
	payload []byte
	reader  io.Reader
	tail    string
	read    int   // octets of the payload that were read
	err     error // of reader
}

func (s *source) Read(p []byte) (n int, err error) {
	if n = copy(p, s.payload); n > 0 {
		s.payload = s.payload[n:]
		s.read += n
		return n, nil
	}
	if s.reader != nil {
		n, err = s.reader.Read(p)
		s.read += n
		if err == io.EOF {
			s.reader, err = nil, nil
		}
		if n > 0 || err != nil {
			s.err = err
			return n, err
		}
	}
	if n = copy(p, s.tail); n == 0 {
		return 0, io.EOF
	}
	s.tail = s.tail[n:]
	return n, nil
}
