package goserver_test

import (
	"io"
	"net/http"
	"strings"
)

// sniffCases: the Content-Type of an answer that the handler gave none.
var sniffCases = append(sniffed(map[string][2]string{
	"html":             {"<!DOCTYPE HTML><html>", "text/html; charset=utf-8"},
	"html after space": {" \n\t<body class=a>", "text/html; charset=utf-8"},
	"html comment":     {"<!-- c -->", "text/html; charset=utf-8"},
	"xml":              {"<?xml version=\"1.0\"?>", "text/xml; charset=utf-8"},
	"text":             {"hello", "text/plain; charset=utf-8"},
	"json is text":     {`{"a":1}`, "text/plain; charset=utf-8"},
	"utf-8 mark":       {"\xef\xbb\xbfx", "text/plain; charset=utf-8"},
	"utf-16be mark":    {"\xfe\xff\x00x", "text/plain; charset=utf-16be"},
	"utf-16le mark":    {"\xff\xfex\x00", "text/plain; charset=utf-16le"},
	"postscript":       {"%!PS-Adobe-", "application/postscript"},
	"pdf":              {"%PDF-1.7", "application/pdf"},
	"png":              {"\x89PNG\r\n\x1a\n", "image/png"},
	"gif":              {"GIF89a", "image/gif"},
	"jpeg":             {"\xff\xd8\xff\xe0", "image/jpeg"},
	"webp":             {"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"},
	"bmp":              {"BM\x01\x02", "image/bmp"},
	"icon":             {"\x00\x00\x01\x00", "image/x-icon"},
	"gzip":             {"\x1f\x8b\x08\x00", "application/x-gzip"},
	"zip":              {"PK\x03\x04", "application/zip"},
	"wasm":             {"\x00asm\x01\x00", "application/wasm"},
	"mp4":              {"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "video/mp4"},
	"webm":             {"\x1a\x45\xdf\xa3", "video/webm"},
	"ogg":              {"OggS\x00", "application/ogg"},
	"mp3":              {"ID3\x03", "audio/mpeg"},
	"wave":             {"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wave"},
	"woff2":            {"wOF2\x00", "font/woff2"},
	"binary":           {"\x00\x01\x02", "application/octet-stream"},
}), []diffCase{
	{name: "nothing written", raw: get(), do: nothing, want: []string{"200 OK\n< Content-Length: 0\n< Date"}},
	{name: "empty write", raw: get(), do: func(x *turn) { x.w.Write(nil) }, want: []string{"200 OK\n< Content-Length: 0\n< Date"}},
	{name: "first write decides when it is long", raw: get(), do: func(x *turn) {
		x.w.Write([]byte(strings.Repeat("t", 5000)))
		io.WriteString(x.w, "\x00\x01")
	}, want: []string{"text/plain"}},
	{name: "small writes are seen together", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "text")
		io.WriteString(x.w, "\x00\x01")
	}, want: []string{"application/octet-stream"}},
	{name: "only the first 512 bytes count", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, strings.Repeat("t", 512)+"\x00")
	}, want: []string{"text/plain"}},
	{name: "flush before the body", raw: get(), do: func(x *turn) {
		x.w.(http.Flusher).Flush()
		io.WriteString(x.w, "<html>")
	}, want: []string{"200 OK\n< Date: *\n< Transfer-Encoding: chunked"}},
	{name: "flush after some body", raw: get(), do: func(x *turn) {
		io.WriteString(x.w, "<html>")
		x.w.(http.Flusher).Flush()
		io.WriteString(x.w, "\x00")
	}, want: []string{"text/html", "chunked"}},
	{name: "explicit type", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Type", "a/b")
		io.WriteString(x.w, "<html>")
	}, want: []string{"Content-Type: a/b"}},
	{name: "explicit type twice", raw: get(), do: func(x *turn) {
		x.w.Header()["Content-Type"] = []string{"a/b", "c/d"}
		io.WriteString(x.w, "<html>")
	}, want: []string{"Content-Type: a/b\n< Content-Type: c/d"}},
	{name: "nil type suppresses", raw: get(), do: func(x *turn) {
		x.w.Header()["Content-Type"] = nil
		io.WriteString(x.w, "<html>")
	}, want: []string{"200 OK\n< Content-Length: 6\n< Date"}},
	{name: "empty type", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Type", "")
		io.WriteString(x.w, "<html>")
	}, want: []string{"Content-Type: \n"}},
	{name: "type under another spelling", raw: get(), do: func(x *turn) {
		x.w.Header()["content-type"] = []string{"a/b"}
		io.WriteString(x.w, "<html>")
	}, want: []string{"content-type: a/b"}},
	{name: "content encoding", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(x.w, "\x1f\x8b\x08\x00")
	}, want: []string{"Content-Encoding: gzip\n< Content-Length: 4\n< Date"}},
	{name: "empty content encoding", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Content-Encoding", "")
		io.WriteString(x.w, "text")
	}, want: []string{"Content-Type: text/plain"}},
	{name: "nosniff", raw: get(), do: func(x *turn) {
		x.w.Header().Set("X-Content-Type-Options", "nosniff")
		io.WriteString(x.w, "<html>")
	}, want: []string{"Content-Type: text/html"}},
	{name: "on an error status", raw: get(), do: func(x *turn) {
		x.w.WriteHeader(http.StatusNotFound)
		io.WriteString(x.w, "<html>")
	}, want: []string{"404", "text/html"}},
	{name: "on head", raw: ask("HEAD / HTTP/1.1"), do: func(x *turn) { io.WriteString(x.w, "<html>") }, want: []string{"text/html", "Content-Length: 6"}},
	{name: "with transfer-encoding set", raw: get(), do: func(x *turn) {
		x.w.Header().Set("Transfer-Encoding", "chunked")
		io.WriteString(x.w, "<html>")
	}, want: []string{"200 OK\n< Date: *\n< Transfer-Encoding: chunked"}},
	{name: "read from", raw: get(), do: func(x *turn) { io.Copy(x.w, strings.NewReader("<html>")) }, want: []string{"text/html"}},
	{name: "http.Error", raw: get(), do: func(x *turn) { http.Error(x.w, "<html>", http.StatusTeapot) }, want: []string{"text/plain", "nosniff", "418"}},
}...)

// sniffed makes a case of each body and its type.
func sniffed(bodies map[string][2]string) (cases []diffCase) {
	for _, name := range sortedKeys(bodies) {
		body, mediaType := bodies[name][0], bodies[name][1]
		cases = append(cases, diffCase{name: name, raw: get(), do: func(x *turn) { io.WriteString(x.w, body) },
			want: []string{"Content-Type: " + mediaType + "\n"}})
	}
	return cases
}
