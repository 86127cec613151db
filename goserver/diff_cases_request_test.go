package goserver_test

import (
	"io"
	"net/http"
	"strings"
)

func nothing(*turn) {}

// requestCases: what the handler sees of the request head.
var requestCases = []diffCase{
	{name: "plain", raw: get(), do: nothing, want: []string{`saw GET "/" HTTP/1.1 host="a.test" nobody`, "= reusable"}},
	{name: "query and escapes", raw: ask("GET /a%2Fb/%C3%BC%20c?x=1&y=%20&z HTTP/1.1"), do: func(x *turn) {
		x.r.ParseForm()
		x.note("form %v", x.r.Form)
	}, want: []string{`path="/a/b/ü c" raw="/a%2Fb/%C3%BC%20c" query="x=1&y=%20&z"`, "form map[x:[1] y:[ ] z:[]]"}},
	{name: "lone question mark", raw: ask("GET /a? HTTP/1.1"), do: func(x *turn) { x.note("force %v", x.r.URL.ForceQuery) }, want: []string{"force true"}},
	{name: "double slash", raw: ask("GET //a//b HTTP/1.1"), do: nothing, want: []string{`"//a//b"`}},
	{name: "dots", raw: ask("GET /a/../b/./c HTTP/1.1"), do: nothing, want: []string{`"/a/../b/./c"`}},
	{name: "semicolon in the query", raw: ask("GET /?a=1;b=2&c=3 HTTP/1.1"), do: func(x *turn) {
		x.note("parse %v; c=%q", x.r.ParseForm(), x.r.Form.Get("c"))
	}, want: []string{`invalid semicolon separator in query; c="3"`}},
	{name: "colon in the first segment", raw: ask("GET /a:b HTTP/1.1"), do: nothing, want: []string{`"/a:b"`}},
	{name: "sub-delimiters", raw: ask("GET /a!$&'()*+,;=:@-._~ HTTP/1.1"), do: nothing, want: []string{`-._~`}},

	{name: "field names are made canonical", raw: get("x-lower: 1", "X-UPPER: 2", "x_under: 3"), do: nothing,
		want: []string{`X-Lower=["1"]`, `X-Upper=["2"]`, `X_under=["3"]`}},
	{name: "fields of one name keep their order", raw: get("A: 1", "B: x", "a: 2", "A: 3"), do: nothing, want: []string{`A=["1" "2" "3"]`}},
	{name: "white space around values", raw: get("A:none", "B:  \t two \t ", "C:", "D: ", "E: in  side"), do: nothing,
		want: []string{`A=["none"] B=["two"] C=[""] D=[""] E=["in  side"]`}},
	{name: "bytes above 127 in a value", raw: get("A: \xfc\xc3\xbc"), do: nothing, want: []string{`A=["\xfcü"]`}},
	{name: "cookies", raw: get("Cookie: a=1; b=2", `Cookie: c="3"`), do: func(x *turn) {
		for _, c := range x.r.Cookies() {
			x.note("cookie %s=%s", c.Name, c.Value)
		}
	}, want: []string{"cookie a=1", "cookie b=2", "cookie c=3"}},
	{name: "accessors", raw: get("Referer: http://b.test/", "User-Agent: me", "Authorization: Basic dTpw"), do: func(x *turn) {
		u, p, ok := x.r.BasicAuth()
		x.note("%s %s %s %s %v", x.r.Referer(), x.r.UserAgent(), u, p, ok)
	}, want: []string{"http://b.test/ me u p true"}},
	{name: "pragma no-cache", raw: get("Pragma: no-cache"), do: nothing, want: []string{`Cache-Control=["no-cache"] Pragma=["no-cache"]`}},
	{name: "connection fields are left in", raw: get("Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5"), do: nothing,
		want: []string{`Connection=["keep-alive, X-Hop"]`, "= reusable"}},
	{name: "connection close is seen", raw: get("Connection: close"), do: nothing, want: []string{`Connection=["close"] close`, "= closed"}},
	{name: "upgrade offered and ignored", raw: get("Connection: Upgrade", "Upgrade: other/1"), do: nothing, want: []string{`Upgrade=["other/1"]`, "= reusable"}},
	{name: "request trailer announced", raw: postChunked("3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", "Trailer: X-T, X-U"), do: func(x *turn) {
		x.read()
		x.note("trailer %v", x.r.Trailer)
	}, want: []string{"trailer=map[X-T:[] X-U:[]]", "trailer map[X-T:[1] X-U:[]]"}},
	{name: "trailer field without chunks", raw: post("abc", "Trailer: X-T"), do: nothing, want: []string{`Trailer=["X-T"]`}},
	{name: "content-length is left in", raw: post("abc"), do: nothing, want: []string{`Content-Length=["3"] length=3`}},
	{name: "transfer-encoding is taken out", raw: postChunked("0\r\n\r\n"), do: nothing, want: []string{`length=-1 te=["chunked"]`}},
	{name: "transfer-encoding in capitals", raw: ask("POST / HTTP/1.1", "Transfer-Encoding: CHUNKED") + "0\r\n\r\n", do: nothing, want: []string{`te=["chunked"]`}},

	{name: "host with a port", raw: "GET / HTTP/1.1\r\nHost: A.Test:8080\r\n\r\n", do: nothing, want: []string{`host="A.Test:8080"`}},
	{name: "host of an IPv6 address", raw: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", do: nothing, want: []string{`host="[::1]:80"`}},
	{name: "host is taken out of the header", raw: get(), do: func(x *turn) {
		_, has := x.r.Header["Host"]
		x.note("has %v", has)
	}, want: []string{"has false"}},
	{name: "absolute-form", raw: ask("GET http://b.test:81/p?q=1 HTTP/1.1"), do: nothing, want: []string{`host="b.test:81"`, `scheme="http" urlhost="b.test:81"`}},
	{name: "absolute-form of https", raw: ask("GET https://b.test/ HTTP/1.1"), do: nothing, want: []string{`scheme="https"`}},
	{name: "absolute-form without a path", raw: ask("GET http://b.test HTTP/1.1"), do: nothing, want: []string{`path=""`}},
	{name: "options asterisk", raw: ask("OPTIONS * HTTP/1.1"), do: nothing, want: []string{"Content-Length: 0", "= reusable"}},
	{name: "options asterisk to the handler", raw: ask("OPTIONS * HTTP/1.1"), set: fields{DisableGeneralOptionsHandler: true}, do: nothing,
		want: []string{`saw OPTIONS "*"`}},
	{name: "options of a path", raw: ask("OPTIONS /a HTTP/1.1"), do: nothing, want: []string{`saw OPTIONS "/a"`}},
	{name: "connect to an authority", raw: "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n", do: func(x *turn) {
		x.w.WriteHeader(http.StatusForbidden)
	}, want: []string{`saw CONNECT "b.test:443"`, `urlhost="b.test:443"`, "403"}},
	{name: "other methods", raw: ask("M-SEARCH / HTTP/1.1") + ask("get / HTTP/1.1") + ask("PURGE! / HTTP/1.1"), reads: "M-SEARCH get PURGE!", do: nothing,
		want: []string{"saw M-SEARCH", "saw get", "saw PURGE!", "= reusable"}},

	{name: "version 1.0", raw: "GET / HTTP/1.0\r\n\r\n", do: nothing, want: []string{`HTTP/1.0 host="" close`, "< HTTP/1.0 200 OK", "= closed"}},
	{name: "version 1.0 with host", raw: "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", do: nothing, want: []string{`host="a.test"`}},

	{name: "form of the body", raw: post("a=1&b=2&b=3", "Content-Type: application/x-www-form-urlencoded"), do: func(x *turn) {
		x.note("%q %v", x.r.FormValue("b"), x.r.PostForm)
	}, want: []string{`"2" map[a:[1] b:[2 3]]`}},
	{name: "multipart form", raw: post(multipartBody, "Content-Type: multipart/form-data; boundary=sep"), do: func(x *turn) {
		f, h, err := x.r.FormFile("file")
		if err != nil {
			x.note("BAD: %v", err)
			return
		}
		b, _ := io.ReadAll(f)
		x.note("%s %d %q %q", h.Filename, h.Size, b, x.r.FormValue("field"))
	}, want: []string{`f.txt 4 "data" "value"`}},

	{name: "what the writer can do", raw: get(), do: func(x *turn) {
		_, flusher := x.w.(http.Flusher)
		_, hijacker := x.w.(http.Hijacker)
		_, from := x.w.(io.ReaderFrom)
		_, str := x.w.(io.StringWriter)
		_, pusher := x.w.(http.Pusher)
		x.note("%v %v %v %v %v", flusher, hijacker, from, str, pusher)
	}, want: []string{"true true true true false"}},
	{name: "the request may be kept", raw: get("A: kept") + get("A: later"), reads: "GET GET", handler: func(s *scene) http.Handler {
		var kept *http.Request
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kept == nil {
				kept = r
				return
			}
			s.note("kept %s %s", kept.Header.Get("A"), kept.Host)
		})
	}, want: []string{"kept kept a.test"}},
	{name: "header maps are the handler's own", raw: get("A: 1") + get(), reads: "GET GET", do: func(x *turn) {
		x.r.Header.Set("Added", "1")
		x.r.Header["A"] = append(x.r.Header["A"], "2")
		x.note("A=%v", x.r.Header["A"])
	}, want: []string{"A=[1 2]", "A=[2]"}},
	{name: "many fields", raw: get(numbered(90)...), do: nothing, want: []string{`N89=["89"]`}},
	{name: "a field of 60 KiB", raw: get("Big: " + strings.Repeat("v", 60<<10)), do: func(x *turn) {
		x.note("%s", show(x.r.Header.Get("Big")))
	}, want: []string{"61440 bytes", "= reusable"}},
	{name: "a target of 12 KiB", raw: ask("GET /" + strings.Repeat("t", 12<<10) + " HTTP/1.1"), do: nothing, want: []string{"= reusable"}},
}

const multipartBody = "--sep\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n" +
	"--sep\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\nContent-Type: text/plain\r\n\r\ndata\r\n--sep--\r\n"

// numbered makes n fields.
func numbered(n int) (fields []string) {
	for i := range n {
		fields = append(fields, "N"+itoa(i)+": "+itoa(i))
	}
	return fields
}
