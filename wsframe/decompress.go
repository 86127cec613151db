package wsframe

import (
	"bufio"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/klauspost/compress/flate"
)

// A Decompressor inflates the messages of one peer, in the order in which they
// come (RFC 7692 section 7.2.2). Between messages it holds nothing but the end of
// what came, up to the peer's window and an eighth more, and that only if the peer
// takes over its context. What it needs while it works is shared by all.
//
// It is for one goroutine at a time.
type Decompressor struct {
	// MaxMessage is how many octets a message may have. 0 is no limit.
	MaxMessage int

	// MaxRatio is how many octets may come of one octet of the payload. It
	// does not bound the first 1 MiB of a message. 0 is no limit. DEFLATE
	// makes up to 1032 of one.
	MaxRatio int

	takeover bool
	history  history
	inflater *inflater // of the message that Open began
	size     int       // octets of it so far
}

// ratioFrom is how many octets of a message MaxRatio leaves alone. High ratios are
// nothing unusual: an empty picture has them. They do harm when the message is long; many
// short ones do the same whatever the ratio of a long one may be.
const ratioFrom = 1 << 20

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
	z := newInflater(payload, nil, d.history.last())
	defer z.free()
	limit, tooBig := d.limit(len(payload))
	start, recorded := len(dst), len(dst)
	for {
		var room []byte
		if dst, room = grow(dst, limit-(len(dst)-start)); len(room) == 0 {
			room = z.probe[:]
		}
		n, err := z.flate.Read(room)
		switch {
		case n > 0 && len(dst)-start == limit:
			return dst, tooBig
		case err != nil && err != io.EOF:
			return dst[:len(dst)+n], ErrInflate
		}
		dst = dst[:len(dst)+n]
		if err == nil {
			continue
		}
		ended := z.ended()
		if d.takeover || !ended {
			d.historyOf(z).add(dst[recorded:])
			recorded = len(dst)
		}
		if ended {
			return dst, nil
		}
		if err := z.goOn(d.historyOf(z).last()); err != nil {
			return dst, err
		}
	}
}

// grow returns the memory behind dst that may be written to, of at most limit
// octets, and gets some more if there is none.
func grow(dst []byte, limit int) (grown, room []byte) {
	if len(dst) == cap(dst) && limit > 0 {
		dst = slices.Grow(dst, min(max(len(dst), minGrow), limit))
	}
	return dst, dst[len(dst):min(cap(dst), len(dst)+limit)]
}

// minGrow is by how many octets a message's memory grows at least.
const minGrow = 512

// limit is how many octets n octets of payload may become, and the error if
// they become more.
func (d *Decompressor) limit(n int) (int, error) {
	const none = math.MaxInt / 2
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
	d.inflater = newInflater(nil, src, d.history.last())
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
			err = z.goOn(d.historyOf(z).last())
		}
	}
	if err == io.EOF {
		d.Reset()
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
	d.historyOf(z).add(p[:n])
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

// historyOf returns what the blocks of a message may refer to: all that the peer
// has sent if it takes over its context, else what came of this message.
func (d *Decompressor) historyOf(z *inflater) *history {
	if d.takeover {
		return &d.history
	}
	return &z.history
}

// An inflater is what it takes to inflate a message. It is recycled.
type inflater struct {
	src     source
	input   *bufio.Reader
	flate   io.Reader
	probe   [1]byte // for what would be over a limit
	blocks  int     // final blocks that were not the end
	history history // of the message
}

var inflaters = sync.Pool{New: func() any {
	z := &inflater{history: history{max: 1 << maxWindowBits}}
	z.input = bufio.NewReaderSize(&z.src, 4<<10)
	z.flate = flate.NewReader(z.input)
	return z
}}

// newInflater returns one for a message that goes on after the history.
func newInflater(payload []byte, src io.Reader, history []byte) *inflater {
	z := inflaters.Get().(*inflater)
	z.src = source{payload: payload, reader: src, tail: syncTail + finalBlock}
	z.input.Reset(&z.src)
	z.blocks = 0
	z.history.octets = z.history.octets[:0]
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

// ended reports, after the end of a final block, whether nothing of the payload
// is behind it. The block was our own then; or the peer's, and there is no other
// behind, as there should be (section 7.2.1).
func (z *inflater) ended() bool {
	rest, _ := z.input.Peek(len(syncTail) + len(finalBlock) + 1)
	return len(rest) == 0 || string(rest) == syncTail+finalBlock
}

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

// finalBlock is what decompressors stop at.
const finalBlock = "\x01\x00\x00\xff\xff"

// A source is a message's payload, what its sender took off (section 7.2.1), and
// a final block.
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
	if s.read == 0 { // no payload at all; an empty message has an octet
		s.tail = s.tail[max(0, len(s.tail)-len(finalBlock)):]
	}
	if n = copy(p, s.tail); n == 0 {
		return 0, io.EOF
	}
	s.tail = s.tail[n:]
	return n, nil
}
