package h2

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	xhpack "golang.org/x/net/http2/hpack"

	"github.com/hyperion-server/hyperion/goserver/internal/direct"
	"github.com/hyperion-server/hyperion/goserver/internal/netio"
	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// A bench is a server without a network, inside of a synctest bubble.
type bench struct {
	t        testing.TB
	cfg      Config
	routes   direct.Routes
	engine   *Engine
	net      *netio.Engine
	conns    chan net.Conn
	draining bool
	wrap     func(netio.Conn) netio.Conn // has the engine see another connection, unless nil
	logged   bytes.Buffer
	stopped  chan struct{}
}

// run runs f in a bubble, with a server that change has set up.
func run(t *testing.T, change func(*bench), f func(*bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, conns: make(chan net.Conn), stopped: make(chan struct{})}
		clock := netio.NewClock()
		logger := log.New(&b.logged, "", 0)
		b.cfg = Config{
			WriteStall: 30 * time.Second,
			Config:     benchConfig(clock, &b.routes),
		}
		b.cfg.ErrorLog = func() *log.Logger { return logger }
		b.cfg.Draining = func() bool { return b.draining }
		if change != nil {
			change(b)
		}
		b.engine = NewEngine(b.cfg)
		b.net = netio.New(netio.Config{Clock: clock, NewSession: func() netio.Session { return benchSession{b.engine.NewSession(), b.wrap} }, Expired: b.engine.Expired})
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan struct{})
		go func() {
			b.net.Serve(ctx, b, func(c netio.Conn) { c.WriteIdle(30 * time.Second) })
			close(served)
		}()
		defer func() { // also when the test has failed
			stop()
			<-served
			b.net.AbortAll()
			b.net.StopWhenEmpty(func() { close(b.stopped) })
			<-b.stopped
			synctest.Wait()
			if n := b.engine.Streams(); n != 0 {
				t.Errorf("%d streams are left", n)
			}
			b.engine.Stop()
		}()
		f(b)
	})
}

// serveSocket runs f with a server on a socket, outside of a bubble; set changes its
// configuration.
func (b *bench) serveSocket(set func(), f func(addr string)) {
	clock := netio.NewClock()
	b.cfg = Config{Config: benchConfig(clock, &b.routes)}
	set()
	b.engine = NewEngine(b.cfg)
	b.net = netio.New(netio.Config{Clock: clock, NewSession: func() netio.Session { return benchSession{Session: b.engine.NewSession()} }, Expired: b.engine.Expired})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b.t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		b.net.Serve(ctx, l, func(netio.Conn) {})
		close(served)
	}()
	defer func() {
		stop()
		<-served
		l.Close()
		done := make(chan struct{})
		b.net.AbortAll()
		b.net.StopWhenEmpty(func() { close(done) })
		<-done
		b.engine.Stop()
	}()
	f(l.Addr().String())
}

func benchConfig(clock *netio.Clock, routes *direct.Routes) *semantics.Config {
	no := func() bool { return false }
	return &semantics.Config{
		Clock:         clock,
		Limits:        semantics.Limits{HeadBytes: 64 << 10, Fields: 100, TargetBytes: 1 << 10, BodyBytes: 1 << 20},
		HeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, BodyIdle: 30 * time.Second,
		Routes: routes, Handler: http.NotFoundHandler(), ErrorLog: log.Default, Draining: no, KeepAlivesOff: no,
	}
}

type benchSession struct {
	*Session
	wrap func(netio.Conn) netio.Conn
}

func (s benchSession) Serve(c netio.Conn) {
	if s.wrap != nil {
		c = s.wrap(c)
	}
	s.Session.Serve(c, nil)
}

