package goserver_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

func readAll(x *turn) { x.read() }

// drained is what net/http reads of a body that the handler left, at most.
const drained = 256 << 10

// bodyCases: request bodies, read, half read and not read.
var bodyCases = []diffCase{
	{name: "length", raw: post("hello"), do: readAll, want: []string{`read "hello" err=<nil>`, "= reusable"}},
	{name: "length zero", raw: post(""), do: readAll, want: []string{`nobody`, `read ""`}},
	{name: "no length on post", raw: ask("POST / HTTP/1.1"), do: readAll, want: []string{"nobody"}},
	{name: "on get", raw: ask("GET / HTTP/1.1", "Content-Length: 2") + "ab", do: readAll, want: []string{`read "ab"`}},
	{name: "on head", raw: ask("HEAD / HTTP/1.1", "Content-Length: 2") + "ab", do: readAll, want: []string{`read "ab"`, "= reusable"}},
	{name: "on version 1.0", raw: "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", do: readAll, want: []string{`read "ab"`}},
	{name: "64 KiB", raw: post(strings.Repeat("b", 64<<10)), do: readAll, want: []string{"read 65536 bytes", "= reusable"}},
	{name: "2 MiB", raw: post(strings.Repeat("b", 2<<20)), do: readAll, want: []string{"read 2097152 bytes", "= reusable"}},
	{name: "byte by byte", raw: post("abc"), do: func(x *turn) {
		for range 5 {
			b := make([]byte, 1)
			n, err := x.r.Body.Read(b)
			x.note("%d %q %v", n, b[:n], err)
		}
	}, want: []string{`1 "a" <nil>`, `1 "c" EOF`, `0 "" EOF`}},
	{name: "read into nothing", raw: post("abc"), do: func(x *turn) {
		n, err := x.r.Body.Read(nil)
		x.note("%d %v", n, err)
		x.read()
	}, want: []string{"0 <nil>", `read "abc"`}},
	{name: "read after close", raw: post("abc"), do: func(x *turn) {
		x.note("close %v", x.r.Body.Close())
		_, err := x.r.Body.Read(make([]byte, 1))
		x.note("%v %v", err, err == http.ErrBodyReadAfterClose)
		x.note("close %v", x.r.Body.Close())
	}, want: []string{"invalid Read on closed Body true", "= reusable"}},
	{name: "close of an empty body", raw: get(), do: func(x *turn) {
		x.note("close %v", x.r.Body.Close())
		x.read()
	}, want: []string{"close <nil>", `read "" err=<nil>`}},
	{name: "read after the handler", raw: post("abc") + get(), reads: "POST GET", handler: func(s *scene) http.Handler {
		var kept io.ReadCloser
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kept == nil {
				kept = r.Body
				return
			}
			_, err := kept.Read(make([]byte, 1))
			s.note("%v", err == http.ErrBodyReadAfterClose)
		})
	}, want: []string{"true", "= reusable"}},

	{name: "chunked", raw: postChunked("3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), do: readAll, want: []string{`read "abcdefg"`, "= reusable"}},
	{name: "chunked with nothing", raw: postChunked("0\r\n\r\n"), do: readAll, want: []string{`read "" err=<nil>`}},
	{name: "chunked in small pieces", script: func(c *client) {
		for _, b := range []byte(postChunked("3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")) {
			c.send(string(b))
		}
		c.response("POST")
		c.probe()
	}, do: readAll, want: []string{`read "abcd"`, "= reusable"}},
	{name: "chunk extensions", raw: postChunked("3;a=b;c=\"d\"\r\nabc\r\n0;z\r\n\r\n"), do: readAll, want: []string{`read "abc"`}},
	{name: "chunk sizes in capitals and with zeros", raw: postChunked("00A\r\n0123456789\r\n0\r\n\r\n"), do: readAll, want: []string{`read "0123456789"`}},
	{name: "chunked of 100 KiB", raw: postChunked(strings.Repeat("400\r\n"+strings.Repeat("c", 1024)+"\r\n", 100) + "0\r\n\r\n"), do: readAll,
		want: []string{"read 102400 bytes", "= reusable"}},
	{name: "trailers not announced", raw: postChunked("1\r\na\r\n0\r\nx-t: 1\r\nX-T: 2\r\n\r\n"), do: func(x *turn) {
		x.note("before %v", x.r.Trailer)
		x.read()
		x.note("after %v", x.r.Trailer)
	}, want: []string{"before map[]", "after map[X-T:[1 2]]", "= reusable"}},
	{name: "trailers of a body not read", raw: postChunked("1\r\na\r\n0\r\nX-T: 1\r\n\r\n"), do: func(x *turn) {
		x.note("before %v", x.r.Trailer)
	}, want: []string{"= reusable"}},
	{name: "the next request follows at once", raw: post("abc") + postChunked("1\r\nd\r\n0\r\n\r\n") + get(), reads: "POST POST GET", do: readAll,
		want: []string{`read "abc"`, `read "d"`, `saw GET "/"`, "= reusable"}},

	{name: "not read", raw: post("abc"), do: nothing, want: []string{"200 OK", "= reusable"}},
	{name: "not read and the next request", raw: post("abc") + get("A: 1"), reads: "POST GET", do: nothing, want: []string{`A=["1"]`, "= reusable"}},
	{name: "chunked not read", raw: postChunked("3\r\nabc\r\n0\r\n\r\n"), do: nothing, want: []string{"= reusable"}},
	{name: "half read", raw: post("abcdef"), do: func(x *turn) {
		b := make([]byte, 3)
		_, err := io.ReadFull(x.r.Body, b)
		x.note("%q %v", b, err)
	}, want: []string{`"abc" <nil>`, "= reusable"}},
	{name: "200 KiB not read", raw: post(strings.Repeat("b", 200<<10)), do: nothing, want: []string{"= reusable"}},
	{name: "200 KiB chunked not read", raw: postChunked("32000\r\n" + strings.Repeat("b", 200<<10) + "\r\n0\r\n\r\n"), do: nothing, want: []string{"= reusable"}},
	{name: "as much as is drained", raw: post(strings.Repeat("b", drained-1)), do: nothing, want: []string{"= reusable"}},
	{name: "too much to drain", raw: post(strings.Repeat("b", drained+1)), do: nothing, script: sendAndEnd, want: []string{"Connection: close", "= closed"}},
	{name: "too much to drain, chunked", raw: postChunked("4b000\r\n" + strings.Repeat("b", 300<<10) + "\r\n0\r\n\r\n"), do: nothing, script: sendAndEnd,
		want: []string{"Connection: close", "= closed"}},
	{name: "too much to drain, half read", raw: post(strings.Repeat("b", 3*drained)), do: func(x *turn) {
		n, err := io.CopyN(io.Discard, x.r.Body, drained)
		x.note("%d %v", n, err)
	}, script: sendAndEnd, want: []string{"Connection: close", "= closed"}},
	{name: "closed early, little left", raw: post(strings.Repeat("b", 1000)), do: func(x *turn) { x.r.Body.Close() }, want: []string{"= reusable"}},
	{name: "closed early, much left", raw: post(strings.Repeat("b", 2*drained)), do: func(x *turn) { x.r.Body.Close() }, script: sendAndEnd, want: []string{"= closed"}},

	{name: "cut short", script: cutShort, raw: ask("POST / HTTP/1.1", "Content-Length: 10") + "abc", do: func(x *turn) {
		_, err := io.ReadAll(x.r.Body)
		x.note("%v %v", err, errors.Is(err, io.ErrUnexpectedEOF))
	}, differs: "the response says that the connection closes, as it does after cut chunks",
		nethttp: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["10"] length=10
			unexpected EOF true
			< HTTP/1.1 200 OK
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active idle closed`,
		hyperion: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["10"] length=10
			unexpected EOF true
			< HTTP/1.1 200 OK
			< Connection: close
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active closed`},
	{name: "chunked cut short in the data", script: cutShort, raw: postChunked("a\r\nabc"), do: readAll, want: []string{`read "abc" err=unexpected EOF (*errors.errorString)`, "= closed"}},
	{name: "chunked cut short in the size", script: cutShort, raw: postChunked("3\r\nabc\r\n"), do: readAll, want: []string{`read "abc" err=unexpected EOF`, "= closed"}},
	{name: "chunked cut short in the trailers", script: cutShort, raw: postChunked("3\r\nabc\r\n0\r\n"), do: func(x *turn) {
		_, err := io.ReadAll(x.r.Body)
		x.note("failed %v", err != nil)
	}, want: []string{"failed true", "= closed"}},
	{name: "chunk size of letters", raw: postChunked("zz\r\nabc\r\n0\r\n\r\n"), do: func(x *turn) {
		b, err := io.ReadAll(x.r.Body)
		x.note("%q failed %v", b, err != nil)
		x.w.WriteHeader(400)
	}, want: []string{`"" failed true`, "400", "= closed"}},
	{name: "chunk longer than its size", raw: postChunked("3\r\nabcdef\r\n0\r\n\r\n"), do: func(x *turn) {
		b, err := io.ReadAll(x.r.Body)
		x.note("%q failed %v", b, err != nil)
		x.w.WriteHeader(400)
	}, want: []string{`"abc" failed true`, "400", "= closed"}},
	{name: "malformed and not answered", raw: postChunked("zz\r\nabc\r\n0\r\n\r\n"), do: func(x *turn) {
		io.Copy(io.Discard, x.r.Body)
	}, differs: brokenReason, nethttp: brokenServed,
		hyperion: `saw POST "/" HTTP/1.1 host="a.test" length=-1 te=["chunked"]
			` + oursRefuses(400, "chunk size is not a hexadecimal number")},
	{name: "malformed and not read", raw: postChunked("zz\r\nabc\r\n0\r\n\r\n"), do: nothing, differs: brokenReason, nethttp: brokenServed,
		hyperion: `saw POST "/" HTTP/1.1 host="a.test" length=-1 te=["chunked"]
			` + oursRefuses(400, "chunk size is not a hexadecimal number")},

	{name: "max bytes kept", raw: post("abc"), do: func(x *turn) {
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, 3)
		x.read()
	}, want: []string{`read "abc" err=<nil>`, "= reusable"}},
	{name: "max bytes handler", raw: post("abcd"), handler: func(s *scene) http.Handler {
		return http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			var tooLarge *http.MaxBytesError
			s.note("%v %v", err, errors.As(err, &tooLarge))
			w.Header().Set("Connection", "close")
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		}), 3)
	}, want: []string{"http: request body too large true", "413", "Connection: close", "= closed"}},
	{name: "max bytes passed", raw: post("abcd"), do: func(x *turn) {
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, 3)
		x.read()
	}, differs: "http.MaxBytesReader closes the connection through a method that only net/http's own writer can have; a rest that is small enough is drained instead",
		nethttp: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["4"] length=4
			read "abc" err=http: request body too large (*http.MaxBytesError)
			< HTTP/1.1 200 OK
			< Connection: close
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active closed`,
		hyperion: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["4"] length=4
			read "abc" err=http: request body too large (*http.MaxBytesError)
			< HTTP/1.1 200 OK
			< Content-Length: 0
			< Date: *
			body length ""
			= reusable
			states: new active idle active idle closed`},
	{name: "max bytes passed by far", raw: post(strings.Repeat("b", 4*drained)), do: func(x *turn) {
		_, err := io.Copy(io.Discard, http.MaxBytesReader(x.w, x.r.Body, 1000))
		x.note("%v", err)
	}, script: sendAndEnd, want: []string{"request body too large", "Connection: close", "= closed"}},

	{name: "read after a short answer", raw: post("abc"), do: func(x *turn) {
		io.WriteString(x.w, "answer")
		x.read()
	}, want: []string{`read "abc"`, `"answer"`, "= reusable"}},
	{name: "read after a flush", raw: post("abc"), do: func(x *turn) {
		io.WriteString(x.w, "answer")
		x.w.(http.Flusher).Flush()
		x.read()
	}, differs: duplexReason,
		nethttp:  answeredBefore(`read "" err=http: invalid Read on closed Body (*errors.errorString)`, `"answer"`),
		hyperion: answeredBefore(`read "abc" err=<nil> (<nil>)`, `"answer"`)},
	{name: "read after a long answer", raw: post("abc"), do: func(x *turn) {
		io.WriteString(x.w, letters(10_000))
		x.read()
	}, differs: duplexReason,
		nethttp:  answeredBefore(`read "" err=http: invalid Read on closed Body (*errors.errorString)`, show(letters(10_000))),
		hyperion: answeredBefore(`read "abc" err=<nil> (<nil>)`, show(letters(10_000)))},
	{name: "echo by copy", raw: post(strings.Repeat("e", 500)), do: func(x *turn) {
		n, err := io.Copy(x.w, x.r.Body)
		x.note("%d %v", n, err)
	}, want: []string{"500 <nil>", "body length 500 bytes"}},
}

// sendAndEnd sends all, reads one response, and sees how the connection ends.
func sendAndEnd(c *client) {
	c.send(c.raw)
	c.response("POST")
	c.ended()
}

// cutShort closes the sending side within the body.
func cutShort(c *client) {
	c.send(c.raw)
	c.conn.CloseWrite()
	c.response("POST")
	c.ended()
}

const brokenReason = "where the handler said nothing of a broken body, the broken rule is answered in its place"

const brokenServed = `
	saw POST "/" HTTP/1.1 host="a.test" length=-1 te=["chunked"]
	< HTTP/1.1 200 OK
	< Connection: close
	< Content-Length: 0
	< Date: *
	body length ""
	= closed
	states: new active closed`

const duplexReason = "the body may be read while the response is written, without EnableFullDuplex"

// answeredBefore is the transcript of an answer of more than one piece, before
// the body was read.
func answeredBefore(read, body string) string {
	return `saw POST "/" HTTP/1.1 host="a.test" Content-Length=["3"] length=3
		` + read + `
		< HTTP/1.1 200 OK
		< Content-Type: text/plain; charset=utf-8
		< Date: *
		< Transfer-Encoding: chunked
		body chunked ` + body + `
		= reusable
		states: new active idle active idle closed`
}
