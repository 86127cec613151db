package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/hyperion-server/hyperion/wsframe"
)

// messages are what a run sends: some of one length, each other than the ones beside it, framed
// and masked, and compressed when that is asked for, before the run begins.
type messages struct {
	plain [][]byte
	ends  []int  // in wire, of the frames of plain, twice
	wire  []byte // all frames, twice, so that any row of them is in one piece
}

// newMessages makes n messages of size bytes. The text is like JSON, so it can be compressed
// to about a third.
func newMessages(n, size int, deflate bool) *messages {
	m := &messages{}
	random := rand.New(rand.NewPCG(1, uint64(size)))
	z := wsframe.NewCompressor(alone.Client)
	for i := range n {
		var b bytes.Buffer
		for b.Len() < size {
			fmt.Fprintf(&b, `{"id":%d,"name":"person %d","score":%.3f,"on":%t},`, b.Len()+i<<20, random.IntN(1000), random.Float64(), random.IntN(2) == 0)
		}
		m.plain = append(m.plain, b.Bytes()[:size])
	}
	for range 2 {
		for _, p := range m.plain {
			h := wsframe.Header{Opcode: wsframe.Binary, Fin: true, Masked: true}
			if deflate {
				p, h.RSV1 = z.Append(nil, p)
			}
			binary.LittleEndian.PutUint32(h.Key[:], random.Uint32())
			m.wire = appendFrame(m.wire, h, p)
			m.ends = append(m.ends, len(m.wire))
		}
	}
	return m
}

// appendFrame appends a frame with the header h, masked, to b.
func appendFrame(b []byte, h wsframe.Header, p []byte) []byte {
	h.Length = uint64(len(p))
	b = h.Append(b)
	at := len(b)
	b = append(b, p...)
	wsframe.Mask(h.Key, 0, b[at:])
	return b
}

// frames returns k frames, k being at most the number of messages, from message i on.
func (m *messages) frames(i, k int) []byte {
	start := 0
	if i > 0 {
		start = m.ends[i-1]
	}
	return m.wire[start:m.ends[i+k-1]]
}

var (
	errContent = errors.New("load: a message has another content")
	errLength  = errors.New("load: a message has another length")
	errFrame   = errors.New("load: a frame that a server must not send")
	errClose   = errors.New("load: the server closed the WebSocket")
)

// An inbound takes one WebSocket's frames as they come in pieces, and checks that they are the
// messages that are expected, in their order.
type inbound struct {
	m    *messages
	next int // the message that is expected

	head    []byte // of a frame, while it is not whole
	frame   bool   // the header is whole
	fin     bool
	op      wsframe.Opcode
	left    uint64 // bytes of the frame
	at      int    // in the message
	control []byte // payload of a ping or Close
	deflate bool
	z       []byte // the message, compressed, while it is not whole
	pong    func(payload []byte)
}

// feed takes the next piece and returns how many messages are whole now.
func (in *inbound) feed(p []byte, z *inflation) (whole int, err error) {
	for {
		if !in.frame {
			var ok bool
			if p, ok, err = in.begin(p); !ok {
				return whole, err
			}
		}
		n := int(min(in.left, uint64(len(p))))
		ended, err := in.take(p[:n], z)
		if err != nil {
			return whole, err
		}
		if ended {
			whole++
		}
		if p = p[n:]; in.frame {
			return whole, nil
		}
	}
}

// begin consumes a header. ok is false while it is not whole.
func (in *inbound) begin(p []byte) (rest []byte, ok bool, err error) {
	b, had := p, len(in.head)
	if had > 0 {
		in.head = append(in.head, p[:min(len(p), wsframe.MaxHeader)]...)
		b = in.head
	}
	h, n, ok := wsframe.ParseHeader(b)
	if !ok {
		if had == 0 {
			in.head = append(in.head, p...)
		}
		return nil, false, nil
	}
	in.head = in.head[:0]
	if h.Masked || h.RSV2 || h.RSV3 || h.RSV1 && !in.deflate {
		return nil, false, errFrame
	}
	in.frame, in.fin, in.op, in.left = true, h.Fin, h.Opcode, h.Length
	if in.op.Data() && !h.RSV1 && in.deflate {
		return nil, false, fmt.Errorf("%w: a message that is not compressed", errFrame)
	}
	return p[n-had:], true, nil
}

// take takes a piece of a frame's payload, and tells whether a message is whole now.
func (in *inbound) take(p []byte, z *inflation) (ended bool, err error) {
	in.left -= uint64(len(p))
	in.frame = in.left > 0
	if in.op.Control() {
		in.control = append(in.control, p...)
		if in.frame {
			return false, nil
		}
		payload := in.control
		in.control = in.control[:0]
		switch in.op {
		case wsframe.Close:
			return false, fmt.Errorf("%w: %q", errClose, payload)
		case wsframe.Ping:
			in.pong(payload)
		}
		return false, nil
	}
	whole := in.fin && !in.frame
	if in.deflate {
		if len(in.z) > 0 || !whole {
			in.z = append(in.z, p...)
			p = in.z
		}
		if !whole {
			return false, nil
		}
		if p, err = z.inflate(p); err != nil {
			return false, err
		}
		in.z = in.z[:0]
	}
	want := in.m.plain[in.next]
	if len(p) > len(want)-in.at {
		return false, errLength
	}
	if !bytes.Equal(p, want[in.at:in.at+len(p)]) {
		return false, errContent
	}
	in.at += len(p)
	if !whole {
		return false, nil
	}
	if in.at != len(want) {
		return false, errLength
	}
	in.at = 0
	if in.next++; in.next == len(in.m.plain) {
		in.next = 0
	}
	return true, nil
}

// An inflation is what the WebSockets of one goroutine inflate with.
type inflation struct {
	z   *wsframe.Decompressor
	buf []byte
}

func newInflation(size int) *inflation {
	z := wsframe.NewDecompressor(alone.Server)
	z.MaxMessage = size + 1
	return &inflation{z: z}
}

func (f *inflation) inflate(p []byte) ([]byte, error) {
	var err error
	if f.buf, err = f.z.Append(f.buf[:0], p); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return f.buf, nil
}
