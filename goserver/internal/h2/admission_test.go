package h2

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
)

// A stream that both sides have ended is closed (RFC 9113 §5.1) and does not
// count against SETTINGS_MAX_CONCURRENT_STREAMS (§5.1.2), although the server has
// not finished with it yet. There are mostActive of both at most.
func TestAdmission_closedStream(t *testing.T) {
	t.Run("by both sides", func(t *testing.T) { testClosedStream(t, "> HEADERS 1 END_STREAM "+get("/")) })
	t.Run("reset behind the response", func(t *testing.T) { testClosedStream(t, "> HEADERS 1 "+get("/")+"\nwait 1ms\n> RST_STREAM 1 0") })
}

// testClosedStream opens streams in turn, the first by script, when one may be open.
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
`)
		for id := 3; id < 2*mostActive; id += 2 {
			s.talk(fmt.Sprintf(`
			> HEADERS %[1]d END_STREAM %[2]s
			wait 1ms
			> PING y
			< HEADERS %[1]d | :status 200 | content-type text/plain; charset=utf-8 | content-length 5
			< DATA %[1]d END_STREAM | hello
			< PING ACK y`, id, get("/")))
		}
		s.talk(fmt.Sprintf(`
			> HEADERS %[1]d END_STREAM %[2]s
			< RST_STREAM %[1]d REFUSED_STREAM`, 2*mostActive+1, get("/")))
		s.silent()
	})
}

// A stream that has its response, and whose request has not ended, makes place for the next one.
func TestAdmission_answeredStream(t *testing.T) {
	run(t, func(b *bench) {
		site(b)
		b.cfg.MaxStreams = 1
	}, func(b *bench) {
		s := b.dial()
		s.talk("> PREFACE\n> SETTINGS\n> SETTINGS ACK")
		s.talk("< SETTINGS MAX_CONCURRENT_STREAMS=1 INITIAL_WINDOW_SIZE=1048576 MAX_FRAME_SIZE=1048576 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1")
		s.talk("< WINDOW_UPDATE 0 2031617\n< SETTINGS ACK")
		s.talk(`
			> HEADERS 1 | :method POST | :scheme http | :authority a | :path /none
			< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 12
			< DATA 1 END_STREAM | POST a /none
			> HEADERS 3 END_STREAM ` + get("/page") + `
			< RST_STREAM 1 NO_ERROR
			< HEADERS 3 | :status 200 | content-type text/plain | content-length 5
			< DATA 3 END_STREAM | hello`)
		s.silent()
	})
}
