package demo

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// start serves the site and returns its URL; the server ends with the test.
func start(t *testing.T) (*goserver.Server, string) {
	t.Helper()
	s := New(About{Version: "1.2.3", Go: "go1", Platform: "a/b", CPUs: 4})
	srv := &goserver.Server{AccessLog: s.Observe, WebSocketSpread: -1}
	if err := s.Attach(srv); err != nil {
		t.Fatal(err)
	}
	return srv, serve(t, srv)
}

// serve runs a server until the test ends, and returns its URL.
func serve(t *testing.T, srv *goserver.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("Serve = %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
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
	return resp, body
}

// Everything that a page of the site refers to must be there, on this server.
func TestSite_pagesAreWhole(t *testing.T) {
	_, url := start(t)
	for path, want := range map[string]string{
		"/": "text/html", "/style.css": "text/css", "/app.js": "text/javascript", "/figures.js": "text/javascript",
		"/websocket": "text/html", "/socket.js": "text/javascript", "/echo.js": "text/javascript", "/chat.js": "text/javascript", "/favicon.svg": "image/svg+xml", "/hello": "text/plain",
	} {
		resp, body := get(t, url+path)
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), want) || len(body) == 0 {
			t.Errorf("%s: %s, %s, %d bytes, want 200 and %s", path, resp.Status, resp.Header.Get("Content-Type"), len(body), want)
		}
		if bytes.Contains(body, []byte("https://")) {
			t.Errorf("%s names another host", path)
		}
	}
	_, page := get(t, url+"/")
	for _, ref := range []string{`href="/style.css"`, `src="/app.js"`, `href="/favicon.svg"`} {
		if !bytes.Contains(page, []byte(ref)) {
			t.Errorf("the page lacks %s", ref)
		}
	}
	_, script := get(t, url+"/app.js")
	for _, id := range []string{"rps", "peak", "p50", "p99", "conns", "parked", "inflight", "requests", "out", "state", "burst-result", "remark"} {
		if !bytes.Contains(page, []byte(`id="`+id+`"`)) || !bytes.Contains(script, []byte("'"+id+"'")) {
			t.Errorf("page and script do not both have the element %q", id)
		}
	}
}

func TestSite_tries(t *testing.T) {
	_, url := start(t)
	resp, body := get(t, url+"/try/numbers.txt", "Range", "bytes=33-65")
	if resp.StatusCode != 206 || string(body) != "line 0001 starts at byte 000033.\n" {
		t.Errorf("range: %s, %q", resp.Status, body)
	}
	resp, body = get(t, url+"/try/numbers.txt", "If-None-Match", resp.Header.Get("ETag"))
	if resp.StatusCode != 304 || len(body) != 0 {
		t.Errorf("condition: %s, %d bytes, want 304 and none", resp.Status, len(body))
	}
	resp, body = get(t, url+"/try/gzip", "Accept-Encoding", "br, gzip;q=0.5")
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Vary") != "Accept-Encoding" || len(body) > len(numbers())/2 {
		t.Errorf("gzip: %v, %d bytes", resp.Header, len(body))
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(z); err != nil || !bytes.Equal(unpacked, numbers()) {
		t.Errorf("gzip: %v, unpacked to %d bytes", err, len(unpacked))
	}
	resp, body = get(t, url+"/try/gzip", "Accept-Encoding", "identity")
	if resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("Vary") != "Accept-Encoding" || !bytes.Equal(body, numbers()) {
		t.Errorf("identity: %v, %d bytes", resp.Header, len(body))
	}
}

func TestAcceptsGzip(t *testing.T) {
	for field, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "x-gzip": true, "br, gzip": true, "gzip;q=1": true, "gzip; q=0.001": true,
		"gzip;q=0": false, "gzip; Q=0.0": false, "gzip;q=high": false, "identity": false, "gzipped": false,
		"*": true, "*;q=0": false, "gzip;q=0, *": false, "*;q=0, gzip": true,
	} {
		if got := acceptsGzip(field); got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
}

// event reads one event of a stream.
func event(t *testing.T, in *bufio.Reader) (name, data string) {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		} else if v, ok := strings.CutPrefix(line, "data: "); ok {
			data = v
		} else if line == "" {
			return name, data
		}
	}
}

func TestSite_eventsTellTheTruth(t *testing.T) {
	srv, url := start(t)
	resp, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type %q", ct)
	}
	in := bufio.NewReader(resp.Body)
	if name, data := event(t, in); name != "hello" || data != `{"version":"1.2.3","go":"go1","platform":"a/b","cpus":4}` {
		t.Fatalf("first event %s: %s", name, data)
	}
	const asked = 20
	for range asked {
		get(t, url+"/hello")
	}
	var s sample
	for seen := 0.0; s.Requests < asked || seen == 0; seen = max(seen, s.RPS) {
		name, data := event(t, in)
		if err := json.Unmarshal([]byte(data), &s); name != "sample" || err != nil {
			t.Fatalf("%s: %s: %v", name, data, err)
		}
		if s.RPS > 0 && (s.P50 <= 0 || s.P99 < s.P50) {
			t.Errorf("requests without latency: %s", data)
		}
	}
	if s.Conns < 1 || s.InFlight < 1 || s.BytesOut <= 0 || s.Requests > srv.Stats().Requests {
		t.Errorf("not the server's figures: %+v, %+v", s, srv.Stats())
	}
}

// A browser that looks must not hold up the end.
func TestSite_shutdownEndsTheStreams(t *testing.T) {
	srv, url := start(t)
	resp, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	event(t, in)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(ctx) }()
	for name := ""; name != "bye"; name, _ = event(t, in) {
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) != 0 {
		t.Errorf("after bye: %q, %v, want the end of the body", rest, err)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}

// HEAD asks for the head: a stream to it would keep the connection for ever.
func TestSite_eventsHead(t *testing.T) {
	_, url := start(t)
	addr := strings.TrimPrefix(url, "http://")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, "HEAD /events HTTP/1.1\r\nHost: "+addr+"\r\n\r\nGET /hello HTTP/1.1\r\nHost: "+addr+"\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(all), "text/event-stream") || !strings.HasSuffix(string(all), "Hello from Hyperion.\n") {
		t.Errorf("%v: %q", err, all)
	}
}
