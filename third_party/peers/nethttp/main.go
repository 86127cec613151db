// Command nethttp is net/http's server with the routes of the bench rows:
// /hello, /json, /sse and /files/.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	files := flag.String("files", ".", "directory below /files/")
	object := flag.String("json", "", "file with the object that /json encodes for each request")
	flag.Parse()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", hello)
	mux.HandleFunc("GET /json", encode(read(*object)))
	mux.HandleFunc("GET /sse", stream)
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(*files))))
	log.Fatal((&http.Server{Addr: *addr, Handler: mux, IdleTimeout: 65 * time.Second}).ListenAndServe())
}

// read returns the JSON object in a file.
func read(name string) (object map[string]any) {
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &object)
	}
	if err != nil {
		log.Fatal(err)
	}
	return object
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
		event = appendEvent(event[:0], time.Now())
		w.Write(event)
		if flush.Flush() != nil {
			return
		}
	}
}

// appendEvent appends an event of 50 bytes that says when it was made.
func appendEvent(b []byte, made time.Time) []byte {
	b = append(b, "data: "...)
	b = strconv.AppendInt(b, made.UnixNano(), 10)
	return append(b, ".......................\n\n"...)
}
