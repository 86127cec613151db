package netio

import (
	"net/http"
	"sync/atomic"
	"time"
)

// SweepInterval is how often expiries are checked, and so their precision.
const SweepInterval = 250 * time.Millisecond

// DateLen is the length of an IMF-fixdate (RFC 9110 §5.6.7).
const DateLen = 29

// A Clock is the coarse clock of one server: the time since the clock was made,
// as its engine's sweeper saw it last. A look at it costs a nanosecond where
// time.Now costs forty. It may be read by any goroutine.
type Clock struct {
	started time.Time
	coarse  atomic.Int64
	unix    atomic.Int64 // second of date
	date    atomic.Pointer[[DateLen]byte]
}

// NewClock returns a clock that shows 0 and stands until an Engine moves it.
func NewClock() *Clock {
	c := &Clock{started: time.Now()}
	c.tick(c.started)
	return c
}

// Now returns the coarse time, at most SweepInterval behind while the engine serves.
func (c *Clock) Now() time.Duration { return time.Duration(c.coarse.Load()) }

// Until returns the coarse time d from now, rounded so that it is never early.
// It is 0, which means never, when d is 0 or less.
func (c *Clock) Until(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return c.Now() + d + SweepInterval
}

// Date returns the current IMF-fixdate, made once a second. The bytes are
// never written to again.
func (c *Clock) Date() *[DateLen]byte { return c.date.Load() }

// Exact returns what the clock would show if it were not coarse.
func (c *Clock) Exact() time.Duration { return time.Since(c.started) }

// tick moves the clock and the date to now. One goroutine calls it at a time.
func (c *Clock) tick(now time.Time) {
	c.coarse.Store(int64(now.Sub(c.started)))
	if u := now.Unix(); u != c.unix.Load() {
		var d [DateLen]byte
		now.UTC().AppendFormat(d[:0], http.TimeFormat)
		c.unix.Store(u)
		c.date.Store(&d)
	}
}

// expired stands for an expiry that passed.
const expired = -1
