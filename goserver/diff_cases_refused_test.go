package goserver_test

import (
	"fmt"
	"net/http"
	"strings"
)

// oursRefuses is the transcript of this server's answer to a broken rule.
func oursRefuses(status int, rule string) string {
	return fmt.Sprintf(`< HTTP/1.1 %d %s
		< Connection: close
		< Content-Length: %d
		< Content-Type: text/plain; charset=utf-8
		< Date: *
		< X-Content-Type-Options: nosniff
		body length %q
		= closed
		states: new active closed`, status, http.StatusText(status), len(rule)+1, rule+"\n")
}

// theirsRefuses is the transcript of net/http's: it names the reason in the
// status line, and gives neither a length nor a date.
func theirsRefuses(status, body string) string {
	return fmt.Sprintf(`< HTTP/1.1 %s
		< Connection: close
		< Content-Type: text/plain; charset=utf-8
		body until close %q
		= closed
		states: new active closed`, status, body)
}

// theirsServes is the transcript of net/http's answer to the request that saw tells of.
func theirsServes(saw string) string {
	return "saw " + saw + `
		< HTTP/1.1 200 OK
		< Content-Length: 0
		< Date: *
		body length ""
		= reusable
		states: new active idle active idle closed`
}

var bad = theirsRefuses("400 Bad Request", "400 Bad Request")

const (
	errorsReason  = "both refuse; this server's errors name the rule and carry Content-Length and Date"
	strictReason  = "stricter: "
	smuggleReason = strictReason + "a request that two parsers may read differently is refused, not repaired (RFC 9112 §11.2)"
)

// refused makes a case of a request that both servers refuse.
func refused(name, raw, theirs string, status int, rule string) diffCase {
	return diffCase{name: name, raw: raw, reads: "GET", do: nothing, differs: errorsReason, nethttp: theirs, hyperion: oursRefuses(status, rule)}
}

// stricter makes a case of a request that only this server refuses.
func stricter(name, raw, why, saw string, status int, rule string) diffCase {
	return diffCase{name: name, raw: raw, reads: "GET", do: nothing, differs: strictReason + why, nethttp: theirsServes(saw), hyperion: oursRefuses(status, rule)}
}

