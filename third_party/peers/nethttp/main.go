// Command nethttp is net/http's server with the routes of the bench rows:
// /hello, /json, /list, /varied, /post, /sse and /files/. It serves HTTP/1.1 and
// HTTP/2, in clear by prior knowledge and over TLS with -cert.
package main

import (
	"encoding/json"
	"flag"
	"io"
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
	list := flag.String("list", "", "file with the list that /list encodes for each request")
	cert := flag.String("cert", "", "file with a certificate; with -key: TLS")
	key := flag.String("key", "", "file with its key")
	flag.Parse()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", hello)
	mux.HandleFunc("GET /json", encode(read[map[string]any](*object)))
	mux.HandleFunc("GET /list", marshal(read[[]item](*list)))
	mux.HandleFunc("GET /varied", varied)
	mux.HandleFunc("POST /post", post)
	mux.HandleFunc("GET /sse", stream)
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(*files))))
	s := &http.Server{Addr: *addr, Handler: mux, IdleTimeout: 65 * time.Second, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	if *cert != "" {
		log.Fatal(s.ListenAndServeTLS(*cert, *key))
	}
	log.Fatal(s.ListenAndServe())
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
