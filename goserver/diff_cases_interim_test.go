package goserver_test

import (
	"io"
	"net/http"
)

// interimCases: 1xx answers and the Expect field.
var interimCases = []diffCase{
	{name: "early hints", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Link", "</a.css>; rel=preload")
		x.w.WriteHeader(http.StatusEarlyHints)
		x.w.Header().Set("A", "1")
		io.WriteString(x.w, "page")
	}, want: []string{"< HTTP/1.1 103 Early Hints\n< Link: </a.css>; rel=preload\n< HTTP/1.1 200 OK\n< A: 1", "Link: </a.css>", `"page"`, "= reusable"}},
	{name: "early hints are sent at once", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(http.StatusEarlyHints)
		x.wait("hints seen")
	}, script: func(c *client) {
		c.send(c.raw)
		c.oneHead("GET")
		c.open("hints seen")
		c.response("GET")
		c.probe()
	}, want: []string{"103 Early Hints\n< HTTP/1.1 200 OK"}},
	{name: "several", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(102)
		x.w.Header().Set("A", "1")
		x.w.WriteHeader(103)
		x.w.Header().Del("A")
		x.w.WriteHeader(199)
		x.w.WriteHeader(404)
	}, want: []string{"102 Processing\n< HTTP/1.1 103 Early Hints\n< A: 1\n< HTTP/1.1 199 status code 199\n< HTTP/1.1 404"}},
	{name: "body fields are kept back", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Length", "4")
		x.w.Header().Set("Transfer-Encoding", "chunked")
		x.w.WriteHeader(103)
		x.w.Header().Del("Transfer-Encoding")
		io.WriteString(x.w, "page")
	}, want: []string{"103 Early Hints\n< HTTP/1.1 200 OK", `body length "page"`}},
	{name: "on head", raw: head, do: func(x *turn) { x.w.WriteHeader(103) }, want: []string{"103 Early Hints\n< HTTP/1.1 200 OK", "= reusable"}},
	{name: "bad values in hints", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Link", "a\r\nB: 1")
		x.w.Header()["C d"] = []string{"1"}
		x.w.WriteHeader(103)
	}, want: []string{"103 Early Hints\n< Link: a  B: 1\n< HTTP/1.1 200 OK"}},
	{name: "101 without a hijack", raw: get("Connection: Upgrade", "Upgrade: other/1"), do: func(x *turn) {
		x.w.Header().Set("Connection", "Upgrade")
		x.w.Header().Set("Upgrade", "other/1")
		x.w.WriteHeader(http.StatusSwitchingProtocols)
		_, err := io.WriteString(x.w, "x")
		x.note("%v", err)
	}, differs: "after 101 the connection speaks another protocol, so no HTTP request can follow",
		nethttp: switched + `= reusable
			states: new active idle active idle closed`,
		hyperion: switched + `= closed
			states: new active closed`},

	{name: "continue on read", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: readAll, script: expect("abc"),
		want: []string{`Expect=["100-continue"]`, "< HTTP/1.1 100 Continue\n< HTTP/1.1 200 OK", `read "abc"`, "= reusable"}},
	{name: "continue in capitals", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-Continue"), do: readAll, script: expect("abc"), want: []string{"100 Continue", `read "abc"`}},
	{name: "continue and chunks", raw: ask("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Expect: 100-continue"), do: readAll, script: expect("3\r\nabc\r\n0\r\n\r\n"),
		want: []string{"100 Continue", `read "abc"`, "= reusable"}},
	{name: "continue given by the handler", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: func(x *turn) {
		x.w.WriteHeader(http.StatusContinue)
		x.read()
	}, script: expect("abc"), want: []string{"100 Continue\n< HTTP/1.1 200 OK", `read "abc"`, "= reusable"}},
	{name: "hints before continue", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: func(x *turn) {
		x.w.WriteHeader(103)
		x.read()
	}, script: func(c *client) {
		c.send(c.raw)
		c.oneHead("POST")
		c.oneHead("POST")
		c.send("abc")
		c.response("POST")
		c.probe()
	}, want: []string{"103 Early Hints\n< HTTP/1.1 100 Continue\n< HTTP/1.1 200 OK", `read "abc"`}},
	{name: "expected and not read", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: answer(0, nil, "no"),
		want: []string{"< HTTP/1.1 200 OK\n< Connection: close", `"no"`, "= closed"}},
	{name: "expected and refused", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: answer(413, nil, "no"),
		want: []string{"413", "Connection: close", "= closed"}},
	{name: "expected, answered, then read", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue") + "abc", do: func(x *turn) {
		io.WriteString(x.w, "early")
		x.read()
	}, want: []string{`read "abc"`, `"early"`, "= reusable"}},
	{name: "expected, half read", raw: ask("POST / HTTP/1.1", "Content-Length: 6", "Expect: 100-continue"), do: func(x *turn) {
		io.ReadFull(x.r.Body, make([]byte, 3))
	}, script: expect("abcdef"), differs: "once 100 was sent the client must send the body, so the rest can be drained",
		nethttp: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["6"] Expect=["100-continue"] length=6
			< HTTP/1.1 100 Continue
			< HTTP/1.1 200 OK
			< Connection: close
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active closed`,
		hyperion: `
			saw POST "/" HTTP/1.1 host="a.test" Content-Length=["6"] Expect=["100-continue"] length=6
			< HTTP/1.1 100 Continue
			< HTTP/1.1 200 OK
			< Content-Length: 0
			< Date: *
			body length ""
			= reusable
			states: new active idle active idle closed`},
	{name: "expected and closed by the handler", raw: ask("POST / HTTP/1.1", "Content-Length: 3", "Expect: 100-continue"), do: func(x *turn) {
		x.note("%v", x.r.Body.Close())
	}, script: func(c *client) {
		c.send(c.raw + "abc")
		c.response("POST")
		c.ended()
	}, want: []string{"Connection: close", "= closed"}},
	{name: "expected without a body", raw: get("Expect: 100-continue"), do: readAll, want: []string{"< HTTP/1.1 200 OK", "= reusable"}},
	{name: "expected with length zero", raw: post("", "Expect: 100-continue"), do: readAll, want: []string{"= reusable"}},
	{name: "expected by version 1.0", raw: "POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", do: readAll,
		want: []string{`read "abc"`, "states: new active closed"}},
	{name: "something else expected", raw: post("abc", "Expect: 200-ok"), do: nothing, differs: "this server's errors name the rule",
		nethttp: `
			< HTTP/1.1 417 Expectation Failed
			< Connection: close
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active closed`,
		hyperion: oursRefuses(417, "expectation is not 100-continue")},
	{name: "empty expectation", raw: post("abc", "Expect:"), do: readAll, want: []string{`read "abc"`, "= reusable"}},
}

// expect sends the head, waits for an interim answer, then sends the body.
func expect(body string) func(*client) {
	return func(c *client) {
		c.send(c.raw)
		c.oneHead("POST")
		c.send(body)
		c.response("POST")
		c.probe()
	}
}

const switched = `
	saw GET "/" HTTP/1.1 host="a.test" Connection=["Upgrade"] Upgrade=["other/1"] nobody
	http: request method or response status code does not allow body
	< HTTP/1.1 101 Switching Protocols
	< Connection: Upgrade
	< Date: *
	< Upgrade: other/1
	`
