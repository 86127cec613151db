package wsframe

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// chat is n octets of what people send each other, different for each seed.
func chat(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7692))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id":%d,"user":"user%d","text":"%s","at":"2026-01-%02dT10:%02d:%02dZ"}`,
			r.IntN(1e6), r.IntN(50), strings.Repeat("héllo wörld "[r.IntN(2):], 1+r.IntN(3)), 1+r.IntN(28), r.IntN(60), r.IntN(60))
	}
	return b.Bytes()[:n]
}

// noise is n octets that nothing shortens.
func noise(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7692))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// A receiver is a peer that inflates with the oracle, and holds the sender to its
// window.
type receiver struct {
	window  Window
	history []byte
}

func (r *receiver) receive(payload []byte) ([]byte, error) {
	if r.window.NoContextTakeover {
		r.history = nil
	}
	out, farthest, err := inflateOracle(r.history, append(bytes.Clone(payload), syncTail...))
	if most := 1 << r.window.bits(); err == nil && farthest > most {
		err = fmt.Errorf("refers to what is %d octets back, in a window of %d", farthest, most)
	}
	r.history = append(r.history, out...)
	return out, err
}

// Messages of all sizes, one after the other, for all windows: the peer gets
// them, and never has to look back farther than was agreed.
func TestCompressor_windows(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		for _, no := range []bool{false, true} {
			w := Window{bits, no}
			t.Run(fmt.Sprint(bits, no), func(t *testing.T) {
				c, peer := NewCompressor(w), &receiver{window: w}
				for i, n := range []int{0, 1, 10, 31, 33, 100, 127, 128, 129, 200, 300, 1000, 3, 5000, 10, 20000, 70000, 100, 1000} {
					for _, m := range [][]byte{chat(n, uint64(i)), chat(n, uint64(i)), bytes.Repeat([]byte("ab"), n/2), noise(n, uint64(i))} {
						if lengthStep > 1 && n > 5000 {
							continue
						}
						payload, ok := c.Append([]byte("kept"), m)
						if string(payload[:4]) != "kept" || !ok && len(payload) != 4 || ok && len(payload)-4 >= len(m) {
							t.Fatalf("%d octets: %d of payload, %v", n, len(payload), ok)
						}
						if !ok {
							continue
						}
						if got, err := peer.receive(payload[4:]); err != nil || !bytes.Equal(got, m) {
							t.Fatalf("%d octets: %v", n, err)
						}
					}
				}
			})
		}
	}
}

// A message in parts, each of which the peer can read when it has come.
func TestCompressor_parts(t *testing.T) {
	for _, w := range []Window{{}, {NoContextTakeover: true}, {MaxBits: 9}, {8, true}} {
		c, peer := NewCompressor(w), &receiver{window: w}
		for round := range 3 {
			var want, wire []byte
			for i, n := range []int{10, 0, 1000, 40000, 1, 500} {
				part := chat(n, uint64(round+i/4))
				want = append(want, part...)
				last := i == 5
				wire = c.AppendPart(wire, part, last)
				if !last {
					history := peer.history
					if w.NoContextTakeover {
						history = nil
					}
					if out, _, err := inflateOracle(history, wire); err != nil || !bytes.Equal(out, want) {
						t.Fatalf("%+v: up to part %d: %v", w, i, err)
					}
				}
			}
			if got, err := peer.receive(wire); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%+v: %v", w, err)
			}
			whole := chat(777, 5) // and a whole one between
			payload, ok := c.Append(nil, whole)
			if got, err := peer.receive(payload); !ok || err != nil || !bytes.Equal(got, whole) {
				t.Fatalf("%+v: %v", w, err)
			}
		}
	}
}

// A message that was given up leaves nothing behind.
func TestCompressor_reset(t *testing.T) {
	w := Window{NoContextTakeover: true}
	c, peer := NewCompressor(w), &receiver{window: w}
	c.AppendPart(nil, chat(1000, 1), false)
	c.Reset()
	payload := c.AppendPart(nil, chat(1000, 1), true)
	if got, err := peer.receive(payload); err != nil || !bytes.Equal(got, chat(1000, 1)) {
		t.Fatal(err)
	}
}

// What one connection has sent is not in what another one sends.
func TestCompressor_apart(t *testing.T) {
	secret := chat(3000, 99)
	for range 10 {
		for _, bits := range []int{9, 15} {
			a := NewCompressor(Window{MaxBits: bits})
			a.Append(nil, secret)
			a.Append(nil, secret)
			a.AppendPart(nil, secret, true)
			b, peer := NewCompressor(Window{MaxBits: bits}), &receiver{}
			payload, ok := b.Append(nil, secret)
			if got, err := peer.receive(payload); !ok || err != nil || !bytes.Equal(got, secret) {
				t.Fatal(err)
			}
			payload = b.AppendPart(nil, nil, true)
			if got, err := peer.receive(payload); err != nil || len(got) != 0 {
				t.Fatal(err)
			}
		}
	}
}

