package demo

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

func TestEcho(t *testing.T) {
	_, url := start(t)
	s := speak(t, url, "/ws/echo")
	if n := s.hear("hello"); n.Protocol != "HTTP/1.1" {
		t.Errorf("%+v", n)
	}
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		for _, op := range []wsframe.Opcode{wsframe.Text, wsframe.Binary} {
			want := bytes.Repeat([]byte("x"), n)
			s.send(op, want)
			if got, p := s.frame(); got != op || !bytes.Equal(p, want) {
				t.Errorf("%v of %d bytes: %v of %d", op, n, got, len(p))
			}
		}
	}
	s.send(wsframe.Binary, make([]byte, 1<<20+1))
	if code, _ := s.closed(); code != wsframe.CloseMessageTooBig {
		t.Errorf("%d", code)
	}
}

// Pings count for the allowance as messages do.
func TestEcho_allowance(t *testing.T) {
	for _, op := range []wsframe.Opcode{wsframe.Text, wsframe.Ping} {
		url := serve(t, &goserver.Server{Handler: serveEcho(0, 10*(echoPerMessage+1))})
		s := speak(t, url, "/")
		s.hear("hello")
		for range 11 {
			s.send(op, []byte("x"))
		}
		s.send(wsframe.Close, nil)
		if code, reason := s.closed(); code != wsframe.ClosePolicyViolation || reason != "more than 16 MiB a second" {
			t.Errorf("%v: %d %s", op, code, reason)
		}
	}
}

func TestAllowance(t *testing.T) {
	a := newAllowance(3, 10)
	now := a.at
	for i := range 10 {
		if !a.take(1, now) {
			t.Errorf("%d was not there", i)
		}
	}
	if a.take(1, now) || a.take(1, now.Add(333*time.Millisecond)) {
		t.Error("more than the burst")
	}
	if now = now.Add(334 * time.Millisecond); !a.take(1, now) || a.take(1, now) {
		t.Error("not one after a third of a second")
	}
	if now = now.Add(time.Hour); !a.take(10, now) || a.take(1, now) {
		t.Error("not the burst after an hour")
	}
}

// Everything that the page of WebSockets refers to must be there, on this server.
func TestSite_webSocketPageIsWhole(t *testing.T) {
	_, url := start(t)
	_, page := get(t, url+"/websocket")
	for _, ref := range []string{`href="/style.css"`, `src="/echo.js"`, `src="/chat.js"`, `Content-Security-Policy" content="default-src 'self';`} {
		if !bytes.Contains(page, []byte(ref)) {
			t.Errorf("the page lacks %s", ref)
		}
	}
	for name, ids := range map[string]string{
		"/echo.js": "echo-state echo-form echo-text echo-size echo-type echo-once echo-many echo-last echo-p50 echo-p99 echo-count echo-bytes echo-log",
		"/chat.js": "chat-state chat-join chat-name chat-room chat-tab chat-log chat-here chat-form chat-text chat-say",
	} {
		_, script := get(t, url+name)
		for id := range strings.FieldsSeq(ids) {
			if !bytes.Contains(page, []byte(`id="`+id+`"`)) || !bytes.Contains(script, []byte("'"+id+"'")) {
				t.Errorf("page and %s do not both have the element %q", name, id)
			}
		}
	}
}

// Sockets are told that the server goes, and do not hold it up.
func TestSite_shutdownClosesSockets(t *testing.T) {
	srv, url := start(t)
	echo, chat := speak(t, url, "/ws/echo"), enter(t, url, "x", "a")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(ctx) }()
	for _, s := range []*speaker{echo, chat} {
		if code, _ := s.closed(); code != wsframe.CloseGoingAway {
			t.Errorf("closed with %d", code)
		}
		s.c.Close()
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}
