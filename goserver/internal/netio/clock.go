package netio

import (
	"net/http"
	"sync/atomic"
	"time"
)

// SweepInterval is how often expiries are checked, and so their precision.
const SweepInterval = 250 * time.Millisecond

// The coarse clock: the time since the process started as the sweepers saw it
// last. A load of it costs a nanosecond where time.Now costs forty.
var (
	started   = time.Now()
	coarse    atomic.Int64
	dateValue atomic.Pointer[[DateLen]byte]
	dateUnix  atomic.Int64
)

// DateLen is the length of an IMF-fixdate (RFC 9110 §5.6.7).
const DateLen = 29

func init() { tick(started) }

// Now returns the coarse clock, at most SweepInterval behind while an Engine runs.
func Now() time.Duration { return time.Duration(coarse.Load()) }

// Until returns the coarse time d from now, rounded so that it is never early.
// It is 0 (never) when d is 0 or less.
func Until(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return Now() + d + SweepInterval
}

// Date returns the current IMF-fixdate, made once a second. The bytes are
// never written to again.
func Date() *[DateLen]byte { return dateValue.Load() }

// tick moves the coarse clock and the date to now.
func tick(now time.Time) {
	if d := now.Sub(started); int64(d) > coarse.Load() {
		coarse.Store(int64(d))
	}
	if u := now.Unix(); u != dateUnix.Load() {
		var d [DateLen]byte
		now.UTC().AppendFormat(d[:0], http.TimeFormat)
		dateUnix.Store(u)
		dateValue.Store(&d)
	}
}

// expired stands for an expiry that passed.
const expired = -1
