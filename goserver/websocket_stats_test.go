package goserver_test

import (
	"encoding/binary"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// statsOf returns the counts of a route.
func statsOf(t *testing.T, srv *goserver.Server, route string) goserver.WebSocketStats {
	t.Helper()
	all := srv.WebSocketStats()
	i := slices.IndexFunc(all, func(st goserver.WebSocketStats) bool { return st.Route == route })
	if i < 0 {
		t.Fatalf("no route %q: %+v", route, all)
	}
	return all[i]
}

// The name of a route is Route, or the pattern that has matched, or none.
func TestWebSocketStats_route(t *testing.T) {
	for _, tc := range []struct{ name, pattern, want string }{
		{"", "GET /ws/{id}", "GET /ws/{id}"},
		{"chat", "GET /ws/{id}", "chat"},
		{"", "", "unrouted"},
	} {
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			goserver.Upgrade(w, r, &goserver.WebSocketOptions{Route: tc.name, OnMessage: echoMessage})
		})
		if tc.pattern != "" {
			mux := http.NewServeMux()
			mux.Handle(tc.pattern, h)
			h = mux
		}
		srv := &goserver.Server{Handler: h}
		addr, _ := start(t, srv)
		if all := srv.WebSocketStats(); len(all) != 0 {
			t.Errorf("before: %+v", all)
		}
		c := dialSocket(t, "ws://"+addr.String()+"/ws/1")
		c.echo(wsframe.Text, []byte("hello"))
		if st := statsOf(t, srv, tc.want); st.Open != 1 || st.Opened != 1 || len(srv.WebSocketStats()) != 1 {
			t.Errorf("%+v", st)
		}
	}
}

