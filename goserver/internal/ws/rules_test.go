package ws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A dialogue is a script for one connection.
type dialogue struct {
	name    string
	deflate bool
	script  string
}

func play(t *testing.T, all []dialogue) {
	for _, d := range all {
		t.Run(d.name, func(t *testing.T) {
			eachStyle(t, func(t *testing.T, s style) {
				bubble(t, func(b *bench) {
					var a Agreement
					if d.deflate {
						a.Deflate = &wsframe.Deflate{}
					}
					p := b.connect(s, testConfig(), a, nil)
					p.talk(d.script)
					p.silent()
				})
			})
		})
	}
}

// fails is the script of a connection that the server fails.
func fails(lines string, code int, reason string) string {
	return fmt.Sprintf("%s\n < CLOSE %d | %s\n < FIN\n > FIN\n < END\n = ENDED here %d %s", lines, code, reason, code, reason)
}

// Each rule of RFC 6455 §5 and RFC 7692 §6 fails the connection, with its code (§7.1.7).
func TestRules(t *testing.T) {
	var all []dialogue
	add := func(name string, deflate bool, lines string, code int, reason string) {
		all = append(all, dialogue{name, deflate, fails(lines, code, reason)})
	}
	for _, op := range []string{"TEXT", "CLOSE", "PING"} {
		add("RSV2 on "+op, false, "> "+op+" rsv2", 1002, "reserved bit set")
		add("RSV3 on "+op, false, "> "+op+" rsv3", 1002, "reserved bit set")
	}
	for _, op := range []string{"OP3", "OP4", "OP5", "OP6", "OP7", "OP11", "OP12", "OP13", "OP14", "OP15"} {
		add(op, false, "> "+op+" | x", 1002, "reserved opcode")
	}
	for _, op := range []string{"CLOSE", "PING", "PONG"} {
		add("long "+op, false, "> "+op+" size=126", 1002, "control frame too long")
		add("fragmented "+op, false, "> "+op+" nofin", 1002, "control frame fragmented")
		add("RSV1 on "+op, true, "> "+op+" rsv1", 1002, "compressed control frame")
	}
	add("RSV1 without extension", false, "> TEXT rsv1 | x", 1002, "compressed frame without extension")
	add("RSV1 on a continuation", true, "> TEXT nofin | x\n > CONT rsv1 | x", 1002, "compression bit on continuation")
	add("64-bit length", false, "> RAW 82 ff 8000000000000000 00000000", 1002, "length over 63 bits")
	add("16-bit length of 5", false, "> TEXT long=16 | hello", 1002, "length not minimal")
	add("64-bit length of 5", false, "> TEXT long=64 | hello", 1002, "length not minimal")
	for _, op := range []string{"TEXT", "BINARY", "PING", "CLOSE"} {
		add("unmasked "+op, false, "> "+op+" unmasked", 1002, "client frame not masked")
	}
	add("continuation without start", false, "> CONT | x", 1002, "continuation without message")
	add("continuation behind a message", false, "> TEXT | x\n = TEXT x\n > CONT | x", 1002, "continuation without message")
	add("text within a message", false, "> BINARY nofin | x\n > TEXT | x", 1002, "new message within a message")
	add("binary within a message", false, "> TEXT nofin | x\n > BINARY nofin | x", 1002, "new message within a message")
	add("frame too big", false, "> BINARY declare=1048577", 1009, "message too big")
	add("message too big", false, "> BINARY nofin size=1048576\n > CONT nofin\n > CONT | x", 1009, "message too big")
	add("frame of 2^62", false, "> BINARY declare=0x4000000000000000", 1009, "message too big")
	add("compressed frame too big", true, "> BINARY rsv1 declare=8388609", 1009, "message too big")
	add("not DEFLATE", true, "> TEXT rsv1 hex | ffffff", 1007, "inflate error")
	play(t, all)
}

// What is at a limit is no error.
func TestRules_limits(t *testing.T) {
	play(t, []dialogue{
		{"message of the most bytes", false, "> BINARY nofin size=1048575\n > CONT nofin\n > CONT | x\n = BINARY 1048576 bytes"},
		{"ping of the most bytes", false, "> PING size=125\n < PONG | 125 bytes\n = PING 125 bytes"},
		{"empty", false, "> TEXT\n = TEXT\n > BINARY nofin\n > CONT\n = BINARY"},
		{"16-bit length of 126", false, "> BINARY size=126\n = BINARY 126 bytes"},
		{"64-bit length of 65536", false, "> BINARY size=65536\n = BINARY 65536 bytes"},
		{"compressed", true, "> TEXT rsv1 hex | f248cdc9c90700\n = TEXT Hello"},
		{"compressed in two frames", true, "> TEXT rsv1 nofin hex | f248cd\n > PING\n < PONG\n = PING\n > CONT hex | c9c90700\n = TEXT Hello"},
		{"compressed over the context", true, "> TEXT rsv1 hex | f248cdc9c90700\n = TEXT Hello\n > TEXT rsv1 hex | f200110000\n = TEXT Hello"},
		{"compressed without a payload", true, "> TEXT rsv1\n = TEXT"},
	})
}

