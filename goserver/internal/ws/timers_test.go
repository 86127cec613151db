package ws

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

func TestTimers(t *testing.T) {
	play(t, []dialogue{
		{"ping and silence", false, "wait 29s\n wait 1500ms\n < PING | hyperion-keepalive\n wait 29s\n wait 1500ms\n < CLOSE 1001 | idle timeout\n wait 6s\n < END\n = ENDED here 1001 idle timeout"},
		{"pong keeps it open", false, "wait 31s\n < PING | hyperion-keepalive\n > PONG | hyperion-keepalive\n = PONG hyperion-keepalive\n wait 31s\n < PING | hyperion-keepalive\n > PONG | hyperion-keepalive\n = PONG hyperion-keepalive\n wait 31s\n < PING | hyperion-keepalive"},
		{"any byte keeps it open", false, "wait 29s\n > TEXT nofin | x\n wait 29s\n > RAW 80\n wait 29s\n > RAW 81 00000000 78\n = TEXT xx"},
		{"idle, answered", false, "wait 31s\n < PING | hyperion-keepalive\n wait 31s\n < CLOSE 1001 | idle timeout\n > CLOSE 1001\n < END\n = ENDED here 1001 idle timeout"},
		{"idle within a message", false, "> TEXT nofin declare=100 | x\n wait 31s\n < PING | hyperion-keepalive\n wait 31s\n < CLOSE 1001 | idle timeout\n wait 6s\n < END\n = ENDED here 1001 idle timeout"},
		{"idle, then a message and close", false, "wait 31s\n < PING | hyperion-keepalive\n wait 31s\n < CLOSE 1001 | idle timeout\n > TEXT | x\n = TEXT x\n > CLOSE 1000\n < END\n = ENDED here 1001 idle timeout"},
		{"idle, then broken rules", false, "wait 31s\n < PING | hyperion-keepalive\n wait 31s\n < CLOSE 1001 | idle timeout\n > OP3 | x\n < FIN\n wait 3s\n < END\n = ENDED here 1001 idle timeout"},
		{"who breaks rules and stays is cut off", false, "> OP3 | x\n < CLOSE 1002 | reserved opcode\n < FIN\n > TEXT | more\n wait 500ms\n > TEXT | more\n wait 1s\n < END\n = ENDED here 1002 reserved opcode"},
	})
}

// What comes in the moment in which the peer would have been silent for too long still counts.
func TestTimers_lastMoment(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			cfg := testConfig()
			cfg.PingInterval = 0
			p := b.connect(s, cfg, Agreement{}, nil)
			for range 3 {
				p.w.mu.Lock()
				p.w.late = frame(t, "TEXT | x")
				p.w.mu.Unlock()
				p.talk("wait 61s\n = TEXT x")
			}
			p.talk("wait 61s\n < CLOSE 1001 | idle timeout\n > CLOSE 1001\n < END\n = ENDED here 1001 idle timeout")
			p.silent()
		})
	})
}

// Pings are counted by how long their pongs took.
func TestTimers_roundTrip(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			p := b.connect(s, testConfig(), Agreement{}, nil)
			p.talk("> PONG | hyperion-keepalive\n = PONG hyperion-keepalive\n wait 30002ms\n < PING | hyperion-keepalive\n wait 40ms\n > PONG | hyperion-keepalive\n = PONG hyperion-keepalive\n > PONG | hyperion-keepalive\n = PONG hyperion-keepalive")
			if n := b.route.Ping[3].Load(); n != 1 || time.Duration(b.route.PingSum.Load()) < 40*time.Millisecond {
				t.Errorf("%d pings of up to 50 ms, %v in all", n, time.Duration(b.route.PingSum.Load()))
			}
		})
	})
}

// Without limits nothing is sent, however long the peer is silent.
func TestTimers_off(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			cfg := testConfig()
			cfg.IdleTimeout, cfg.PingInterval = 0, 0
			p := b.connect(s, cfg, Agreement{}, nil)
			p.talk("wait 24h\n > TEXT | x\n = TEXT x")
			p.silent()
		})
	})
}

// A connection that the engine reads is parked whenever nothing is to be read, and holds no memory then.
func TestParked(t *testing.T) {
	bubble(t, func(b *bench) {
		p := b.connect(callback, testConfig(), Agreement{}, nil)
		parked := func(quiet bool) {
			t.Helper()
			synctest.Wait()
			if _, now := p.w.has(); !now {
				t.Error("not parked")
			}
			p.w.mu.Lock()
			defer p.w.mu.Unlock()
			c := p.conn
			if (c.incoming == nil) != quiet || c.queue != nil || c.leaving != nil {
				t.Errorf("a parked connection holds %v %v %v", c.incoming, c.queue, c.leaving)
			}
			if c.incoming != nil && (c.in != nil || c.kept == nil && c.msg != nil || c.inflated != nil || c.payload != nil) {
				t.Errorf("a parked connection holds %v %v", c.in, c.inflated)
			}
		}
		parked(true)
		p.talk("> TEXT | x\n = TEXT x")
		parked(true)
		p.talk("> PING\n < PONG\n = PING")
		parked(true)
		p.talk("> RAW 8185")
		parked(false)
		p.talk("> RAW 00000000 48656c6c6f\n = TEXT Hello")
		parked(true)
		p.talk("> BINARY nofin size=100000\n > CONT size=100000\n = BINARY 200000 bytes")
		parked(true)
		p.talk("wait 31s\n < PING | hyperion-keepalive")
		parked(true)
	})
}

// What has come with the opening handshake is the beginning.
func TestStart_ahead(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			for _, size := range []int{3, 4096, 4110, 16384, 70000} {
				first := build(wsframe.Header{Opcode: wsframe.Binary, Fin: true, Masked: true, Key: testKey}, make([]byte, size), 0, 0)
				for _, cut := range []int{1, len(first) / 2, len(first)} {
					cfg := testConfig()
					p := &speaker{bench: b, conn: new(Conn), w: newWire(b.T, b.clock, s == callback)}
					p.w.serve = p.conn.Serve
					var o Observer = observes{p}
					if s == callback {
						o = handles{observes{p}}
					}
					p.conn.Init(&cfg, b.route, Agreement{}, o)
					ahead := append([]byte(nil), first[:cut]...)
					p.conn.Start(p.w, ahead)
					clear(ahead)
					if s == callback {
						go p.conn.Returned(true)
					} else {
						go p.read()
					}
					synctest.Wait()
					p.w.give(first[cut:])
					p.say("PING | x")
					p.expect("PONG | x")
					p.delivered("BINARY " + abridged(make([]byte, size)))
				}
			}
		})
	})
}

// A handler that panics closes the connection.
func TestReturned_panic(t *testing.T) {
	eachStyle(t, func(t *testing.T, s style) {
		bubble(t, func(b *bench) {
			p := b.connect(s, testConfig(), Agreement{}, nil)
			p.talk("> TEXT | x\n = TEXT x")
			if s == programReads {
				p.conn.Returned(false)
				p.talk("< CLOSE 1011\n > CLOSE 1011\n < END\n = ENDED here 1011")
			}
		})
	})
}
