package h2

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// The window of the connection doubles while it is used up fast, to the most
// that is set, and stays as it is while it is not.
func TestWindowGrows(t *testing.T) {
	const start, most = 100_000, 350_000
	for _, c := range []struct {
		name  string
		pause time.Duration // between two frames
		want  int64
	}{{"fast", 0, most}, {"slow", time.Second, start}} {
		t.Run(c.name, func(t *testing.T) {
			var conn *conn
			run(t, func(b *bench) {
				b.cfg.ConnWindow, b.cfg.MaxConnWindow, b.cfg.Limits.BodyBytes = start, most, -1
				b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					conn = w.(*exchange).c
					io.Copy(io.Discard, r.Body)
				})
			}, func(b *bench) {
				s := b.dial()
				s.hush()
				s.talk("> PREFACE\n> SETTINGS")
				must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true,
					BlockFragment: s.block(strings.Split(strings.Replace(get("/"), "GET", "POST", 1), "|")[1:])}))
				for range 100 {
					must(t, s.out.WriteData(1, false, make([]byte, 10_000)))
					synctest.Wait() // so that the handler reads it
					time.Sleep(c.pause)
				}
				conn.mu.Lock()
				got := conn.window.size
				conn.mu.Unlock()
				if got != c.want {
					t.Errorf("the window is of %d bytes, want %d", got, c.want)
				}
				must(t, s.out.WriteData(1, true, nil))
				synctest.Wait()
			})
		})
	}
}