func (b *bench) Accept() (net.Conn, error) {
	if c, ok := <-b.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (b *bench) Close() error   { close(b.conns); return nil }
func (b *bench) Addr() net.Addr { return &net.TCPAddr{} }

// A speaker is a client that says and expects frames as text, a line each:
//
//	> HEADERS 1 END_STREAM | :method GET | :path /
//	< HEADERS 1 | :status 200 | content-length 5
//	< DATA 1 END_STREAM | hello
//
// Date is not shown. A line "wait 10s" lets time pass; "< CLOSED" is the end.
type speaker struct {
	t    testing.TB
	conn net.Conn
	out  *http2.Framer
	enc  *xhpack.Encoder
	buf  bytes.Buffer

	mu    sync.Mutex
	heard []string
	quiet bool // frames are only counted
	count map[string]int
}

// dial connects without a word.
func (b *bench) dial() *speaker {
	client, server := net.Pipe()
	b.conns <- server
	s := &speaker{t: b.t, conn: client, out: http2.NewFramer(client, nil), count: make(map[string]int)}
	s.out.AllowIllegalWrites = true
	s.enc = xhpack.NewEncoder(&s.buf)
	go s.listen()
	b.t.Cleanup(func() { client.Close() })
	return s
}

// greet connects and exchanges SETTINGS.
func (b *bench) greet(settings string) *speaker {
	s := b.dial()
	s.talk("> PREFACE\n> SETTINGS " + settings + "\n> SETTINGS ACK\n")
	synctest.Wait()
	s.mu.Lock()
	if len(s.heard) > 0 && strings.HasPrefix(s.heard[0], "SETTINGS MAX_CONCURRENT_STREAMS=") {
		s.heard = s.heard[1:]
	}
	s.mu.Unlock()
	s.talk("< WINDOW_UPDATE 0 2031617\n< SETTINGS ACK")
	return s
}

// hush has frames only counted from now on.
func (s *speaker) hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = true
}

func (s *speaker) listen() {
	in := http2.NewFramer(nil, s.conn)
	in.SetMaxReadFrameSize(1 << 24)
	dec := xhpack.NewDecoder(4096, nil)
	for {
		f, err := in.ReadFrame()
		line := "CLOSED"
		if err == nil {
			line = show(f, dec)
		}
		s.mu.Lock()
		kind, _, _ := strings.Cut(line, " ")
		s.count[kind]++
		if !s.quiet || kind == "GOAWAY" || kind == "CLOSED" {
			s.heard = append(s.heard, line)
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// show writes a frame as a line.
func show(f http2.Frame, dec *xhpack.Decoder) string {
	h := f.Header()
	var b strings.Builder
	fmt.Fprintf(&b, "%v", h.Type)
	if h.StreamID != 0 {
		fmt.Fprintf(&b, " %d", h.StreamID)
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		if f.StreamEnded() {
			b.WriteString(" END_STREAM")
		}
		fields, err := dec.DecodeFull(f.HeaderBlockFragment())
		if err != nil {
			return err.Error()
		}
		for _, f := range fields {
			if f.Name != "date" {
				fmt.Fprintf(&b, " | %s %s", f.Name, f.Value)
			}
		}
	case *http2.DataFrame:
		if f.StreamEnded() {
			b.WriteString(" END_STREAM")
		}
		if d := strings.TrimSpace(string(f.Data())); len(d) > 64 {
			fmt.Fprintf(&b, " | %d bytes", len(d))
		} else if d != "" {
			fmt.Fprintf(&b, " | %s", d)
		}
	case *http2.SettingsFrame:
		if f.IsAck() {
			b.WriteString(" ACK")
		}
		f.ForeachSetting(func(s http2.Setting) error {
			_, err := fmt.Fprintf(&b, " %v=%d", s.ID, s.Val)
			return err
		})
	case *http2.RSTStreamFrame:
		fmt.Fprintf(&b, " %v", f.ErrCode)
	case *http2.WindowUpdateFrame:
		if h.StreamID == 0 {
			b.WriteString(" 0")
		}
		fmt.Fprintf(&b, " %d", f.Increment)
	case *http2.PingFrame:
		if f.IsAck() {
			b.WriteString(" ACK")
		}
		fmt.Fprintf(&b, " %s", strings.TrimRight(string(f.Data[:]), "\x00"))
	case *http2.GoAwayFrame:
		fmt.Fprintf(&b, " %d %v", f.LastStreamID, f.ErrCode)
	}
	return b.String()
}

// talk plays a script.
func (s *speaker) talk(script string) {
	s.t.Helper()
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "wait "):
			d, err := time.ParseDuration(line[5:])
			if err != nil {
				s.t.Fatal(err)
			}
			time.Sleep(d)
		case line[0] == '>':
			s.say(strings.TrimSpace(line[1:]))
		case line[0] == '<':
			s.expect(strings.TrimSpace(line[1:]))
		default:
			s.t.Fatalf("bad line %q", line)
		}
	}
}

