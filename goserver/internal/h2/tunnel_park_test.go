package h2

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/hyperion-server/hyperion/goserver/internal/netio"
)

// A parked tunnel has no goroutine, and is served whatever happens.
func TestTunnel_parked(t *testing.T) {
	for _, tc := range []struct {
		name   string
		happen func(b *bench, s *speaker, d *digger)
		want   string
		err    error
	}{
		{"data", func(_ *bench, s *speaker, _ *digger) { s.talk("> DATA 1 | hello") }, "hello", nil},
		{"END_STREAM", func(_ *bench, s *speaker, _ *digger) { s.talk("> DATA 1 END_STREAM") }, "", io.EOF},
		{"RST_STREAM", func(_ *bench, s *speaker, _ *digger) { s.talk("> RST_STREAM 1 8") }, "", http2.StreamError{StreamID: 1, Code: 8}},
		{"abort", func(_ *bench, _ *speaker, d *digger) { d.Abort() }, "", netio.ErrAborted},
		{"loss", func(_ *bench, s *speaker, _ *digger) { s.conn.Close() }, "", errGone},
		{"server's end", func(b *bench, _ *speaker, _ *digger) { b.net.AbortAll() }, "", errGone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
				synctest.Wait()
				d.expectParked(t, 0)
				time.Sleep(time.Hour)
				select {
				case <-d.served:
					t.Fatal("served for nothing")
				default:
				}
				tc.happen(b, s, d)
				<-d.served
				d.expectRead(t, tc.want, tc.err)
				synctest.Wait()
				if len(d.served) > 0 {
					t.Error("served twice")
				}
				d.End()
			})
		})
	}
}

// bubbled counts the goroutines of the bubble. runtime.NumGoroutine counts, at times, one of the runtime's too.
func bubbled() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte(", synctest bubble "))
}

func TestTunnel_parkedGoroutines(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		time.Sleep(time.Minute) // idle goroutines of the pool end
		synctest.Wait()
		before := bubbled()
		many := make([]*digger, 100)
		var next int
		b.cfg.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := many[next]
			next++
			must(t, d.upgrade(w, nil))
			d.expectParked(t, 0)
		})
		for i := range many {
			many[i] = newDigger()
			s.hush()
			s.say(strings.Replace("HEADERS ID "+connect("websocket"), "ID", strconv.Itoa(2*i+3), 1))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if now := bubbled(); now > before {
			t.Errorf("%d goroutines, %d before", now, before)
		}
		d.End()
		for _, d := range many {
			d.End()
		}
	})
}

// The coarse time of a wait passes for who is parked, and for who reads.
func TestTunnel_expiry(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		clock := b.cfg.Clock
		start := time.Now()
		within := func(least, most time.Duration) {
			t.Helper()
			if took := time.Since(start); took < least || took > most {
				t.Errorf("after %v", took)
			}
			start = time.Now()
		}
		d.expectParked(t, clock.Until(5*time.Second))
		<-d.served
		within(5*time.Second, 6*time.Second)
		d.ReadExpiry(clock.Until(2 * time.Second))
		d.expectRead(t, "", netio.ErrReadExpired)
		within(2*time.Second, 3*time.Second)
		d.expectRead(t, "", netio.ErrReadExpired) // still
		within(0, 0)
		d.ReadExpiry(0)
		go func() {
			time.Sleep(time.Hour)
			d.ReadExpiry(1) // of another goroutine, and past
		}()
		d.expectRead(t, "", netio.ErrReadExpired)
		within(time.Hour, time.Hour+time.Second)
		s.talk("> DATA 1 | hello")
		synctest.Wait()               // it is there: a read whose time has passed does not wait for it
		d.expectRead(t, "hello", nil) // what is there is read all the same
		if _, parked, err := d.Next(make([]byte, 1), 1); parked || err != netio.ErrReadExpired {
			t.Errorf("parked with a time that has passed: %v, %v", parked, err)
		}
		d.End()
	})
}

// A connection that is to end waits for its tunnels.
func TestTunnel_drain(t *testing.T) {
	tunnelled(t, nil, "", func(b *bench, s *speaker, d *digger) {
		d.expectParked(t, 0)
		b.draining = true
		b.engine.Drain()
		s.talk(`
			< GOAWAY 2147483647 NO_ERROR
			< PING drain
			> PING ACK drain
			< GOAWAY 1 NO_ERROR
			wait 1h
			> DATA 1 | hello`)
		<-d.served
		d.expectRead(t, "hello", nil)
		d.TryWritev([]byte("bye"))
		d.End()
		s.talk("< DATA 1 | bye\n< DATA 1 END_STREAM\n> DATA 1 END_STREAM\n< CLOSED")
	})
}

// A peer that does not answer PING is given up, and its tunnels with it.
func TestTunnel_ping(t *testing.T) {
	tunnelled(t, func(b *bench) { b.cfg.Ping = 10 * time.Second }, "", func(b *bench, s *speaker, d *digger) {
		d.expectParked(t, 0)
		s.talk("wait 11s\n< PING alive\n> PING ACK alive\nwait 11s\n< PING alive\nwait 11s\n< GOAWAY 1 NO_ERROR")
		<-d.served
		d.expectRead(t, "", errGone)
		d.End()
	})
}

// The place of a stream is given back at End: a place among those that the peer may have when it
// sees it as closed.
func TestTunnel_place(t *testing.T) {
	tunnelled(t, func(b *bench) { b.cfg.MaxTotalStreams = 1 }, "", func(b *bench, s *speaker, d *digger) {
		s.talk("> HEADERS 3 END_STREAM " + get("/") + "\n< RST_STREAM 3 REFUSED_STREAM\n> RST_STREAM 1 8")
		s.talk("> HEADERS 5 END_STREAM " + get("/") + "\n< RST_STREAM 5 REFUSED_STREAM")
		d.End()
		s.talk("> HEADERS 7 END_STREAM " + get("/") + "\n< HEADERS 7 END_STREAM | :status 200 | content-length 0")
	})
	tunnelled(t, func(b *bench) { b.cfg.MaxStreams = 1 }, "", func(b *bench, s *speaker, d *digger) {
		s.talk("> HEADERS 3 END_STREAM " + get("/") + "\n< RST_STREAM 3 REFUSED_STREAM\n> RST_STREAM 1 8")
		s.talk("> HEADERS 5 END_STREAM " + get("/") + "\n< HEADERS 5 END_STREAM | :status 200 | content-length 0")
		d.End()
	})
}
