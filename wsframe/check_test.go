package wsframe

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// Each rule: the header that breaks it and nothing else, on the wire.
func TestCheck(t *testing.T) {
	server, client := State{}, State{Client: true}
	deflate := State{Deflate: true}
	limited := State{MaxMessage: 1000, Deflate: true}
	open := func(s State, h Header) State {
		h.Masked = !s.Client
		if err := Check(h, s); err != nil {
			t.Fatal(err)
		}
		s.Advance(h)
		return s
	}
	text := open(server, Header{Opcode: Text, Length: 5})
	closed := open(server, Header{Fin: true, Opcode: Close})
	squeezed := open(deflate, Header{Opcode: Text, RSV1: true})
	const key = "\x01\x02\x03\x04"
	for _, c := range []struct {
		name   string
		octets string
		state  State
		want   error
	}{
		{"text", "\x81\x85" + key, server, nil},
		{"empty", "\x82\x80" + key, server, nil},
		{"of a server", "\x81\x05", client, nil},
		{"ping within a message", "\x89\x85" + key, text, nil},
		{"close within a message", "\x88\x80" + key, text, nil},
		{"continuation", "\x00\x85" + key, text, nil},
		{"last", "\x80\x80" + key, text, nil},
		{"125 octets of ping", "\x89\xfd" + key, server, nil},
		{"126 octets", "\x82\xfe\x00\x7e" + key, server, nil},
		{"64 KiB", "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00" + key, server, nil},
		{"2^63-1 octets", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + key, server, nil},
		{"compressed", "\xc1\x85" + key, deflate, nil},
		{"compressed, first of many", "\x41\x85" + key, deflate, nil},
		{"continuation of compressed", "\x80\x85" + key, squeezed, nil},
		{"compressed, a limit without bounds", "\xc2\xfe\x1f\x40" + key, State{Deflate: true, MaxMessage: 1<<61 + 1}, nil},
		{"not compressed, though agreed", "\x81\x85" + key, deflate, nil},
		{"at the limit", "\x82\xfe\x03\xe8" + key, limited, nil},
		{"compressed, within eight limits", "\xc2\xfe\x1f\x40" + key, limited, nil},

		{"after close", "\x81\x85" + key, closed, ErrAfterClose},
		{"ping after close", "\x89\x85" + key, closed, ErrAfterClose},
		{"RSV2", "\xa1\x85" + key, deflate, ErrRSV},
		{"RSV3", "\x91\x85" + key, deflate, ErrRSV},
		{"RSV3 of ping", "\x99\x85" + key, server, ErrRSV},
		{"opcode 3", "\x83\x85" + key, server, ErrOpcode},
		{"opcode 7", "\x87\x85" + key, server, ErrOpcode},
		{"opcode 11", "\x8b\x85" + key, server, ErrOpcode},
		{"opcode 15", "\x8f\x85" + key, server, ErrOpcode},
		{"RSV1", "\xc1\x85" + key, server, ErrRSV1},
		{"RSV1 of ping", "\xc9\x85" + key, deflate, ErrRSV1Control},
		{"RSV1 of close", "\xc8\x80" + key, deflate, ErrRSV1Control},
		{"RSV1 of continuation", "\xc0\x85" + key, squeezed, ErrRSV1Continuation},
		{"not masked", "\x81\x05", server, ErrNotMasked},
		{"empty and not masked", "\x81\x00", server, ErrNotMasked},
		{"close not masked", "\x88\x00", server, ErrNotMasked},
		{"masked", "\x81\x85" + key, client, ErrMasked},
		{"2^63 octets", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00" + key, server, ErrLengthHighBit},
		{"2^64-1 octets", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + key, limited, ErrLengthHighBit},
		{"125 in two octets", "\x82\xfe\x00\x7d" + key, server, ErrLengthNotMinimal},
		{"5 in two octets, ping", "\x89\xfe\x00\x05" + key, server, ErrLengthNotMinimal},
		{"65535 in eight octets", "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff" + key, server, ErrLengthNotMinimal},
		{"0 in eight octets", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x00" + key, server, ErrLengthNotMinimal},
		{"126 octets of ping", "\x89\xfe\x00\x7e" + key, server, ErrControlTooLong},
		{"126 octets of close", "\x88\xfe\x00\x7e" + key, server, ErrControlTooLong},
		{"ping without FIN", "\x09\x85" + key, server, ErrControlFragmented},
		{"close without FIN", "\x08\x80" + key, text, ErrControlFragmented},
		{"continuation of nothing", "\x00\x85" + key, server, ErrNoMessage},
		{"last of nothing", "\x80\x85" + key, server, ErrNoMessage},
		{"text within text", "\x01\x85" + key, text, ErrMessageOpen},
		{"last binary within text", "\x82\x85" + key, text, ErrMessageOpen},
		{"over the limit", "\x82\xfe\x03\xe9" + key, limited, ErrMessageTooBig},
		{"far over the limit", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + key, limited, ErrMessageTooBig},
		{"compressed, over eight limits", "\xc2\xfe\x1f\x41" + key, limited, ErrMessageTooBig},
		{"all together over the limit", "\x80\xfe\x03\xe9" + key, open(limited, Header{Opcode: Binary, Length: 1}), ErrMessageTooBig},
	} {
		h, n, ok := ParseHeader([]byte(c.octets))
		if !ok || n != len(c.octets) {
			t.Errorf("%s: %x is no header", c.name, c.octets)
		}
		if got := Check(h, c.state); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// All headers of two octets in all states, beside the rules as a list.
func TestCheck_all(t *testing.T) {
	for _, s := range []State{{}, {Client: true}, {Deflate: true}, {Client: true, Deflate: true},
		{message: Text}, {message: Binary, Deflate: true, compressed: true}, {closed: true}} {
		for i := range 1 << 16 {
			b := append([]byte{byte(i >> 8), byte(i)}, make([]byte, 12)...)
			h, n, _ := ParseHeader(b)
			err := Check(h, s)
			control, first := b[0]&8 != 0, b[0]&15 == 1 || b[0]&15 == 2
			good := !s.closed &&
				b[0]&0x30 == 0 &&
				(b[0]&15 <= 2 || b[0]&15 >= 8 && b[0]&15 <= 10) &&
				(b[0]&0x40 == 0 || s.Deflate && first) &&
				(b[1]&0x80 != 0) == !s.Client &&
				b[1]&0x7f < 126 && // else the length is 0 here, in too many octets
				(!control || b[0]&0x80 != 0) &&
				(control || first == (s.message == 0))
			if (err == nil) != good {
				t.Fatalf("%x in %+v: %v, want good: %v", b[:n], s, err, good)
			}
		}
	}
}

func TestError(t *testing.T) {
	seen := make(map[string]bool)
	for _, err := range []error{
		ErrAfterClose, ErrRSV, ErrOpcode, ErrRSV1, ErrRSV1Control, ErrRSV1Continuation, ErrNotMasked, ErrMasked,
		ErrLengthHighBit, ErrLengthNotMinimal, ErrControlTooLong, ErrControlFragmented, ErrNoMessage, ErrMessageOpen,
		ErrMessageTooBig, ErrUTF8, ErrClosePayload, ErrCloseCode, ErrInflate, ErrRatio,
	} {
		var e *Error
		if !errors.As(err, &e) || seen[e.Reason()] || e.Error() != "wsframe: "+e.Reason() {
			t.Errorf("%v: not an *Error of its own", err)
			continue
		}
		seen[e.Reason()] = true
		if payload, err := AppendClose(nil, e.Code(), e.Reason()); err != nil || len(payload) != 2+len(e.Reason()) {
			t.Errorf("%v cannot be sent: %v", e, err)
		}
		want := CloseProtocolError
		switch err {
		case ErrUTF8, ErrInflate:
			want = CloseInvalidPayload
		case ErrMessageTooBig, ErrRatio:
			want = CloseMessageTooBig
		}
		if e.Code() != want {
			t.Errorf("%v has code %v, want %v", e, e.Code(), want)
		}
	}
}

// A model: what the frames so far were decides, as a list of them, whether the
// next one is good and what it is of.
func TestState_model(t *testing.T) {
	r := rand.New(rand.NewPCG(6455, 7692))
	good, bad := 0, 0
	for range 10_000 {
		s := State{Deflate: r.IntN(2) == 0, MaxMessage: r.IntN(2) * 300}
		var frames []Header
		for range 1 + r.IntN(12) {
			h := Header{Fin: r.IntN(2) == 0, Opcode: Opcode([]int{0, 0, 0, 1, 2, 8, 9, 10, 3}[r.IntN(9)]), Masked: true, Length: uint64(r.IntN(130))}
			h.RSV1 = s.Deflate && h.Opcode.Data() && r.IntN(2) == 0
			if h.Opcode.Control() {
				h.Fin = r.IntN(8) > 0
			}
			first, size, closed := openMessage(frames)
			limit := uint64(s.MaxMessage)
			if first != nil && first.RSV1 || first == nil && h.RSV1 {
				limit *= 8
			}
			want := !closed && h.Opcode != 3
			switch {
			case h.Opcode.Control():
				want = want && h.Fin && h.Length <= 125
			default:
				want = want && (h.Opcode == Continuation) == (first != nil) && (limit == 0 || size+h.Length <= limit)
			}
			err := Check(h, s)
			if (err == nil) != want {
				t.Fatalf("%+v behind %+v: %v, want good: %v", h, frames, err, want)
			}
			if err != nil {
				bad++
				continue
			}
			good++
			op, compressed := s.Advance(h)
			if first == nil || h.Opcode.Control() {
				first = &h
			}
			if op != first.Opcode || compressed != first.RSV1 {
				t.Fatalf("%+v behind %+v is of %v, %v", h, frames, op, compressed)
			}
			frames = append(frames, h)
			first, _, _ = openMessage(frames)
			if s.Open() != (first != nil) {
				t.Fatalf("open: %v, behind %+v", s.Open(), frames)
			}
		}
	}
	if good < 10_000 || bad < 10_000 {
		t.Errorf("%d frames were good, %d bad", good, bad)
	}
}

// openMessage returns the first frame and the size of the message that is open.
func openMessage(frames []Header) (first *Header, size uint64, closed bool) {
	for i, h := range frames {
		switch {
		case h.Opcode == Close:
			closed = true
		case h.Opcode.Control():
		default:
			if h.Opcode.Data() {
				first, size = &frames[i], 0
			}
			size += h.Length
			if h.Fin {
				first, size = nil, 0
			}
		}
	}
	return first, size, closed
}
