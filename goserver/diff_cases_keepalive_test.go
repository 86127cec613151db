package goserver_test

import (
	"io"
	"net/http"
)

const old = "GET / HTTP/1.0\r\n"

// keepaliveCases: whether the connection serves another request, and what the
// Connection field says.
var keepaliveCases = []diffCase{
	{name: "1.1", raw: get(), do: answer(0, nil, "x"), want: []string{"= reusable"}},
	{name: "1.1 with close", raw: get("Connection: close"), do: answer(0, nil, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "1.1 with close in capitals", raw: get("Connection: CLOSE"), do: answer(0, nil, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "1.1 with close in a list", raw: get("Connection: x-hop , close"), do: answer(0, nil, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "1.1 with close in a second field", raw: get("Connection: x-hop", "Connection: close"), do: answer(0, nil, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "1.1 with keep-alive", raw: get("Connection: keep-alive"), do: answer(0, nil, "x"), want: []string{"= reusable"}},
	{name: "1.1 with keep-alive and close", raw: get("Connection: keep-alive, close"), do: answer(0, nil, "x"), want: []string{"= closed"}},
	{name: "1.1 with close as a part of a word", raw: get("Connection: enclose"), do: answer(0, nil, "x"), want: []string{"= reusable"}},
	{name: "1.1 with close and chunks", raw: get("Connection: close"), do: answer(0, nil, letters(5000)), want: []string{"Connection: close", "body chunked", "= closed"}},
	{name: "1.1 with close and a body not read", raw: post("abc", "Connection: close"), do: nothing, want: []string{"Connection: close", "= closed"}},
	{name: "close on the second", raw: get() + get("Connection: close") + get(), reads: "GET GET GET", do: answer(0, nil, "x"), want: []string{"= closed", "states: new active idle active closed"}},

	{name: "1.0", raw: old + "\r\n", do: answer(0, nil, "x"), want: []string{"Content-Length: 1", "= closed"}},
	{name: "1.0 with keep-alive", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(0, nil, "x"), want: []string{"< HTTP/1.0 200 OK\n< Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive in capitals", raw: old + "Connection: Keep-Alive\r\n\r\n", do: answer(0, nil, "x"), want: []string{"Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive and close", raw: old + "Connection: keep-alive, close\r\n\r\n", do: answer(0, nil, "x"),
		differs: "close wins over keep-alive (RFC 9112 §9.3)",
		nethttp: `
			saw GET "/" HTTP/1.0 host="" Connection=["keep-alive, close"] close nobody
			< HTTP/1.0 200 OK
			< Connection: keep-alive
			< Content-Length: 1
			< Content-Type: text/plain; charset=utf-8
			< Date: *
			body length "x"
			= reusable
			states: new active idle active idle closed`,
		hyperion: `
			saw GET "/" HTTP/1.0 host="" Connection=["keep-alive, close"] close nobody
			< HTTP/1.0 200 OK
			< Content-Length: 1
			< Content-Type: text/plain; charset=utf-8
			< Date: *
			body length "x"
			= closed
			states: new active closed`},
	{name: "1.0 with keep-alive, no length", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(0, nil, letters(5000)), want: []string{"body until close 5000", "= closed"}},
	{name: "1.0 with keep-alive, flushed", raw: old + "Connection: keep-alive\r\n\r\n", do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		io.WriteString(x.w, "x")
	}, want: []string{`body until close "x"`, "= closed"}},
	{name: "1.0 with keep-alive, length given", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(0, length("5000"), letters(5000)), want: []string{"body length 5000", "= reusable"}},
	{name: "1.0 with keep-alive, head", raw: "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", do: nothing, want: []string{"Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive, 204", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(204, nil), want: []string{"Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive, 304", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(304, nil), want: []string{"Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive, close of the handler", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(0, http.Header{"Connection": {"close"}}, "x"), want: []string{"= closed"}},
	{name: "1.0 with keep-alive, also of the handler", raw: old + "Connection: keep-alive\r\n\r\n", do: answer(0, http.Header{"Connection": {"keep-alive"}, "Content-Length": {"1"}}, "x"),
		want: []string{"Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive of the handler only", raw: old + "\r\n", do: answer(0, http.Header{"Connection": {"keep-alive"}}, "x"), want: []string{"= closed"}},
	{name: "1.0 with keep-alive and a body", raw: "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", do: nothing, want: []string{"Connection: keep-alive", "= reusable"}},
	{name: "1.0 with keep-alive, then 1.1", raw: old + "Connection: keep-alive\r\n\r\n" + get(), reads: "GET GET", do: answer(0, nil, "x"), want: []string{"< HTTP/1.0 200 OK", "< HTTP/1.1 200 OK", "= reusable"}},

	{name: "1.1 with close and upgrade of the handler", raw: get("Connection: close"), do: answer(0, http.Header{"Connection": {"Upgrade"}}, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "too little written", raw: get(), do: answer(0, length("9"), "x"), want: []string{"cut short", "= closed"}},
	{name: "keep-alives off, 1.1", raw: get(), noKeep: true, do: answer(0, nil, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "keep-alives off, 1.0 with keep-alive", raw: old + "Connection: keep-alive\r\n\r\n", noKeep: true, do: answer(0, nil, "x"),
		differs: "net/http promises keep-alive and closes",
		nethttp: `
			saw GET "/" HTTP/1.0 host="" Connection=["keep-alive"] nobody
			< HTTP/1.0 200 OK
			< Connection: keep-alive
			< Content-Length: 1
			< Content-Type: text/plain; charset=utf-8
			< Date: *
			body length "x"
			= closed
			states: new active closed`,
		hyperion: `
			saw GET "/" HTTP/1.0 host="" Connection=["keep-alive"] nobody
			< HTTP/1.0 200 OK
			< Content-Length: 1
			< Content-Type: text/plain; charset=utf-8
			< Date: *
			body length "x"
			= closed
			states: new active closed`},
	{name: "keep-alives off, connection field of the handler", raw: get(), noKeep: true, do: answer(0, http.Header{"Connection": {"X-Hop"}}, "x"), want: []string{"Connection: close", "= closed"}},
	{name: "keep-alives turned off by the handler", raw: get(), do: func(x *turn) {
		x.server.SetKeepAlivesEnabled(false)
		io.WriteString(x.w, "x")
	}, want: []string{"Connection: close", "= closed"}},
	{name: "keep-alives turned off after the head", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		x.server.SetKeepAlivesEnabled(false)
		io.WriteString(x.w, "x")
	}, differs: "net/http reports the connection idle before it closes it",
		nethttp: turnedOff + "active idle closed", hyperion: turnedOff + "active closed"},
	{name: "keep-alives turned off and on", raw: get(), do: func(x *turn) {
		x.server.SetKeepAlivesEnabled(false)
		x.server.SetKeepAlivesEnabled(true)
	}, want: []string{"= reusable"}},

	{name: "empty line before the request", raw: post("abc") + "\r\n" + get(), reads: "POST GET", do: readAll, want: []string{`saw GET "/"`, "= reusable"}},
	{name: "nothing sent", script: func(c *client) { c.conn.Close() }, want: []string{"states: new closed"}},
	{name: "half a head sent", script: func(c *client) {
		c.send("GET / HT")
		c.conn.CloseWrite()
		c.settle()
	}, want: []string{"states: new active closed"}},
	{name: "closed while idle", raw: get(), do: nothing, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.conn.CloseWrite()
		c.ended()
	}, want: []string{"= closed\nstates: new active idle closed"}},
	{name: "100 requests", script: func(c *client) {
		for range 100 {
			c.send(get())
			c.response("GET")
		}
		c.probe()
	}, do: answer(0, nil, "x"), want: []string{"= reusable"}},
}

const turnedOff = `
	saw GET "/" HTTP/1.1 host="a.test" nobody
	< HTTP/1.1 200 OK
	< Date: *
	< Transfer-Encoding: chunked
	body chunked "x"
	= closed
	states: new `
