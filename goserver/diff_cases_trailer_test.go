package goserver_test

import (
	"io"
	"net/http"
)

// trailerCases: fields after the body of the response.
var trailerCases = []diffCase{
	{name: "announced", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A, B")
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "1")
		x.w.Header().Add("B", "2")
		x.w.Header().Add("B", "3")
	}, want: []string{"Trailer: A, B", `body chunked "body"`, "trailer A: 1\ntrailer B: 2\ntrailer B: 3", "= reusable"}},
	{name: "announced in two fields", raw: get(), do: func(x *turn) {
		x.w.Header().Add("Trailer", "a")
		x.w.Header().Add("Trailer", "b")
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "1")
		x.w.Header().Set("B", "2")
	}, want: []string{"Trailer: a\n< Trailer: b", "trailer A: 1\ntrailer B: 2"}},
	{name: "announced and not set", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		io.WriteString(x.w, "body")
	}, want: []string{"Trailer: A", `body chunked "body"`, "= reusable"}},
	{name: "announced and set before the status", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		x.w.Header().Set("A", "early")
		x.w.WriteHeader(200)
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "late")
	}, want: []string{"A: early", "trailer A: late"}},
	{name: "without a body", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		x.w.WriteHeader(200)
		x.w.Header().Set("A", "1")
	}, want: []string{`body chunked ""`, "trailer A: 1"}},
	{name: "forbidden names", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "Content-Length, Transfer-Encoding, Trailer, Authorization, A")
		io.WriteString(x.w, "body")
		x.w.Header().Set("Content-Length", "1")
		x.w.Header().Set("Authorization", "1")
		x.w.Header().Set("A", "1")
	}, want: []string{"trailer A: 1\n= reusable"}},
	{name: "prefix after the body", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "body")
		x.w.(http.Flusher).Flush()
		x.w.Header().Set(http.TrailerPrefix+"A", "1")
	}, want: []string{`body chunked "body"`, "trailer A: 1", "= reusable"}},
	{name: "prefix before the body", raw: get(), do: func(x *turn) {
		x.w.Header().Set(http.TrailerPrefix+"A", "1")
		io.WriteString(x.w, "body")
	}, want: []string{`body chunked "body"`, "trailer A: 1"}},
	{name: "prefix after a short body", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "body")
		x.w.Header().Set(http.TrailerPrefix+"A", "1")
	}, want: []string{`body length "body"`, "= reusable"}},
	{name: "prefix and announced", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "B")
		io.WriteString(x.w, "body")
		x.w.Header().Set(http.TrailerPrefix+"A", "1")
		x.w.Header().Set("B", "2")
	}, want: []string{"trailer A: 1\ntrailer B: 2"}},
	{name: "line breaks in a trailer", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "1\r\n\r\nHTTP/1.1 200 OK")
	}, want: []string{"trailer A: 1    HTTP/1.1 200 OK", "= reusable"}},
	{name: "with a length", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		x.w.Header().Set("Content-Length", "4")
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "1")
	}, want: []string{`body length "body"`, "= reusable"}},
	{name: "on head", raw: head, do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "1")
	}, want: []string{"Trailer: A", "= reusable"}},
	{name: "on version 1.0", raw: "GET / HTTP/1.0\r\n\r\n", do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		io.WriteString(x.w, "body")
		x.w.Header().Set("A", "1")
	}, want: []string{`body until close "body"`, "= closed"}},
	{name: "on 204", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		x.w.WriteHeader(204)
		x.w.Header().Set("A", "1")
	}, want: []string{"204", "Trailer: A", "= reusable"}},
	{name: "long body", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Trailer", "A")
		io.WriteString(x.w, letters(50_000))
		x.w.Header().Set("A", "1")
	}, want: []string{"body chunked 50000", "trailer A: 1", "= reusable"}},
}
