package goserver_test

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/goserver/internal/h1/wirecase"
)

// TestWireOverTCP runs the cases of internal/h1/testdata/wire on a server: the
// statuses, that the connection ends or can go on, and that the handler sees
// the accepted requests and no other.
func TestWireOverTCP(t *testing.T) {
	cases, err := wirecase.Load("internal/h1/testdata/wire")
	must(t, err)
	var echo wireEcho
	addr := serve(t, &goserver.Server{Handler: &echo, DisableGeneralOptionsHandler: true, Protocols: protocols("1")})
	for _, c := range cases {
		t.Run(strings.TrimSuffix(c.File, ".md")+"/"+c.Name, func(t *testing.T) {
			runWireCase(t, addr, &echo, &c, len(c.Input))
			// Without a last LF the server may wait for more before it objects.
			if len(c.Input) < 400 && bytes.HasSuffix(c.Input, []byte("\n")) {
				runWireCase(t, addr, &echo, &c, 1)
			}
		})
	}
}

// runWireCase sends a case in writes of piece bytes and checks what comes back.
func runWireCase(t *testing.T, addr string, echo *wireEcho, c *wirecase.Case, piece int) {
	echo.take()
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) // so that a server that hangs fails
	for in := c.Input; len(in) > 0; in = in[min(piece, len(in)):] {
		if _, err := conn.Write(in[:min(piece, len(in))]); err != nil {
			break // it may have closed by now
		}
	}
	r := bufio.NewReader(conn)
	accepted := 0
	for i, want := range c.Want {
		if want.Status == 0 {
			must(t, conn.(*net.TCPConn).CloseWrite())
			break
		}
		checkWireResponse(t, r, i, want)
		if want.Error == "" {
			accepted++
		}
	}
	if last := c.Want[len(c.Want)-1]; last.Status != 0 && !last.Close {
		_, err := io.WriteString(conn, "GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
		must(t, err)
		checkWireResponse(t, r, len(c.Want), wirecase.Outcome{Status: 200, Close: true})
		accepted++
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("after the last response: %q, %v, want EOF", rest, err)
	}
	seen := echo.take()
	if len(seen) != accepted {
		t.Fatalf("the handler saw %d requests, want %d: %v", len(seen), accepted, seen)
	}
	checkWireRequests(t, c.Want, seen)
}

// checkWireResponse reads a final response and compares it with outcome i.
func checkWireResponse(t *testing.T, r *bufio.Reader, i int, want wirecase.Outcome) {
	t.Helper()
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: want.Facts["method"]})
		if err != nil {
			t.Fatalf("response %d: %v", i+1, err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode < 200 {
			continue
		}
		if resp.StatusCode != want.Status || resp.Close != want.Close || err != nil {
			t.Fatalf("response %d: %s close=%v (%s) %v, want %d close=%v", i+1, resp.Status, resp.Close, body, err, want.Status, want.Close)
		}
		return
	}
}

// checkWireRequests compares what the handler saw with the accepted outcomes.
func checkWireRequests(t *testing.T, want []wirecase.Outcome, seen []map[string]string) {
	t.Helper()
	for i, o := range want {
		if o.Error != "" || o.Status == 0 {
			return
		}
		for name, value := range o.Facts {
			if got, ok := seen[i][name]; ok && got != value {
				t.Errorf("request %d: %s=%q, want %q", i+1, name, got, value)
			}
		}
	}
}

// A wireEcho is the handler of the wire cases, and what it saw.
type wireEcho struct {
	mu   sync.Mutex
	seen []map[string]string // facts by name, as wire cases call them
}

// take returns what the handler saw since the last call.
func (e *wireEcho) take() []map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.seen
	e.seen = nil
	return seen
}

// ServeHTTP notes a request and answers it. One whose body fails is left for
// the server to answer, and one whose body was cut off gets no answer.
func (e *wireEcho) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return
	}
	e.mu.Lock()
	e.seen = append(e.seen, wireFacts(r, body))
	e.mu.Unlock()
	if r.Method == http.MethodConnect {
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
	io.WriteString(w, "seen")
}

// wireFacts says of a request what wire cases may want, as far as net/http's
// Request still knows it: repeated trailers have lost their order, for one.
func wireFacts(r *http.Request, body []byte) map[string]string {
	f := map[string]string{
		"method": r.Method, "target": r.RequestURI, "query": r.URL.RawQuery, "host": r.Host, "body": string(body),
	}
	switch path, _, _ := strings.Cut(r.RequestURI, "?"); {
	case path[0] == '/' || path == "*":
		f["path"] = path // as sent
	case r.URL.Scheme != "":
		f["path"] = cmp.Or(r.URL.Path, "/")
	}
	var trailers []string
	for name, values := range r.Trailer {
		trailers = append(trailers, name+":"+strings.Join(values, ","))
	}
	sort.Strings(trailers)
	f["trailer"] = strings.Join(trailers, ";")
	for name, values := range r.Header {
		f["field:"+name] = values[0]
	}
	return f
}
