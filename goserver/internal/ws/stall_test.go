package ws

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A message that has begun has to go on: neither pings nor empty frames keep one open that does not, and
// each byte of it does.
func TestTimers_stalledMessage(t *testing.T) {
	const ping, pong = "\n > PING\n < PONG\n = PING", "\n > PONG\n = PONG"
	const over = "\n wait 25s\n < CLOSE 1001 | idle timeout\n > CLOSE 1001\n < END\n = ENDED here 1001 idle timeout"
	const wait, cont, empty = "\n wait 20s", "\n > CONT nofin | x", "\n > CONT nofin"
	play(t, []dialogue{
		{"pings", false, "> TEXT nofin | a" + wait + ping + wait + ping + over},
		{"pongs", false, "> TEXT nofin | a" + wait + pong + wait + pong + over},
		{"empty frames", false, "> TEXT nofin" + wait + empty + wait + empty + over},
		{"bytes", false, "> TEXT nofin | a" + strings.Repeat(wait+cont, 9) + wait + ping + wait + ping + "\n wait 15s\n > CONT\n = TEXT a" + strings.Repeat("x", 9)},
		{"the end", false, "> TEXT nofin | a" + wait + ping + wait + ping + "\n wait 15s\n > CONT\n = TEXT a" + strings.Repeat(wait+ping, 9)},
		{"the next message", false, "> TEXT nofin | a" + wait + ping + wait + ping + "\n wait 15s\n > CONT\n = TEXT a\n > TEXT nofin | b" + wait + ping + wait + ping + "\n wait 15s\n > CONT\n = TEXT b"},
		{"no message", false, strings.Repeat(wait+ping, 20)},
	})
}

// Nor do they when so many come that there is always something to be read.
func TestTimers_stalledMessageFlood(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		for _, line := range []string{"PONG | x", "CONT nofin"} {
			bubble(t, func(b *bench) {
				p := b.connect(s, testConfig(), Agreement{}, nil)
				p.say("TEXT nofin | a")
				begun := time.Now()
				for p.conn.Err() == nil && time.Since(begun) < 2*time.Minute {
					time.Sleep(99 * time.Millisecond) // more often than time is looked at
					p.say(line)
					synctest.Wait()
				}
				if d := time.Since(begun); d < time.Minute || d > 61*time.Second {
					t.Errorf("%s: the connection ended after %v with %v", line, d, p.conn.Err())
				}
				p.conn.Abort()
			})
		}
	})
}

// A message has some frames without content, and not any number of them.
func TestEmptyFrames(t *testing.T) {
	most := strings.Repeat("> CONT nofin\n", maxEmptyFrames)
	play(t, []dialogue{
		{"at the limit", false, "> TEXT nofin\n" + most + "> CONT | x\n = TEXT x\n > TEXT nofin | a\n" + most + "> CONT\n = TEXT a"},
		{"above it", false, "> TEXT nofin\n" + most + "> CONT nofin\n < CLOSE 1008 | too many empty frames\n > CONT nofin\n > CLOSE 1008\n < END\n = ENDED here 1008 too many empty frames"},
		{"with content", false, "> TEXT nofin\n" + strings.Repeat("> CONT nofin | x\n", 2*maxEmptyFrames) + "> CONT\n = TEXT 2048 bytes"},
	})
}

// So does one that the program reads as it comes.
func TestEmptyFrames_reader(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		p.say("TEXT nofin | a")
		_, m, err := p.conn.Reader()
		if err != nil {
			t.Fatal(err)
		}
		p.w.give([]byte(strings.Repeat(string(frame(t, "CONT nofin")), maxEmptyFrames+1)))
		p.say("CLOSE 1000")
		if err := m.Close(); !isClose(err) || err.(*CloseError).Code != wsframe.ClosePolicyViolation {
			t.Errorf("the reader ended with %v", err)
		}
	})
}

// That the program was slow is not held against the peer.
func TestTimers_slowProgram(t *testing.T) {
	send := func(p *speaker) {
		for _, name := range []string{"PING", "PING", "CONT"} {
			p.say(name + " | b")
		}
	}
	stays := func(p *speaker) {
		if err := p.conn.Err(); err != nil {
			t.Errorf("it has ended: %v", err)
		}
	}
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		p.say("TEXT nofin | a")
		_, m, err := p.conn.Reader()
		if err != nil {
			t.Fatal(err)
		}
		m.Read(make([]byte, 1))
		time.Sleep(2 * time.Minute)
		send(p)
		if rest, err := io.ReadAll(m); string(rest) != "b" || err != nil {
			t.Errorf("the reader: %q, %v", rest, err)
		}
		stays(p)
	})
	bubble(t, func(b *bench) {
		p := b.unread(testConfig())
		p.say("TEXT nofin | a")
		p.conn.SetReadDeadline(time.Now().Add(time.Second))
		p.conn.Next()
		p.conn.SetReadDeadline(time.Time{})
		time.Sleep(2 * time.Minute)
		send(p)
		if _, m, err := p.conn.Next(); string(m) != "ab" || err != nil {
			t.Errorf("Next: %q, %v", m, err)
		}
		stays(p)
	})
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{}, func(p *speaker) {
			p.message = func(_ wsframe.Opcode, m []byte) {
				if string(m) == "first" {
					time.Sleep(2 * time.Minute)
				}
			}
		})
		p.w.give(append(frame(t, "TEXT | first"), frame(t, "TEXT nofin | a")...))
		p.delivered("TEXT first")
		send(p)
		p.talk("wait 121s\n < PONG | b\n < PONG | b\n = PING b\n = PING b\n = TEXT ab")
		stays(p)
	})
}
