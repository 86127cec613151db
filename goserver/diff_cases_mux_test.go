package goserver_test

import (
	"io"
	"net/http"
	"strings"
	"testing/fstest"
	"time"
)

// site is a ServeMux with patterns of every kind, and the standard library's handlers.
func site(s *scene) http.Handler {
	mux := http.NewServeMux()
	show := func(names ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.Pattern)
			for _, n := range names {
				io.WriteString(w, " "+n+"="+r.PathValue(n))
			}
		}
	}
	mux.Handle("GET /items/{id}", show("id"))
	mux.Handle("POST /items/{id}", show("id"))
	mux.Handle("/rest/{path...}", show("path"))
	mux.Handle("/only/{$}", show())
	mux.Handle("/tree/", show())
	mux.Handle("b.test/items/{id}", show("id"))
	modified := time.Unix(1e9, 0)
	files := fstest.MapFS{
		"index.html": {Data: []byte("<p>index"), ModTime: modified},
		"a.txt":      {Data: []byte("0123456789"), ModTime: modified},
		"dir/b.css":  {Data: []byte("b{}"), ModTime: modified},
	}
	mux.Handle("/files/", http.StripPrefix("/files", http.FileServerFS(files)))
	mux.Handle("/slow", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}), 20*time.Millisecond, "too slow"))
	mux.Handle("/quick", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("A", "1")
		w.WriteHeader(201)
		io.WriteString(w, "quick")
	}), time.Minute, ""))
	mux.Handle("/cors", http.NewCrossOriginProtection().Handler(show()))
	mux.Handle("/content", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "c.json", modified, strings.NewReader(`{"content":true}`))
	}))
	mux.Handle("/gone", http.RedirectHandler("/quick", http.StatusMovedPermanently))
	mux.Handle("/limited", http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		s.note("%q %v", b, err)
	}), 10))
	return mux
}

// muxCases: the standard library's own handlers.
var muxCases = onSite(map[string][2]string{
	"wildcard":                   {"GET /items/7%2F8 HTTP/1.1", `"GET /items/{id} id=7/8"`},
	"head by get":                {"HEAD /items/7 HTTP/1.1", "Content-Length: 20"},
	"method not allowed":         {"PUT /items/7 HTTP/1.1", "405 Method Not Allowed\n< Allow: GET, HEAD, POST"},
	"rest":                       {"GET /rest/a/b HTTP/1.1", `path=a/b"`},
	"only":                       {"GET /only/ HTTP/1.1", `"/only/{$}"`},
	"not only":                   {"GET /only/more HTTP/1.1", "404"},
	"trailing slash redirect":    {"GET /tree?q=1 HTTP/1.1", "Location: /tree/?q=1"},
	"subtree":                    {"GET /tree/x/y HTTP/1.1", `"/tree/"`},
	"unclean path":               {"GET /tree/../items/./7 HTTP/1.1", "Location: /items/7"},
	"unclean path with slashes":  {"GET //tree//x HTTP/1.1", "Location: /tree/x"},
	"host pattern":               {"GET http://b.test/items/9 HTTP/1.1", `"b.test/items/{id} id=9"`},
	"not found":                  {"GET /none HTTP/1.1", "404 page not found"},
	"options asterisk":           {"OPTIONS * HTTP/1.1", "200 OK"},
	"file index":                 {"GET /files/ HTTP/1.1", `"<p>index"`},
	"file":                       {"GET /files/a.txt HTTP/1.1", `body length "0123456789"`},
	"file by head":               {"HEAD /files/a.txt HTTP/1.1", "Content-Length: 10"},
	"file range":                 {"GET /files/a.txt HTTP/1.1\r\nRange: bytes=2-4", `body length "234"`},
	"file range past the end":    {"GET /files/a.txt HTTP/1.1\r\nRange: bytes=20-", "416"},
	"file not modified":          {"GET /files/a.txt HTTP/1.1\r\nIf-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT", "304 Not Modified"},
	"file of a directory":        {"GET /files/dir/ HTTP/1.1", "b.css"},
	"file of a directory, moved": {"GET /files/dir HTTP/1.1", "301"},
	"file missing":               {"GET /files/none HTTP/1.1", "404"},
	"content":                    {"GET /content HTTP/1.1", "application/json"},
	"content by tag":             {"GET /content HTTP/1.1\r\nIf-None-Match: \"v1\"", "304"},
	"content if range":           {"GET /content HTTP/1.1\r\nIf-Range: \"v1\"\r\nRange: bytes=-4", "206 Partial Content"},
	"timeout":                    {"GET /slow HTTP/1.1", "503 Service Unavailable"},
	"no timeout":                 {"GET /quick HTTP/1.1", "201 Created\n< A: 1"},
	"redirect handler":           {"GET /gone HTTP/1.1", "Location: /quick"},
	"cross origin":               {"POST /cors HTTP/1.1\r\nSec-Fetch-Site: cross-site", "403"},
	"same origin":                {"POST /cors HTTP/1.1\r\nSec-Fetch-Site: same-origin", `"/cors"`},
	"max bytes":                  {"POST /limited HTTP/1.1\r\nContent-Length: 0", `"" <nil>`},
})

func onSite(requests map[string][2]string) (cases []diffCase) {
	for _, name := range sortedKeys(requests) {
		line, want := requests[name][0], requests[name][1]
		cases = append(cases, diffCase{name: name, raw: ask(line), handler: site, want: []string{want, "= reusable"}})
	}
	return append(cases, diffCase{name: "multipart ranges", raw: ask("GET /files/a.txt HTTP/1.1", "Range: bytes=0-1,4-5"), handler: site,
		script: func(c *client) {
			c.send(c.raw)
			r := c.head("GET")
			for !r.done {
				r.next()
			}
			c.seen = c.seen[:1] // the boundary is random, and so the rest
			c.log("two parts %v", strings.Contains(string(r.body), "01") && strings.Contains(string(r.body), "45"))
			r.framing = "noted"
			c.probe()
		}, want: []string{"206 Partial Content", "two parts true", "= reusable"}})
}
