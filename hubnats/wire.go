package hubnats

import (
	"encoding/binary"

	"github.com/hyperion-server/hyperion/goserver"
)

// A message on the wire is its type (1 octet: that of RFC 6455), its origin (8 octets) and the payload.
const headLen = 1 + 8

// keepBuffer is how many bytes Publish keeps for the next message.
const keepBuffer = 64 << 10

func appendMessage(dst []byte, origin uint64, t goserver.MessageType, payload []byte) []byte {
	dst = append(dst, byte(t))
	dst = binary.BigEndian.AppendUint64(dst, origin)
	return append(dst, payload...)
}

func parse(p []byte) (origin uint64, t goserver.MessageType, payload []byte, ok bool) {
	if len(p) < headLen {
		return 0, 0, nil, false
	}
	t = goserver.MessageType(p[0])
	return binary.BigEndian.Uint64(p[1:]), t, p[headLen:], t.Data()
}

const hex = "0123456789ABCDEF"

// plain reports whether a byte of a topic stands for itself in a subject.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// subject returns the subject of a topic.
func (a *Adapter) subject(topic string) string {
	s := make([]byte, 0, len(a.prefix)+1+3*len(topic))
	s = append(append(s, a.prefix...), '.')
	for i := range len(topic) {
		if c := topic[i]; plain(c) {
			s = append(s, c)
		} else {
			s = append(s, '=', hex[c>>4], hex[c&15])
		}
	}
	return string(s)
}

// topicOf returns the topic of the last token of a subject; ok is false if that is none of ours.
func topicOf(token string) (topic string, ok bool) {
	s := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		c := token[i]
		if c == '=' {
			if i+2 >= len(token) {
				return "", false
			}
			high, low := digit(token[i+1]), digit(token[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		} else if !plain(c) {
			return "", false
		}
		s = append(s, c)
	}
	return string(s), len(s) > 0
}

// digit returns the value of an upper-case hexadecimal digit, or -1.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
