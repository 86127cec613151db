// Command fasthttp is fasthttp's server with the routes of the bench rows:
// /hello, /json, /list, /sse and /files/, over TLS with -cert.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	files := flag.String("files", ".", "directory below /files/")
	object := flag.String("json", "", "file with the object that /json encodes for each request")
	list := flag.String("list", "", "file with the list that /list encodes for each request")
	cert := flag.String("cert", "", "file with a certificate; with -key: TLS")
	key := flag.String("key", "", "file with its key")
	flag.Parse()

	fs := &fasthttp.FS{
		Root: *files, AcceptByteRange: true, PathRewrite: fasthttp.NewPathSlashesStripper(1),
		Compress: true, CompressBrotli: true, CompressRoot: *files + ".fasthttp", // only for those who accept it
	}
	s := &fasthttp.Server{
		Handler:               routes(read[map[string]any](*object), read[[]item](*list), fs.NewRequestHandler()),
		NoDefaultServerHeader: true,
		IdleTimeout:           65 * time.Second,
	}
	if *cert != "" {
		log.Fatal(s.ListenAndServeTLS(*addr, *cert, *key))
	}
	log.Fatal(s.ListenAndServe(*addr))
}

// read returns what JSON in a file has.
func read[T any](name string) (value T) {
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &value)
	}
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// An item is one of the list.
type item struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	On    bool   `json:"on"`
}

func routes(object map[string]any, list []item, files fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		switch path := string(ctx.Path()); {
		case path == "/hello":
			ctx.SetContentType("text/plain; charset=utf-8")
			ctx.WriteString("hello")
		case path == "/json":
			ctx.SetContentType("application/json")
			json.NewEncoder(ctx).Encode(object)
		case path == "/list":
			b, err := json.Marshal(list)
			if err != nil {
				panic(err) // of a type that can be encoded
			}
			ctx.SetContentType("application/json")
			ctx.SetBody(b)
		case path == "/sse":
			stream(ctx)
		case len(path) > 7 && path[:7] == "/files/":
			files(ctx)
		default:
			ctx.NotFound()
		}
	}
}

// stream sends ?n= events, ?gap= apart. A body stream writer would not do: its
// flushes are merged on their way to the connection. What a body stream's
// reader returns from one Read is sent as one chunk and flushed.
func stream(ctx *fasthttp.RequestCtx) {
	n, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("n")))
	gap, _ := time.ParseDuration(string(ctx.QueryArgs().Peek("gap")))
	ctx.SetContentType("text/event-stream")
	ctx.SetBodyStream(&events{n: n, gap: gap}, -1)
}

// events reads as n events, one a call.
type events struct {
	n, made int
	gap     time.Duration
}

func (e *events) Read(p []byte) (int, error) {
	if e.made == e.n {
		return 0, io.EOF
	}
	if e.made > 0 && e.gap > 0 {
		time.Sleep(e.gap)
	}
	e.made++
	return len(appendEvent(p[:0], time.Now())), nil
}

// appendEvent appends an event of 50 bytes that says when it was made.
func appendEvent(b []byte, made time.Time) []byte {
	b = append(b, "data: "...)
	b = strconv.AppendInt(b, made.UnixNano(), 10)
	return append(b, ".......................\n\n"...)
}
