package netio

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// sizes returns the lengths of the plaintext of the records that came since the last call.
func (h *headers) sizes() (all []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.all {
		all = append(all, int(binary.BigEndian.Uint16(r[3:]))-1-16) // type and tag (RFC 8446 §5.2)
	}
	h.all = nil
	return all
}

// Slices of one call share records: a small response is one record, and a large one
// full records, once crypto/tls has sent 128 KiB in smaller ones, which a client
// opens the sooner.
func TestTLS_recordSizes(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	head := []byte("HTTP/1.1 200 OK\r\n\r\n")
	te := run(t, kinds[2], Config{}, func(c Conn) {
		defer c.End()
		for b := make([]byte, 1); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
			if b[0] == 's' {
				c.Writev(head, []byte("hello"), []byte("!"))
				continue
			}
			c.Writev(head, large, []byte("!"))
		}
	})
	c, h := te.dialHeaders(t)
	for _, tc := range []struct {
		name, ask, want string
		most            int // records
	}{
		{"first", "s", string(head) + "hello!", 1},
		{"large", "l", string(head) + string(large) + "!", 14 + 1<<20/maxPlain},
		{"large again", "l", string(head) + string(large) + "!", 1<<20/maxPlain + 1},
		{"small", "s", string(head) + "hello!", 1},
	} {
		h.sizes()
		c.send(c.record(typeData, tc.ask))
		c.want(tc.want)
		sizes := h.sizes()
		if tc.name == "first" {
			sizes = sizes[len(sizes)-1:] // the tickets came before it
		}
		if sum(sizes) != len(tc.want) || len(sizes) > tc.most {
			t.Errorf("%s: %d bytes in %d records %v, want %d in at most %d", tc.name, sum(sizes), len(sizes), sizes, len(tc.want), tc.most)
		}
	}
}

func sum(all []int) (n int) {
	for _, m := range all {
		n += m
	}
	return n
}
