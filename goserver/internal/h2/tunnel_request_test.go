package h2

import (
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/access"
	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

func TestTunnel_settings(t *testing.T) {
	for _, offered := range []bool{false, true} {
		run(t, func(b *bench) { b.cfg.ConnectProtocol = offered }, func(b *bench) {
			s := b.dial()
			want := "< SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=1048576 MAX_FRAME_SIZE=1048576 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1"
			if offered {
				want += " ENABLE_CONNECT_PROTOCOL=1"
			}
			s.talk("> PREFACE\n> SETTINGS\n" + want)
		})
	}
}

// What is no extended CONNECT to websocket is malformed, or refused.
func TestTunnel_refused(t *testing.T) {
	handled := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a page") })
	for _, tc := range []struct {
		name    string
		offered bool
		script  string
	}{
		{"not offered", false, "> HEADERS 1 " + connect("websocket") + "\n< RST_STREAM 1 PROTOCOL_ERROR"},
		{"another protocol", true, `
			> HEADERS 1 ` + connect("connect-udp") + `
			< HEADERS 1 | :status 501 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 27
			< DATA 1 END_STREAM | :protocol is not websocket
			> DATA 1 END_STREAM | bye`},
		{"another method", true, `
			> HEADERS 1 | :method GET | :protocol websocket | :scheme http | :authority a | :path /
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"without a path", true, `
			> HEADERS 1 | :method CONNECT | :protocol websocket | :scheme http | :authority a
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"without a scheme", true, `
			> HEADERS 1 | :method CONNECT | :protocol websocket | :path / | :authority a
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"repeated", true, `
			> HEADERS 1 ` + connect("websocket") + ` | :protocol websocket
			< RST_STREAM 1 PROTOCOL_ERROR`},
		{"a handler that does not upgrade", true, `
			> HEADERS 1 ` + connect("websocket") + `
			< HEADERS 1 | :status 501 | content-type text/plain; charset=utf-8 | content-length 6
			< DATA 1 END_STREAM | a page
			> DATA 1 END_STREAM`},
		{"headers on the stream", true, `
			> HEADERS 1 ` + connect("websocket") + `
			< HEADERS 1 | :status 501 | content-type text/plain; charset=utf-8 | content-length 6
			< DATA 1 END_STREAM | a page
			> HEADERS 1 END_STREAM | x y
			< RST_STREAM 1 PROTOCOL_ERROR`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, func(b *bench) {
				b.cfg.ConnectProtocol, b.cfg.Handler = tc.offered, handled
			}, func(b *bench) {
				s := b.greet("")
				s.talk(tc.script)
				s.silent()
			})
		})
	}
}

// Direct routes don't answer an extended CONNECT; the handler sees it as what it would be on
// HTTP/1.1.
func TestTunnel_request(t *testing.T) {
	var rec access.Record
	var recorded chan struct{}
	var d *digger
	run(t, func(b *bench) {
		d = newDigger()
		recorded = make(chan struct{})
		must(t, b.routes.Handle("GET /ws", func(c *direct.Ctx) { t.Error("a direct route was asked") }))
		b.cfg.ConnectProtocol = true
		b.cfg.Done = func(r *access.Record) {
			rec = *r
			close(recorded)
		}
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := r.Header
			if r.Method != "GET" || r.URL.String() != "/ws?q" || r.Host != "a.example" || r.ContentLength != 0 || r.Body != http.NoBody ||
				h[":protocol"][0] != "websocket" || h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" || h.Get("Origin") != "o" {
				t.Errorf("%v %v %v %v %v %v", r.Method, r.URL, r.Host, r.ContentLength, r.Body, h)
			}
			w.Header().Set("X-A", "b")
			w.Header().Set("Content-Length", "5")
			must(t, d.upgrade(w, http.Header{"X-C": {"d"}, "Upgrade": {"websocket"}}))
			if err := d.upgrade(w, nil); err != http.ErrHijacked {
				t.Errorf("a second upgrade: %v", err)
			}
			if _, err := w.Write([]byte("more")); err == nil {
				t.Error("the response can be written to")
			}
		})
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> HEADERS 1 ` + connect("websocket") + ` | origin o | content-length 3
			< HEADERS 1 | :status 200 | x-a b | x-c d`)
		<-recorded
		if rec.Status != 200 || rec.Method != "GET" || string(rec.Path) != "/ws" || rec.BytesOut == 0 {
			t.Errorf("recorded %+v", rec)
		}
		d.End()
		s.talk("< DATA 1 END_STREAM\n> DATA 1 END_STREAM")
		s.silent()
	})
}

