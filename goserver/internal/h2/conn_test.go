package h2

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/pagecache"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func handler(f http.HandlerFunc) func(*bench) {
	return func(b *bench) { b.cfg.Handler = f }
}

// site sets up pages and direct routes.
func site(b *bench) {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte("hello"))
	must(b.t, err)
	must(b.t, b.routes.HandlePage("GET /page", page))
	long, err := pagecache.Build(200, nil, []byte(strings.Repeat("x", 50000)))
	must(b.t, err)
	must(b.t, b.routes.HandlePage("GET /long", long))
	must(b.t, b.routes.Handle("GET /direct", func(c *direct.Ctx) {
		c.AddHeader("X-A", "b")
		c.WriteString("direct")
	}))
	must(b.t, b.routes.Handle("POST /direct/{x}", func(c *direct.Ctx) {
		fmt.Fprintf(c, "%s %s ", c.PathValue("x"), c.Header("x-a"))
		_, err := io.Copy(c, c.Body())
		if err != nil {
			fmt.Fprint(c, err)
		}
	}))
	must(b.t, b.routes.Handle("GET /panic", func(c *direct.Ctx) { panic("no") }))
	must(b.t, b.routes.Handle("GET /exit", func(c *direct.Ctx) { runtime.Goexit() }))
	must(b.t, b.routes.Handle("GET /bye", func(c *direct.Ctx) { c.CloseConnection() }))
	b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			io.Copy(w, r.Body)
		case "/panic":
			panic(http.ErrAbortHandler)
		default:
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Host, r.RequestURI)
		}
	})
}

