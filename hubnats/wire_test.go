package hubnats

import (
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

func TestSubject(t *testing.T) {
	a := New(nil, &Options{Prefix: "chat"})
	for topic, want := range map[string]string{
		"room-1_A":  "chat.room-1_A",
		"a.b":       "chat.a=2Eb",
		"*":         "chat.=2A",
		">":         "chat.=3E",
		"a b\r\n":   "chat.a=20b=0D=0A",
		"=2E":       "chat.=3D2E",
		"\xff\x00é": "chat.=FF=00=C3=A9",
	} {
		got := a.subject(topic)
		if got != want {
			t.Errorf("%q: subject %q, want %q", topic, got, want)
		}
		if back, ok := topicOf(strings.TrimPrefix(got, "chat.")); !ok || back != topic {
			t.Errorf("%q came back as %q, %v", topic, back, ok)
		}
	}
	for _, bad := range []string{"", "=", "=2", "=2e", "=GG", "a.b", "a b", "*"} {
		if topic, ok := topicOf(bad); ok {
			t.Errorf("%q is taken for the topic %q", bad, topic)
		}
	}
}

func TestParse_refuses(t *testing.T) {
	for _, bad := range []string{"", "\x01", "\x0112345", "\x0012345678x", "\x0812345678x", "{\"foreign\": 1}"} {
		if _, typ, _, ok := parse([]byte(bad)); ok {
			t.Errorf("%q is taken for a message of type %v", bad, typ)
		}
	}
}

func FuzzWire(f *testing.F) {
	f.Add("a.b", uint64(1), []byte("payload"))
	f.Fuzz(func(t *testing.T, topic string, origin uint64, payload []byte) {
		if topicOf(topic); topic != "" {
			back, ok := topicOf(New(nil, nil).subject(topic)[len(DefaultPrefix)+1:])
			if !ok || back != topic {
				t.Errorf("topic %q came back as %q, %v", topic, back, ok)
			}
		}
		parse(payload)
		o, typ, p, ok := parse(appendMessage(nil, origin, goserver.BinaryMessage, payload))
		if !ok || o != origin || typ != goserver.BinaryMessage || string(p) != string(payload) {
			t.Errorf("message came back as %d %v %q, %v", o, typ, p, ok)
		}
	})
}
