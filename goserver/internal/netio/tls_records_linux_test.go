package netio

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Records without data do no harm, wherever they come, and a connection that they
// wake goes back to sleep.
func TestTLS_recordsWithoutData(t *testing.T) {
	te := run(t, kinds[2], Config{}, echo)
	for _, tc := range []struct {
		name string
		send func(c *recordClient)
		want string
	}{
		{"empty record", func(c *recordClient) { c.send(c.record(typeData, "")) }, ""},
		{"key update", func(c *recordClient) { c.send(c.keyUpdate(0)) }, ""},
		{"key update that asks for one", func(c *recordClient) { c.send(c.keyUpdate(1)) }, ""},
		{"data between key updates", func(c *recordClient) {
			c.send(c.record(typeData, "a"), c.keyUpdate(1), c.record(typeData, "b"), c.keyUpdate(1), c.record(typeData, "c"))
		}, "abc"},
		{"user_canceled", func(c *recordClient) { c.send(c.record(typeAlert, "\x01\x5a")) }, ""},
		{"largest record", func(c *recordClient) { c.send(c.record(typeData, strings.Repeat("x", maxPlain))) }, strings.Repeat("x", maxPlain)},
		{"many records in a segment", func(c *recordClient) {
			var all [][]byte
			for range 100 {
				all = append(all, c.record(typeData, "y"))
			}
			c.send(all...)
		}, strings.Repeat("y", 100)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := te.dialRecords(t)
			defer c.Close()
			c.send(c.record(typeData, "one"))
			c.want("one")
			eventually(t, "the connection to be parked", func() bool { return te.Parked() == te.Conns() })
			tc.send(c)
			c.want(tc.want)
			c.send(c.record(typeData, "two"))
			c.want("two")
			eventually(t, "the connection to be parked", func() bool { return te.Parked() == te.Conns() })
		})
	}
}

// A record that comes byte by byte keeps no goroutine, and its pieces do not
// put off the end of an idle connection.
func TestTLS_recordInPieces(t *testing.T) {
	te := run(t, kinds[2], Config{}, echo)
	const n = 50
	before := runtime.NumGoroutine()
	for range n {
		c := te.dialRecords(t)
		c.send(c.record(typeData, "one"))
		c.want("one")
		r := c.record(typeData, "two")
		for i := range r[:len(r)-1] {
			c.send(r[i : i+1])
		}
	}
	eventually(t, "all to be parked", func() bool { return te.Parked() == n })
	fewGoroutines(t, before+30)
}

// What an idle connection gets that is not data does not put off its end.
func TestTLS_idleEnds(t *testing.T) {
	clock := make(chan *Clock, 1)
	te := run(t, kinds[2], Config{}, func(c Conn) {
		buf := make([]byte, 10)
		for {
			k := c.(*tlsConn).engine().clock
			select {
			case clock <- k:
			default:
			}
			n, parked, err := c.Next(buf, k.Until(time.Second))
			if parked {
				return
			}
			if err != nil {
				c.End()
				return
			}
			c.Write(buf[:n])
		}
	})
	c := te.dialRecords(t)
	c.send(c.record(typeData, "one"))
	c.want("one")
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(c.Conn)
		ended <- err
	}()
	start := time.Now()
	empty := func() { c.tcp.Write(c.record(typeData, "")) }
	for i := 0; ; i++ {
		select {
		case <-ended:
			return
		case <-time.After(100 * time.Millisecond):
			if i < 15 { // crypto/tls ends it at more
				empty()
			}
			if time.Since(start) > time.Minute {
				t.Fatal("still open")
			}
		}
	}
}

// The end of the peer's stream, in both forms, is seen by a parked connection and answered
// with close_notify.
func TestTLS_closeNotify(t *testing.T) {
	te := run(t, kinds[2], Config{}, echo)
	for _, tc := range []struct {
		name string
		end  func(c *recordClient)
	}{
		{"close_notify", func(c *recordClient) { c.send(c.record(typeAlert, "\x01\x00")) }},
		{"FIN", func(c *recordClient) { c.tcp.CloseWrite() }},
		{"data and close_notify", func(c *recordClient) { c.send(c.record(typeData, ""), c.record(typeAlert, "\x01\x00")) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := te.dialRecords(t)
			c.send(c.record(typeData, "one"))
			c.want("one")
			eventually(t, "the connection to be parked", func() bool { return te.Parked() == 1 })
			tc.end(c)
			if _, err := c.Conn.Read(make([]byte, 1)); err != io.EOF { // another error without close_notify
				t.Errorf("read: %v, want EOF", err)
			}
			eventually(t, "the connection to end", func() bool { return te.Conns() == 0 })
		})
	}
}

// Records that no TLS 1.3 client may send end the connection with an alert.
func TestTLS_badRecords(t *testing.T) {
	te := run(t, kinds[2], Config{}, echo)
	for _, tc := range []struct {
		name, alert string
		bytes       func(c *recordClient) []byte
	}{
		{"forged", "bad record MAC", func(c *recordClient) []byte { r := c.record(typeData, "x"); r[len(r)-1] ^= 1; return r }},
		{"clear text", "protocol version", func(c *recordClient) []byte { return []byte("GET / HTTP/1.1\r\n") }},
		{"too long", "record overflow", func(c *recordClient) []byte { return []byte{typeData, 3, 3, 0xff, 0xff} }},
		{"unknown message", "unexpected message", func(c *recordClient) []byte { return c.record(typeHandshake, "\x63\x00\x00\x00") }},
		{"unknown type", "unexpected message", func(c *recordClient) []byte { return c.record(99, "ab") }},
		{"key updates without end", "unexpected message", func(c *recordClient) (all []byte) {
			for range 40 {
				all = append(all, c.keyUpdate(0)...)
			}
			return all
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := te.dialRecords(t)
			c.send(c.record(typeData, "one"))
			c.want("one")
			c.send(tc.bytes(c))
			if _, err := c.Conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), tc.alert) {
				t.Errorf("read: %v, want alert %q", err, tc.alert)
			}
			eventually(t, "the connection to end", func() bool { return te.Conns() == 0 })
		})
	}
}

// A client that reads nothing holds no thread, and of the server's memory outSpace at most.
func TestTLS_slowReader(t *testing.T) {
	path, content := testFile(t, 16<<20)
	f := open(t, path)
	conns, done := make(chan *tlsConn, 1), make(chan error, 1)
	te := run(t, kinds[2], Config{}, func(c Conn) {
		defer c.End()
		c.Read(make([]byte, 1))
		conns <- c.(*tlsConn)
		_, _, err := c.SendFile([]byte("head"), f, 0, int64(len(content)), RungAuto)
		done <- err
	})
	client := te.dial()
	client.SetReadBuffer(64 << 10)
	client.Write([]byte("x"))
	c := <-conns
	held := 0
	eventually(t, "the writer to wait", func() bool {
		switch c.wg.state.Load() {
		case nil, ready:
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		held = cap(c.out)
		return true
	})
	if held > outSpace {
		t.Errorf("%d bytes held", held)
	}
	got, err := io.ReadAll(client)
	if err != nil || string(got) != "head"+string(content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
