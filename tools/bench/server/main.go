// Command server is Hyperion with the routes of the bench rows: /static (a
// static route), /direct (a direct route), /hello, /json, /list, /varied, /post
// and /sse (http.Handlers), /files/, /preloaded/ if asked for, those of webSockets, and /state. It serves
// HTTP/1.1 and HTTP/2, over TLS with -cert.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/tools/bench/load"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	files := flag.String("files", ".", "directory below /files/")
	object := flag.String("json", "", "file with the object that /json encodes for each request")
	list := flag.String("list", "", "file with the list that /list encodes for each request")
	cert := flag.String("cert", "", "file with a certificate; with -key: TLS")
	key := flag.String("key", "", "file with its key")
	preload := flag.String("preload", "", "directory below /preloaded/, loaded into memory before the server listens")
	var o goserver.StaticOptions
	flag.Int64Var(&o.CacheBytes, "cache-bytes", 0, "goserver.StaticOptions.CacheBytes of both")
	flag.IntVar(&o.CacheEntries, "cache-entries", 0, "CacheEntries of both")
	flag.IntVar(&o.MaxCachedFile, "max-cached-file", 0, "MaxCachedFile of both")
	flag.IntVar(&o.OpenFiles, "open-files", 0, "OpenFiles of both")
	flag.BoolVar(&o.NoCompression, "no-compression", false, "NoCompression of both")
	flag.Parse()

	mux := http.NewServeMux()
	s := &goserver.Server{Addr: *addr, Handler: mux, WebSockets: true}
	mux.HandleFunc("GET /hello", hello)
	mux.HandleFunc("GET /json", encode(read[map[string]any](*object)))
	mux.HandleFunc("GET /list", marshal(read[[]item](*list)))
	mux.HandleFunc("GET /varied", varied)
	mux.HandleFunc("POST /post", post)
	mux.HandleFunc("GET /sse", stream)
	mux.HandleFunc("GET /state", state(s))
	webSockets(mux)
	must(s.HandleStatic("GET /static", []byte("hello"), "text/plain; charset=utf-8"))
	must(s.Handle("GET /direct", direct))
	must(s.Static("/files/", *files, &o))
	if *preload != "" {
		o.Preload = []string{"."}
		must(s.Static("/preloaded/", *preload, &o))
	}

	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(stop, func() { s.Close() })
	if err := serve(s, *cert, *key); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}

func serve(s *goserver.Server, cert, key string) error {
	if cert == "" {
		return s.ListenAndServe()
	}
	return s.ListenAndServeTLS(cert, key)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// read returns what JSON in a file has; nothing without a name.
func read[T any](name string) (value T) {
	if name == "" {
		return value
	}
	b, err := os.ReadFile(name)
	must(err)
	must(json.Unmarshal(b, &value))
	return value
}

func direct(c *goserver.Ctx) {
	c.SetContentType("text/plain", "utf-8")
	c.WriteString("hello")
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("hello"))
}

func encode(object map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(object)
	}
}

// An item is one of the list.
type item struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	On    bool   `json:"on"`
}

func marshal(list []item) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		b, err := json.Marshal(list)
		if err != nil {
			panic(err) // of a type that can be encoded
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b)
	}
}

// post reads the body and answers as hello does.
func post(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the client is gone
	}
	hello(w, r)
}

// stream sends ?n= events, ?gap= apart, and flushes each.
func stream(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("n"))
	gap, _ := time.ParseDuration(r.FormValue("gap"))
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	var event []byte
	for i := range n {
		if i > 0 && gap > 0 {
			time.Sleep(gap)
		}
		event = load.AppendEvent(event[:0], time.Now())
		w.Write(event)
		if flush.Flush() != nil {
			return
		}
	}
}

// state tells what a soak watches and a preload row waits for. ?gc=1 collects garbage first, so that the
// heap is what is in use.
func state(s *goserver.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("gc") != "" {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"goroutines": runtime.NumGoroutine(), "heap": m.HeapAlloc, "mallocs": m.Mallocs, "stats": s.Stats(), "files": s.StaticStats(),
		})
	}
}
