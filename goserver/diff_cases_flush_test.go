package goserver_test

import (
	"fmt"
	"io"
	"net/http"
)

// flushCases: what is on the wire when, and reading while writing.
var flushCases = []diffCase{
	{name: "reaches the wire at once", raw: get(), do: func(x *turn) {
		for _, part := range []string{"one", "two", "three"} {
			io.WriteString(x.w, part)
			x.w.(http.Flusher).Flush()
			x.wait(part)
		}
	}, script: inParts("one", "two", "three"), want: []string{"came \"one\"\ncame \"two\"\ncame \"three\"", `body chunked "onetwothree"`, "= reusable"}},
	{name: "by the controller", raw: get(), do: func(x *turn) {
		rc := http.NewResponseController(x.w)
		for _, part := range []string{"one", "two"} {
			io.WriteString(x.w, part)
			x.note("%v", rc.Flush())
			x.wait(part)
		}
	}, script: inParts("one", "two"), want: []string{"<nil>\n<nil>", `came "two"`}},
	{name: "head only", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		x.wait("head seen")
		io.WriteString(x.w, "body")
	}, script: headFirst, want: []string{`body chunked "body"`, "= reusable"}},
	{name: "head only, after the status", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(http.StatusAccepted)
		x.w.(http.Flusher).Flush()
		x.wait("head seen")
	}, script: headFirst, want: []string{"202 Accepted", `body chunked ""`, "= reusable"}},
	{name: "with a length", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Length", "6")
		for _, part := range []string{"one", "two"} {
			io.WriteString(x.w, part)
			x.w.(http.Flusher).Flush()
			x.wait(part)
		}
	}, script: inParts("one", "two"), want: []string{`body length "onetwo"`, "= reusable"}},
	{name: "on version 1.0", raw: "GET / HTTP/1.0\r\n\r\n", do: func(x *turn) {
		io.WriteString(x.w, "one")
		x.w.(http.Flusher).Flush()
		x.wait("one")
	}, script: inParts("one"), want: []string{`body until close "one"`, "= closed"}},
	{name: "on 204", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(204)
		x.w.(http.Flusher).Flush()
	}, want: []string{"204", "= reusable"}},
	{name: "twice and with nothing new", raw: get(), do: func(x *turn) {
		f := x.w.(http.Flusher)
		f.Flush()
		f.Flush()
		io.WriteString(x.w, "x")
		f.Flush()
		f.Flush()
	}, want: []string{`body chunked "x"`, "= reusable"}},
	{name: "server-sent events", raw: get("Accept: text/event-stream"), do: func(x *turn) {
		x.w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(x.w, "data: %d\n\n", i)
			x.w.(http.Flusher).Flush()
			x.wait(fmt.Sprintf("data: %d\n\n", i))
		}
	}, script: inParts("data: 0\n\n", "data: 1\n\n", "data: 2\n\n"), want: []string{"text/event-stream", `came "data: 2\n\n"`}},
	{name: "more than the buffer without a flush", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, letters(20_000)+"END")
		x.w.(http.Flusher).Flush()
		x.wait("END")
	}, script: inParts("END"), want: []string{`came "END"`, "= reusable"}},
	{name: "after the handler", raw: get() + get(), reads: "GET GET", handler: func(s *scene) http.Handler {
		var kept http.ResponseWriter
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kept == nil {
				kept = w
				return
			}
			io.WriteString(w, "second")
		})
	}, want: []string{`body length "second"`, "= reusable"}},

	{name: "full duplex echo", raw: ask("POST / HTTP/1.1", "Transfer-Encoding: chunked"), do: func(x *turn) {
		rc := http.NewResponseController(x.w)
		x.note("%v", rc.EnableFullDuplex())
		b := make([]byte, 3)
		for {
			n, err := io.ReadFull(x.r.Body, b)
			x.w.Write(b[:n])
			rc.Flush()
			if err != nil {
				x.note("%v", err)
				return
			}
		}
	}, script: func(c *client) {
		c.send(c.raw + "3\r\none\r\n")
		r := c.head("POST")
		r.want("one")
		c.send("3\r\ntwo\r\n")
		r.want("two")
		c.send("0\r\n\r\n")
		r.finish()
		c.probe()
	}, want: []string{"<nil>\nEOF", `came "two"`, "= reusable"}},
	{name: "full duplex, answer first", raw: ask("POST / HTTP/1.1", "Content-Length: 3"), do: func(x *turn) {
		http.NewResponseController(x.w).EnableFullDuplex()
		io.WriteString(x.w, "first")
		x.w.(http.Flusher).Flush()
		x.read()
	}, script: func(c *client) {
		c.send(c.raw)
		r := c.head("POST")
		r.want("first")
		c.send("abc")
		r.finish()
		c.probe()
	}, want: []string{`read "abc" err=<nil>`, "= reusable"}},
	{name: "full duplex, body not read", raw: post("abc"), do: func(x *turn) {
		http.NewResponseController(x.w).EnableFullDuplex()
		io.WriteString(x.w, "first")
		x.w.(http.Flusher).Flush()
	}, differs: "net/http panics after the response when such a body is left",
		nethttp: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["3"] length=3
			< HTTP/1.1 200 OK
			< Content-Type: text/plain; charset=utf-8
			< Date: *
			< Transfer-Encoding: chunked
			body chunked "first"
			= closed
			states: new active idle closed
			log: panic serving ADDR: invalid concurrent Body.Read call`,
		hyperion: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["3"] length=3
			< HTTP/1.1 200 OK
			< Content-Type: text/plain; charset=utf-8
			< Date: *
			< Transfer-Encoding: chunked
			body chunked "first"
			= reusable
			states: new active idle active idle closed`},
}

// inParts waits for each part before it lets the handler write the next.
func inParts(parts ...string) func(*client) {
	return func(c *client) {
		c.send(c.raw)
		r := c.head("GET")
		for _, p := range parts {
			r.want(p)
			c.open(p)
		}
		r.finish()
		c.probe()
	}
}

// headFirst waits for the head before it lets the handler go on.
func headFirst(c *client) {
	c.send(c.raw)
	r := c.head("GET")
	c.open("head seen")
	r.finish()
	c.probe()
}
