package ws

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// testConfig has the limits of most tests.
func testConfig() Config {
	return Config{
		MaxMessage: 1 << 20, MaxRatio: 200, IdleTimeout: time.Minute, PingInterval: 30 * time.Second,
		WriteTimeout: 20 * time.Second, CloseTimeout: 5 * time.Second, QueueBytes: 64 << 10,
	}
}

// A style is how a connection is read.
type style string

const (
	programReads style = "program"
	callback     style = "callback"
)

func eachStyle(t *testing.T, f func(t *testing.T, s style)) {
	for _, s := range []style{programReads, callback} {
		t.Run(string(s), func(t *testing.T) { f(t, s) })
	}
}

// A speaker is a client that says and expects frames as text, a line each:
//
//	> TEXT nofin | hello
//	< CLOSE 1002 | client frame not masked
//	= TEXT hello
//	wait 31s
//
// Lines with = are what the program gets: messages, pings, pongs and the end. "> FIN" ends the
// client's side. "< FIN" is the end of the server's side, "< END" that of the connection.
type speaker struct {
	*bench
	w    *wire
	conn *Conn

	mu     sync.Mutex
	events []string
	heard  int // bytes of what the server said that were expected

	message func(op wsframe.Opcode, p []byte) // in the program, unless nil
	hook    func(event string)
	ended   bool
	fin     bool
}

// connect returns a speaker to a new connection, which is read in the style s.
func (b *bench) connect(s style, cfg Config, a Agreement, set func(*speaker)) *speaker {
	p := &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, s == callback)}
	if set != nil {
		set(p)
	}
	p.w.serve = p.conn.Serve
	var o Observer = observes{p}
	if s == callback {
		o = handles{observes{p}}
	}
	p.conn.Init(&cfg, b.route, a, o)
	p.conn.Start(p.w, nil)
	if s == callback {
		go p.conn.Returned(true)
	} else {
		go p.read()
	}
	return p
}

// idle is connect for a program that never reads.
func (b *bench) unread(cfg Config) *speaker {
	p := &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, false)}
	p.conn.Init(&cfg, b.route, Agreement{}, observes{p})
	p.conn.Start(p.w, nil)
	return p
}

// stream begins a message in parts.
func (s *speaker) stream(op wsframe.Opcode) *MessageWriter {
	w, err := s.conn.Writer(op)
	if err != nil {
		s.Fatal(err)
	}
	return w
}

// read is a program that reads.
func (s *speaker) read() {
	for {
		op, p, err := s.conn.Next()
		if err != nil {
			if want := s.conn.Err(); err != want {
				s.Errorf("Next failed with %v, Err is %v", err, want)
			}
			return
		}
		s.got(op, p)
	}
}

type observes struct{ s *speaker }
type handles struct{ observes }

func (o observes) Ping(p []byte)                      { o.s.note("PING " + abridged(p)) }
func (o observes) Pong(p []byte)                      { o.s.note("PONG " + abridged(p)) }
func (o observes) Closed(err error)                   { o.s.note("ENDED " + describe(err)) }
func (h handles) Message(op wsframe.Opcode, p []byte) { h.s.got(op, p) }

func (s *speaker) got(op wsframe.Opcode, p []byte) {
	s.note(strings.ToUpper(op.String()) + " " + abridged(p))
	if s.message != nil {
		s.message(op, p)
	}
}

func (s *speaker) note(event string) {
	event = strings.TrimSpace(event)
	s.mu.Lock()
	s.events = append(s.events, event)
	s.mu.Unlock()
	if s.hook != nil {
		s.hook(event)
	}
}

// describe writes the end of a connection.
func describe(err error) string {
	if c := (*CloseError)(nil); errors.As(err, &c) {
		who := "here"
		if c.Remote {
			who = "there"
		}
		return strings.TrimSpace(fmt.Sprintf("%s %d %s", who, c.Code, c.Reason))
	}
	return err.Error()
}

func abridged(p []byte) string {
	if len(p) > 64 {
		return fmt.Sprintf("%d bytes", len(p))
	}
	return string(p)
}

// talk plays a script.
func (s *speaker) talk(script string) {
	s.Helper()
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "wait "):
			d, err := time.ParseDuration(line[5:])
			if err != nil {
				s.Fatal(err)
			}
			time.Sleep(d)
		case line[0] == '>':
			s.say(line[1:])
		case line[0] == '<':
			s.expect(strings.TrimSpace(line[1:]))
		case line[0] == '=':
			s.delivered(strings.TrimSpace(line[1:]))
		default:
			s.Fatalf("bad line %q", line)
		}
	}
}

var opcodes = map[string]wsframe.Opcode{
	"CONT": wsframe.Continuation, "TEXT": wsframe.Text, "BINARY": wsframe.Binary,
	"CLOSE": wsframe.Close, "PING": wsframe.Ping, "PONG": wsframe.Pong,
	"OP3": 3, "OP4": 4, "OP5": 5, "OP6": 6, "OP7": 7, "OP11": 11, "OP12": 12, "OP13": 13, "OP14": 14, "OP15": 15,
}

