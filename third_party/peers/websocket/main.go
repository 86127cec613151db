// Command websocket is a server of one of the Go libraries for WebSocket, with the routes of the bench rows:
// /ws sends every message back, /ws-deflate does so with compression (RFC 7692, no context takeover), and /ws-topic
// sends it to all that are there. Each library is used as its documentation says is fastest. /state tells what the
// process has allocated; gobwas has no such route, for it does without net/http.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net/http"
	"runtime"
)

// A peer is how a library serves. mux has /state.
type peer func(mux *http.ServeMux, addr, cert, key string) error

var peers = map[string]peer{"gws": serveGWS, "coder": serveCoder, "gobwas": serveGobwas, "gorilla": serveGorilla}

var errPeer = errors.New("websocket: -serve is gws, coder, gobwas or gorilla")

func main() {
	serve := flag.String("serve", "", "library: gws, coder, gobwas or gorilla")
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	cert := flag.String("cert", "", "file with a certificate; with -key: TLS")
	key := flag.String("key", "", "file with its key")
	flag.Parse()
	f, found := peers[*serve]
	if !found {
		log.Fatal(errPeer)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", state)
	log.Fatal(f(mux, *addr, *cert, *key))
}

// serveHTTP serves by net/http.
func serveHTTP(mux *http.ServeMux, addr, cert, key string) error {
	if cert != "" {
		return http.ListenAndServeTLS(addr, cert, key, mux)
	}
	return http.ListenAndServe(addr, mux)
}

func state(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"mallocs": m.Mallocs, "heap": m.HeapAlloc, "goroutines": runtime.NumGoroutine()})
}
