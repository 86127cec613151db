package h2

import (
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// A countedConn counts its writes.
type countedConn struct {
	netio.Conn
	writes *atomic.Int64
}

func (c countedConn) TryWritev(v ...[]byte) (int64, error) {
	c.writes.Add(1)
	return c.Conn.TryWritev(v...)
}

// A handler that flushes many small messages, and does not wait between them, does not
// make a write of each: who writes is another goroutine. With one processor that one does
// not run meanwhile, unless the runtime takes the processor away, so that the number is hardly a matter of speed.
func TestFlush_gathers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const messages, most = 100, 50
	var writes atomic.Int64
	run(t, func(b *bench) {
		b.wrap = func(c netio.Conn) netio.Conn { return countedConn{c, &writes} }
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Millisecond) // so that the reader waits, and is not who writes
			for i := range messages {
				fmt.Fprintf(w, "message %d", i)
				w.(http.Flusher).Flush()
			}
		})
	}, func(b *bench) {
		s := b.greet("")
		before := writes.Load()
		s.talk("> HEADERS 1 END_STREAM " + get("/") + "\nwait 2ms\n< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8")
		for i := range messages {
			s.expect(fmt.Sprintf("DATA 1 | message %d", i))
		}
		s.talk("< DATA 1 END_STREAM")
		n := writes.Load() - before
		t.Logf("%d messages, %d writes", messages, n)
		if n > most {
			t.Errorf("%d messages made %d writes", messages, n)
		}
	})
}