// transcripts are what is said on one connection.
var transcripts = []struct{ name, settings, script string }{
	{"page", "", `
		> HEADERS 1 END_STREAM ` + get("/page") + `
		< HEADERS 1 | :status 200 | content-type text/plain | content-length 5
		< DATA 1 END_STREAM | hello
		> HEADERS 3 END_STREAM | :method HEAD | :scheme http | :authority a | :path /page
		< HEADERS 3 END_STREAM | :status 200 | content-type text/plain | content-length 5`},
	{"direct", "", `
		> HEADERS 1 END_STREAM ` + get("/direct") + `
		< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | x-a b | content-length 6
		< DATA 1 END_STREAM | direct
		> HEADERS 3 | :method POST | :scheme http | :authority a | :path /direct/v | x-a w
		> DATA 3 | abc
		> DATA 3 END_STREAM | def
		< HEADERS 3 | :status 200 | content-type text/plain; charset=utf-8 | content-length 10
		< DATA 3 END_STREAM | v w abcdef
		> HEADERS 5 END_STREAM ` + get("/panic") + `
		< HEADERS 5 | :status 500 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 22
		< DATA 5 END_STREAM | internal server error`},
	{"handler", "", `
		> HEADERS 1 END_STREAM ` + get("/x?y") + `
		< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 18
		< DATA 1 END_STREAM | GET a.example /x?y
		> HEADERS 3 | :method POST | :scheme http | :authority a | :path /echo
		> DATA 3 END_STREAM | abc
		< HEADERS 3 | :status 200 | content-type text/plain; charset=utf-8 | content-length 3
		< DATA 3 END_STREAM | abc
		> HEADERS 5 END_STREAM ` + get("/y") + ` | host A.example
		< HEADERS 5 | :status 200 | content-type text/plain; charset=utf-8 | content-length 16
		< DATA 5 END_STREAM | GET a.example /y`},
	{"abort", "", `
		> HEADERS 1 | :method POST | :scheme http | :authority a | :path /panic
		< RST_STREAM 1 INTERNAL_ERROR
		> DATA 1 END_STREAM | late, and passed over
		> PING here
		< PING ACK here`},
	{"send windows", "INITIAL_WINDOW_SIZE=3", `
		> HEADERS 1 END_STREAM ` + get("/page") + `
		< HEADERS 1 | :status 200 | content-type text/plain | content-length 5
		< DATA 1 | hel
		> WINDOW_UPDATE 1 1
		< DATA 1 | l
		> SETTINGS INITIAL_WINDOW_SIZE=4
		< SETTINGS ACK
		< DATA 1 END_STREAM | o`},
	{"window of the connection", "INITIAL_WINDOW_SIZE=1000000", `
		> HEADERS 1 END_STREAM ` + get("/long") + `
		> HEADERS 3 END_STREAM ` + get("/long") + `
		< HEADERS 1 | :status 200 | content-length 50000
		< DATA 1 | 16384 bytes
		< DATA 1 | 16384 bytes
		< DATA 1 | 16384 bytes
		< DATA 1 END_STREAM | 848 bytes
		< HEADERS 3 | :status 200 | content-length 50000
		< DATA 3 | 15535 bytes
		> WINDOW_UPDATE 0 100000
		< DATA 3 | 16384 bytes
		< DATA 3 | 16384 bytes
		< DATA 3 END_STREAM | 1697 bytes`},
	{"a window that becomes negative while the stream waits for that of the connection", "INITIAL_WINDOW_SIZE=100000", `
		> HEADERS 1 END_STREAM ` + get("/long") + `
		> HEADERS 3 END_STREAM ` + get("/long") + `
		< HEADERS 1 | :status 200 | content-length 50000
		< DATA 1 | 16384 bytes
		< DATA 1 | 16384 bytes
		< DATA 1 | 16384 bytes
		< DATA 1 END_STREAM | 848 bytes
		< HEADERS 3 | :status 200 | content-length 50000
		< DATA 3 | 15535 bytes
		> SETTINGS INITIAL_WINDOW_SIZE=0
		< SETTINGS ACK
		> WINDOW_UPDATE 0 100000
		> PING x
		< PING ACK x
		> WINDOW_UPDATE 3 15536
		< DATA 3 | x
		> SETTINGS INITIAL_WINDOW_SIZE=100000
		< SETTINGS ACK
		< DATA 3 | 16384 bytes
		< DATA 3 | 16384 bytes
		< DATA 3 END_STREAM | 1696 bytes`},
	{"exit of the reader's goroutine", "", `
		> HEADERS 1 END_STREAM ` + get("/exit") + `
		< RST_STREAM 1 INTERNAL_ERROR
		< GOAWAY 1 INTERNAL_ERROR
		< CLOSED`},
	{"priority", "INITIAL_WINDOW_SIZE=0", `
		> HEADERS 1 END_STREAM ` + get("/long") + ` | priority u=5
		> HEADERS 3 END_STREAM ` + get("/long") + ` | priority u=1
		> HEADERS 5 END_STREAM ` + get("/long") + ` | priority u=6
		> PRIORITY_UPDATE 5 | u=0
		< HEADERS 1 | :status 200 | content-length 50000
		< HEADERS 3 | :status 200 | content-length 50000
		< HEADERS 5 | :status 200 | content-length 50000
		> SETTINGS INITIAL_WINDOW_SIZE=16384
		< SETTINGS ACK
		< DATA 5 | 16384 bytes
		< DATA 3 | 16384 bytes
		< DATA 1 | 16384 bytes
		> RST_STREAM 1 8
		> RST_STREAM 3 8
		> RST_STREAM 5 8`},
	{"equals take turns", "INITIAL_WINDOW_SIZE=0", `
		> HEADERS 1 END_STREAM ` + get("/long") + ` | priority i
		> HEADERS 3 END_STREAM ` + get("/long") + ` | priority i
		< HEADERS 1 | :status 200 | content-length 50000
		< HEADERS 3 | :status 200 | content-length 50000
		> SETTINGS INITIAL_WINDOW_SIZE=32000
		< SETTINGS ACK
		< DATA 1 | 16384 bytes
		< DATA 3 | 16384 bytes
		< DATA 1 | 15616 bytes
		< DATA 3 | 15616 bytes
		> RST_STREAM 1 8
		> RST_STREAM 3 8`},
	{"limits", "", `
		> HEADERS 1 END_STREAM ` + get("/"+strings.Repeat("x", 2000)) + `
		< HEADERS 1 | :status 414 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 27
		< DATA 1 END_STREAM | request target is too long
		> HEADERS 3 END_STREAM ` + get("/") + strings.Repeat(" | x y", 101) + `
		< HEADERS 3 | :status 431 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 23
		< DATA 3 END_STREAM | too many header fields
		> HEADERS 5 END_STREAM ` + get("/") + ` | x ` + strings.Repeat("y", 65<<10) + `
		< HEADERS 5 | :status 431 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 25
		< DATA 5 END_STREAM | request head is too long
		> HEADERS 7 END_STREAM ` + get("/"+strings.Repeat("x", 70_000)) + `
		< HEADERS 7 | :status 431 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 25
		< DATA 7 END_STREAM | request head is too long
		> HEADERS 9 END_STREAM | :method HEAD | :scheme http | :path /` + strings.Repeat("a", 200_000) + ` | :authority a
		< HEADERS 9 END_STREAM | :status 431 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 25
		> HEADERS 11 | :method POST | :scheme http | :authority a | :path /echo | content-length 2000000
		< HEADERS 11 | :status 413 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 26
		< DATA 11 END_STREAM | request body is too large
		< RST_STREAM 11 NO_ERROR`},
	{"content-length", "", `
		> HEADERS 1 | :method POST | :scheme http | :authority a | :path /echo | content-length 4
		> DATA 1 | abcde
		< RST_STREAM 1 PROTOCOL_ERROR
		> HEADERS 3 | :method POST | :scheme http | :authority a | :path /echo | content-length 4
		> DATA 3 END_STREAM | abc
		< RST_STREAM 3 PROTOCOL_ERROR
		> HEADERS 5 END_STREAM | :method POST | :scheme http | :authority a | :path /echo | content-length 4
		< RST_STREAM 5 PROTOCOL_ERROR`},
	{"connection closed by a route", "", `
		> HEADERS 1 END_STREAM ` + get("/bye") + `
		< HEADERS 1 END_STREAM | :status 200 | content-length 0
		< GOAWAY 2147483647 NO_ERROR
		< PING drain
		> HEADERS 3 END_STREAM ` + get("/page") + `
		< HEADERS 3 | :status 200 | content-type text/plain | content-length 5
		< DATA 3 END_STREAM | hello
		> PING ACK drain
		< GOAWAY 3 NO_ERROR
		< CLOSED`},
	{"early answer", "", `
		> HEADERS 1 | :method POST | :scheme http | :authority a | :path /none
		< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 12
		< DATA 1 END_STREAM | POST a /none
		wait 2s
		< RST_STREAM 1 NO_ERROR`},
	{"slow header block", "", `
		> HEADERS 1 END_STREAM MORE | :method GET
		wait 11s
		< GOAWAY 0 ENHANCE_YOUR_CALM
		< CLOSED`},
	{"slow CONTINUATION", "", `
		> HEADERS 1 END_STREAM MORE | :method GET
		wait 6s
		> CONTINUATION 1 MORE | :scheme http
		wait 6s
		< GOAWAY 0 ENHANCE_YOUR_CALM
		< CLOSED`},
	{"an unknown frame that stops", "", `
		> RAW 000064 fe 00 00000000 01
		wait 11s
		< GOAWAY 0 ENHANCE_YOUR_CALM
		< CLOSED`},
	{"DATA that stops when its stream has been reset", "", `
		> HEADERS 1 | :method POST | :scheme http | :authority a | :path /echo
		> RAW 000064 00 00 00000001 78
		wait 61s
		< HEADERS 1 | :status 200 | content-type text/plain; charset=utf-8 | content-length 1
		< DATA 1 END_STREAM | x
		< RST_STREAM 1 NO_ERROR
		< GOAWAY 1 ENHANCE_YOUR_CALM
		< CLOSED`},
	{"idle", "", `
		> HEADERS 1 END_STREAM ` + get("/page") + `
		< HEADERS 1 | :status 200 | content-type text/plain | content-length 5
		< DATA 1 END_STREAM | hello
		wait 70s
		< GOAWAY 1 NO_ERROR
		< CLOSED`},
	{"a window that never opens", "INITIAL_WINDOW_SIZE=0", `
		> HEADERS 1 END_STREAM ` + get("/page") + `
		< HEADERS 1 | :status 200 | content-type text/plain | content-length 5
		wait 31s
		< RST_STREAM 1 CANCEL`},
	{"a body that stops", "", `
		> HEADERS 1 | :method POST | :scheme http | :authority a | :path /direct/x
		> DATA 1 | abc
		wait 31s
		< HEADERS 1 | :status 408 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 30
		< DATA 1 END_STREAM | request body stopped arriving
		wait 2s
		< RST_STREAM 1 NO_ERROR`},
}

func TestTranscripts(t *testing.T) {
	for _, tc := range transcripts {
		t.Run(tc.name, func(t *testing.T) {
			run(t, site, func(b *bench) {
				s := b.greet(tc.settings)
				s.talk(tc.script)
				s.silent()
			})
		})
	}
}

func TestSlowPreface(t *testing.T) {
	run(t, nil, func(b *bench) {
		s := b.dial()
		s.talk("> RAW 505249") // "PRI"
		time.Sleep(11 * time.Second)
		s.talk("< SETTINGS MAX_CONCURRENT_STREAMS=128 INITIAL_WINDOW_SIZE=1048576 MAX_FRAME_SIZE=1048576 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1")
		s.talk("< WINDOW_UPDATE 0 2031617\n< GOAWAY 0 PROTOCOL_ERROR\n< CLOSED")
	})
}
