package semantics

import (
	"sync"
	"sync/atomic"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// Counters are what the connections of one server count together.
type Counters struct {
	InFlight atomic.Int64 // handlers running now
	Shed     atomic.Int64
	Refused  atomic.Int64 // by the parser or a limit
	TimedOut atomic.Int64
	tallies  tallies
}

// A Tally is the counts of one session. Only one goroutine writes them at a
// time, so that Bump does, which is never contended.
type Tally struct {
	Requests, BytesIn, BytesOut atomic.Int64
	Files                       [netio.Rungs]atomic.Int64 // sent, by rung
}

// Bump adds n to a count that nobody else writes: a plain add.
func Bump(a *atomic.Int64, n int64) { a.Store(a.Load() + n) }

// tallies knows those of all sessions; one lives as long as the server, which
// is as many as sessions ever ran at once.
type tallies struct {
	mu   sync.Mutex
	all  []*Tally
	free []*Tally
}

// TakeTally returns a tally that nobody else uses until it is given back with PutTally.
func (c *Counters) TakeTally() *Tally {
	s := &c.tallies
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		t := s.free[n-1]
		s.free = s.free[:n-1]
		return t
	}
	t := new(Tally)
	s.all = append(s.all, t)
	return t
}

// PutTally gives a tally back; its counts remain.
func (c *Counters) PutTally(t *Tally) {
	c.tallies.mu.Lock()
	defer c.tallies.mu.Unlock()
	c.tallies.free = append(c.tallies.free, t)
}

// Totals returns how many requests were answered, and the bytes of request
// bodies and of responses.
func (c *Counters) Totals() (requests, bytesIn, bytesOut int64) {
	s := &c.tallies
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.all {
		requests += t.Requests.Load()
		bytesIn += t.BytesIn.Load()
		bytesOut += t.BytesOut.Load()
	}
	return requests, bytesIn, bytesOut
}

// FileTotals returns how many files and pages were sent, by rung.
func (c *Counters) FileTotals() (sent [netio.Rungs]int64) {
	s := &c.tallies
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.all {
		for r := range t.Files {
			sent[r] += t.Files[r].Load()
		}
	}
	return sent
}
