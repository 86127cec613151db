// Package wsframe_test holds wsframe against other implementations of RFC 6455
// and RFC 7692.
package wsframe_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/hyperion-server/hyperion/wsframe"
)

const (
	headers = 200_000
	lengths = 9000
)

func randomHeader(r *rand.Rand) wsframe.Header {
	lengths := []uint64{r.Uint64N(126), r.Uint64N(1 << 16), r.Uint64N(1 << 20), r.Uint64() >> 1}
	h := wsframe.Header{
		Fin: r.IntN(3) > 0, RSV1: r.IntN(8) == 0, RSV2: r.IntN(30) == 0, RSV3: r.IntN(30) == 0,
		Masked: r.IntN(10) > 0, Opcode: wsframe.Opcode([]int{0, 0, 1, 2, 8, 9, 10, r.IntN(16)}[r.IntN(8)]),
		Length: lengths[r.IntN(len(lengths))],
	}
	if h.Masked {
		h.Key = [4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}
	}
	return h
}

// Headers, from us to gobwas and back.
func TestGobwas_headers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6455))
	for range headers {
		want := randomHeader(r)
		b := want.Append(nil)
		theirs, err := ws.ReadHeader(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		got := wsframe.Header{
			Fin: theirs.Fin, RSV1: theirs.Rsv1(), RSV2: theirs.Rsv2(), RSV3: theirs.Rsv3(),
			Masked: theirs.Masked, Key: theirs.Mask, Opcode: wsframe.Opcode(theirs.OpCode), Length: uint64(theirs.Length),
		}
		if got != want {
			t.Fatalf("%+v is read as %+v", want, got)
		}
		var back bytes.Buffer
		if err := ws.WriteHeader(&back, theirs); err != nil || !bytes.Equal(back.Bytes(), b) {
			t.Fatalf("%x comes back as %x, %v", b, back.Bytes(), err)
		}
	}
}

// Sequences of headers: what gobwas refuses we refuse, by the same rule. What it
// takes we take, but for RSV1 on a continuation, which it leaves to its extension.
func TestGobwas_check(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 6455))
	refused := 0
	for range headers / 10 {
		server, deflate := r.IntN(2) == 0, r.IntN(2) == 0
		ours := wsframe.State{Client: !server, Deflate: deflate}
		theirs := ws.StateClientSide
		if server {
			theirs = ws.StateServerSide
		}
		if deflate {
			theirs = theirs.Set(ws.StateExtended)
		}
		for range 1 + r.IntN(10) {
			h := randomHeader(r)
			if r.IntN(4) > 0 {
				h.Masked = server
			}
			parsed, _, _ := wsframe.ParseHeader(h.Append(nil))
			err := wsframe.Check(parsed, ours)
			th, _ := ws.ReadHeader(bytes.NewReader(h.Append(nil)))
			terr := ws.CheckHeader(th, theirs)
			switch err {
			case wsframe.ErrRSV, wsframe.ErrRSV1Control, wsframe.ErrRSV1Continuation:
				if deflate { // which gobwas takes for some extension's
					terr = err
				}
			}
			if (err == nil) != (terr == nil) {
				t.Fatalf("%+v in %+v: %v, gobwas says %v", h, ours, err, terr)
			}
			if err != nil {
				refused++
				continue
			}
			ours.Advance(parsed)
			if h.Opcode == wsframe.Close {
				break
			}
			if !h.Opcode.Control() {
				if h.Fin {
					theirs = theirs.Clear(ws.StateFragmented)
				} else {
					theirs = theirs.Set(ws.StateFragmented)
				}
			}
		}
	}
	if refused < headers/50 {
		t.Errorf("only %d headers were refused", refused)
	}
}

func TestGobwas_mask(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 6455))
	data := make([]byte, lengths+64)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for n := range lengths {
		at, pos := n%64, r.IntN(100)
		key := [4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}
		ours, theirs := bytes.Clone(data[at:at+n]), bytes.Clone(data[at:at+n])
		wsframe.Mask(key, uint64(pos), ours)
		ws.Cipher(theirs, key, pos)
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("%d octets at %d differ", n, pos)
		}
	}
}

// gobwas takes 1012 to 1014 and what is not registered below 3000 for wrong.
func TestGobwas_close(t *testing.T) {
	for n := range 1 << 16 {
		code := wsframe.CloseCode(n)
		payload := ws.NewCloseFrameBody(ws.StatusCode(n), "why")
		_, _, err := wsframe.ParseClose(payload)
		terr := ws.CheckCloseFrameData(ws.StatusCode(n), "why")
		if n >= 1012 && n <= 1014 || n >= 5000 {
			continue // registered later; over what section 7.4.2 has
		}
		if (err == nil) != (terr == nil) {
			t.Errorf("%v: %v, gobwas says %v", code, err, terr)
		}
	}
}

// Compressed both ways, for each message by itself.
func TestGobwas_deflate(t *testing.T) {
	own := wsframe.Window{NoContextTakeover: true}
	c, d := wsframe.NewCompressor(own), wsframe.NewDecompressor(own)
	for n := 0; n < 50_000; n += 1 + n/7 {
		m := text(n, uint64(n))
		if payload, ok := c.Append(nil, m); ok {
			f, err := wsflate.DecompressFrame(ws.Frame{Header: ws.Header{Fin: true, Rsv: ws.Rsv(true, false, false), OpCode: ws.OpText, Length: int64(len(payload))}, Payload: payload})
			if err != nil || !bytes.Equal(f.Payload, m) {
				t.Fatalf("%d octets to gobwas: %v", n, err)
			}
		}
		f, err := wsflate.CompressFrame(ws.NewTextFrame(m))
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Append(nil, f.Payload)
		if err != nil || !bytes.Equal(got, m) {
			t.Fatalf("%d octets from gobwas: %v", n, err)
		}
	}
}

// What our server answers, gobwas reads as what was agreed on; and it accepts our
// client's offers.
func TestGobwas_negotiate(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 7692))
	for range 2000 {
		draw := func() wsframe.Window {
			return wsframe.Window{MaxBits: 8 + r.IntN(8), NoContextTakeover: r.IntN(2) == 0}
		}
		client, server := wsframe.Deflate{Server: draw(), Client: draw()}, wsframe.Deflate{Server: draw(), Client: draw()}
		agreed, answer, err := server.Negotiate([]string{client.Offer()})
		if err != nil {
			t.Fatal(err)
		}
		options, ok := httphead.ParseOptions([]byte(answer), nil)
		if !ok || len(options) != 1 {
			t.Fatalf("%q is no extension to gobwas", answer)
		}
		var p wsflate.Parameters
		if err := p.Parse(options[0]); err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
		if p.ServerNoContextTakeover != agreed.Server.NoContextTakeover || p.ClientNoContextTakeover != agreed.Client.NoContextTakeover ||
			bits(p.ServerMaxWindowBits) != agreed.Server.MaxBits || bits(p.ClientMaxWindowBits) != agreed.Client.MaxBits {
			t.Fatalf("%q: %+v, gobwas reads %+v", answer, agreed, p)
		}
	}
}

func bits(b wsflate.WindowBits) int {
	if b == 0 {
		return 15
	}
	return int(b)
}

// text is n octets that compress as JSON does.
func text(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7692))
	var b bytes.Buffer
	for b.Len() < n {
		for _, s := range []string{`{"id":`, `"name":"Zoë`, `},`, "\n", `"text":"hello"`} {
			if r.IntN(2) == 0 {
				io.WriteString(&b, s)
			}
		}
		b.WriteByte("0123456789abcdef"[r.IntN(16)])
	}
	return b.Bytes()[:n]
}
