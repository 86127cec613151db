// Package demo is the site that `hyperion` alone serves: a page that shows the
// server at work, fed by the server's own figures, and a few routes to try.
// Its one type is Site.
package demo

import (
	"embed"
	"errors"
	"net/http"
	"sync"

	"github.com/hyperion-server/hyperion/goserver"
)

//go:embed site
var files embed.FS

// pages are the prebuilt answers: path, file in site, Content-Type.
var pages = [][3]string{
	{"/", "index.html", "text/html; charset=utf-8"},
	{"/style.css", "style.css", "text/css; charset=utf-8"},
	{"/app.js", "app.js", "text/javascript; charset=utf-8"},
	{"/figures.js", "figures.js", "text/javascript; charset=utf-8"},
	{"/websocket", "websocket.html", "text/html; charset=utf-8"},
	{"/socket.js", "socket.js", "text/javascript; charset=utf-8"},
	{"/echo.js", "echo.js", "text/javascript; charset=utf-8"},
	{"/chat.js", "chat.js", "text/javascript; charset=utf-8"},
	{"/favicon.svg", "favicon.svg", "image/svg+xml"},
}

// A Site answers for one server.
type Site struct {
	About About

	latency histogram
	stats   func() goserver.Stats
	stop    chan struct{}
	stopped sync.Once
}

// About is what the page tells of the process.
type About struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	CPUs     int    `json:"cpus"`
}

// New returns a Site. Its Observe must be called by the server's AccessLog.
func New(about About) *Site {
	return &Site{About: about, stop: make(chan struct{})}
}

// Attach registers the site's routes and sets the server's Handler. Each kind
// of route of a server is in use: prebuilt pages, direct routes, and handlers.
func (s *Site) Attach(srv *goserver.Server) error {
	s.stats = srv.Stats
	var errs []error
	for _, p := range pages {
		body, err := files.ReadFile("site/" + p[1])
		errs = append(errs, err, srv.HandleStatic("GET "+p[0], body, p[2]))
	}
	errs = append(errs,
		srv.HandleStatic("GET /hello", []byte("Hello from Hyperion.\n"), "text/plain; charset=utf-8"),
		srv.Handle("GET /try/gzip", serveGzip))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", s.serveEvents)
	mux.HandleFunc("GET /try/numbers.txt", serveNumbers)
	mux.HandleFunc("GET /ws/echo", serveEcho(echoPerSecond, echoAtOnce))
	mux.Handle("GET /ws/chat", newChat())
	srv.Handler, srv.WebSockets = mux, true
	srv.RegisterOnShutdown(s.Stop)
	return errors.Join(errs...)
}

// Stop ends the event streams, so that a server that drains need not wait for
// browsers. It may be called more than once.
func (s *Site) Stop() { s.stopped.Do(func() { close(s.stop) }) }

// Observe takes the latency of an answered request. Event streams are left
// out: they last as long as somebody looks.
func (s *Site) Observe(r *goserver.Record) {
	if string(r.Path) != eventsPath {
		s.latency.add(r.Duration)
	}
}
