package ktls

import (
	"crypto/tls"
	"errors"
	"sync"
)

// ErrSequence reports that the number of records sent is unknown: the last one is
// too long to be kept, or a part of it was not sent.
var ErrSequence = errors.New("ktls: sequence number is unknown")

// maxKept is the longest last record of a handshake that is kept. Those of
// crypto/tls are NewSessionTickets, or a Finished.
const maxKept = 4 << 10

// The client random follows the headers of the record and of the message, and
// the version, in a ClientHello (RFC 8446 §4.1.2).
const (
	clientHello = 1
	randomAt    = recordHeader + 4 + 2
	helloHead   = randomAt + len(clientRandom{})
)

// A Handshake observes one connection from its first byte to the end of the
// handshake. Received and Sent are called with what passes, Received before
// crypto/tls sees it; then Sealed, and at last, in any case, End. No two calls
// may run at once.
type Handshake struct {
	secrets *Secrets

	hello    [helloHead]byte // beginning of what the client sent
	helloLen int
	waits    bool // among those who wait for a secret
	random   clientRandom

	secret    [maxSecret]byte
	secretLen int
	told      int // secrets that came: more than one is as good as none

	sent records
}

var handshakes = sync.Pool{New: func() any { return new(Handshake) }}

// Handshake begins to observe a connection.
func (s *Secrets) Handshake() *Handshake {
	h := handshakes.Get().(*Handshake)
	h.secrets = s
	return h
}

// Received observes bytes that the client sent. Those after its ClientHello's
// client random do not matter.
func (h *Handshake) Received(p []byte) {
	if h.helloLen == helloHead {
		return
	}
	h.helloLen += copy(h.hello[h.helloLen:], p)
	if h.helloLen == helloHead && h.hello[0] == TypeHandshake && h.hello[recordHeader] == clientHello {
		copy(h.random[:], h.hello[randomAt:])
		h.secrets.add(h)
		h.waits = true
	}
}

// Sent observes bytes that were sent to the client.
func (h *Handshake) Sent(p []byte) { h.sent.add(p) }

// Sealed returns the sending state of crypto/tls once the handshake has ended,
// before anything else was written.
func (h *Handshake) Sealed(version, suiteID uint16) (*Sealed, error) {
	if version != tls.VersionTLS13 {
		return nil, ErrVersion
	}
	s, err := suiteOf(suiteID)
	if err != nil {
		return nil, err
	}
	if h.told != 1 {
		return nil, ErrNoSecret
	}
	secret := h.secret[:h.secretLen]
	p, err := newProtection(s, secret)
	if err != nil {
		return nil, err
	}
	seq, err := h.sent.sequence(&p)
	if err != nil {
		return nil, err
	}
	t := &Sealed{suiteID: suiteID, seq: seq, secretLen: h.secretLen}
	copy(t.secret[:], secret)
	return t, nil
}

// End ends the observation and forgets the secret. h must not be used afterwards.
func (h *Handshake) End() {
	if h.waits {
		h.secrets.remove(h)
	}
	kept := h.sent.last[:0]
	*h = Handshake{}
	h.sent.last = kept
	handshakes.Put(h)
}

// records counts the protected records of a stream and keeps the last record.
type records struct {
	count uint64
	last  []byte // header and body, as far as they have come
	left  int    // bytes of the body that have not come
	long  bool   // last is longer than maxKept: its body is not kept
}

func (r *records) add(p []byte) {
	for len(p) > 0 {
		if r.left == 0 && len(r.last) >= recordHeader {
			r.last = r.last[:0]
		}
		if n := min(recordHeader-len(r.last), len(p)); n > 0 {
			r.last = append(r.last, p[:n]...)
			p = p[n:]
			if len(r.last) < recordHeader {
				return
			}
			r.begin()
		}
		n := min(r.left, len(p))
		if !r.long {
			r.last = append(r.last, p[:n]...)
		}
		p = p[n:]
		r.left -= n
	}
}

// begin reads the header of a record.
func (r *records) begin() {
	r.left = int(r.last[3])<<8 | int(r.last[4])
	r.long = recordHeader+r.left > maxKept
	if r.last[0] == TypeApplicationData {
		r.count++
	}
}

// sequence returns the sequence number of the record that follows those of the
// stream: how many were made with p. The others were made with handshake keys, and
// came first. So the last record is of p, with one of few sequence numbers, or
// none is: its tag tells (RFC 8446 §5.2).
func (r *records) sequence(p *protection) (uint64, error) {
	if r.long || r.left > 0 || len(r.last) < recordHeader {
		return 0, ErrSequence
	}
	content := make([]byte, 0, len(r.last))
	for seq := range r.count {
		if _, _, err := p.open(content, r.last, seq); err == nil {
			return seq + 1, nil
		}
	}
	return 0, nil
}
