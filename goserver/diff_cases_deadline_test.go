package goserver_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

var longAgo = time.Unix(1, 0)

// deadlineCases: deadlines of the response controller and of the server.
var deadlineCases = []diffCase{
	{name: "read deadline in the past", raw: ask("POST / HTTP/1.1", "Content-Length: 3"), do: func(x *turn) {
		x.note("%v", http.NewResponseController(x.w).SetReadDeadline(longAgo))
		_, err := io.ReadAll(x.r.Body)
		x.note("timed out %v", errors.Is(err, os.ErrDeadlineExceeded))
		x.w.WriteHeader(http.StatusRequestTimeout)
	}, script: sendAndEnd, want: []string{"<nil>\ntimed out true", "408", "= closed"}},
	{name: "read deadline comes while reading", raw: ask("POST / HTTP/1.1", "Content-Length: 3") + "a", do: func(x *turn) {
		http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		b, err := io.ReadAll(x.r.Body)
		x.note("%q timed out %v", b, errors.Is(err, os.ErrDeadlineExceeded))
		x.w.WriteHeader(http.StatusRequestTimeout)
	}, script: sendAndEnd, want: []string{`"a" timed out true`, "408", "= closed"}},
	{name: "read deadline set and taken back", raw: post("abc"), do: func(x *turn) {
		rc := http.NewResponseController(x.w)
		rc.SetReadDeadline(longAgo)
		rc.SetReadDeadline(time.Time{})
		x.read()
	}, want: []string{`read "abc"`, "= reusable"}},
	{name: "read deadline in the far future", raw: post("abc"), do: func(x *turn) {
		x.note("%v", http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(time.Hour)))
		x.read()
	}, want: []string{`read "abc"`, "= reusable"}},
	{name: "read deadline does not reach the next request", raw: get(), do: func(x *turn) {
		http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(time.Hour))
	}, want: []string{"= reusable"}},
	{name: "write deadline in the past", raw: get(), do: func(x *turn) {
		rc := http.NewResponseController(x.w)
		x.note("%v", rc.SetWriteDeadline(longAgo))
		io.WriteString(x.w, "lost")
		x.note("timed out %v", errors.Is(rc.Flush(), os.ErrDeadlineExceeded))
	}, want: []string{"<nil>\ntimed out true", "= closed"}},
	{name: "write deadline in the past, nothing flushed", raw: get(), do: func(x *turn) {
		http.NewResponseController(x.w).SetWriteDeadline(longAgo)
		io.WriteString(x.w, "lost")
	}, want: []string{"nobody\n= closed"}},
	{name: "write deadline set and taken back", raw: get(), do: func(x *turn) {
		rc := http.NewResponseController(x.w)
		rc.SetWriteDeadline(longAgo)
		rc.SetWriteDeadline(time.Time{})
		io.WriteString(x.w, "kept")
	}, want: []string{`body length "kept"`, "= reusable"}},
	{name: "write deadline does not reach the next request", raw: get("A: 1") + get("A: 2"), reads: "GET GET", do: func(x *turn) {
		if x.r.Header.Get("A") == "1" {
			http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(time.Hour))
		}
		io.WriteString(x.w, "x")
	}, want: []string{"= reusable"}},
	{name: "write deadline and a peer that does not read", raw: get(), do: func(x *turn) {
		rc := http.NewResponseController(x.w)
		rc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		var err error
		for n := 0; err == nil && n < 1<<30; n += 1 << 16 {
			_, err = x.w.Write(make([]byte, 1<<16))
		}
		x.note("timed out %v", errors.Is(err, os.ErrDeadlineExceeded))
		x.open("timed out")
	}, script: func(c *client) {
		c.send(c.raw)
		c.wait("timed out")
		c.conn.Close()
		c.settle()
	}, want: []string{"timed out true"}},
	{name: "deadlines through a wrapper", raw: get(), do: func(x *turn) {
		rc := http.NewResponseController(unwrapper{x.w})
		x.note("%v %v %v %v", rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}), rc.EnableFullDuplex(), rc.Flush())
	}, want: []string{"<nil> <nil> <nil> <nil>", "= reusable"}},

	{name: "server's read timeout within the body", raw: ask("POST / HTTP/1.1", "Content-Length: 3") + "a", set: fields{ReadTimeout: 50 * time.Millisecond}, do: func(x *turn) {
		b, err := io.ReadAll(x.r.Body)
		x.note("%q timed out %v", b, errors.Is(err, os.ErrDeadlineExceeded))
		http.Error(x.w, "slow", http.StatusRequestTimeout)
	}, script: sendAndEnd, want: []string{`"a" timed out true`, "408", "= closed"}},
	{name: "server's read timeout is over when the body is read", raw: post("abc"), set: fields{ReadTimeout: 50 * time.Millisecond}, do: func(x *turn) {
		x.read()
		time.Sleep(100 * time.Millisecond)
		x.note("%v", x.r.Context().Err())
		io.WriteString(x.w, "x")
	}, want: []string{`read "abc"`, "<nil>\n<", `"x"`, "= reusable"}},
	{name: "server's write timeout", raw: get(), set: fields{WriteTimeout: 50 * time.Millisecond}, do: func(x *turn) {
		time.Sleep(100 * time.Millisecond)
		io.WriteString(x.w, "late")
		x.note("timed out %v", errors.Is(http.NewResponseController(x.w).Flush(), os.ErrDeadlineExceeded))
	}, want: []string{"timed out true\n= closed"}},
	{name: "server's write timeout moved by the handler", raw: get(), set: fields{WriteTimeout: 50 * time.Millisecond}, do: func(x *turn) {
		http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
		time.Sleep(100 * time.Millisecond)
		io.WriteString(x.w, "in time")
	}, want: []string{`"in time"`, "= reusable"}},
	{name: "server's write timeout starts anew", raw: get() + get() + get(), reads: "GET GET GET", set: fields{WriteTimeout: 500 * time.Millisecond}, do: func(x *turn) {
		time.Sleep(200 * time.Millisecond)
		io.WriteString(x.w, "x")
	}, want: []string{"= reusable"}},
}

type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }
