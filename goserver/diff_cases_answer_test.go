package goserver_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing/iotest"
)

// answer makes a handler that sets fields, then the status, then writes the parts.
func answer(status int, fields http.Header, parts ...string) func(*turn) {
	return func(x *turn) {
		for k, v := range fields {
			x.w.Header()[k] = v
		}
		if status != 0 {
			x.w.WriteHeader(status)
		}
		for _, p := range parts {
			n, err := io.WriteString(x.w, p)
			if n != len(p) || err != nil {
				x.note("write of %d: %d %v", len(p), n, err)
			}
		}
	}
}

func length(n string) http.Header { return http.Header{"Content-Length": {n}} }

func letters(n int) string { return strings.Repeat("l", n) }

var head = ask("HEAD / HTTP/1.1")

// answerCases: statuses, body framing, Content-Length and chunks.
var answerCases = []diffCase{
	{name: "nothing", raw: get(), do: nothing, want: []string{"200 OK", "Content-Length: 0"}},
	{name: "small", raw: get(), do: answer(0, nil, "hello"), want: []string{`body length "hello"`}},
	{name: "several small", raw: get(), do: answer(0, nil, "a", "b", "", "c"), want: []string{`body length "abc"`}},
	{name: "2048 bytes", raw: get(), do: answer(0, nil, letters(2048)), want: []string{"body length 2048"}},
	{name: "2048 bytes in two writes", raw: get(), do: answer(0, nil, letters(1024), letters(1024)), want: []string{"body length 2048"}},
	{name: "3000 bytes in two writes", raw: get(), do: answer(0, nil, letters(1500), letters(1500)), differs: bufferReason,
		nethttp:  plain(`Date: *`, `Transfer-Encoding: chunked`, "body chunked "+show(letters(3000))),
		hyperion: plain(`Content-Length: 3000`, `Date: *`, "body length "+show(letters(3000)))},
	{name: "4096 bytes", raw: get(), do: answer(0, nil, letters(4096)), differs: bufferReason,
		nethttp:  plain(`Date: *`, `Transfer-Encoding: chunked`, "body chunked "+show(letters(4096))),
		hyperion: plain(`Content-Length: 4096`, `Date: *`, "body length "+show(letters(4096)))},
	{name: "4097 bytes", raw: get(), do: answer(0, nil, letters(4097)), want: []string{"body chunked 4097"}},
	{name: "one long write", raw: get(), do: answer(0, nil, letters(100_000)), want: []string{"body chunked 100000"}},
	{name: "many small writes", raw: get(), do: answer(0, nil, strings.Split(letters(6000), "")...), want: []string{"body chunked 6000"}},
	{name: "1 MiB", raw: get(), do: answer(0, nil, letters(1<<20)), want: []string{"body chunked 1048576"}},
	{name: "on version 1.0, long", raw: "GET / HTTP/1.0\r\n\r\n", do: answer(0, nil, letters(5000)), want: []string{"body until close 5000", "= closed"}},

	{name: "length given", raw: get(), do: answer(0, length("5"), "hello"), want: []string{`body length "hello"`, "= reusable"}},
	{name: "length given, long", raw: get(), do: answer(0, length("100000"), letters(100_000)), want: []string{"body length 100000", "= reusable"}},
	{name: "length given, too much in one write", raw: get(), do: answer(0, length("3"), "hello"), want: []string{"write of 5: 0 http: wrote more than the declared Content-Length"}},
	{name: "length given, too much in two writes", raw: get(), do: answer(0, length("3"), "he", "ll"), want: []string{"write of 2: 0 http: wrote more than the declared Content-Length"}},
	{name: "length given, rest refused", raw: get(), do: answer(0, length("3"), "hel", "lo"), want: []string{`body length "hel"`, "wrote more", "= closed"}},
	{name: "length given, too little", raw: get(), do: answer(0, length("10"), "hello"), want: []string{"cut short", "= closed"}},
	{name: "length given, nothing written", raw: get(), do: answer(200, length("10")), want: []string{"cut short", "= closed"}},
	{name: "length zero given", raw: get(), do: answer(200, length("0")), want: []string{"Content-Length: 0", "= reusable"}},
	{name: "length of letters", raw: get(), do: answer(200, length("abc"), "hello"), differs: lengthReason,
		nethttp:  plain("Date: *", "Transfer-Encoding: chunked", `body chunked "hello"`) + "\n" + `log: invalid Content-Length of "abc"`,
		hyperion: plain("Content-Length: 5", "Date: *", `body length "hello"`) + "\n" + `log: invalid Content-Length of "abc"`},
	{name: "length negative", raw: get(), do: answer(200, length("-1"), "hello"), differs: lengthReason,
		nethttp:  plain("Date: *", "Transfer-Encoding: chunked", `body chunked "hello"`) + "\n" + `log: invalid Content-Length of "-1"`,
		hyperion: plain("Content-Length: 5", "Date: *", `body length "hello"`) + "\n" + `log: invalid Content-Length of "-1"`},
	{name: "length after the status is ignored", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(200)
		x.w.Header().Set("Content-Length", "3")
		io.WriteString(x.w, "hello")
	}, want: []string{`body length "hello"`}},
	{name: "length and transfer-encoding", raw: get(), do: answer(200, http.Header{"Content-Length": {"5"}, "Transfer-Encoding": {"chunked"}}, "hello"),
		want: []string{`body chunked "hello"`, "log: WriteHeader called with both Transfer-Encoding"}},
	{name: "transfer-encoding chunked given", raw: get(), do: answer(0, http.Header{"Transfer-Encoding": {"chunked"}}, "hello"), want: []string{`body chunked "hello"`, "= reusable"}},
	{name: "transfer-encoding identity given", raw: get(), do: answer(0, http.Header{"Transfer-Encoding": {"identity"}}, "hello"),
		want: []string{`body until close "hello"`, "= closed"}},

	{name: "head, small", raw: head, do: answer(0, nil, "hello"), want: []string{"Content-Length: 5", "text/plain", "= reusable"}},
	{name: "head, nothing", raw: head, do: nothing, want: []string{"200 OK\n< Date: *\n= reusable"}},
	{name: "head, long", raw: head, do: answer(0, nil, letters(100_000)), want: []string{"200 OK", "= reusable"}},
	{name: "head, length given", raw: head, do: answer(200, length("77")), want: []string{"Content-Length: 77", "= reusable"}},
	{name: "head, length given and less written", raw: head, do: answer(200, length("77"), "x"), want: []string{"Content-Length: 77", "= reusable"}},
	{name: "head, flushed", raw: head, do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		io.WriteString(x.w, "hello")
	}, want: []string{"200 OK", "= reusable"}},
	{name: "head, then get", raw: head + get(), reads: "HEAD GET", do: answer(0, nil, "hello"), want: []string{`body length "hello"`, "= reusable"}},
	{name: "head on version 1.0", raw: "HEAD / HTTP/1.0\r\n\r\n", do: answer(0, nil, "hello"), want: []string{"< HTTP/1.0 200 OK", "= closed"}},

	{name: "204", raw: get(), do: answer(204, nil), want: []string{"204 No Content\n< Date: *\n= reusable"}},
	{name: "204 with a body", raw: get(), do: answer(204, nil, "x"), want: []string{"write of 1: 0 http: request method or response status code does not allow body", "= reusable"}},
	{name: "204 with fields of a body", raw: get(), do: answer(204, http.Header{"Content-Length": {"5"}, "Content-Type": {"a/b"}, "Transfer-Encoding": {"chunked"}}), want: []string{"204 No Content"}},
	{name: "304", raw: get(), do: answer(304, http.Header{"Etag": {`"e"`}}), want: []string{`304 Not Modified`, `Etag: "e"`, "= reusable"}},
	{name: "304 with a body", raw: get(), do: answer(304, nil, "x"), want: []string{"does not allow body", "= reusable"}},
	{name: "304 with fields of a body", raw: get(), do: answer(304, http.Header{"Content-Length": {"5"}, "Content-Type": {"a/b"}, "Last-Modified": {"x"}}), want: []string{"Last-Modified: x"}},
	{name: "205", raw: get(), do: answer(205, nil), want: []string{"205 Reset Content\n< Content-Length: 0"}},
	{name: "status without a text", raw: get(), do: answer(299, nil, "x"), want: []string{"< HTTP/1.1 299 status code 299"}},
	{name: "status 999", raw: get(), do: answer(999, nil, "x"), want: []string{"< HTTP/1.1 999 status code 999"}},
	{name: "status 600 on version 1.0", raw: "GET / HTTP/1.0\r\n\r\n", do: answer(600, nil, "x"), want: []string{"< HTTP/1.0 600 status code 600"}},
	{name: "error with a body", raw: get(), do: answer(500, nil, "oops"), want: []string{"500 Internal Server Error", `body length "oops"`, "= reusable"}},
	{name: "redirect", raw: get(), do: func(x *turn) { http.Redirect(x.w, x.r, "/b c?d", http.StatusFound) }, want: []string{"Location: /b c?d", "302 Found"}},
	{name: "status after a write", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "x")
		x.w.WriteHeader(500)
	}, want: []string{"200 OK", "log: superfluous response.WriteHeader call from "}},
	{name: "status twice", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(201)
		x.w.WriteHeader(202)
		x.w.WriteHeader(103)
	}, want: []string{"201 Created", "log: superfluous"}},
	{name: "interim status after a write", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "x")
		x.w.WriteHeader(103)
	}, want: []string{"log: superfluous"}},

	{name: "write of nothing sends the status", raw: get(), do: func(x *turn) {
		n, err := x.w.Write(nil)
		x.note("%d %v", n, err)
		x.w.WriteHeader(404)
	}, want: []string{"0 <nil>", "200 OK", "superfluous"}},
	{name: "the written bytes may change afterwards", raw: get(), do: func(x *turn) {
		b := []byte("before")
		x.w.Write(b)
		copy(b, "after!")
	}, want: []string{`"before"`}},
	{name: "copy from a reader", raw: get(), do: func(x *turn) {
		n, err := io.Copy(x.w, strings.NewReader(letters(300)))
		x.note("%d %v", n, err)
	}, want: []string{"300 <nil>", "body length 300"}},
	{name: "copy from a long reader", raw: get(), do: func(x *turn) {
		n, err := io.Copy(x.w, strings.NewReader(letters(300_000)))
		x.note("%d %v", n, err)
	}, want: []string{"300000 <nil>", "body chunked 300000"}},
	{name: "copy with a length", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Length", "300000")
		n, err := io.Copy(x.w, strings.NewReader(letters(300_000)))
		x.note("%d %v", n, err)
	}, want: []string{"300000 <nil>", "body length 300000", "= reusable"}},
	{name: "copy of a file with a length", raw: get(), do: func(x *turn) {
		f := file(x, 200_000)
		defer f.Close()
		x.w.Header().Set("Content-Length", "200000")
		n, err := io.Copy(x.w, f)
		x.note("%d %v", n, err)
	}, want: []string{"200000 <nil>", "body length 200000", "= reusable"}},
	{name: "copy of a part of a file", raw: get(), do: func(x *turn) {
		f := file(x, 200_000)
		defer f.Close()
		f.Seek(100, io.SeekStart)
		x.w.Header().Set("Content-Length", "100004")
		io.WriteString(x.w, "head")
		n, err := io.CopyN(x.w, f, 100_000)
		at, _ := f.Seek(0, io.SeekCurrent)
		x.note("%d %v, file at %d", n, err, at)
	}, want: []string{"100000 <nil>, file at 100100", "body length 100004", "= reusable"}},
	{name: "copy of a file without a length", raw: get(), do: func(x *turn) {
		f := file(x, 200_000)
		defer f.Close()
		n, err := io.Copy(x.w, f)
		x.note("%d %v", n, err)
	}, want: []string{"200000 <nil>", "body chunked 200000", "= reusable"}},
	{name: "copy to head", raw: head, do: func(x *turn) {
		f := file(x, 20_000)
		defer f.Close()
		x.w.Header().Set("Content-Length", "20000")
		n, err := io.Copy(x.w, f)
		x.note("%d %v", n, err)
	}, want: []string{"20000 <nil>", "Content-Length: 20000", "= reusable"}},
	{name: "copy between writes", raw: get(), do: func(x *turn) {
		f := file(x, 50_000)
		defer f.Close()
		x.w.Header().Set("Content-Length", "50008")
		io.WriteString(x.w, "head")
		n, err := io.Copy(x.w, f)
		x.note("%d %v", n, err)
		io.WriteString(x.w, "tail")
	}, want: []string{"50000 <nil>", "body length 50008", "= reusable"}},
	{name: "copy of a file that is shorter than the length", raw: get() + get("A: never"), reads: "GET GET", do: func(x *turn) {
		f := file(x, 50_000)
		defer f.Close()
		x.w.Header().Set("Content-Length", "60000")
		n, err := io.Copy(x.w, f)
		x.note("%d %v", n, err)
	}, want: []string{"50000 <nil>", "body length, cut short 50000", "= closed"}},
	{name: "copy to 204", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(204)
		n, err := io.Copy(x.w, strings.NewReader("x"))
		x.note("%d %v", n, err)
	}, want: []string{"0 http: request method or response status code does not allow body", "= reusable"}},
	{name: "copy of a reader that fails", raw: get(), do: func(x *turn) {
		n, err := io.Copy(x.w, io.MultiReader(strings.NewReader("part"), iotest.ErrReader(os.ErrInvalid)))
		x.note("%d %v", n, err)
	}, want: []string{"4 invalid argument", `body length "part"`}},
}

const bufferReason = "Content-Length is known for bodies up to 4096 bytes, the size of the buffer, in net/http 2048"

const lengthReason = "a Content-Length that is no number counts as not set, so that the right one is sent"

// plain is the transcript of a text answer to get.
func plain(rest ...string) string {
	for i, l := range rest[:len(rest)-1] {
		rest[i] = "< " + l
	}
	return `saw GET "/" HTTP/1.1 host="a.test" nobody
		< HTTP/1.1 200 OK
		` + contentTypeIn(rest) + `
		= reusable
		states: new active idle active idle closed`
}

// contentTypeIn puts the type of a text at its place among sorted fields.
func contentTypeIn(l []string) string {
	const field = "< Content-Type: text/plain; charset=utf-8"
	if strings.HasPrefix(l[0], "< Content-Length") {
		return l[0] + "\n" + field + "\n" + strings.Join(l[1:], "\n")
	}
	return field + "\n" + strings.Join(l, "\n")
}

// file is a file of n letters.
func file(x *turn, n int) *os.File {
	f, err := os.CreateTemp(x.t.TempDir(), "")
	if err != nil {
		x.t.Error(err)
	}
	io.WriteString(f, letters(n))
	f.Seek(0, io.SeekStart)
	return f
}
