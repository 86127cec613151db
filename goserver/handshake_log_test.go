package goserver

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A line a second at most, none lost, and none while nothing fails.
func TestHandshakeLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var got []string
		l := &handshakeLog{logf: func(format string, v ...any) {
			got = append(got, fmt.Sprintf("%v "+format, append([]any{time.Since(start)}, v...)...))
		}}
		fail := func(at time.Duration, reasons ...string) {
			time.Sleep(at - time.Since(start))
			synctest.Wait()
			for _, r := range reasons {
				l.add(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, errors.New(r))
			}
		}
		const ms = time.Millisecond
		fail(0, "a", "b", "c", "d")
		fail(1500*ms, "e")
		fail(1900*ms, "f")
		fail(2500*ms, "g")
		fail(9000*ms, "h")
		fail(19000 * ms)
		const text = " http: TLS handshake error from 192.0.2.1:1: "
		want := []string{
			"0s" + text + "a", "1s" + text + "d (and 2 more in the last second)", "2s" + text + "f (and 1 more in the last second)",
			"3s" + text + "g", "9s" + text + "h",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%q\nwant\n%q", got, want)
		}
	})
}
