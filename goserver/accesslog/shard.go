package accesslog

import (
	"sync"

	"github.com/hyperion-server/hyperion/goserver"
)

// A shard is a part of the queue with a lock of its own. Connections are
// spread over the shards by their port, so that those busy at the same time
// seldom meet.
type shard struct {
	mu      sync.Mutex
	enc     encoder // enc.buf holds the waiting lines; its capacity never grows
	spare   []byte  // the other half; nil while the writer has it
	dropped uint64
	closed  bool

	_ [64]byte // keeps the neighbour's lock off this cache line
}

func (s *shard) init(f Format, half int) {
	s.enc = encoder{format: f, buf: make([]byte, 0, half)}
	s.spare = make([]byte, 0, half)
}

// add encodes r behind the waiting lines, or counts it as dropped. It reports
// whether the writer must know: the line is the first, it fills the first half.
func (s *shard) add(r *goserver.Record) (first, halfFull bool) {
	bound := lineBound(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, room := len(s.enc.buf), cap(s.enc.buf)
	if s.closed || room-before < bound {
		s.dropped++
		return false, false
	}
	s.enc.line(r)
	return before == 0, before < room/2 && len(s.enc.buf) >= room/2
}

// take hands the waiting lines to the writer, who gives the buffer back.
func (s *shard) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.enc.buf) == 0 {
		return nil
	}
	lines := s.enc.buf
	s.enc.buf, s.spare = s.spare[:0], nil
	return lines
}

func (s *shard) giveBack(buf []byte) {
	s.mu.Lock()
	s.spare = buf
	s.mu.Unlock()
}

func (s *shard) droppedLines() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

func (s *shard) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
}
