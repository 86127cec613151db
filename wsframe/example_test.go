package wsframe_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/hyperion-server/hyperion/wsframe"
)

// A server reads two frames, of which the second comes in two pieces.
func Example() {
	read := []byte("\x01\x83\x01\x02\x03\x04" + "Igo" + "\x80\x82\x05\x06\x07\x08" + "ji")
	var state wsframe.State
	var text wsframe.UTF8
	var message []byte
	for len(read) > 0 {
		h, n, ok := wsframe.ParseHeader(read)
		if !ok {
			fmt.Println("wait for", n, "octets")
			return
		}
		if err := wsframe.Check(h, state); err != nil {
			fmt.Println(err)
			return
		}
		state.Advance(h)
		read = read[n:]
		for pos := uint64(0); pos < h.Length; { // an octet at a time
			piece := read[:1]
			wsframe.Mask(h.Key, pos, piece)
			if err := text.Feed(piece); err != nil {
				fmt.Println(err)
				return
			}
			message = append(message, piece...)
			read, pos = read[1:], pos+1
		}
		if h.Fin {
			fmt.Printf("%q %v\n", message, text.End())
		}
	}
	// Output:
	// "Heloo" <nil>
}

// A frame is its header and the payload, which a client masks.
func ExampleHeader() {
	payload := []byte("Hello")
	h := wsframe.Header{Fin: true, Opcode: wsframe.Text, Length: uint64(len(payload)), Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}}
	frame := append(h.Append(nil), payload...)
	wsframe.Mask(h.Key, 0, frame[len(frame)-len(payload):])
	fmt.Printf("%x\n", frame)
	// Output:
	// 818537fa213d7f9f4d5158
}

// A header may come in pieces. Each answer says how many octets it has at least.
func ExampleParseHeader() {
	frame := []byte("\x81\xfe\x01\x00\x37\xfa\x21\x3d...")
	for _, have := range []int{1, 2, 7, 8} {
		h, n, ok := wsframe.ParseHeader(frame[:have])
		fmt.Println(have, n, ok, h.Length)
	}
	// Output:
	// 1 2 false 0
	// 2 8 false 0
	// 7 8 false 0
	// 8 8 true 256
}

// Each rule has an error, which knows what to close the connection with.
func ExampleCheck() {
	state := wsframe.State{MaxMessage: 1000}
	for _, octets := range []string{"\x81\x05", "\xc1\x85....", "\x80\x85....", "\x82\xfe\x03\xe9...."} {
		h, _, _ := wsframe.ParseHeader([]byte(octets))
		fmt.Println(wsframe.Check(h, state))
	}
	// Output:
	// wsframe: client frame not masked
	// wsframe: compressed frame without extension
	// wsframe: continuation without message
	// wsframe: message too big
}

func ExampleState() {
	var state wsframe.State
	for _, h := range []wsframe.Header{
		{Opcode: wsframe.Text, Masked: true},
		{Opcode: wsframe.Ping, Masked: true, Fin: true},
		{Opcode: wsframe.Continuation, Masked: true, Fin: true},
	} {
		if err := wsframe.Check(h, state); err != nil {
			fmt.Println(err)
			return
		}
		of, _ := state.Advance(h)
		fmt.Println(h.Opcode, "of", of, "open:", state.Open())
	}
	// Output:
	// text of text open: true
	// ping of ping open: true
	// continuation of text open: false
}

func ExampleOpcode() {
	for _, op := range []wsframe.Opcode{wsframe.Binary, wsframe.Close, 3} {
		fmt.Println(op, op.Data(), op.Control())
	}
	// Output:
	// binary true false
	// close false true
	// reserved opcode 0x3 false false
}

// What a connection that fails is closed with.
func ExampleError() {
	err := fmt.Errorf("connection 17: %w", wsframe.ErrUTF8)
	if broken := (*wsframe.Error)(nil); errors.As(err, &broken) {
		payload, _ := wsframe.AppendClose(nil, broken.Code(), broken.Reason())
		fmt.Printf("%q\n", payload)
	}
	// Output:
	// "\x03\xefinvalid UTF-8"
}

func ExampleCloseCode() {
	for _, code := range []wsframe.CloseCode{wsframe.CloseGoingAway, wsframe.CloseAbnormal, 4000} {
		fmt.Println(code, code.Sendable())
	}
	// Output:
	// 1001 (going away) true
	// 1006 (abnormal closure) false
	// 4000 true
}

