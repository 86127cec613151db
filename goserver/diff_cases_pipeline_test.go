package goserver_test

import (
	"io"
	"net/http"
	"strings"
)

// pipelineCases: requests that were sent before the answers to earlier ones.
var pipelineCases = []diffCase{
	{name: "16 deep", raw: strings.Repeat(get(), 16), reads: strings.Repeat("GET ", 16), do: answer(0, nil, "x"), want: []string{"= reusable"}},
	{name: "in order", raw: ask("GET /1 HTTP/1.1") + ask("GET /2 HTTP/1.1") + ask("GET /3 HTTP/1.1"), reads: "GET GET GET", do: func(x *turn) {
		io.WriteString(x.w, x.r.URL.Path)
	}, want: []string{`"/1"`, `"/2"`, `"/3"`, "= reusable"}},
	{name: "one at a time", raw: get() + get(), reads: "GET GET", handler: func(s *scene) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.note("%d running", s.handlers.Load()) })
	}, want: []string{"1 running"}},
	{name: "mixed methods", raw: head + get() + post("abc") + head, reads: "HEAD GET POST HEAD", do: func(x *turn) { io.WriteString(x.w, x.r.Method) },
		want: []string{"Content-Length: 4\n", `"POST"`, "= reusable"}},
	{name: "mixed framing", raw: get("A: 1") + get("A: 2") + get("A: 3"), reads: "GET GET GET", do: func(x *turn) {
		switch x.r.Header.Get("A") {
		case "1":
			io.WriteString(x.w, letters(9000))
		case "2":
			x.w.WriteHeader(204)
		case "3":
			x.w.(http.Flusher).Flush()
			io.WriteString(x.w, "end")
		}
	}, want: []string{"body chunked 9000", "204", `body chunked "end"`, "= reusable"}},
	{name: "with bodies not read", raw: post("abc") + postChunked("3\r\nabc\r\n0\r\n\r\n") + post(letters(10_000)) + get(), reads: "POST POST POST GET", do: answer(0, nil, "x"),
		want: []string{`saw GET "/"`, "= reusable"}},
	{name: "nothing after a close", raw: get("Connection: close") + get("A: never"), reads: "GET GET", do: answer(0, nil, "x"), want: []string{"= closed", "states: new active closed"}},
	{name: "nothing after a short body", raw: get() + get("A: never"), reads: "GET GET", do: answer(0, length("9"), "x"), want: []string{"cut short", "states: new active closed"}},
	{name: "a bodily request within a body", raw: post(get("A: smuggled")) + get("A: 2"), reads: "POST GET", do: nothing, want: []string{`A=["2"]`, "= reusable"}},
	{name: "split anywhere", script: func(c *client) {
		all := post("abc") + get("A: 1") + postChunked("3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
		for len(all) > 0 {
			n := min(7, len(all))
			c.send(all[:n])
			all = all[n:]
		}
		for _, m := range []string{"POST", "GET", "POST"} {
			c.response(m)
		}
		c.probe()
	}, do: readAll, want: []string{`A=["1"]`, "= reusable"}},
	{name: "the first waits, the second is not lost", raw: get("A: 1") + get("A: 2"), do: func(x *turn) {
		if x.r.Header.Get("A") == "1" {
			x.wait("sent")
			x.note("context %v", x.r.Context().Err())
		}
		io.WriteString(x.w, "x")
	}, script: func(c *client) {
		c.send(c.raw)
		c.open("sent")
		c.response("GET")
		c.response("GET")
		c.probe()
	}, want: []string{"context <nil>", "= reusable"}},
	{name: "200 requests of different sizes", script: func(c *client) {
		go func() {
			for i := range 200 {
				c.send(post(letters(i*37), "A: "+itoa(i)))
			}
		}()
		for range 200 {
			c.response("POST")
		}
		c.probe()
	}, do: func(x *turn) {
		b, err := io.ReadAll(x.r.Body)
		x.note("%d %v", len(b), err)
	}, want: []string{"7363 <nil>", "= reusable"}},
}
