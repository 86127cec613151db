package goserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// Prepared messages and others, mixed, come out the same whatever each client agreed to.
func TestWebSocket_prepared(t *testing.T) {
	const messages = 120
	text := func(i int) string { // of all lengths around CompressFrom, alike, so that one may refer to another
		return fmt.Sprintf("message %d: ", i) + strings.Repeat(fmt.Sprintf("<%d> the same words again, ", i%7), i*i%40)
	}
	prepared := make([]*goserver.PreparedMessage, messages)
	for i := range prepared {
		prepared[i] = goserver.NewPreparedMessage(goserver.TextMessage, []byte(text(i)))
	}
	send := func(s *goserver.WebSocket) {
		for i, m := range prepared {
			var err error
			switch i % 5 {
			case 0, 2, 3:
				err = s.WritePrepared(m)
			case 1:
				err = s.WriteText(text(i))
			case 4:
				var w *goserver.MessageWriter
				if w, err = s.NextWriter(goserver.TextMessage); err == nil {
					w.Write([]byte(text(i)[:5]))
					w.Write([]byte(text(i)[5:]))
					err = w.Close()
				}
			}
			if err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
		}
	}
	for _, tc := range []struct {
		name        string
		compression goserver.Compression
		offer       string
		agreed      string // "": none
		window      wsframe.Window
	}{
		{"none", goserver.CompressionAuto, "", "", wsframe.Window{}},
		{"off", goserver.CompressionOff, "permessage-deflate", "", wsframe.Window{}},
		{"each by itself", goserver.CompressionAuto, "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", wsframe.Window{NoContextTakeover: true}},
		{"takeover", goserver.CompressionTakeover, "permessage-deflate", "permessage-deflate", wsframe.Window{}},
		{"takeover, small window", goserver.CompressionTakeover, "permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9", wsframe.Window{MaxBits: 9}},
		{"takeover refused", goserver.CompressionTakeover, "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover", wsframe.Window{NoContextTakeover: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url := socketServer(t, &goserver.WebSocketOptions{Compression: tc.compression}, send)
			var fields []string
			if tc.offer != "" {
				fields = append(fields, "Sec-WebSocket-Extensions: "+tc.offer)
			}
			c := dialSocket(t, url, fields...)
			if got := c.resp.Header.Get("Sec-WebSocket-Extensions"); got != tc.agreed {
				t.Fatalf("agreed to %q, want %q", got, tc.agreed)
			}
			u, compressed := wsframe.NewDecompressor(tc.window), 0
			for i := range messages {
				got, deflated, err := c.inflated(u)
				if err != nil || got != text(i) {
					t.Fatalf("message %d: %v, %d bytes, want %d", i, err, len(got), len(text(i)))
				}
				if deflated {
					compressed++
				}
				if deflated && (tc.agreed == "" || len(text(i)) < goserver.DefaultCompressFrom && i%5 != 4) {
					t.Errorf("message %d of %d bytes is compressed", i, len(got))
				}
			}
			if (compressed > messages/3) != (tc.agreed != "") {
				t.Errorf("%d messages are compressed", compressed)
			}
		})
	}
}

// What is neither text nor binary is not sent, in whatever way.
func TestWebSocket_messageType(t *testing.T) {
	var hub goserver.Hub
	ways := map[string]func(s *goserver.WebSocket, typ goserver.MessageType) error{
		"Write": func(s *goserver.WebSocket, typ goserver.MessageType) error { return s.Write(typ, []byte("x")) },
		"WritePrepared": func(s *goserver.WebSocket, typ goserver.MessageType) error {
			return s.WritePrepared(goserver.NewPreparedMessage(typ, []byte("x")))
		},
		"NextWriter": func(s *goserver.WebSocket, typ goserver.MessageType) error {
			w, err := s.NextWriter(typ)
			if w != nil {
				w.Close()
			}
			return err
		},
		"Publish": func(_ *goserver.WebSocket, typ goserver.MessageType) error {
			return hub.Publish("topic", typ, []byte("x"))
		},
	}
	url := socketServer(t, nil, func(s *goserver.WebSocket) {
		if err := hub.Join("topic", s); err != nil {
			t.Error(err)
		}
		for name, send := range ways {
			for typ := range goserver.MessageType(17) {
				if typ == goserver.TextMessage || typ == goserver.BinaryMessage {
					continue
				}
				if err := send(s, typ); err != goserver.ErrMessageType {
					t.Errorf("%s of type %d: %v", name, typ, err)
				}
			}
		}
		s.WriteText("the end")
		s.Close(1000, "")
	})
	c := dialSocket(t, url)
	if typ, p, err := c.message(nil); typ != wsframe.Text || string(p) != "the end" || err != nil {
		t.Errorf("%v %q, %v", typ, p, err)
	}
	c.close(1000)
}

// inflated reads a message, of any number of frames.
func (c *socketClient) inflated(u *wsframe.Decompressor) (text string, deflated bool, err error) {
	var p []byte
	for {
		var h wsframe.Header
		if h, p, err = c.frame(p); err != nil {
			return "", false, err
		}
		deflated = deflated || h.RSV1
		if !h.Fin {
			continue
		}
		if deflated {
			p, err = u.Append(nil, p)
		}
		return string(p), deflated, err
	}
}
