package demo

import (
	"math"
	"testing"
	"time"
)

// Every duration must be near the middle of its bucket, and buckets in order.
func TestHistogram_buckets(t *testing.T) {
	last := -1
	for n := uint64(0); n < math.MaxInt64/2; n += n/7 + 1 {
		d := time.Duration(n)
		i := bucket(d)
		if i < last || i >= buckets {
			t.Fatalf("%v is in bucket %d after %d of %d", d, i, last, buckets)
		}
		last = i
		if off := math.Abs(float64(middle(i)-d)) / max(float64(d), 1); off > 1.0/(1<<subBits) {
			t.Errorf("%v counts as %v", d, middle(i))
		}
	}
	if i := bucket(math.MaxInt64); i >= buckets {
		t.Errorf("the longest duration is in bucket %d of %d", i, buckets)
	}
	if bucket(-1) != 0 {
		t.Error("a negative duration is not counted as 0")
	}
}

func TestHistogram_quantile(t *testing.T) {
	var h histogram
	if c := h.read(); c.quantile(.5) != 0 {
		t.Errorf("of nothing: %v", c.quantile(.5))
	}
	h.add(time.Hour)
	before := h.read()
	for i := range 100 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	c := h.read()
	c = c.since(&before)
	for q, want := range map[float64]time.Duration{0: time.Millisecond, .5: 51 * time.Millisecond, .99: 100 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := c.quantile(q); math.Abs(float64(got-want)) > float64(want)/16 {
			t.Errorf("quantile %v = %v, want about %v", q, got, want)
		}
	}
}
