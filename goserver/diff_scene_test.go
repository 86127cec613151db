package goserver_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait of a conversation. It is never reached by one
// that goes well, so it costs nothing to be generous.
const patience = time.Minute

// A scene is what the handlers and the client of one conversation share.
type scene struct {
	t      *testing.T
	server subject
	addr   net.Addr
	tls    bool

	mu     sync.Mutex
	notes  []string
	states []string
	logged bytes.Buffer
	gates  map[string]chan struct{}

	accepted atomic.Bool  // the connection, at last
	conns    atomic.Int64 // not closed, nor hijacked
	handlers atomic.Int64 // running
	client   atomic.Pointer[client]
}

// note adds a line to the transcript.
func (s *scene) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *scene) gate(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[name] == nil {
		s.gates[name] = make(chan struct{})
	}
	return s.gates[name]
}

// open lets those who wait for the gate pass; once for each name.
func (s *scene) open(name string) { close(s.gate(name)) }

// wait returns when the gate is open.
func (s *scene) wait(name string) {
	select {
	case <-s.gate(name):
	case <-time.After(patience):
		s.note("BAD: nobody opened %q", name)
	}
}

// waitDone notes how the context ended.
func (s *scene) waitDone(ctx context.Context) {
	select {
	case <-ctx.Done():
		s.note("context: %v; cause: %v", ctx.Err(), context.Cause(ctx))
	case <-time.After(patience):
		s.note("BAD: the context was not cancelled")
	}
}

// hold has the conversation with the server that newServer makes.
func hold(t *testing.T, c *diffCase, newServer func(fields) subject) string {
	t.Helper()
	s := &scene{t: t, gates: map[string]chan struct{}{}}
	set := c.set
	set.Handler, set.ErrorLog, set.ConnState = s.handler(c), s.logger(), s.connState
	set.Protocols = protocols("1")
	s.server = newServer(set)
	if c.noKeep {
		s.server.SetKeepAlivesEnabled(false)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr()
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(ln) }()

	cl := dial(t, s, c.raw)
	if c.script != nil {
		c.script(cl)
	} else {
		cl.converse(c.reads)
	}
	cl.conn.Close()
	s.settle()
	s.server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Errorf("Serve: %v", err)
	}
	return s.transcript(cl)
}

// settle waits until no handler runs and every connection has ended.
func (s *scene) settle() {
	s.until("ended", func() bool { return s.accepted.Load() && s.conns.Load() == 0 && s.handlers.Load() == 0 })
}

// untilLogged waits for the first line of the log, where nothing else tells
// that it is written.
func (s *scene) untilLogged() {
	s.until("logged", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.logged.Len() > 0
	})
}

func (s *scene) until(what string, cond func() bool) {
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.note("BAD: never %s: %d connections, %d handlers", what, s.conns.Load(), s.handlers.Load())
			return
		}
	}
}

func (s *scene) transcript(c *client) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(s.notes, c.seen...)
	if !c.left {
		all = append(all, "states: "+strings.Join(s.states, " "))
	}
	all = append(all, loggedLines(s.logged.String())...)
	return strings.Join(all, "\n")
}

// connState is the servers' ConnState hook.
func (s *scene) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
		s.accepted.Store(true)
	case http.StateClosed, http.StateHijacked:
		defer s.conns.Add(-1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, state.String())
}

func (s *scene) logger() *log.Logger { return log.New(lockedWriter{s}, "log: ", 0) }

type lockedWriter struct{ s *scene }

func (l lockedWriter) Write(p []byte) (int, error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.s.logged.Write(p)
}

var (
	loopback   = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	logPackage = regexp.MustCompile(`^log: (http2?|goserver): `)
)

// loggedLines returns the first line of each entry, without the name of the
// package that logged it and with addresses masked.
func loggedLines(text string) (l []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "log: ") {
			line = logPackage.ReplaceAllString(strings.TrimSpace(line), "log: ")
			l = append(l, loopback.ReplaceAllString(line, "ADDR"))
		}
	}
	return l
}

// handler answers probes and notes what the case's handler sees.
func (s *scene) handler(c *diffCase) http.Handler {
	var inner http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.do(&turn{w, r, s})
	})
	if c.handler != nil {
		inner = c.handler(s)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Add(-1)
		if r.RequestURI == probeTarget {
			w.Header().Set("Probe", "ok")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		s.note("%s", s.sight(r))
		inner.ServeHTTP(w, r)
	})
}

// sight is what a handler sees of its request, what is always so left out.
func (s *scene) sight(r *http.Request) string {
	b := fmt.Appendf(nil, "saw %s %q %s host=%q", r.Method, r.RequestURI, r.Proto, r.Host)
	add := func(odd bool, format string, args ...any) {
		if odd {
			b = fmt.Appendf(append(b, ' '), format, args...)
		}
	}
	u := r.URL
	add(u.String() != r.RequestURI || u.Path != r.RequestURI, "url=%q path=%q raw=%q query=%q scheme=%q urlhost=%q opaque=%q fragment=%q",
		u.String(), u.Path, u.RawPath, u.RawQuery, u.Scheme, u.Host, u.Opaque, u.Fragment)
	for _, k := range sortedKeys(r.Header) {
		add(true, "%s=%q", k, r.Header[k])
	}
	add(r.ContentLength != 0, "length=%d", r.ContentLength)
	add(r.TransferEncoding != nil, "te=%q", r.TransferEncoding)
	add(r.Close, "close")
	add(r.Trailer != nil, "trailer=%v", r.Trailer)
	add(r.Body == http.NoBody, "nobody")
	add(r.Pattern != "", "pattern=%q", r.Pattern)
	add(r.Body == nil, "BAD body=nil")
	add(r.Header == nil, "BAD header=nil")
	add((r.TLS != nil) != s.tls, "BAD tls")
	add(r.Form != nil || r.PostForm != nil || r.MultipartForm != nil, "BAD form")
	add(r.GetBody != nil || r.Response != nil, "BAD client fields")
	add(r.Context().Value(http.ServerContextKey) == nil, "BAD no server in the context")
	major, minor, _ := http.ParseHTTPVersion(r.Proto)
	add(major != r.ProtoMajor || minor != r.ProtoMinor, "BAD version=%d.%d", r.ProtoMajor, r.ProtoMinor)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	add(local == nil || local.String() != s.addr.String(), "BAD local=%v", local)
	if c := s.client.Load(); c != nil {
		add(r.RemoteAddr != c.conn.LocalAddr().String(), "BAD remote=%q", r.RemoteAddr)
	}
	return string(b)
}

// read notes the request's body, and the error unless it is io.EOF.
func (x *turn) read() []byte {
	b, err := io.ReadAll(x.r.Body)
	x.note("read %s err=%v (%T)", show(b), err, err)
	return b
}

// show renders bytes: whole when they are few, else their size and checksum.
func show[B ~[]byte | ~string](b B) string {
	if len(b) <= 120 {
		return strconv.Quote(string(b))
	}
	return fmt.Sprintf("%d bytes, crc %08x, %q...", len(b), crc32.ChecksumIEEE([]byte(b)), string(b[:20]))
}

func itoa(n int) string { return strconv.Itoa(n) }