// testKey masks what clients say.
var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

func (s *speaker) say(line string) {
	s.Helper()
	if strings.TrimSpace(line) == "FIN" {
		s.w.hangUp()
		return
	}
	s.w.give(frame(s.T, line))
}

// frame makes the frame of a line: its opcode, flags and, behind a bar, the payload. A
// payload "x 100" with the flag repeat has a hundred x, and "hex" has it in hexadecimal.
func frame(t *testing.T, line string) []byte {
	head, text, _ := strings.Cut(line, "|")
	text = strings.TrimPrefix(text, " ")
	words := strings.Fields(head)
	if words[0] == "RAW" {
		raw, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	op, ok := opcodes[words[0]]
	if !ok {
		t.Fatalf("bad frame %q", line)
	}
	h := wsframe.Header{Opcode: op, Fin: true, Masked: true, Key: testKey}
	var payload []byte
	long := 0
	declared := uint64(0)
	for _, flag := range words[1:] {
		switch name, value, _ := strings.Cut(flag, "="); name {
		case "nofin":
			h.Fin = false
		case "unmasked":
			h.Masked = false
		case "rsv1":
			h.RSV1 = true
		case "rsv2":
			h.RSV2 = true
		case "rsv3":
			h.RSV3 = true
		case "hex":
			raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			payload, text = raw, ""
		case "size":
			n, _ := strconv.Atoi(value)
			payload, text = []byte(strings.Repeat("x", n)), ""
		case "long":
			long, _ = strconv.Atoi(value)
		case "declare":
			declared, _ = strconv.ParseUint(value, 0, 64)
		default: // the code of CLOSE
			code, err := strconv.Atoi(flag)
			if err != nil {
				t.Fatalf("bad flag %q in %q", flag, line)
			}
			payload = []byte{byte(code >> 8), byte(code)}
		}
	}
	payload = append(payload, text...)
	return build(h, payload, long, declared)
}

// build makes a frame, with a length of long bits and a declared one if that is not 0.
func build(h wsframe.Header, payload []byte, long int, declared uint64) []byte {
	h.Length = uint64(len(payload))
	if declared > 0 {
		h.Length = declared
	}
	b := h.Append(nil)
	if n := len(payload); long > 0 && n < 126 {
		mask := b[1] & 0x80
		rest := append([]byte(nil), b[2:]...)
		b = append(b[:1], mask|byte(map[int]int{16: 126, 64: 127}[long]))
		for i := long - 8; i >= 0; i -= 8 {
			b = append(b, byte(uint64(n)>>i))
		}
		b = append(b, rest...)
	}
	p := append([]byte(nil), payload...)
	if h.Masked {
		wsframe.Mask(h.Key, 0, p)
	}
	return append(b, p...)
}

// next returns the next that the server said, as a line, or "".
func (s *speaker) next() string {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	b := s.w.out[s.heard:]
	h, n, ok := wsframe.ParseHeader(b)
	if !ok || uint64(len(b)-n) < h.Length {
		switch {
		case len(b) > 0 && (s.w.ended || s.w.aborted):
			s.heard = len(s.w.out)
			return "CUT"
		case s.w.fin && !s.fin:
			s.fin = true
			return "FIN"
		case s.w.ended && !s.ended:
			s.ended = true
			return "END"
		}
		return ""
	}
	p := b[n : n+int(h.Length)]
	s.heard += n + int(h.Length)
	if h.Masked || h.RSV2 || h.RSV3 {
		return fmt.Sprintf("a bad header %+v", h)
	}
	name := "CONT"
	if h.Opcode != wsframe.Continuation {
		name = strings.ToUpper(h.Opcode.String())
	}
	if !h.Fin {
		name += " nofin"
	}
	if h.RSV1 {
		name += " rsv1"
	}
	if h.Opcode == wsframe.Close && len(p) >= 2 {
		name += fmt.Sprintf(" %d", int(p[0])<<8|int(p[1]))
		p = p[2:]
	}
	if len(p) == 0 {
		return name
	}
	return name + " | " + abridged(p)
}

func (s *speaker) expect(want string) {
	s.Helper()
	synctest.Wait()
	if got := s.next(); got != want {
		s.Fatalf("the server said %q, want %q", got, want)
	}
}

// delivered checks what the program got next.
func (s *speaker) delivered(want string) {
	s.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == 0 {
		s.Fatalf("the program got nothing, want %q", want)
	}
	if got := s.events[0]; got != want {
		s.Fatalf("the program got %q, want %q", got, want)
	}
	s.events = s.events[1:]
}

// silent checks that nothing more was said or delivered.
func (s *speaker) silent() {
	s.Helper()
	synctest.Wait()
	if got := s.next(); got != "" {
		s.Errorf("the server also said %q", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) > 0 {
		s.Errorf("the program also got %q", s.events)
	}
}
