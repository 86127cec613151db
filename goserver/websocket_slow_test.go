package goserver_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A peer that says nothing, not even goodbye, is closed with 1001.
func TestWebSocket_halfOpen(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		closed := make(chan error, 2)
		o.IdleTimeout, o.PingInterval, o.CloseTimeout = 300*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond
		o.OnClose = func(_ *goserver.WebSocket, err error) { closed <- err }
		url, srv := socketServerOf(t, o, f)
		silent, plain := dialSocket(t, url), dialSocket(t, url)
		must(t, silent.say(wsframe.Header{Opcode: wsframe.Text}, []byte("the first part"))) // the rest never comes
		for _, c := range []*socketClient{silent, plain} {
			if reason := c.expectClose(1001); reason != "idle timeout" {
				t.Errorf("closed for %q", reason)
			}
			var ended *goserver.CloseError
			if err := receive(t, "OnClose", closed); !errors.As(err, &ended) || ended.Code != 1001 || ended.Remote {
				t.Errorf("OnClose got %v", err)
			}
		}
		poll(t, "the end of all", func() bool { return srv.Stats().Conns == 0 && srv.OpenWebSockets() == 0 })
	})
}

// Of the tests of slow readers: far more is sent than the system holds between the two ends.
const (
	slowMessages = 2000
	slowBytes    = 32 << 10
	slowQueue    = 256 << 10
)

// heldBySlow is how many bytes the heap may grow by while a peer does not read.
const heldBySlow = 8 << 20

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// slowSocket serves a socket that is sent slowMessages, each with its number; results are those of Write, in order.
func slowSocket(t *testing.T, o *goserver.WebSocketOptions) (*socketClient, *goserver.Server, <-chan error) {
	t.Helper()
	results := make(chan error, slowMessages)
	o.QueueBytes = slowQueue
	url, srv := socketServerOf(t, o, func(s *goserver.WebSocket) {
		defer close(results)
		p := make([]byte, slowBytes)
		for i := range uint32(slowMessages) {
			binary.BigEndian.PutUint32(p[slowBytes-4:], i)
			err := s.Write(goserver.BinaryMessage, p)
			results <- err
			if err != nil && err != goserver.ErrMessageDropped {
				return
			}
		}
	})
	return dialSocket(t, url), srv, results
}

// number reads a message and returns its number; -1 is none.
func (c *socketClient) number() int {
	h, p, err := c.frame(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if h.Opcode != wsframe.Binary {
		if want := binary.BigEndian.AppendUint16(nil, 1013); h.Opcode != wsframe.Close || !bytes.HasPrefix(p, want) {
			c.t.Errorf("got %v %q", h.Opcode, p)
		}
		return -1
	}
	if len(p) != slowBytes || len(bytes.Trim(p[:slowBytes-4], "\x00")) > 0 {
		c.t.Fatalf("a message of %d bytes is torn", len(p))
	}
	return int(binary.BigEndian.Uint32(p[slowBytes-4:]))
}

// Who writes waits for a slow reader, and then all comes.
func TestWebSocket_slowBlock(t *testing.T) {
	before := heap()
	c, _, results := slowSocket(t, &goserver.WebSocketOptions{})
	for i := range slowMessages {
		if got := c.number(); got != i {
			t.Fatalf("message %d instead of %d", got, i)
		}
		if i%500 == 1 {
			if grown := heap() - before; grown > heldBySlow {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
		}
	}
	for err := range results {
		must(t, err)
	}
}

// One who takes nothing for WriteTimeout is cut off, and who writes is told.
func TestWebSocket_slowTimeout(t *testing.T) {
	closed := make(chan error, 1)
	before := heap()
	c, srv, results := slowSocket(t, &goserver.WebSocketOptions{
		WriteTimeout: 300 * time.Millisecond,
		OnClose:      func(_ *goserver.WebSocket, err error) { closed <- err },
	})
	sent, last := 0, error(nil)
	for last = range results {
		sent++
	}
	if last == nil || sent == slowMessages {
		t.Fatalf("%d messages were taken from who writes, the last with %v", sent, last)
	}
	if grown := heap() - before; grown > heldBySlow {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if err := receive(t, "OnClose", closed); err == nil {
		t.Error("OnClose got no error")
	}
	poll(t, "the end", func() bool { return srv.OpenWebSockets() == 0 && srv.WebSocketStats()[0].Closed[1006] == 1 })
	c.conn.Close()
}

// What is dropped for a slow reader is whole messages, which are counted; the others keep their order.
func TestWebSocket_slowDropOldest(t *testing.T) {
	before := heap()
	c, srv, results := slowSocket(t, &goserver.WebSocketOptions{QueuePolicy: goserver.QueueDropOldest, OnMessage: echoMessage})
	refused := int64(0)
	for err := range results { // to the end, though nobody reads
		if err == goserver.ErrMessageDropped {
			refused++
		} else {
			must(t, err)
		}
	}
	if grown := heap() - before; grown > heldBySlow {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	dropped := srv.WebSocketStats()[0].Dropped
	if dropped < refused || dropped == 0 {
		t.Fatalf("%d are counted as dropped, Write refused %d", dropped, refused)
	}
	last := -1
	for range slowMessages - dropped {
		n := c.number()
		if n <= last {
			t.Fatalf("%d behind %d", n, last)
		}
		last = n
	}
	must(t, c.close(1000))
	c.expectClose(1000) // and nothing before it
	if st := srv.WebSocketStats()[0]; st.Dropped != dropped || st.MessagesOut != slowMessages-refused {
		t.Errorf("%d messages of %d dropped, %d refused: %+v", dropped, slowMessages, refused, st)
	}
}

// A slow reader is disconnected behind what was accepted for it.
func TestWebSocket_slowDisconnect(t *testing.T) {
	before := heap()
	closed := make(chan error, 1)
	c, srv, results := slowSocket(t, &goserver.WebSocketOptions{
		QueuePolicy: goserver.QueueDisconnect,
		OnMessage:   echoMessage,
		OnClose:     func(_ *goserver.WebSocket, err error) { closed <- err },
	})
	accepted, last := -1, error(nil)
	for last = range results {
		accepted++
	}
	if last != goserver.ErrQueueFull {
		t.Fatalf("Write: %v", last)
	}
	if grown := heap() - before; grown > heldBySlow {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	for want := range accepted {
		if got := c.number(); got != want {
			t.Fatalf("message %d instead of %d", got, want)
		}
	}
	if got := c.number(); got != -1 {
		t.Fatalf("message %d, which was refused", got)
	}
	must(t, c.close(1013))
	var ended *goserver.CloseError
	if err := receive(t, "OnClose", closed); !errors.As(err, &ended) || ended.Code != 1013 || ended.Remote {
		t.Errorf("OnClose got %v", err)
	}
	poll(t, "the end", func() bool { return srv.WebSocketStats()[0].Closed[1013] == 1 })
}
