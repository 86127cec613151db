package h1

import (
	"sync"
	"sync/atomic"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// tally is one session's counts. Only its session writes them, so that an
// increment is a plain add and never contended.
type tally struct {
	requests, bytesIn, bytesOut atomic.Int64
	files                       [netio.Rungs]atomic.Int64 // sent, by rung
}

func bump(a *atomic.Int64, n int64) { a.Store(a.Load() + n) }

// sessionCounts knows the tallies of all sessions; a tally lives as long as
// the server, which is as many as sessions ever ran at once.
type sessionCounts struct {
	mu   sync.Mutex
	all  []*tally
	free []*tally
}

func (s *sessionCounts) take() *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		t := s.free[n-1]
		s.free = s.free[:n-1]
		return t
	}
	t := new(tally)
	s.all = append(s.all, t)
	return t
}

func (s *sessionCounts) put(t *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, t)
}

// Totals returns how many requests were answered, and the bytes of request
// bodies and of responses.
func (c *Counters) Totals() (requests, bytesIn, bytesOut int64) {
	s := &c.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.all {
		requests += t.requests.Load()
		bytesIn += t.bytesIn.Load()
		bytesOut += t.bytesOut.Load()
	}
	return requests, bytesIn, bytesOut
}

// FileTotals returns how many files and pages were sent, by rung.
func (c *Counters) FileTotals() (sent [netio.Rungs]int64) {
	s := &c.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.all {
		for r := range t.files {
			sent[r] += t.files[r].Load()
		}
	}
	return sent
}
