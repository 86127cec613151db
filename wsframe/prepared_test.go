package wsframe

import (
	"bytes"
	"sync"
	"testing"
)

// Connections of all windows, with takeover and without, get a prepared message
// between messages of their own.
func TestPreparedMessage(t *testing.T) {
	for _, n := range []int{0, 1, 100, 126, 300, 1024, 1025, 5000, 40000} {
		m := chat(n, 7)
		p := NewPreparedMessage(Text, m)
		if h, at, ok := ParseHeader(p.Frame()); !ok || !h.Fin || h.RSV1 || h.Masked || h.Opcode != Text || p.Opcode() != Text ||
			h.Length != uint64(n) || !bytes.Equal(p.Frame()[at:], m) || !bytes.Equal(p.Payload(), m) {
			t.Fatalf("%d octets: %+v", n, h)
		}
		for bits := minWindowBits; bits <= maxWindowBits; bits++ {
			w := Window{bits, bits%2 == 0}
			c, peer := NewCompressor(w), &receiver{window: w}
			for range 3 {
				own, ok := c.Append(nil, chat(300, 8))
				if got, err := peer.receive(own); !ok || err != nil || !bytes.Equal(got, chat(300, 8)) {
					t.Fatalf("%d octets, %d bits: %v", n, bits, err)
				}
				frame, ok := p.Deflated(w)
				if !ok {
					if n > 500 {
						t.Fatalf("%d octets, %d bits: not compressed", n, bits)
					}
					continue
				}
				c.Sent(p.Payload())
				h, at, _ := ParseHeader(frame)
				if got, err := peer.receive(frame[at:]); !h.RSV1 || err != nil || !bytes.Equal(got, m) {
					t.Fatalf("%d octets, %d bits: %+v, %v", n, bits, h, err)
				}
			}
		}
	}
}

// The frame is made once, however many ask at a time, and windows that the message
// fits into share it.
func TestPreparedMessage_once(t *testing.T) {
	p := NewPreparedMessage(Binary, chat(2000, 1))
	frames := make([][]byte, 64)
	var all sync.WaitGroup
	for i := range frames {
		all.Go(func() { frames[i], _ = p.Deflated(Window{MaxBits: 11 + i%5}) })
	}
	all.Wait()
	for i, f := range frames {
		if &f[0] != &frames[0][0] {
			t.Fatalf("%d: made again", i)
		}
	}
	if f, _ := p.Deflated(Window{MaxBits: 10}); &f[0] == &frames[0][0] {
		t.Error("a window of 1024 octets got what is made for larger ones")
	}
}

func TestPreparedMessage_payloadCopied(t *testing.T) {
	m := []byte("Hello")
	p := NewPreparedMessage(Text, m)
	m[0] = 'J'
	if string(p.Payload()) != "Hello" {
		t.Errorf("%q", p.Payload())
	}
}

func TestPreparedMessage_allocs(t *testing.T) {
	p := NewPreparedMessage(Text, chat(1000, 1))
	c := NewCompressor(Window{})
	if n := testing.AllocsPerRun(100, func() {
		if frame, ok := p.Deflated(Window{MaxBits: 12}); ok && len(frame) > 0 {
			c.Sent(p.Payload())
		}
	}); n != 0 {
		t.Errorf("%v allocations a client", n)
	}
}

func BenchmarkPreparedMessage(b *testing.B) {
	m := chat(1000, 1)
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewPreparedMessage(Text, m).Deflated(Window{})
		}
	})
	b.Run("send", func(b *testing.B) {
		p, c := NewPreparedMessage(Text, m), NewCompressor(Window{})
		for b.Loop() {
			if _, ok := p.Deflated(Window{}); ok {
				c.Sent(p.Payload())
			}
		}
	})
}
