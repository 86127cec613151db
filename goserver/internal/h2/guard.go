package h2

import "time"

// A guard bounds the work that a peer makes the server do for nothing. It is a
// bucket of points: what costs work and brings none costs points, time and work
// that is of use give them back. It belongs to the reader.
type guard struct {
	points int
	at     time.Duration // coarse time of the last refill
}

// What the bucket holds, and gets back each second.
const (
	guardMax  = 4096
	guardRate = 1024
)

// What frames cost.
const (
	costWindow   = 1  // WINDOW_UPDATE, unless a frame of DATA that was sent paid for it
	costPing     = 2  // PING and its answer
	costPriority = 2  // PRIORITY, PRIORITY_UPDATE
	costSettings = 8  // SETTINGS and its answer: may touch every stream
	costEmpty    = 2  // DATA without data, or frames of a stream that is closed
	costUnknown  = 2  // frames of unknown types
	costFragment = 16 // CONTINUATION
	costReset    = 16 // a stream that the peer reset while it was served
	costError    = 16 // a stream that the peer made the server reset (CVE-2025-8671), or refuse
)

// What work that is of use gives back.
const (
	gainData   = 2 // DATA with data, in either direction; and 1 for each KiB that was sent, which may come back as several WINDOW_UPDATEs
	gainStream = 4 // a stream that came to its end
)

// dribble is the size below which a frame of DATA that the peer's window cut short
// is of no use.
const dribble = 256

// spend takes points and reports an error when there are not enough.
func (g *guard) spend(now time.Duration, cost int) error {
	if g.points >= cost {
		g.points -= cost
		return nil
	}
	since := now - g.at
	g.at = now
	if g.points = min(guardMax, g.points+int(min(since, 10*time.Second)*guardRate/time.Second)); g.points < cost {
		return errFlood
	}
	g.points -= cost
	return nil
}

func (g *guard) gain(n int) { g.points = min(guardMax, g.points+n) }
