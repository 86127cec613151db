//go:build !linux

package static

import "time"

var started = time.Now()

// threadTime returns the time of the clock: a thread has had no more of a CPU.
func threadTime() time.Duration { return time.Since(started) }