// silent checks that nothing more was said.
func (s *speaker) silent() {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heard) > 0 {
		s.t.Errorf("the server also said %q", s.heard)
	}
}

func (s *speaker) expect(want string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heard) == 0 {
		s.t.Fatalf("the server said nothing, want %q", want)
	}
	if got := s.heard[0]; got != want {
		s.t.Fatalf("the server said %q\n then %q\nwant %q", got, s.heard[1:], want)
	}
	s.heard = s.heard[1:]
}

// block encodes fields "name value", each behind a bar.
func (s *speaker) block(fields []string) []byte {
	s.buf.Reset()
	for _, f := range fields {
		name, value, _ := strings.Cut(strings.TrimPrefix(f, " "), " ")
		s.enc.WriteField(xhpack.HeaderField{Name: name, Value: strings.TrimSuffix(value, " ")})
	}
	return s.buf.Bytes()
}

// get is the fields of a GET request for a path.
func get(path string) string {
	return "| :method GET | :scheme http | :authority a.example | :path " + path
}

func (s *speaker) say(line string) {
	s.t.Helper()
	parts := strings.Split(line, "|")
	words := strings.Fields(parts[0])
	number := func(i int) uint32 {
		n, err := strconv.ParseUint(words[i], 10, 32)
		if err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		return uint32(n)
	}
	end := strings.Contains(parts[0], "END_STREAM")
	var err error
	switch words[0] {
	case "PREFACE":
		_, err = io.WriteString(s.conn, http2.ClientPreface)
	case "RAW":
		var raw []byte
		if raw, err = hex.DecodeString(strings.Join(words[1:], "")); err == nil {
			_, err = s.conn.Write(raw)
		}
	case "SETTINGS":
		err = s.settings(words[1:])
	case "HEADERS":
		err = s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: number(1), EndStream: end,
			EndHeaders: !strings.Contains(parts[0], "MORE"), BlockFragment: s.block(parts[1:])})
	case "CONTINUATION":
		err = s.out.WriteContinuation(number(1), !strings.Contains(parts[0], "MORE"), s.block(parts[1:]))
	case "DATA":
		data := ""
		if len(parts) > 1 {
			data = strings.TrimSpace(parts[1])
		}
		err = s.out.WriteData(number(1), end, []byte(data))
	case "RST_STREAM":
		err = s.out.WriteRSTStream(number(1), http2.ErrCode(number(2)))
	case "WINDOW_UPDATE":
		err = s.out.WriteWindowUpdate(number(1), number(2))
	case "PING":
		var p [8]byte
		copy(p[:], words[len(words)-1])
		err = s.out.WritePing(words[1] == "ACK", p)
	case "PRIORITY_UPDATE":
		err = s.out.WritePriorityUpdate(number(1), strings.TrimSpace(parts[1]))
	case "GOAWAY":
		err = s.out.WriteGoAway(number(1), http2.ErrCode(number(2)), nil)
	default:
		s.t.Fatalf("bad frame %q", line)
	}
	if err != nil {
		s.t.Fatalf("%q: %v", line, err)
	}
}

func (s *speaker) settings(words []string) error {
	if len(words) > 0 && words[0] == "ACK" {
		return s.out.WriteSettingsAck()
	}
	ids := map[string]http2.SettingID{"INITIAL_WINDOW_SIZE": http2.SettingInitialWindowSize, "MAX_FRAME_SIZE": http2.SettingMaxFrameSize,
		"HEADER_TABLE_SIZE": http2.SettingHeaderTableSize, "ENABLE_PUSH": http2.SettingEnablePush}
	var all []http2.Setting
	for _, w := range words {
		name, v, _ := strings.Cut(w, "=")
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return err
		}
		all = append(all, http2.Setting{ID: ids[name], Val: uint32(n)})
	}
	return s.out.WriteSettings(all...)
}
