package goserver_test

import (
	"io"
	"net/http"
)

// headerCases: the fields of the response.
var headerCases = []diffCase{
	{name: "fields", raw: get(), do: answer(0, http.Header{"A": {"1"}, "B": {"2", "3"}, "C": {""}}), want: []string{"< A: 1\n< B: 2\n< B: 3\n< C: \n"}},
	{name: "names are sent as they are in the map", raw: get(), do: answer(0, http.Header{"x-lower": {"1"}, "X-UPPER": {"2"}}), want: []string{"x-lower: 1", "X-UPPER: 2"}},
	{name: "nil and empty values send nothing", raw: get(), do: answer(0, http.Header{"A": nil, "B": {}}), want: []string{"200 OK\n< Content-Length: 0"}},
	{name: "line breaks in a value", raw: get(), do: answer(0, http.Header{"A": {"1\r\nInjected: 2"}, "B": {"\nx\n"}}), want: []string{"A: 1  Injected: 2", "B: x"}},
	{name: "white space around a value", raw: get(), do: answer(0, http.Header{"A": {" \t1 2\t "}}), want: []string{"A: 1 2\n"}},
	{name: "bytes above 127 in a value", raw: get(), do: answer(0, http.Header{"A": {"\xfc\xc3\xbc"}}), want: []string{"A: \xfc\xc3\xbc"}},
	{name: "names that are no tokens are left out", raw: get(), do: answer(0, http.Header{"A b": {"1"}, "C\r\nD": {"1"}, "": {"1"}, "E:": {"1"}, "F": {"1"}}),
		want: []string{"Date: *\n< F: 1"}},
	{name: "cookies", raw: get(), do: func(x *turn) {
		http.SetCookie(x.w, &http.Cookie{Name: "a", Value: "1", HttpOnly: true})
		http.SetCookie(x.w, &http.Cookie{Name: "b", Value: "2", Path: "/"})
	}, want: []string{"Set-Cookie: a=1; HttpOnly\n< Set-Cookie: b=2; Path=/"}},
	{name: "60 KiB", raw: get(), do: answer(0, http.Header{"A": {letters(60_000)}, "B": {"1"}}, "x"), want: []string{"B: 1", `"x"`, "= reusable"}},
	{name: "500 fields", raw: get(), do: func(x *turn) {
		for i := range 500 {
			x.w.Header().Set("N"+itoa(i), itoa(i))
		}
	}, want: []string{"N499: 499", "= reusable"}},

	{name: "changed after the status", raw: get(), do: func(x *turn) {
		x.w.Header().Set("A", "1")
		x.w.WriteHeader(200)
		x.w.Header().Set("A", "2")
		x.w.Header().Set("B", "1")
		x.note("map says %s", x.w.Header().Get("A"))
	}, want: []string{"map says 2", "A: 1\n< Content-Length"}},
	{name: "changed after the first write", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "x")
		x.w.Header().Set("A", "1")
	}, want: []string{"200 OK\n< Content-Length"}},
	{name: "map kept and changed after the status", raw: get(), do: func(x *turn) {
		h := x.w.Header()
		h.Set("A", "1")
		x.w.WriteHeader(200)
		h.Set("A", "2")
		h.Del("A")
	}, want: []string{"A: 1"}},
	{name: "changed after a flush", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		x.w.Header().Set("A", "1")
		io.WriteString(x.w, "x")
	}, want: []string{"200 OK\n< Date"}},
	{name: "the map is one object", raw: get(), do: func(x *turn) {
		x.w.Header().Set("A", "1")
		x.note("%q", x.w.Header().Get("a"))
	}, want: []string{`"1"`, "A: 1"}},

	{name: "date given", raw: get(), do: answer(0, http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}), want: []string{"Date: Thu, 01 Jan 1970"}},
	{name: "date nil suppresses", raw: get(), do: answer(0, http.Header{"Date": nil}), want: []string{"200 OK\n< Content-Length: 0\nbody"}},
	{name: "date by default", raw: get(), do: nothing, want: []string{"Date: *"}},
	{name: "server field is the handler's", raw: get(), do: answer(0, http.Header{"Server": {"s"}}), want: []string{"Server: s"}},
	{name: "connection token of the handler", raw: get(), do: answer(0, http.Header{"Connection": {"X-Hop"}}), want: []string{"Connection: X-Hop", "= reusable"}},
	{name: "connection close of the handler", raw: get(), do: answer(0, http.Header{"Connection": {"close"}}), want: []string{"Connection: close", "= closed"}},
	{name: "connection close in capitals", raw: get(), do: answer(0, http.Header{"Connection": {"Close"}}), differs: optionReason,
		nethttp: connectionSaid("Close", "= reusable", "states: new active idle active idle closed"), hyperion: connectionSaid("Close", "= closed", "states: new active closed")},
	{name: "connection close in a list", raw: get(), do: answer(0, http.Header{"Connection": {"X-Hop, close"}}), differs: optionReason,
		nethttp: connectionSaid("X-Hop, close", "= reusable", "states: new active idle active idle closed"), hyperion: connectionSaid("X-Hop, close", "= closed", "states: new active closed")},
	{name: "keep-alive field of the handler", raw: get(), do: answer(0, http.Header{"Keep-Alive": {"timeout=5"}}), want: []string{"Keep-Alive: timeout=5"}},
	{name: "upgrade field without 101", raw: get(), do: answer(426, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"other/1"}}, "x"),
		want: []string{"426", "Connection: Upgrade", "Upgrade: other/1", "= reusable"}},
}

const optionReason = "a connection option is a list member without case (RFC 9110 §7.6.1); net/http only knows the exact value"

func connectionSaid(value, ending, states string) string {
	return `saw GET "/" HTTP/1.1 host="a.test" nobody
		< HTTP/1.1 200 OK
		< Connection: ` + value + `
		< Content-Length: 0
		< Date: *
		body length ""
		` + ending + "\n" + states
}
