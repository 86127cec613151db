package ws

import (
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// RouteStats counts for the sockets of a route. The bounds of histograms are those
// of RatioBounds and PingBounds; the last bucket has the rest.
type RouteStats struct {
	engine *Engine

	Open                    atomic.Int64
	Opened                  atomic.Int64
	MessagesIn, MessagesOut atomic.Int64
	BytesIn, BytesOut       atomic.Int64 // of messages, not compressed
	Dropped                 atomic.Int64 // messages, for want of room in a queue
	Ratio                   [len(RatioBounds) + 1]atomic.Int64
	RatioSum                atomic.Int64 // in thousandths
	Ping                    [len(PingBounds) + 1]atomic.Int64
	PingSum                 atomic.Int64 // in nanoseconds
	Closed                  [codeCount]atomic.Int64
}

// RatioBounds are the upper bounds of the buckets of Ratio: message to what is sent for it.
var RatioBounds = [...]float64{1.5, 2, 5, 10, 20, 50}

// PingBounds are those of Ping: from a ping to its pong.
var PingBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
}

// Of Closed: 1000 to 1015, all of 3000 to 3999, all of 4000 to 4999.
const (
	codeFirst   = 1000
	codeLibrary = 16
	codePrivate = 17
	codeCount   = 18
)

func (s *RouteStats) countClose(code wsframe.CloseCode) {
	i := int(code) - codeFirst
	switch {
	case code >= 4000:
		i = codePrivate
	case code >= 3000:
		i = codeLibrary
	}
	if i >= 0 && i < codeCount {
		s.Closed[i].Add(1)
	}
}

// Closes yields how many connections ended with each status code; 3000 and 4000 stand for
// all codes of their thousand.
func (s *RouteStats) Closes(yield func(wsframe.CloseCode, int64) bool) {
	for i := range s.Closed {
		code := wsframe.CloseCode(codeFirst + i)
		switch i {
		case codeLibrary:
			code = 3000
		case codePrivate:
			code = 4000
		}
		if n := s.Closed[i].Load(); n > 0 && !yield(code, n) {
			return
		}
	}
}

func (s *RouteStats) observeRatio(plain, sent int) {
	r := float64(plain) / float64(max(sent, 1))
	i := 0
	for i < len(RatioBounds) && r > RatioBounds[i] {
		i++
	}
	s.Ratio[i].Add(1)
	s.RatioSum.Add(int64(r * 1000))
}

func (s *RouteStats) observePing(d time.Duration) {
	i := 0
	for i < len(PingBounds) && d > PingBounds[i] {
		i++
	}
	s.Ping[i].Add(1)
	s.PingSum.Add(int64(d))
}
