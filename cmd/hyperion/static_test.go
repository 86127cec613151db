package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Every flag of `serve` must reach the server.
func TestServe_flags(t *testing.T) {
	dir := directory(t,
		"index.html", "front", "home.htm", "home", "app.js", strings.Repeat("script ", 200), "app.js.gz", "packed",
		".env", "secret", "sub/a.txt", "a", "404.html", "lost")
	cases := []struct {
		name   string
		args   []string
		path   string
		accept string
		status int
		field  string // "Name: value" of the response
		body   string // part of it
	}{
		{"defaults", nil, "/", "", 200, "Cache-Control: no-cache", "front"},
		{"index", []string{"--index=home.htm", "--index=index.html"}, "/", "", 200, "", "home"},
		{"no listing", nil, "/sub/", "", 404, "", ""},
		{"listing", []string{"--listing"}, "/sub/", "", 200, "", "a.txt"},
		{"no dotfiles", nil, "/.env", "", 404, "", ""},
		{"dotfiles", []string{"--dotfiles"}, "/.env", "", 200, "", "secret"},
		{"spa", []string{"--spa=home.htm"}, "/some/route", "text/html", 200, "", "home"},
		{"error page", []string{"--error-page=404=404.html"}, "/none.txt", "", 404, "", "lost"},
		{"sidecar", nil, "/app.js", "gzip", 200, "Content-Encoding: gzip", "packed"},
		{"no sidecars", []string{"--no-sidecars"}, "/app.js", "gzip", 200, "Content-Encoding: ", "script"},
		{"Cache-Control", []string{"--cache-control=max-age=7"}, "/app.js", "", 200, "Cache-Control: max-age=7", "script"},
		{"preload", []string{"--preload-static=sub", "--preload-static=."}, "/sub/a.txt", "", 200, "Content-Length: 1", "a"},
		{"preload of what is not there", []string{"--preload-static=none"}, "/", "", 200, "", "front"},
		{"no compression", []string{"--no-compression", "--no-sidecars"}, "/app.js", "gzip", 200, "Vary: ", "script"},
		{"compression", []string{"--no-sidecars"}, "/app.js", "gzip", 200, "Vary: Accept-Encoding", "script"},
		{"tuning", []string{"--watch", "--immutable=*.js", "--cache-entries=9", "--admit-after=1", "--open-files=none"}, "/app.js", "", 200, "", "script"},
		{"no cache", []string{"--cache-size=none", "--recheck=0s"}, "/sub/a.txt", "", 200, "Content-Length: 1", "a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil, append([]string{"serve", dir}, c.args...)...)
			r, err := http.NewRequest("GET", s.boot.URL+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", "identity")
			if strings.Contains(c.accept, "/") {
				r.Header.Set("Accept", c.accept)
			} else if c.accept != "" {
				r.Header.Set("Accept-Encoding", c.accept)
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			name, value, _ := strings.Cut(c.field, ": ")
			if resp.StatusCode != c.status || name != "" && resp.Header.Get(name) != value || !strings.Contains(string(body), c.body) {
				t.Errorf("%s %v %.60q, want %d, %q and %q", resp.Status, resp.Header, body, c.status, c.field, c.body)
			}
			s.stop(t)
		})
	}
}
