package ws

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A peerModel is what a server does with frames, as simply as it can be said.
type peerModel struct {
	open    string // TEXT or BINARY while a message is
	message []byte
	said    []string // by the server
	got     []string // by the program
	over    bool
}

func (m *peerModel) fail(code int, reason string) {
	m.said = append(m.said, fmt.Sprintf("CLOSE %d | %s", code, reason), "FIN")
	m.got = append(m.got, fmt.Sprintf("ENDED here %d %s", code, reason))
	m.over = true
}

// frame takes a frame: its opcode's name, whether it is final, and the payload.
func (m *peerModel) frame(op string, fin bool, p []byte) {
	line := func(name string) string {
		if len(p) == 0 {
			return name
		}
		return name + " | " + abridged(p)
	}
	switch {
	case m.over:
	case op == "OP3":
		m.fail(1002, "reserved opcode")
	case op == "PING":
		m.said = append(m.said, line("PONG"))
		m.got = append(m.got, strings.TrimSpace("PING "+abridged(p)))
	case op == "PONG":
		m.got = append(m.got, strings.TrimSpace("PONG "+abridged(p)))
	case op == "CLOSE":
		m.said = append(m.said, "CLOSE 1000")
		m.got = append(m.got, "ENDED there 1000")
		m.over = true
	case op == "CONT" && m.open == "":
		m.fail(1002, "continuation without message")
	case op != "CONT" && m.open != "":
		m.fail(1002, "new message within a message")
	default:
		if op != "CONT" {
			m.open, m.message = op, nil
		}
		if len(m.message)+len(p) > 2000 {
			m.fail(1009, "message too big")
			return
		}
		m.message = append(m.message, p...)
		if m.open == "TEXT" && !utf8Prefix(m.message, fin) {
			m.fail(1007, "invalid UTF-8")
			return
		}
		if fin {
			m.got = append(m.got, strings.TrimSpace(m.open+" "+abridged(m.message)))
			m.open = ""
		}
	}
}

// utf8Prefix reports whether p is text, or unless it is whole can become so.
func utf8Prefix(p []byte, whole bool) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			if whole || utf8.FullRune(p) {
				return false
			}
			for _, rest := range []string{"\x80\x80\x80", "\xa0\x80\x80", "\x90\x80\x80", "\x8f\x80\x80"} {
				if s := string(p) + rest[:3]; len(p) < 4 && validStart(s) {
					return true
				}
			}
			return false
		}
		p = p[n:]
	}
	return true
}

func validStart(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return r != utf8.RuneError || n == 3
}

// Random sequences of frames, in random pieces, are delivered and answered as the model has it.
func TestModel(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		const perBubble = 50
		sequence := rapid.Custom(func(r *rapid.T) []dialogueFrame {
			n := rapid.IntRange(1, 12).Draw(r, "frames")
			all := make([]dialogueFrame, n)
			open := false
			for i := range all {
				f := &all[i]
				ops := []string{"TEXT", "BINARY", "PING", "PONG", "TEXT", "BINARY"}
				if open {
					ops = []string{"CONT", "CONT", "CONT", "PING", "PONG"}
				}
				if rapid.IntRange(0, 19).Draw(r, "odd") == 0 {
					ops = []string{"CONT", "TEXT", "CLOSE", "OP3"}
				}
				f.op = rapid.SampledFrom(ops).Draw(r, "op")
				f.fin = true
				switch f.op {
				case "CLOSE":
					f.payload = []byte{3, 232}
				case "PING", "PONG":
					f.payload = rapid.SliceOfN(rapid.ByteRange('a', 'z'), 0, 125).Draw(r, "payload")
				case "OP3":
				default:
					f.fin = rapid.Bool().Draw(r, "fin")
					open = !f.fin
					f.payload = []byte(rapid.SampledFrom([]string{"", "a", "hello", "ß", "\xc3", "\x9f", "€", "\xe2\x82", "\xac", "𝄞", "\xf0\x9d", "\x84\x9e", strings.Repeat("x", 126), strings.Repeat("y", 1200), "\xff"}).Draw(r, "payload"))
				}
			}
			return all
		})
		chunks := rapid.SampledFrom([]int{0, 1, 2, 3, 7, 100})
		for round := range 5000 / perBubble {
			bubble(t, func(b *bench) {
				for i := range perBubble {
					seed := round*perBubble + i
					modelRun(b, s, sequence.Example(seed), chunks.Example(seed))
				}
			})
		}
	})
}

type dialogueFrame struct {
	op      string
	fin     bool
	payload []byte
}

func modelRun(b *bench, s style, frames []dialogueFrame, chunk int) {
	cfg := testConfig()
	cfg.MaxMessage = 2000
	p := b.connect(s, cfg, Agreement{}, func(p *speaker) { p.w.chunk = chunk })
	var m peerModel
	var all []byte
	for _, f := range frames {
		m.frame(f.op, f.fin, f.payload)
		all = append(all, build(wsframe.Header{Opcode: opcodes[f.op], Fin: f.fin, Masked: true, Key: testKey}, f.payload, 0, 0)...)
	}
	p.w.give(all)
	p.w.hangUp()
	if !m.over {
		m.got = append(m.got, "ENDED unexpected EOF")
	}
	synctest.Wait()
	runtime.Gosched()
	var said []string
	for line := p.next(); line != ""; line = p.next() {
		said = append(said, line)
	}
	m.said = append(m.said, "END")
	if got, want := fmt.Sprintf("%q", said), fmt.Sprintf("%q", m.said); got != want {
		b.Fatalf("%+v in pieces of %d:\nthe server said %s\nwant            %s", frames, chunk, got, want)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if got, want := fmt.Sprintf("%q", p.events), fmt.Sprintf("%q", m.got); got != want {
		b.Fatalf("%+v in pieces of %d:\nthe program got %s\nwant            %s", frames, chunk, got, want)
	}
}