func ExampleParseClose() {
	for _, payload := range []string{"", "\x03\xe8bye", "\x03\xed", "\x03"} {
		code, reason, err := wsframe.ParseClose([]byte(payload))
		fmt.Printf("%d %q %v\n", code, reason, err)
	}
	// Output:
	// 1005 "" <nil>
	// 1000 "bye" <nil>
	// 0 "" wsframe: invalid close code
	// 0 "" wsframe: close payload of one octet
}

// The first octet that cannot be is found at once, wherever the text is cut.
func ExampleUTF8() {
	var text wsframe.UTF8
	for _, piece := range []string{"caf\xc3", "\xa9 \xf4", "\x90"} {
		fmt.Println(text.Feed([]byte(piece)))
	}
	// Output:
	// <nil>
	// <nil>
	// wsframe: invalid UTF-8
}

// A server chooses from what a client offers. Then each end has a compressor for
// what it sends, and a decompressor for what it gets.
func ExampleDeflate() {
	wanted := wsframe.Deflate{Server: wsframe.Window{MaxBits: 12}}
	agreed, answer, err := wanted.Negotiate([]string{"permessage-deflate; client_max_window_bits"})
	fmt.Println(answer, err)

	server := wsframe.NewCompressor(agreed.Server)
	client := wsframe.NewDecompressor(agreed.Server)
	client.MaxMessage = 1 << 20
	for range 2 {
		payload, ok := server.Append(nil, []byte("To be, or not to be, that is the question"))
		message, err := client.Append(nil, payload)
		fmt.Printf("%v, %d octets for %d, %v\n", ok, len(payload), len(message), err)
	}
	// Output:
	// permessage-deflate; server_max_window_bits=12 <nil>
	// true, 39 octets for 41, <nil>
	// true, 4 octets for 41, <nil>
}

// A context that is not taken over makes messages longer, and connections smaller.
func ExampleWindow() {
	for _, own := range []wsframe.Window{{}, {NoContextTakeover: true}} {
		c := wsframe.NewCompressor(own)
		for range 2 {
			payload, _ := c.Append(nil, []byte("To be, or not to be, that is the question"))
			fmt.Println(len(payload))
		}
	}
	// Output:
	// 39
	// 4
	// 39
	// 39
}

// A long message goes out in parts, each as a frame. The peer can read each when
// it has come.
func ExampleCompressor() {
	c := wsframe.NewCompressor(wsframe.Window{NoContextTakeover: true})
	h := wsframe.Header{Opcode: wsframe.Text, RSV1: true}
	parts := []string{"one, ", "two, ", "three"}
	var payload []byte
	for i, part := range parts {
		h.Fin = i == len(parts)-1
		frame := c.AppendPart(nil, []byte(part), h.Fin)
		h.Length = uint64(len(frame))
		fmt.Printf("%x\n", h.Append(nil)[:1])
		h.Opcode, h.RSV1 = wsframe.Continuation, false
		payload = append(payload, frame...)
	}
	message, err := wsframe.NewDecompressor(wsframe.Window{NoContextTakeover: true}).Append(nil, payload)
	fmt.Printf("%q %v\n", message, err)
	// Output:
	// 41
	// 00
	// 80
	// "one, two, three" <nil>
}

// A bomb ends at the limit, and not after it has gone off.
func ExampleDecompressor() {
	bomb, _ := wsframe.NewCompressor(wsframe.Window{}).Append(nil, make([]byte, 10<<20))
	d := wsframe.NewDecompressor(wsframe.Window{})
	d.MaxMessage = 64 << 10
	message, err := d.Append(nil, bomb)
	fmt.Println(len(message), err)

	d = wsframe.NewDecompressor(wsframe.Window{})
	d.MaxMessage = 64 << 10
	d.Open(bytes.NewReader(bomb)) // or as it comes
	n, err := io.Copy(io.Discard, d)
	fmt.Println(n, err)
	// Output:
	// 65536 wsframe: message too big
	// 65536 wsframe: message too big
}

// Many clients get what is compressed once.
func ExamplePreparedMessage() {
	m := wsframe.NewPreparedMessage(wsframe.Text, bytes.Repeat([]byte("news "), 100))
	for _, agreed := range []wsframe.Window{{}, {MaxBits: 10}, {NoContextTakeover: true}} {
		compressor := wsframe.NewCompressor(agreed) // of one connection
		frame, ok := m.Deflated(agreed)
		if ok {
			compressor.Sent(m.Payload())
		} else {
			frame = m.Frame()
		}
		fmt.Println(len(frame), ok)
	}
	fmt.Println(len(m.Frame()))
	// Output:
	// 13 true
	// 13 true
	// 13 true
	// 504
}
