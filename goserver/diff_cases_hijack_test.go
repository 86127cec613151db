package goserver_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// take hijacks the connection.
func (x *turn) take() (net.Conn, *bufio.ReadWriter) {
	conn, rw, err := x.w.(http.Hijacker).Hijack()
	if err != nil {
		x.note("BAD: %v", err)
		panic(http.ErrAbortHandler)
	}
	return conn, rw
}

// sendAndRead sends all and notes every byte up to the end.
func sendAndRead(c *client) {
	c.send(c.raw)
	c.ended()
}

var hijackCases = []diffCase{
	{name: "raw answer", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		io.WriteString(conn, "raw")
		conn.Close()
	}, script: sendAndRead, want: []string{`more "raw"`, "= closed", "states: new active hijacked"}},
	{name: "answer through the buffer", raw: get(), do: func(x *turn) {
		conn, rw := x.take()
		rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		rw.Flush()
		conn.Close()
	}, script: sendAndEndGet, want: []string{`body length "hi"`, "= closed"}},
	{name: "bytes sent after the request are in the buffer", raw: get() + "early bytes", do: func(x *turn) {
		conn, rw := x.take()
		b := make([]byte, len("early bytes"))
		_, err := io.ReadFull(rw, b)
		x.note("%q %v, %d buffered", b, err, rw.Reader.Buffered())
		conn.Close()
	}, script: sendAndRead, want: []string{`"early bytes" <nil>, 0 buffered`}},
	{name: "bytes sent later come through both", raw: get(), do: func(x *turn) {
		conn, rw := x.take()
		defer conn.Close()
		io.WriteString(conn, "go on\n")
		l, err := rw.ReadString('\n')
		x.note("%q %v", l, err)
		io.WriteString(conn, "again\n")
		b := make([]byte, 4)
		_, err = io.ReadFull(conn, b)
		x.note("%q %v", b, err)
	}, script: func(c *client) {
		c.send(c.raw)
		c.line()
		c.send("line\n")
		c.line()
		c.send("four")
		c.ended()
	}, want: []string{`"line\n" <nil>`, `"four" <nil>`}},
	{name: "much is in flight", raw: get() + letters(100_000), do: func(x *turn) {
		conn, rw := x.take()
		n, err := io.CopyN(io.Discard, rw, 100_000)
		x.note("%d %v", n, err)
		io.WriteString(conn, letters(100_000))
		conn.Close()
	}, script: sendAndRead, want: []string{"100000 <nil>", "more 100000"}},
	{name: "a body not read is in the buffer", raw: post("abc"), do: func(x *turn) {
		conn, rw := x.take()
		b := make([]byte, 3)
		_, err := io.ReadFull(rw, b)
		x.note("%q %v", b, err)
		conn.Close()
	}, script: sendAndRead, want: []string{`"abc" <nil>`}},
	{name: "a body read before", raw: post("abc") + "rest", do: func(x *turn) {
		x.read()
		conn, rw := x.take()
		b := make([]byte, 4)
		_, err := io.ReadFull(rw, b)
		x.note("%q %v", b, err)
		conn.Close()
	}, script: sendAndRead, want: []string{`read "abc"`, `"rest" <nil>`}},
	{name: "after a flush", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "text")
		x.w.(http.Flusher).Flush()
		conn, _ := x.take()
		io.WriteString(conn, "3\r\nraw\r\n0\r\n\r\n")
		conn.Close()
	}, script: sendAndEndGet, want: []string{`body chunked "textraw"`, "= closed"}},
	{name: "after the status", raw: get(), do: func(x *turn) {
		x.w.Header().Set("A", "1")
		x.w.Header().Set("Content-Length", "3")
		x.w.WriteHeader(202)
		conn, _ := x.take()
		io.WriteString(conn, "raw")
		conn.Close()
	}, script: sendAndEndGet, want: []string{"202 Accepted", "A: 1", `body length "raw"`}},
	{name: "twice", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		_, _, err := x.w.(http.Hijacker).Hijack()
		x.note("%v %v", err, err == http.ErrHijacked)
		conn.Close()
	}, script: sendAndRead, want: []string{"connection has been hijacked true"}},
	{name: "write and status afterwards", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		n, err := io.WriteString(x.w, "x")
		x.note("%d %v", n, err == http.ErrHijacked)
		n, err = x.w.Write(nil)
		x.note("%d %v", n, err == http.ErrHijacked)
		x.w.WriteHeader(500)
		conn.Close()
	}, script: sendAndRead, want: []string{"0 true\n0 true", "log: response.Write on hijacked connection from ", "log: response.WriteHeader on hijacked connection from "}},
	{name: "the header map lives on", raw: get(), do: func(x *turn) {
		x.w.Header().Set("A", "1")
		conn, _ := x.take()
		x.note("%s", x.w.Header().Get("A"))
		conn.Close()
	}, script: sendAndRead, want: []string{"saw GET", "\n1\n"}},
	{name: "by the controller", raw: get(), do: func(x *turn) {
		conn, _, err := http.NewResponseController(x.w).Hijack()
		x.note("%v", err)
		io.WriteString(conn, "raw")
		conn.Close()
	}, script: sendAndRead, want: []string{`more "raw"`}},
	{name: "kept after the handler", raw: get(), do: func(x *turn) {
		conn, rw := x.take()
		go func() {
			defer conn.Close()
			x.wait("handler left")
			l, err := rw.ReadString('\n')
			x.note("%q %v", l, err)
			io.WriteString(conn, "bye")
			x.open("done")
		}()
	}, script: func(c *client) {
		c.send(c.raw)
		c.settle()
		c.open("handler left")
		c.send("hello\n")
		c.wait("done")
		c.ended()
	}, want: []string{`"hello\n" <nil>`, `more "bye"`}},
	{name: "addresses and deadlines", raw: get(), do: func(x *turn) {
		conn, rw := x.take()
		defer conn.Close()
		x.note("%v %v", conn.RemoteAddr().String() == x.r.RemoteAddr, conn.LocalAddr().String() == x.addr.String())
		conn.SetReadDeadline(time.Unix(1, 0))
		_, err := rw.ReadByte()
		x.note("%v", errors.Is(err, os.ErrDeadlineExceeded))
		conn.SetReadDeadline(time.Time{})
		conn.SetWriteDeadline(time.Unix(1, 0))
		_, err = conn.Write([]byte("x"))
		x.note("%v", errors.Is(err, os.ErrDeadlineExceeded))
		x.note("%v", conn.SetDeadline(time.Time{}))
		io.WriteString(conn, "raw")
	}, script: sendAndRead, want: []string{"true true\ntrue\ntrue\n<nil>", `more "raw"`}},
	{name: "half close", raw: get(), do: func(x *turn) {
		conn, rw := x.take()
		defer conn.Close()
		cw, ok := conn.(interface{ CloseWrite() error })
		if !ok {
			x.note("BAD: no CloseWrite")
			return
		}
		x.note("%v", cw.CloseWrite())
		b, err := io.ReadAll(rw)
		x.note("%q %v", b, err)
	}, script: func(c *client) {
		c.send(c.raw)
		c.ended()
		c.send("still heard")
		c.conn.CloseWrite()
	}, want: []string{"<nil>", `"still heard" <nil>`}},
	{name: "peer closes", raw: get(), do: func(x *turn) {
		conn, rw := x.take()
		_, err := rw.ReadByte()
		x.note("%v", err)
		conn.Close()
	}, script: func(c *client) {
		c.send(c.raw)
		c.conn.CloseWrite()
		c.ended()
	}, want: []string{"EOF"}},
	{name: "closed twice", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		x.note("%v", conn.Close())
		x.note("%v", errors.Is(conn.Close(), net.ErrClosed))
		_, err := conn.Write([]byte("x"))
		x.note("%v", errors.Is(err, net.ErrClosed))
	}, script: sendAndRead, want: []string{"<nil>\ntrue\ntrue"}},
	{name: "context ends with the handler", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		ctx := x.r.Context()
		x.note("%v", ctx.Err())
		go func() {
			x.waitDone(ctx)
			x.open("noted")
			conn.Close()
		}()
	}, script: func(c *client) {
		c.send(c.raw)
		c.wait("noted")
		c.ended()
	}, want: []string{"<nil>\ncontext: context canceled"}},
	{name: "switching protocols", raw: get("Connection: Upgrade", "Upgrade: echo"), do: func(x *turn) {
		conn, rw := x.take()
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		b := make([]byte, 4)
		io.ReadFull(rw, b)
		conn.Write(b)
	}, script: func(c *client) {
		c.send(c.raw)
		c.head("GET")
		c.send("ping")
		c.ended()
	}, want: []string{"101 Switching", `more "ping"`, "= closed"}},
	{name: "a tunnel", raw: "CONNECT b.test:1 HTTP/1.1\r\nHost: b.test:1\r\n\r\n", do: func(x *turn) {
		conn, rw := x.take()
		defer conn.Close()
		rw.WriteString("HTTP/1.1 200 Connected\r\n\r\n")
		rw.Flush()
		l, _ := rw.ReadString('\n')
		io.WriteString(conn, "echo "+l)
	}, script: func(c *client) {
		c.send(c.raw)
		c.head("CONNECT")
		c.send("data\n")
		c.ended()
	}, want: []string{"200 Connected", `more "echo data\n"`}},
	{name: "on version 1.0", raw: "GET / HTTP/1.0\r\n\r\n", do: func(x *turn) {
		conn, _ := x.take()
		io.WriteString(conn, "raw")
		conn.Close()
	}, script: sendAndRead, want: []string{`more "raw"`}},
	{name: "of the second request", raw: get() + get("A: 2") + "tail", handler: func(s *scene) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("A") == "" {
				return
			}
			conn, rw, _ := w.(http.Hijacker).Hijack()
			b := make([]byte, 4)
			io.ReadFull(rw, b)
			io.WriteString(conn, "raw "+string(b))
			conn.Close()
		})
	}, script: func(c *client) {
		c.send(c.raw)
		c.response("GET")
		c.ended()
	}, want: []string{`more "raw tail"`, "states: new active idle active hijacked"}},
	{name: "with a continue expected", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: func(x *turn) {
		conn, _ := x.take()
		io.WriteString(conn, "raw")
		conn.Close()
	}, script: sendAndRead, want: []string{`more "raw"`}},
	{name: "panic afterwards", raw: get(), do: func(x *turn) {
		conn, _ := x.take()
		conn.Close()
		panic("boom")
	}, script: func(c *client) {
		sendAndRead(c)
		c.untilLogged()
	}, want: []string{"log: panic serving ADDR: boom"}},
}

func sendAndEndGet(c *client) {
	c.send(c.raw)
	c.response("GET")
	c.ended()
}