// Messages and their bytes are counted as the programs see them, control frames not at all.
func TestWebSocketStats_messages(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		o.Route, o.Fragment = "echo", 1000
		url, srv := socketServerOf(t, o, f)
		const deflate = "Sec-WebSocket-Extensions: permessage-deflate"
		c := dialSocket(t, url, deflate)
		window := wsframe.Window{NoContextTakeover: true}
		z, u := wsframe.NewCompressor(window), wsframe.NewDecompressor(window)
		long := strings.Repeat("0123456789", 400)
		packed, ok := z.Append(nil, []byte(long))
		if !ok {
			t.Fatal("not compressed")
		}
		must(t, c.say(wsframe.Header{Opcode: wsframe.Text, Fin: true, RSV1: true}, packed))
		got, deflated, err := c.inflated(u)
		if got != long || !deflated || err != nil {
			t.Fatalf("echo of %d bytes, %v, %v", len(got), deflated, err)
		}
		must(t, c.say(wsframe.Header{Opcode: wsframe.Binary}, make([]byte, 100)))
		must(t, c.say(wsframe.Header{Opcode: wsframe.Ping, Fin: true}, []byte("ping")))
		must(t, c.say(wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, make([]byte, 50)))
		if _, p, err := c.message(nil); len(p) != 150 || err != nil {
			t.Fatalf("echo of %d bytes, %v", len(p), err)
		}
		must(t, c.say(wsframe.Header{Opcode: wsframe.Text, Fin: true}, nil))
		if _, p, err := c.message(nil); len(p) != 0 || err != nil {
			t.Fatalf("echo of %d bytes, %v", len(p), err)
		}
		st := statsOf(t, srv, "echo")
		if st.Open != 1 || st.Opened != 1 || st.MessagesIn != 3 || st.MessagesOut != 3 || st.BytesIn != 4150 || st.BytesOut != 4150 || st.Dropped != 0 || len(st.Closed) != 0 {
			t.Errorf("%+v", st)
		}
		ratio, last := st.DeflateRatio, len(st.DeflateRatio.Bounds)
		if len(ratio.Counts) != last+1 || !slices.IsSorted(ratio.Bounds) || sum(ratio.Counts) != 2 || ratio.Counts[last] != 2 {
			t.Errorf("ratios: %+v", ratio)
		}
		if each := float64(len(long)) / float64(len(packed)); ratio.Sum < 1.5*each || ratio.Sum > 2.5*each {
			t.Errorf("the ratios sum up to %v, of about %v each", ratio.Sum, each)
		}
		must(t, c.close(1000))
		c.expectClose(1000)
		poll(t, "the end", func() bool { return statsOf(t, srv, "echo").Closed[1000] == 1 })
		if st = statsOf(t, srv, "echo"); st.Opened != 1 || st.Open != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func sum(counts []int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// Each end is counted once, by its code.
func TestWebSocketStats_closed(t *testing.T) {
	o := &goserver.WebSocketOptions{Route: "r", MaxMessageBytes: 1000, OnMessage: func(s *goserver.WebSocket, _ goserver.MessageType, p []byte) {
		switch len(p) {
		case 1:
			runtime.Goexit() // as a panic, but not logged
		case 2:
			s.Close(wsframe.CloseCode(binary.BigEndian.Uint16(p)), "")
		}
	}}
	url, srv := socketServerOf(t, o, nil)
	want := map[wsframe.CloseCode]int64{}
	end := func(code wsframe.CloseCode, act func(c *socketClient)) {
		t.Helper()
		c := dialSocket(t, url)
		act(c)
		want[code]++
		poll(t, "the end", func() bool { return maps.Equal(statsOf(t, srv, "r").Closed, want) })
	}
	for _, code := range []wsframe.CloseCode{1000, 1001, 1008, 3000, 3999, 4000, 4999} {
		class := code
		if code >= 3000 {
			class = code / 1000 * 1000
		}
		end(class, func(c *socketClient) { // the client begins
			must(t, c.close(code))
			c.expectClose(code)
		})
		end(class, func(c *socketClient) { // the server does
			must(t, c.send(wsframe.Binary, binary.BigEndian.AppendUint16(nil, uint16(code))))
			c.expectClose(code)
			must(t, c.close(code))
		})
	}
	for _, tc := range []struct {
		code wsframe.CloseCode
		h    wsframe.Header
		p    string
	}{
		{1002, wsframe.Header{Opcode: wsframe.Continuation, Fin: true}, "of nothing"},
		{1007, wsframe.Header{Opcode: wsframe.Text, Fin: true}, "not UTF-8: \xff"},
		{1009, wsframe.Header{Opcode: wsframe.Text, Fin: true}, strings.Repeat("x", 1001)},
		{1011, wsframe.Header{Opcode: wsframe.Text, Fin: true}, "p"},
	} {
		end(tc.code, func(c *socketClient) {
			must(t, c.say(tc.h, []byte(tc.p)))
			c.expectClose(tc.code)
			c.close(tc.code)
			c.conn.Close()
		})
	}
	end(1005, func(c *socketClient) { // Close without a code
		must(t, c.send(wsframe.Close, nil))
		c.expectClose(1000)
	})
	end(1006, func(c *socketClient) { c.conn.Close() })
	end(1006, func(c *socketClient) {
		reset(c.conn)
		c.conn.Close()
	})
	if st := statsOf(t, srv, "r"); st.Open != 0 || st.Opened != int64(7*2+4+3) {
		t.Errorf("%+v", st)
	}
}

// Of pongs, those count that answer the server's own pings.
func TestWebSocketStats_ping(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		o.Route, o.PingInterval = "r", 50*time.Millisecond
		url, srv := socketServerOf(t, o, f)
		c := dialSocket(t, url)
		must(t, c.send(wsframe.Pong, []byte("nobody has asked")))
		c.echo(wsframe.Text, []byte("hello"))
		if st := statsOf(t, srv, "r"); sum(st.Ping.Counts) != 0 || st.Ping.Sum != 0 {
			t.Errorf("before: %+v", st.Ping)
		}
		for i := range int64(2) {
			h, p, err := c.frame(nil)
			if h.Opcode != wsframe.Ping || err != nil {
				t.Fatalf("got %v, %v, want a ping", h.Opcode, err)
			}
			pong := wsframe.Header{Opcode: wsframe.Pong, Fin: true, Masked: true, Length: uint64(len(p))}.Append(nil)
			pong = append(pong, p...)
			_, err = c.conn.Write(append(pong, pong...)) // the second answers nothing
			must(t, err)
			c.echo(wsframe.Text, []byte("hello"))
			st := statsOf(t, srv, "r").Ping
			if len(st.Counts) != len(st.Bounds)+1 || !slices.IsSorted(st.Bounds) || sum(st.Counts) != i+1 || st.Sum <= 0 {
				t.Errorf("after %d: %+v", i+1, st)
			}
		}
	})
}
