package h2

import (
	"time"
)

// timing notes the times of a connection's first stream, for one line in the log.
// Connections have none unless it is asked for.
type timing struct {
	start, stream, encoded time.Time
	logged                 bool
}

func (c *conn) startTiming() {
	if c.e.cfg.Timing != nil {
		c.timing = &timing{start: time.Now()}
	}
}

// firstStream notes that the head of a request is there.
func (c *conn) firstStream() {
	if t := c.timing; t != nil && t.stream.IsZero() {
		t.stream = time.Now()
	}
}

// firstEncoded notes that the head of a response is in the output. c.mu is held.
func (c *conn) firstEncoded() {
	if t := c.timing; t != nil && t.encoded.IsZero() {
		t.encoded = time.Now()
	}
}

// firstWrite logs the times when the first response was written. c.mu is held.
func (c *conn) firstWrite() {
	t := c.timing
	if t == nil || t.logged || t.encoded.IsZero() {
		return
	}
	t.logged = true
	wire := time.Now()
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	c.e.cfg.Timing.Printf("h2 first-stream timing t0_to_t1_ms=%.3f t1_to_t2_enc_ms=%.3f t2_enc_to_t2_wire_ms=%.3f t0_to_t2_wire_ms=%.3f",
		ms(t.stream.Sub(t.start)), ms(t.encoded.Sub(t.stream)), ms(wire.Sub(t.encoded)), ms(wire.Sub(t.start)))
}
