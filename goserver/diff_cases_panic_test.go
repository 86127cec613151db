package goserver_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
)

// panicCases: handlers that end in another way than by returning.
var panicCases = []diffCase{
	{name: "before a write", raw: get(), do: func(x *turn) { panic("boom") },
		want: []string{"= closed", "states: new active closed", "log: panic serving ADDR: boom"}},
	{name: "with an error", raw: get(), do: func(x *turn) { panic(errors.New("an error")) }, want: []string{"log: panic serving ADDR: an error"}},
	{name: "of the runtime", raw: get(), do: func(x *turn) {
		none := []int{}
		x.note("%d", none[x.r.ProtoMajor])
	}, want: []string{"log: panic serving ADDR: runtime error: index out of range [1] with length 0"}},
	{name: "with nil", raw: get(), do: func(x *turn) { panic(nil) }, want: []string{"= closed", "log: panic serving ADDR: panic called with nil argument"}},
	{name: "after a short write", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "lost")
		panic("boom")
	}, want: []string{"nobody\n= closed", "log: panic serving"}},
	{name: "after the status", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(500)
		panic("boom")
	}, want: []string{"nobody\n= closed"}},
	{name: "after a flush", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "part")
		x.w.(http.Flusher).Flush()
		panic("boom")
	}, want: []string{`body chunked, cut short "part"`, "= closed"}},
	{name: "within a declared length", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Length", "100")
		io.WriteString(x.w, "part")
		x.w.(http.Flusher).Flush()
		panic("boom")
	}, want: []string{`body length, cut short "part"`}},
	{name: "with the body not read", raw: post("abc"), do: func(x *turn) { panic("boom") }, want: []string{"= closed"}},
	{name: "abort before a write", raw: get(), do: func(x *turn) { panic(http.ErrAbortHandler) }, want: []string{"= closed\nstates: new active closed"}},
	{name: "abort after a flush", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "part")
		x.w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, want: []string{`cut short "part"`, "= closed\nstates: new active closed"}},
	{name: "abort, wrapped", raw: get(), do: func(x *turn) { panic(fmt.Errorf("so: %w", http.ErrAbortHandler)) },
		want: []string{"log: panic serving ADDR: so: net/http: abort Handler"}},
	{name: "exit of the goroutine", raw: get(), do: func(x *turn) { runtime.Goexit() }, want: []string{"nobody\n= closed", "states: new active closed"}},
	{name: "second of two requests", raw: get() + get("A: 2"), reads: "GET GET", do: func(x *turn) {
		if x.r.Header.Get("A") != "" {
			panic("boom")
		}
		io.WriteString(x.w, "first")
	}, want: []string{`body length "first"`, "= closed", "states: new active idle active closed"}},
	{name: "recovered by the handler", raw: get(), do: func(x *turn) {
		defer func() {
			recover()
			http.Error(x.w, "sorry", 500)
		}()
		panic("boom")
	}, want: []string{"500", "= reusable"}},
	{name: "the context is cancelled", raw: get(), do: func(x *turn) {
		ctx := x.r.Context()
		go func() {
			x.waitDone(ctx)
			x.open("noted")
		}()
		panic(http.ErrAbortHandler)
	}, script: func(c *client) {
		c.send(c.raw)
		c.wait("noted")
		c.response("GET")
	}, want: []string{"context: context canceled", "= closed"}},

	{name: "status 99", raw: get(), do: func(x *turn) { x.w.WriteHeader(99) }, want: []string{"log: panic serving ADDR: invalid WriteHeader code 99", "= closed"}},
	{name: "status 0", raw: get(), do: func(x *turn) { x.w.WriteHeader(0) }, want: []string{"invalid WriteHeader code 0"}},
	{name: "status 1000", raw: get(), do: func(x *turn) { x.w.WriteHeader(1000) }, want: []string{"invalid WriteHeader code 1000"}},
	{name: "status -1, recovered", raw: get(), do: func(x *turn) {
		defer func() {
			x.note("%v", recover())
			x.w.WriteHeader(201)
		}()
		x.w.WriteHeader(-1)
	}, want: []string{"\ninvalid WriteHeader code -1", "201 Created"}},
	{name: "a bad second status is only superfluous", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(200)
		x.w.WriteHeader(0)
	}, want: []string{"200 OK", "log: superfluous"}},
	{name: "hijack after the handler", raw: get() + get(), reads: "GET GET", handler: func(s *scene) http.Handler {
		var kept http.ResponseWriter
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kept == nil {
				kept = w
				return
			}
			var err error
			defer func() { s.note("failed %v", recover() != nil || err != nil) }() // net/http panics
			_, _, err = kept.(http.Hijacker).Hijack()
		})
	}, want: []string{"failed true", "= reusable"}},
}
