package goserver_test

import (
	"context"
	"io"
	"net/http"
	"time"
)

// contextCases: the request's context, and peers that go away.
var contextCases = []diffCase{
	{name: "alive within the handler", raw: get(), do: func(x *turn) {
		deadline, has := x.r.Context().Deadline()
		x.note("%v %v %v", x.r.Context().Err(), has, deadline.IsZero())
	}, want: []string{"<nil> false true"}},
	{name: "cancelled after the handler", raw: get(), do: func(x *turn) {
		ctx := x.r.Context()
		go func() {
			x.waitDone(ctx)
			x.open("noted")
		}()
	}, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.wait("noted")
		c.probe()
	}, want: []string{"context: context canceled; cause: context canceled", "= reusable"}},
	{name: "asked for after the handler", raw: get(), do: func(x *turn) {
		ctx := x.r.Context()
		x.t.Cleanup(func() {
			if ctx.Err() != context.Canceled {
				x.t.Errorf("later: %v", ctx.Err())
			}
		})
	}, want: []string{"= reusable"}},
	{name: "each request has its own", raw: get() + get(), reads: "GET GET", handler: func(s *scene) http.Handler {
		var first context.Context
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if first == nil {
				first = r.Context()
				return
			}
			s.note("%v %v", first.Err(), r.Context().Err())
		})
	}, want: []string{"context canceled <nil>"}},
	{name: "derived", raw: get(), do: func(x *turn) {
		type key struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(x.r.Context(), key{}, "v"), time.Hour)
		defer cancel()
		r := x.r.WithContext(ctx)
		x.note("%v %v", r.Context().Value(key{}), r.Context().Value(http.LocalAddrContextKey) != nil)
	}, want: []string{"v true"}},
	{name: "derived ones end too", raw: get(), do: func(x *turn) {
		ctx, cancel := context.WithCancel(x.r.Context())
		_ = cancel // ends with its parent
		go func() {
			x.waitDone(ctx)
			x.open("noted")
		}()
	}, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.wait("noted")
	}, want: []string{"context: context canceled"}},
	{name: "after function", raw: get(), do: func(x *turn) {
		context.AfterFunc(x.r.Context(), func() {
			x.note("ran")
			x.open("noted")
		})
	}, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.wait("noted")
	}, want: []string{"ran"}},

	{name: "peer closes", raw: get(), do: waitGone, script: leave(func(c *client) { c.conn.Close() }), want: []string{"context: context canceled"}},
	{name: "peer resets", raw: get(), do: waitGone, script: leave(func(c *client) {
		c.conn.SetLinger(0)
		c.conn.Close()
	}), want: []string{"context: context canceled"}},
	{name: "peer closes its half and reads on", raw: get(), do: func(x *turn) {
		waitGone(x)
		io.WriteString(x.w, "still here")
	}, script: func(c *client) {
		c.send(c.raw)
		c.wait("running")
		c.conn.CloseWrite()
		c.response("GET")
		c.ended()
	}, want: []string{"context: context canceled", `"still here"`, "= closed"}},
	{name: "peer closes after the body was read", raw: post("abc"), do: func(x *turn) {
		x.read()
		waitGone(x)
	}, script: leave(func(c *client) { c.conn.Close() }), want: []string{"context: context canceled"}},
	{name: "peer closes after chunks were read", raw: postChunked("3\r\nabc\r\n0\r\n\r\n"), do: func(x *turn) {
		x.read()
		waitGone(x)
	}, script: leave(func(c *client) { c.conn.Close() }), want: []string{"context: context canceled"}},
	{name: "peer closes while the answer is written", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		waitGone(x)
	}, script: leave(func(c *client) { c.conn.Close() }), want: []string{"context: context canceled"}},
	{name: "peer closes on the second request", raw: get("A: 1") + get("A: 2"), do: func(x *turn) {
		if x.r.Header.Get("A") == "2" {
			waitGone(x)
		}
	}, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.wait("running")
		c.left = true
		c.conn.Close()
		c.settle()
	}, want: []string{"context: context canceled"}},
	{name: "many ask for one context", raw: get(), do: func(x *turn) {
		ended := make(chan error)
		for range 20 {
			go func() {
				<-x.r.Context().Done()
				ended <- x.r.Context().Err()
			}()
		}
		x.open("running")
		for range 20 {
			if err := <-ended; err != context.Canceled {
				x.note("BAD: %v", err)
			}
		}
		x.note("all ended")
	}, script: leave(func(c *client) { c.conn.Close() }), want: []string{"all ended"}},
	{name: "a body read after the peer has gone", raw: ask("POST / HTTP/1.1", "Content-Length: 10") + "abc", do: func(x *turn) {
		x.open("running")
		_, err := io.ReadAll(x.r.Body)
		x.note("failed %v", err != nil)
		x.waitDone(x.r.Context())
	}, script: leave(func(c *client) { c.conn.CloseWrite() }), want: []string{"failed true\ncontext: context canceled"}},
	{name: "writes fail at last", raw: get(), do: func(x *turn) {
		x.open("running")
		var err error
		for n := 0; err == nil && n < 1<<30; n += 1 << 16 {
			_, err = x.w.Write(make([]byte, 1<<16))
		}
		x.note("failed %v", err != nil)
		x.waitDone(x.r.Context())
	}, script: leave(func(c *client) {
		c.conn.SetLinger(0)
		c.conn.Close()
	}), want: []string{"failed true\ncontext: context canceled"}},
	{name: "flush fails at last", raw: get(), do: func(x *turn) {
		waitGone(x)
		rc := http.NewResponseController(x.w)
		var err error
		for i := 0; err == nil && i < 1000; i++ {
			io.WriteString(x.w, "data")
			err = rc.Flush()
		}
		x.note("failed %v", err != nil)
	}, script: leave(func(c *client) {
		c.conn.SetLinger(0)
		c.conn.Close()
	}), want: []string{"failed true"}},
}

// waitGone waits until the context says that the peer has gone.
func waitGone(x *turn) {
	x.open("running")
	x.waitDone(x.r.Context())
}

// leave sends all, and goes away in some manner while the handler runs.
func leave(how func(*client)) func(*client) {
	return func(c *client) {
		c.send(c.raw)
		c.wait("running")
		c.left = true
		how(c)
		c.settle()
	}
}
