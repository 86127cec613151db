package netio

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/ktls"
)

// headers keeps the headers of the records that come.
type headers struct {
	net.Conn
	mu   sync.Mutex
	left int
	part []byte
	all  [][]byte
}

func (h *headers) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.mu.Lock()
	defer h.mu.Unlock()
	for q := p[:n]; len(q) > 0; {
		if h.left > 0 {
			m := min(h.left, len(q))
			h.left, q = h.left-m, q[m:]
			continue
		}
		m := min(recordHeader-len(h.part), len(q))
		h.part, q = append(h.part, q[:m]...), q[m:]
		if len(h.part) == recordHeader {
			h.left = int(binary.BigEndian.Uint16(h.part[3:]))
			h.all, h.part = append(h.all, h.part), nil
		}
	}
	return n, err
}

// lastIsAlert reports whether the last record has the length of an alert. That it is
// a close_notify the end without an error tells: of another crypto/tls makes one.
func (h *headers) lastIsAlert() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	const alert, typ, tag = 2, 1, 16
	return len(h.all) > 0 && h.left == 0 && binary.BigEndian.Uint16(h.all[len(h.all)-1][3:]) == alert+typ+tag
}

func (c *recordClient) wantCloseNotify(h *headers) {
	c.t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		c.t.Fatalf("read %d, %v; want the end", n, err)
	}
	if !h.lastIsAlert() {
		c.t.Error("the end came without a close_notify")
	}
}

// Whoever ends the connection, close_notify comes last.
func TestKernelTLS_closeNotify(t *testing.T) {
	needKernelTLS(t)
	for _, tc := range []struct {
		name string
		end  func(Conn)
	}{
		{"End", func(Conn) {}},
		{"CloseWrite", func(c Conn) {
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
		}},
		{"Detach", func(c Conn) {
			nc, err := c.Detach()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(nc, "detached")
			nc.Close()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			te := run(t, kernelKind, Config{}, func(c Conn) {
				c.Read(make([]byte, 16))
				c.Write([]byte("one"))
				tc.end(c)
				c.End()
			})
			c, h := te.dialHeaders(t)
			c.send(c.record(typeData, "x"))
			c.want("one")
			if tc.name == "Detach" {
				c.want("detached")
			}
			c.wantCloseNotify(h)
			eventually(t, "none in the kernel", func() bool { return te.TLSTotals().Kernel == 0 })
		})
	}
}

// A detached connection is the *tls.Conn, and works as such.
func TestKernelTLS_detached(t *testing.T) {
	needKernelTLS(t)
	long := strings.Repeat("detached", 100_000)
	done := make(chan error, 1)
	te := run(t, kernelKind, Config{}, func(c Conn) {
		c.Read(make([]byte, 16))
		nc, err := c.Detach()
		if err != nil {
			done <- err
			return
		}
		_, err = io.WriteString(nc, long)
		_, err2 := io.ReadFull(nc, make([]byte, 3))
		_, err3 := io.WriteString(nc, "end")
		done <- errors.Join(err, err2, err3, nc.Close())
	})
	c, h := te.dialHeaders(t)
	c.send(c.record(typeData, "x"))
	c.want(long)
	c.send(c.record(typeData, "abc"))
	c.want("end")
	c.wantCloseNotify(h)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A fatal alert of crypto/tls leaves by the kernel.
func TestKernelTLS_alert(t *testing.T) {
	needKernelTLS(t)
	te := run(t, kernelKind, Config{}, echo)
	c := te.dialRecords(t)
	c.send(c.record(typeData, "one"))
	c.want("one")
	forged := c.record(typeData, "x")
	forged[len(forged)-1] ^= 1
	c.send(forged)
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("read: %v, want the alert bad record MAC", err)
	}
}

// The peer's own keys may change at any time. When it asks for new ones of the
// server, it gets them where the kernel can; else the connection ends in good order when
// everything that came is answered.
func TestKernelTLS_keyUpdate(t *testing.T) {
	needKernelTLS(t)
	te := run(t, kernelKind, Config{}, echo)
	for _, tc := range []struct {
		name string
		ask  byte
		last string // comes in the same segment as the last KeyUpdate
	}{
		{"not asked", 0, "two"},
		{"asked", 1, ""},
		{"asked with data behind", 1, "two"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, h := te.dialHeaders(t)
			c.send(c.record(typeData, "one"))
			c.want("one")
			for range 3 {
				c.send(c.keyUpdate(0))
			}
			records := [][]byte{c.keyUpdate(tc.ask)}
			if tc.last != "" {
				records = append(records, c.record(typeData, tc.last))
			}
			c.send(records...)
			c.want(tc.last)
			if tc.ask == 1 && !ktls.CanRekey() {
				c.wantCloseNotify(h)
				return
			}
			for range 3 {
				c.send(c.keyUpdate(tc.ask), c.record(typeData, "more"))
				c.want("more")
			}
		})
	}
}

// KeyUpdates during a long response change nothing of what comes, and the response is whole.
func TestTLS_keyUpdateInResponse(t *testing.T) { testKeyUpdateInResponse(t, kinds[2]) }

func TestKernelTLS_keyUpdateInResponse(t *testing.T) {
	needKernelTLS(t)
	testKeyUpdateInResponse(t, kernelKind)
}

func testKeyUpdateInResponse(t *testing.T, k kind) {
	body := strings.Repeat("0123456789abcdefg", 8<<20/17)
	started := make(chan struct{})
	te := run(t, k, Config{}, func(c Conn) {
		defer c.End()
		buf := make([]byte, 16)
		c.Read(buf)
		read := make(chan struct{})
		go func() {
			defer close(read)
			c.Read(buf) // while the response is written
		}()
		close(started)
		c.Write([]byte(body))
		<-read
		c.Write([]byte("end"))
	})
	c, h := te.dialHeaders(t)
	c.send(c.record(typeData, "x"))
	<-started
	for range 5 {
		c.send(c.keyUpdate(1))
	}
	c.want(body)
	c.send(c.keyUpdate(1), c.record(typeData, "y"))
	c.want("end")
	c.wantCloseNotify(h)
}

// A peer that asks for new keys while it takes nothing of what is written is answered
// as long as the answers fit, and no longer.
func TestTLS_keyUpdateUnread(t *testing.T) {
	ended := make(chan error, 1)
	te := run(t, kinds[2], Config{}, func(c Conn) {
		defer c.End()
		tc := c.(*tlsConn)
		tc.mu.Lock()
		tc.out, tc.busy = make([]byte, outAnswers-100), true // as if a write waited
		tc.mu.Unlock()
		for buf := make([]byte, 16); ; {
			if _, err := c.Read(buf); err != nil {
				ended <- err
				return
			}
		}
	})
	c := te.dialRecords(t)
	for range 10 {
		c.tcp.Write(append(c.keyUpdate(1), c.record(typeData, "x")...)) // fails when the server has enough
	}
	if err := <-ended; err != errAnswersUnread {
		t.Errorf("%v, want %v", err, errAnswersUnread)
	}
}

// dialHeaders is dialRecords with a look at the records that come.
func (te *testEngine) dialHeaders(t *testing.T) (*recordClient, *headers) {
	t.Helper()
	h := new(headers)
	c := te.dialRecordsOver(t, func(nc net.Conn) net.Conn {
		h.Conn = nc
		return h
	})
	return c, h
}