// refusedCases: requests that do not reach a handler, in one of the servers at least.
var refusedCases = []diffCase{
	refused("garbage", "garbage\r\n\r\n", bad, 400, "request line is not method, target and version with one space between"),
	refused("two spaces", "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n", bad, 400, "request line is not method, target and version with one space between"),
	refused("bad method", ask("G(T / HTTP/1.1"), bad, 400, "method is not a token"),
	refused("no version", ask("GET /"), bad, 400, "request line has no HTTP version"),
	refused("malformed version", ask("GET / HTTP/1"), bad, 400, "HTTP version is malformed"),
	refused("version 2.0", ask("GET / HTTP/2.0"), theirsRefuses("505 HTTP Version Not Supported: unsupported protocol version", "505 HTTP Version Not Supported: unsupported protocol version"), 505, "HTTP version is not 1.x"),
	refused("target without a slash", ask("GET foo HTTP/1.1"), bad, 400, "request target is neither a path nor an absolute URI"),
	refused("bad escape", ask("GET /%zz HTTP/1.1"), bad, 400, "request target is not a valid URL"),
	refused("control character in the target", ask("GET /a\x01b HTTP/1.1"), bad, 400, "request target holds a byte that must be percent-encoded"),
	refused("no host", "GET / HTTP/1.1\r\n\r\n", theirsRefuses("400 Bad Request: missing required Host header", "400 Bad Request: missing required Host header"), 400, "Host field is missing"),
	refused("two hosts", get("Host: b.test"), bad, 400, "Host field is repeated"),
	refused("bad host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", theirsRefuses("400 Bad Request: malformed Host header", "400 Bad Request: malformed Host header"), 400, "Host field is not a host and port"),
	refused("no colon", get("abc"), bad, 400, "field line has no colon"),
	refused("space before the colon", get("A : 1"), theirsRefuses("400 Bad Request: invalid header name", "400 Bad Request: invalid header name"), 400, "white space in a field name or before its colon"),
	refused("space before the first field", "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", bad, 400, "white space before the first header field"),
	refused("bad field name", get("A(: 1"), bad, 400, "field name is not a token"),
	refused("NUL in a value", get("A: x\x00y"), bad, 400, "field value holds a control character"),
	refused("control character in a value", get("A: x\x01y"), bad, 400, "field value holds a control character"),
	refused("two lengths that differ", get("Content-Length: 1", "Content-Length: 2"), bad, 400, "Content-Length is repeated"),
	refused("length with a sign", get("Content-Length: +1"), bad, 400, "Content-Length is not a decimal number"),
	refused("length negative", get("Content-Length: -1"), bad, 400, "Content-Length is not a decimal number"),
	refused("length in hexadecimal", get("Content-Length: 0x1"), bad, 400, "Content-Length is not a decimal number"),
	refused("length empty", get("Content-Length:"), bad, 400, "Content-Length is not a decimal number"),
	refused("length of two numbers", get("Content-Length: 1, 1"), bad, 400, "Content-Length is not a decimal number"),
	refused("length beyond 63 bits", get("Content-Length: 9223372036854775808"), bad, 413, "Content-Length is beyond 63 bits"),
	refused("unknown coding", get("Transfer-Encoding: gzip, chunked"), notImplemented, 501, "transfer coding other than chunked"),
	refused("two codings", get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), notImplemented, 400, "Transfer-Encoding is repeated"),
	refused("coding identity", get("Transfer-Encoding: identity"), notImplemented, 400, "last transfer coding is not chunked"),
	refused("coding empty", get("Transfer-Encoding:"), notImplemented, 400, "Transfer-Encoding is not a list of coding names"),
	{name: "trailer of a framing field", raw: postChunked("0\r\n\r\n", "Trailer: Content-Length, X-T"), do: nothing,
		differs:  "the names that a trailer must not have are ignored (RFC 9110 §6.5.1); net/http refuses the request",
		nethttp:  bad,
		hyperion: theirsServes(`POST "/" HTTP/1.1 host="a.test" length=-1 te=["chunked"] trailer=map[X-T:[]]`)},

	stricter("lines that end with LF alone", "GET / HTTP/1.1\nHost: a.test\n\n", "RFC 9112 §2.2 lets a recipient accept them; proxies disagree",
		`GET "/" HTTP/1.1 host="a.test" nobody`, 400, "line ends with LF alone"),
	stricter("one field line that ends with LF alone", "GET / HTTP/1.1\r\nHost: a.test\nA: 1\r\n\r\n", "as above",
		`GET "/" HTTP/1.1 host="a.test" A=["1"] nobody`, 400, "line ends with LF alone"),
	stricter("folded value", get("A: 1", " 2"), "RFC 9112 §5.2 lets a server reject it",
		`GET "/" HTTP/1.1 host="a.test" A=["1 2"] nobody`, 400, "field value is folded over lines"),
	stricter("length and chunks", postChunked("0\r\n\r\n", "Content-Length: 5"), smuggleReason,
		`POST "/" HTTP/1.1 host="a.test" length=-1 te=["chunked"]`, 400, "both Content-Length and Transfer-Encoding"),
	stricter("two lengths that agree", post("abc", "Content-Length: 3"), smuggleReason,
		`POST "/" HTTP/1.1 host="a.test" Content-Length=["3"] length=3`, 400, "Content-Length is repeated"),
	{name: "chunks on version 1.0", raw: "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", do: nothing, differs: smuggleReason,
		nethttp: `
			saw POST "/" HTTP/1.0 host="" Connection=["keep-alive"] nobody
			< HTTP/1.0 200 OK
			< Connection: keep-alive
			< Content-Length: 0
			< Date: *
			body length ""
			= reusable
			states: new active idle active idle closed`,
		hyperion: oursRefuses(400, "Transfer-Encoding in an HTTP/1.0 request")},
	stricter("fragment in the target", ask("GET /a#b HTTP/1.1"), "a target has no fragment (RFC 9112 §3.2)",
		`GET "/a#b" HTTP/1.1 host="a.test" url="/a%23b" path="/a#b" raw="/a#b" query="" scheme="" urlhost="" opaque="" fragment="" nobody`, 400, "request target holds a byte that must be percent-encoded"),
	stricter("user information in the target", ask("GET http://u:p@b.test/ HTTP/1.1"), "RFC 9110 §4.2.4",
		`GET "http://u:p@b.test/" HTTP/1.1 host="b.test" url="http://u:p@b.test/" path="/" raw="" query="" scheme="http" urlhost="b.test" opaque="" fragment="" nobody`, 400, "request target has no valid host, or has user information"),
	stricter("asterisk for get", ask("GET * HTTP/1.1"), "the asterisk is for OPTIONS (RFC 9112 §3.2.4)",
		`GET "*" HTTP/1.1 host="a.test" nobody`, 400, "request target * is for OPTIONS only"),
	stricter("101 fields", get(numbered(101)...), "limit MaxHeaderCount", `GET "/" HTTP/1.1 host="a.test"`+numberedSaw(101)+` nobody`, 431, "too many header fields"),
	stricter("a target of 17 KiB", ask("GET /"+strings.Repeat("t", 17<<10)+" HTTP/1.1"), "limit MaxTargetBytes",
		`GET "/`+strings.Repeat("t", 17<<10)+`" HTTP/1.1 host="a.test" nobody`, 414, "request target is too long"),
	stricter("a head of 70 KiB", get("A: "+strings.Repeat("v", 70<<10)), "limit MaxHeaderBytes, by default 64 KiB",
		`GET "/" HTTP/1.1 host="a.test" A=["`+strings.Repeat("v", 70<<10)+`"] nobody`, 431, "request head is too long"),
	{name: "a length beyond the limit", raw: ask("GET / HTTP/1.1", "Content-Length: 16777217", "Connection: close") + letters(1<<24+1), do: nothing, differs: "limit MaxBodyBytes, by default 16 MiB",
		nethttp: `
			saw GET "/" HTTP/1.1 host="a.test" Connection=["close"] Content-Length=["16777217"] length=16777217 close
			< HTTP/1.1 200 OK
			< Connection: close
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active closed`,
		hyperion: oursRefuses(413, "request body is too large")},
	{name: "own limit of the head", raw: get("A: " + strings.Repeat("v", 9<<10)), set: fields{MaxHeaderBytes: 4096}, do: nothing, differs: errorsReason + "; net/http adds 4 KiB to the limit",
		nethttp:  theirsRefuses("431 Request Header Fields Too Large", "431 Request Header Fields Too Large"),
		hyperion: oursRefuses(431, "request head is too long")},
	{name: "connect to a path", raw: ask("CONNECT /_goRPC_ HTTP/1.1"), do: nothing,
		differs:  strictReason + "CONNECT has an authority as its target (RFC 9112 §3.2.3); net/rpc's DialHTTP, which sends a path, does not work",
		nethttp:  strings.Replace(theirsServes(`CONNECT "/_goRPC_" HTTP/1.1 host="a.test" nobody`), "body length", "body tunnel", 1),
		hyperion: oursRefuses(400, "CONNECT needs host and port, and nothing else, as its target")},
	{name: "HTTP/2 preface", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", reads: "PRI", do: nothing, differs: "net/http gives the preface to the handler",
		nethttp: `
			saw PRI "*" HTTP/2.0 host="" length=-1 close nobody
			< HTTP/1.1 200 OK
			< Connection: close
			< Content-Length: 0
			< Date: *
			body length ""
			= closed
			states: new active closed`,
		hyperion: oursRefuses(505, "HTTP version is not 1.x")},
	{name: "after a good one", raw: get() + "garbage\r\n\r\n", reads: "GET GET", do: nothing, differs: errorsReason,
		nethttp: `saw GET "/" HTTP/1.1 host="a.test" nobody
			< HTTP/1.1 200 OK
			< Content-Length: 0
			< Date: *
			body length ""
			` + strings.Replace(bad, "active closed", "active idle closed", 1),
		hyperion: `saw GET "/" HTTP/1.1 host="a.test" nobody
			< HTTP/1.1 200 OK
			< Content-Length: 0
			< Date: *
			body length ""
			` + strings.Replace(oursRefuses(400, "request line is not method, target and version with one space between"), "active closed", "active idle active closed", 1)},
}

var notImplemented = theirsRefuses("501 Not Implemented", "Unsupported transfer encoding")

// numberedSaw is what a handler sees of numbered.
func numberedSaw(n int) string {
	m := map[string]string{}
	for i := range n {
		m["N"+itoa(i)] = itoa(i)
	}
	var b strings.Builder
	for _, k := range sortedKeys(m) {
		fmt.Fprintf(&b, " %s=[%q]", k, m[k])
	}
	return b.String()
}
