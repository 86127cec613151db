package goserver_test

import (
	"context"
	"io"
	"net/http"
)

// shutdown begins a graceful stop, and notes its outcome when it is over.
func (s *scene) shutdown() {
	s.server.RegisterOnShutdown(func() { s.open("shutting down") })
	go func() {
		s.note("shutdown: %v", s.server.Shutdown(context.Background()))
		s.open("shut down")
	}()
}

// shutdownCases: what a client sees of a server that stops.
var shutdownCases = []diffCase{
	{name: "while a handler runs", raw: get(), do: func(x *turn) {
		x.shutdown()
		x.wait("shutting down")
		io.WriteString(x.w, "finished")
	}, script: sendAndWaitShut, want: []string{"Connection: close", `"finished"`, "= closed", "shutdown: <nil>"}},
	{name: "after the head was sent", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		x.shutdown()
		x.wait("shutting down")
		io.WriteString(x.w, "finished")
	}, script: sendAndWaitShut, want: []string{`body chunked "finished"`, "= closed", "shutdown: <nil>"}},
	{name: "the context is not cancelled", raw: get(), do: func(x *turn) {
		x.shutdown()
		x.wait("shutting down")
		x.note("%v", x.r.Context().Err())
	}, script: sendAndWaitShut, want: []string{"<nil>"}},
	{name: "with a body to come", raw: ask("POST / HTTP/1.1", "Content-Length: 3"), do: func(x *turn) {
		x.shutdown()
		x.read()
	}, script: func(c *client) {
		c.send(c.raw)
		c.wait("shutting down")
		c.send("abc")
		c.response("POST")
		c.ended()
		c.wait("shut down")
	}, want: []string{`read "abc"`, "Connection: close", "= closed"}},
	{name: "an idle connection", raw: get(), do: nothing, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.shutdown()
		c.ended()
		c.wait("shut down")
	}, want: []string{"= closed", "states: new active idle closed"}},
	{name: "a hijacked connection is left alone", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		go func() {
			x.wait("shut down")
			io.WriteString(conn, "alive")
			conn.Close()
		}()
	}, script: func(c *client) {
		c.send(c.raw)
		c.settle()
		c.shutdown()
		c.ended()
	}, want: []string{`more "alive"`, "shutdown: <nil>"}},
	{name: "pipelined requests after the answered one", raw: get("A: 1") + get("A: 2"), do: func(x *turn) {
		x.shutdown()
		x.wait("shutting down")
	}, script: sendAndWaitShut, want: []string{"Connection: close", "states: new active closed"}},
	{name: "close cuts a handler off", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		x.note("close: %v", x.server.Close())
		x.waitDone(x.r.Context())
	}, script: sendAndEndGet, want: []string{"close: <nil>\ncontext: context canceled", "cut short", "= closed"}},
	{name: "close ends idle connections", raw: get(), do: nothing, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.note("close: %v", c.server.Close())
		c.ended()
	}, want: []string{"close: <nil>", "= closed"}},
}

func sendAndWaitShut(c *client) {
	c.send(c.raw)
	c.response("GET")
	c.ended()
	c.wait("shut down")
}