// Any messages, with any windows, to our own Decompressor and to the standard
// library's.
func TestDeflate_model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Window{rapid.IntRange(8, 15).Draw(t, "bits"), rapid.Bool().Draw(t, "no takeover")}
		c, d := NewCompressor(w), NewDecompressor(w)
		var history, out []byte
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 20000)).Draw(t, "length")
			m := chat(n, rapid.Uint64Range(0, 3).Draw(t, "seed"))
			var payload []byte
			ok := true
			switch rapid.IntRange(0, 2).Draw(t, "way") {
			case 0:
				payload, ok = c.Append(nil, m)
			case 1:
				cut := rapid.IntRange(0, n).Draw(t, "cut")
				payload = c.AppendPart(c.AppendPart(nil, m[:cut], false), m[cut:], true)
			default:
				p := NewPreparedMessage(Binary, m)
				var frame []byte
				if frame, ok = p.Deflated(w); ok {
					h, n, _ := ParseHeader(frame)
					if !h.RSV1 || !h.Fin || h.Opcode != Binary || h.Length != uint64(len(frame)-n) {
						t.Fatalf("%+v", h)
					}
					payload = frame[n:]
					c.Sent(m)
				}
			}
			if !ok {
				continue
			}
			if w.NoContextTakeover {
				history = nil
			}
			z := flate.NewReaderDict(io.MultiReader(bytes.NewReader(payload), strings.NewReader(syncTail+finalBlock)), history[max(0, len(history)-32<<10):])
			if std, err := io.ReadAll(z); err != nil || !bytes.Equal(std, m) {
				t.Fatalf("the standard library: %v", err)
			}
			history = append(history, m...)
			var err error
			if rapid.Bool().Draw(t, "stream") {
				d.Open(bytes.NewReader(payload))
				out, err = io.ReadAll(d)
			} else {
				out, err = d.Append(out[:0], payload)
			}
			if err != nil || !bytes.Equal(out, m) {
				t.Fatalf("%d octets: %d, %v", len(m), len(out), err)
			}
		}
	})
}

func TestDeflate_allocs(t *testing.T) {
	if lengthStep > 1 {
		t.Skip("the race detector empties pools")
	}
	for _, w := range []Window{{}, {NoContextTakeover: true}, {MaxBits: 10}} {
		for _, n := range []int{100, 1000, 50000} {
			c, d := NewCompressor(w), NewDecompressor(w)
			m := chat(n, 1)
			payload, out := make([]byte, 0, 2*n+100), make([]byte, 0, 2*n+100)
			both := func() {
				var ok bool
				if payload, ok = c.Append(payload[:0], m); !ok {
					return
				}
				var err error
				if out, err = d.Append(out[:0], payload); err != nil || len(out) != n {
					t.Fatal(err)
				}
			}
			for range 50 {
				both()
			}
			if got := testing.AllocsPerRun(50, both); got > 0 {
				t.Errorf("%+v, %d octets: %v allocations", w, n, got)
			}
		}
	}
}

func BenchmarkCompressor(b *testing.B) {
	for _, no := range []bool{true, false} {
		for _, n := range []int{125, 400, 1024, 4096, 16384, 65536} {
			b.Run(fmt.Sprintf("takeover=%v/%d", !no, n), func(b *testing.B) {
				c := NewCompressor(Window{NoContextTakeover: no})
				var messages [16][]byte
				for i := range messages {
					messages[i] = chat(n, uint64(i))
				}
				var out []byte
				i, total := 0, 0
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					var ok bool
					if out, ok = c.Append(out[:0], messages[i%16]); !ok {
						total += n
					}
					total += len(out)
					i++
				}
				b.ReportMetric(float64(total)/float64(i)/float64(n), "of_1")
			})
		}
	}
}

// BenchmarkFixed is what maxFixed was chosen by.
func BenchmarkFixed(b *testing.B) {
	for _, no := range []bool{true, false} {
		for _, n := range []int{125, 400, 1024} {
			for _, fixed := range []bool{true, false} {
				b.Run(fmt.Sprintf("takeover=%v/%d/fixed=%v", !no, n, fixed), func(b *testing.B) {
					c := NewCompressor(Window{NoContextTakeover: no})
					var messages [16][]byte
					for i := range messages {
						messages[i] = chat(n, uint64(i))
					}
					var out []byte
					i, total := 0, 0
					for b.Loop() {
						m, ok := messages[i%16], false
						if fixed {
							out, ok = appendFixed(out[:0], c.history.last(), m, 1<<c.bits)
						} else {
							out, ok = c.appendLong(out[:0], m)
						}
						if ok {
							c.Sent(m)
							total += len(out)
						} else {
							total += n
						}
						i++
					}
					b.ReportMetric(100*float64(total)/float64(i)/float64(n), "of_100")
				})
			}
		}
	}
}

func BenchmarkDecompressor(b *testing.B) {
	for _, no := range []bool{true, false} {
		for _, n := range []int{125, 400, 1024, 4096, 16384, 65536} {
			b.Run(fmt.Sprintf("takeover=%v/%d", !no, n), func(b *testing.B) {
				d := NewDecompressor(Window{NoContextTakeover: no})
				for i := range uint64(40) {
					d.Append(nil, deflated(string(chat(1000, i)), "")) // a full history
				}
				payload := deflated(string(chat(n, 1)), "")
				var out []byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					var err error
					if out, err = d.Append(out[:0], payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
