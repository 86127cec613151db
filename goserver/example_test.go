package goserver_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// printGet serves one request of srv and prints status and body.
func printGet(srv *goserver.Server, path string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	resp, err := http.Get("http://" + l.Addr().String() + path)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	io.Copy(os.Stdout, resp.Body)
}

func ExampleServer() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
	})
	srv := &goserver.Server{Handler: mux, MaxBodyBytes: 1 << 20}
	printGet(srv, "/hello/ann")
	// Output:
	// 200 OK
	// hello, ann
}

func ExampleServer_Handle() {
	srv := new(goserver.Server)
	err := srv.Handle("GET /items/{id}", func(c *goserver.Ctx) {
		c.SetContentType("text/plain", "utf-8")
		c.WriteString("item ")
		c.Write(c.PathValue("id")) // valid until we return
	})
	if err != nil {
		log.Fatal(err)
	}
	printGet(srv, "/items/42")
	// Output:
	// 200 OK
	// item 42
}

func ExampleServer_HandleStatic() {
	srv := new(goserver.Server)
	if err := srv.HandleStatic("GET /health", []byte("ok\n"), "text/plain"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(srv.HandleStatic("GET /health", []byte("again"), "text/plain") != nil)
	printGet(srv, "/health")
	// Output:
	// true
	// 200 OK
	// ok
}

func ExampleServer_Shutdown() {
	srv := &goserver.Server{Addr: "127.0.0.1:0"}
	served := make(chan error)
	go func() { served <- srv.ListenAndServe() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx))
	fmt.Println(<-served)
	// Output:
	// <nil>
	// http: Server closed
}

func ExampleCtx() {
	srv := new(goserver.Server)
	err := srv.Handle("GET /who", func(c *goserver.Ctx) {
		if c.Header("Authorization") == nil {
			c.SetStatus(http.StatusUnauthorized)
			if err := c.AddHeader("WWW-Authenticate", `Basic realm="example"`); err != nil {
				log.Print(err)
			}
			c.WriteString("who are you?\n")
			return
		}
		c.WriteString("welcome\n")
	})
	if err != nil {
		log.Fatal(err)
	}
	printGet(srv, "/who")
	// Output:
	// 401 Unauthorized
	// who are you?
}

func ExampleRecord() {
	logged := make(chan string, 1)
	srv := &goserver.Server{
		Handler: http.NotFoundHandler(),
		AccessLog: func(r *goserver.Record) { // must not block, nor keep r
			logged <- fmt.Sprintf("%s %s %d", r.Method, r.Path, r.Status)
		},
	}
	printGet(srv, "/nothing")
	fmt.Println(<-logged)
	// Output:
	// 404 Not Found
	// 404 page not found
	// GET /nothing 404
}

func ExampleServer_Stats() {
	srv := &goserver.Server{Handler: http.NotFoundHandler()}
	printGet(srv, "/")
	fmt.Println(srv.Stats().Accepted, "connection,", srv.Stats().Requests, "request")
	// Output:
	// 404 Not Found
	// 404 page not found
	// 1 connection, 1 request
}