// Only an extended CONNECT can be upgraded, before it is answered.
func TestTunnel_tooLate(t *testing.T) {
	var d *digger
	var errs chan error
	run(t, func(b *bench) {
		d = newDigger()
		errs = make(chan error, 2)
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ws" {
				w.WriteHeader(404)
			}
			errs <- d.upgrade(w, nil)
		})
	}, func(b *bench) {
		s := b.greet("")
		s.talk(`
			> HEADERS 1 ` + get("/") + `
			< HEADERS 1 END_STREAM | :status 200 | content-length 0
			> DATA 1 END_STREAM
			> HEADERS 3 ` + connect("websocket") + `
			< HEADERS 3 END_STREAM | :status 404 | content-length 0
			> DATA 3 END_STREAM`)
		if err := <-errs; err != http.ErrNotSupported {
			t.Errorf("upgrade of a GET: %v", err)
		}
		if err := <-errs; err != semantics.ErrHeadSent {
			t.Errorf("upgrade after the head: %v", err)
		}
	})
}

// A client may end its side with the head, and hears the rest.
func TestTunnel_endedHead(t *testing.T) {
	var d *digger
	run(t, func(b *bench) {
		d = newDigger()
		b.cfg.ConnectProtocol = true
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { must(t, d.upgrade(w, nil)) })
	}, func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 END_STREAM " + connect("websocket") + "\n< HEADERS 1 | :status 200")
		d.expectRead(t, "", io.EOF)
		d.TryWritev([]byte("bye"))
		d.End()
		s.talk("< DATA 1 | bye\n< DATA 1 END_STREAM")
		s.silent()
	})
}

// A handler that fails after it upgraded is told of, and counts no longer as in flight.
func TestTunnel_handlerFails(t *testing.T) {
	for name, fail := range map[string]func(){
		"panic":  func() { panic(http.ErrAbortHandler) },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			var d *digger
			run(t, func(b *bench) {
				d = newDigger()
				b.cfg.ConnectProtocol = true
				b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					must(t, d.upgrade(w, nil))
					fail()
				})
			}, func(b *bench) {
				s := b.greet("")
				s.talk("> HEADERS 1 " + connect("websocket") + "\n< HEADERS 1 | :status 200")
				if <-d.returned {
					t.Error("the handler has returned")
				}
				if n := b.cfg.Counters.InFlight.Load(); n != 0 {
					t.Errorf("%d in flight", n)
				}
				d.TryWritev([]byte("sorry"))
				d.End()
				s.talk("< DATA 1 | sorry\n< DATA 1 END_STREAM\n> DATA 1 END_STREAM")
			})
		})
	}
}

// A tunnel may end before its handler does.
func TestTunnel_endsInHandler(t *testing.T) {
	var d *digger
	var rec access.Record
	run(t, func(b *bench) {
		d = newDigger()
		b.cfg.ConnectProtocol = true
		b.cfg.Done = func(r *access.Record) { rec = *r }
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			must(t, d.upgrade(w, nil))
			d.expectRead(t, "hello", nil)
			d.End()
			<-d.served
		})
	}, func(b *bench) {
		s := b.greet("")
		s.talk("> HEADERS 1 " + connect("websocket") + "\n< HEADERS 1 | :status 200\n> DATA 1 END_STREAM | hello\n< DATA 1 END_STREAM")
		s.talk("> HEADERS 3 " + connect("x") + "\n< HEADERS 3 | :status 501 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 27\n" +
			"< DATA 3 END_STREAM | :protocol is not websocket\n> DATA 3 END_STREAM")
		d.served <- struct{}{}
		<-d.returned
		if rec.BytesIn != 5 || rec.Status != 200 {
			t.Errorf("recorded %+v", rec)
		}
	})
}
