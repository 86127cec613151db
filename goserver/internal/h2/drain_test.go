package h2

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A server that drains tells connections so: those that wait with a stream open,
// too. They end with their last stream.
func TestDrain(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Second) })
	}, func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 END_STREAM " + get("/"))
		synctest.Wait()
		b.draining = true
		b.engine.Drain()
		s.talk(`
			< GOAWAY 2147483647 NO_ERROR
			< PING drain
			wait 2s
			< GOAWAY 1 NO_ERROR
			> HEADERS 3 END_STREAM ` + get("/") + `
			wait 4s
			< HEADERS 1 END_STREAM | :status 200 | content-length 0
			< CLOSED`)
	})
}

// No GOAWAY names a later stream than the one before it (RFC 9113 §6.8).
func TestDrain_lastStream(t *testing.T) {
	run(t, handler(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 END_STREAM " + get("/"))
		synctest.Wait()
		b.draining = true
		b.engine.Drain()
		s.talk(`
			< GOAWAY 2147483647 NO_ERROR
			< PING drain
			> PING ACK drain
			< GOAWAY 1 NO_ERROR
			> HEADERS 3 END_STREAM ` + get("/") + `
			> WINDOW_UPDATE 0 0
			< GOAWAY 1 PROTOCOL_ERROR
			< CLOSED`)
	})
}

// Without keep-alives a connection serves one request: it is told so when that has come, and
// not before, when some clients would take the connection for one that never was.
func TestDrain_keepAlivesOff(t *testing.T) {
	run(t, func(b *bench) {
		on := func() bool { return true }
		b.cfg.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		b.cfg.Draining, b.cfg.KeepAlivesOff = on, on
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> PING ping
			< PING ACK ping
			> HEADERS 1 END_STREAM ` + get("/") + `
			< GOAWAY 2147483647 NO_ERROR
			< PING drain
			wait 1s
			< HEADERS 1 END_STREAM | :status 200 | content-length 0
			> PING ACK drain
			< GOAWAY 1 NO_ERROR
			< CLOSED`)
	})
}
