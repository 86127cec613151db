package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A speaker is a client of a WebSocket, without compression.
type speaker struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

var nextAddress atomic.Uint32

// speak returns a client with an address of its own.
func speak(t *testing.T, url, path string) *speaker {
	t.Helper()
	n := nextAddress.Add(1)
	return speakFrom(t, fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250), url, path)
}

func speakFrom(t *testing.T, from, url, path string) *speaker {
	t.Helper()
	addr := strings.TrimPrefix(url, "http://")
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", addr)
	if err != nil && runtime.GOOS != "linux" {
		t.Skip("the machine has one address: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: "+addr+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	return &speaker{t, c, in}
}

func (s *speaker) send(op wsframe.Opcode, payload []byte) {
	s.t.Helper()
	h := wsframe.Header{Opcode: op, Fin: true, Masked: true, Key: [4]byte{1, 2, 3, 4}, Length: uint64(len(payload))}
	masked := bytes.Clone(payload)
	wsframe.Mask(h.Key, 0, masked)
	if _, err := s.c.Write(append(h.Append(nil), masked...)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *speaker) say(text string) {
	s.t.Helper()
	s.send(wsframe.Text, []byte(text))
}

// frame reads a frame, which is a whole message.
func (s *speaker) frame() (wsframe.Opcode, []byte) {
	s.t.Helper()
	var head []byte
	h, n, ok := wsframe.ParseHeader(nil)
	for !ok {
		more := make([]byte, n-len(head))
		if _, err := io.ReadFull(s.in, more); err != nil {
			s.t.Fatal(err)
		}
		head = append(head, more...)
		h, n, ok = wsframe.ParseHeader(head)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(s.in, payload); err != nil || !h.Fin {
		s.t.Fatalf("%+v: %v", h, err)
	}
	return h.Opcode, payload
}

// hear reads a notice, which must be of that kind.
func (s *speaker) hear(kind string) (n notice) {
	s.t.Helper()
	op, payload := s.frame()
	if err := json.Unmarshal(payload, &n); op != wsframe.Text || err != nil || n.Kind != kind {
		s.t.Fatalf("%v %q, want a notice of %s", op, payload, kind)
	}
	if bytes.ContainsAny(payload, "<>&") {
		s.t.Errorf("not escaped: %s", payload)
	}
	return n
}

// closed reads until the server closes.
func (s *speaker) closed() (wsframe.CloseCode, string) {
	s.t.Helper()
	for {
		if op, payload := s.frame(); op == wsframe.Close {
			code, reason, err := wsframe.ParseClose(payload)
			if err != nil {
				s.t.Fatal(err)
			}
			return code, string(reason)
		}
	}
}
