package h2

import (
	"io"
	"net/http"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
)

// A stream that both sides have ended is closed (RFC 9113 §5.1) and does not
// count against SETTINGS_MAX_CONCURRENT_STREAMS (§5.1.2), although the server has
// not finished with it yet. No more such streams live than may be open.
func TestAdmission_closedStream(t *testing.T) {
	t.Run("by both sides", func(t *testing.T) { testClosedStream(t, "> HEADERS 1 END_STREAM "+get("/")) })
	t.Run("reset behind the response", func(t *testing.T) { testClosedStream(t, "> HEADERS 1 "+get("/")+"\nwait 1ms\n> RST_STREAM 1 0") })
}

// testClosedStream opens two streams in turn, the first by script, when one may be open.
func testClosedStream(t *testing.T, script string) {
	var leave chan struct{}
	run(t, func(b *bench) {
		leave = make(chan struct{})
		b.cfg.MaxStreams = 1
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
		b.cfg.Done = func(*access.Record) { <-leave }
	}, func(b *bench) {
		defer close(leave)
		s := b.dial()
		s.talk("> PREFACE\n> SETTINGS\n> SETTINGS ACK")
		s.talk("< SETTINGS MAX_CONCURRENT_STREAMS=1 INITIAL_WINDOW_SIZE=1048576 MAX_FRAME_SIZE=1048576 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1")
		s.talk("< WINDOW_UPDATE 0 2031617\n< SETTINGS ACK")
		s.talk(script)
		s.talk(`
			wait 1ms
			> PING x
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 5
			< DATA 1 END_STREAM | hello
			< PING ACK x
			> HEADERS 3 END_STREAM ` + get("/") + `
			wait 1ms
			> PING y
			< HEADERS 3 | :status 200 | content-type text/plain; charset=utf-8 | content-length 5
			< DATA 3 END_STREAM | hello
			< PING ACK y
			> HEADERS 5 END_STREAM ` + get("/") + `
			< RST_STREAM 5 REFUSED_STREAM`)
		s.silent()
	})
}
