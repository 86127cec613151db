package semantics

import (
	"cmp"
	"net/http"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// rateGrace is how long the least rate does not count where BodyIdle does not say so.
const rateGrace = 30 * time.Second

// TooSlow compares the bytes of a request's content so far with the least that
// the time spent waiting for them allows, after a grace of BodyIdle.
func (c *Config) TooSlow(total int64, waited time.Duration) bool {
	return c.MinBodyRate > 0 && waited > cmp.Or(c.BodyIdle, rateGrace) &&
		float64(total) < float64(c.MinBodyRate)*waited.Seconds()
}

// ReadEnd is the coarse time by which a whole request must have been read whose
// first byte came at start, or 0.
func (c *Config) ReadEnd(start time.Duration) time.Duration {
	if c.ReadTimeout <= 0 {
		return 0
	}
	return start + c.ReadTimeout + netio.SweepInterval
}

// HeadExpiry is the coarse time by which the head of such a request must have
// been read that starts now, or 0.
func (c *Config) HeadExpiry(start time.Duration) time.Duration {
	return Earlier(c.Clock.Until(c.HeaderTimeout), c.ReadEnd(start))
}

// BodyExpiry is the coarse time by which the next byte of its content must have
// come, or 0.
func (c *Config) BodyExpiry(start time.Duration) time.Duration {
	return Earlier(c.Clock.Until(c.BodyIdle), c.ReadEnd(start))
}

// Earlier returns the earlier of two coarse times, of which 0 means never.
func Earlier(a, b time.Duration) time.Duration {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// BodyError returns what a handler sees of an error of its request's content.
func (c *Config) BodyError(err error) error {
	if err == error(ErrBodyTooLarge) {
		return &http.MaxBytesError{Limit: c.Limits.BodyBytes}
	}
	return err
}

// BodyRule returns the rule behind an error of a request's content, to be
// answered when the handler did not answer itself; nil when the peer is gone or
// nothing was wrong.
func BodyRule(err error) *Error {
	switch err := err.(type) {
	case *http.MaxBytesError:
		return ErrBodyTooLarge
	case *Error:
		return err
	}
	if err == netio.ErrReadExpired {
		return ErrBodyTimeout
	}
	return nil
}