// A close frame is answered with its code, and checked (RFC 6455 §7.4, RFC 7692 §7.2).
func TestClose_codes(t *testing.T) {
	var all []dialogue
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		all = append(all, dialogue{fmt.Sprint(code), false, fmt.Sprintf("> CLOSE %d | why\n < CLOSE %d\n < END\n = ENDED there %d why", code, code, code)})
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		all = append(all, dialogue{fmt.Sprint(code), false, fails(fmt.Sprintf("> CLOSE %d | why", code), 1002, "invalid close code")})
	}
	all = append(all,
		dialogue{"empty", false, "> CLOSE\n < CLOSE 1000\n < END\n = ENDED there 1005"},
		dialogue{"no reason", false, "> CLOSE 1000\n < CLOSE 1000\n < END\n = ENDED there 1000"},
		dialogue{"half a code", false, fails("> CLOSE hex | 03", 1002, "close payload of one octet")},
		dialogue{"reason is not UTF-8", false, fails("> CLOSE hex | 03e8 c328", 1007, "invalid UTF-8")},
		dialogue{"reason ends within a character", false, fails("> CLOSE hex | 03e8 e282", 1007, "invalid UTF-8")},
		dialogue{"longest reason", false, "> CLOSE hex | 0fa0 " + strings.Repeat("61", 123) + "\n < CLOSE 4000\n < END\n = ENDED there 4000 " + strings.Repeat("a", 123)},
	)
	play(t, all)
}

// Control frames come between the fragments of a message, and are answered at once (§5.4).
func TestFragments(t *testing.T) {
	play(t, []dialogue{
		{"two", false, "> TEXT nofin | hel\n > CONT | lo\n = TEXT hello"},
		{"empty ones", false, "> TEXT nofin\n > CONT nofin\n > CONT nofin | a\n > CONT nofin\n > CONT\n = TEXT a"},
		{"ping between", false, "> BINARY nofin | hel\n > PING | 1\n < PONG | 1\n = PING 1\n > CONT nofin | l\n > PING | 2\n < PONG | 2\n = PING 2\n > PONG | x\n = PONG x\n > CONT | o\n = BINARY hello"},
		{"close between", false, "> TEXT nofin | hel\n > CLOSE 1000\n < CLOSE 1000\n < END\n = ENDED there 1000"},
		{"end between", false, "> TEXT nofin | hel\n > FIN\n < END\n = ENDED unexpected EOF"},
		{"end in a frame", false, "> TEXT declare=10 | hel\n > FIN\n < END\n = ENDED unexpected EOF"},
		{"end in a header", false, "> RAW 81\n > FIN\n < END\n = ENDED unexpected EOF"},
		{"end", false, "> FIN\n < END\n = ENDED unexpected EOF"},
		{"message behind close", false, "> CLOSE 1000\n > TEXT | x\n < CLOSE 1000\n < END\n = ENDED there 1000"},
		{"unasked pong", false, "> PONG | x\n = PONG x\n > TEXT | x\n = TEXT x"},
		{"in the middle of a character", false, "> TEXT nofin hex | e2\n > PING | 1\n < PONG | 1\n = PING 1\n > CONT nofin hex | 82\n > CONT hex | ac\n = TEXT €"},
		{"each byte of a long one", false, "> BINARY nofin size=70000\n > PING\n < PONG\n = PING\n > CONT size=70000\n = BINARY 140000 bytes"},
	})
}

// Text that is not UTF-8 fails the connection, at the first bad byte (§8.1).
func TestText(t *testing.T) {
	all := []dialogue{
		{"at the end", false, fails("> TEXT hex | 61 e282", 1007, "invalid UTF-8")},
		{"before the frame has come", false, fails("> TEXT declare=1000 hex | 61 ff", 1007, "invalid UTF-8")},
		{"before the message has come", false, fails("> TEXT nofin hex | ce ba ed a0", 1007, "invalid UTF-8")},
		{"over two fragments", false, fails("> TEXT nofin hex | e2 82\n > CONT nofin hex | 41", 1007, "invalid UTF-8")},
		{"over 10ffff", false, fails("> TEXT hex | f4 90 80 80", 1007, "invalid UTF-8")},
		{"too long", false, fails("> TEXT hex | c0 af", 1007, "invalid UTF-8")},
		{"binary", false, "> BINARY hex | ff\n = BINARY \xff"},
		{"compressed", true, fails("> TEXT rsv1 hex | fa 0f 00", 1007, "invalid UTF-8")},
	}
	play(t, all)
}

// Text cut at any byte, into frames and into reads, is the same text.
func TestText_cuts(t *testing.T) {
	const text = "aß€𝄞z\U0010ffff"
	eachStyle(t, func(t *testing.T, s style) {
		for chunk := 0; chunk < 4; chunk++ {
			bubble(t, func(b *bench) {
				p := b.connect(s, testConfig(), Agreement{}, func(p *speaker) { p.w.chunk = chunk })
				for i := range len(text) + 1 {
					for j := i; j <= len(text); j++ {
						p.w.give(build(wsframe.Header{Opcode: wsframe.Text, Masked: true, Key: testKey}, []byte(text[:i]), 0, 0))
						p.w.give(build(wsframe.Header{Opcode: wsframe.Continuation, Masked: true, Key: testKey}, []byte(text[i:j]), 0, 0))
						p.w.give(build(wsframe.Header{Opcode: wsframe.Continuation, Fin: true, Masked: true, Key: testKey}, []byte(text[j:]), 0, 0))
						p.delivered("TEXT " + text)
					}
				}
				p.silent()
			})
		}
	})
}
