package hpack

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInterop_libnghttp2 sends random lists through our encoder and nghttp2's
// decoder, and through its encoder and our decoder, with tables of all sizes.
func TestInterop_libnghttp2(t *testing.T) {
	n := startNghttp2(t)
	for done, seed := 0, uint64(0); done < *lists/2; seed++ {
		r := rand.New(rand.NewPCG(seed, 9113))
		c := &nghttp2Conn{nghttp2: n, random: r, words: newVocabulary(r), encoder: NewEncoder(), decoder: NewDecoder(DefaultTableSize)}
		c.decoder.SetMaxListSize(1 << 30)
		c.encoder.SetIndexVarying(r.IntN(2) == 0)
		c.command('R', tableSizes[r.IntN(len(tableSizes))])
		for range 1 + r.IntN(40) {
			if err := c.block(); err != nil {
				t.Fatalf("connection %d: %v", seed, err)
			}
			done++
		}
	}
}

var tableSizes = []uint32{0, 40, 100, 500, 4096, 8192, 65536}

// nghttp2 is a running tools/nghttp2/hpack.c.
type nghttp2 struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func startNghttp2(t *testing.T) *nghttp2 {
	const source = "../tools/nghttp2/hpack.c"
	if _, err := os.Stat(source); err != nil {
		t.Skip("needs a checkout with tools: ", err)
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("needs a C compiler")
	}
	program := filepath.Join(t.TempDir(), "nghttp2")
	if out, err := exec.Command(cc, "-o", program, source, "-l:libnghttp2.so.14").CombinedOutput(); err != nil {
		t.Skipf("needs libnghttp2.so.14, of Debian's libnghttp2-14: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &nghttp2{bufio.NewWriter(in), bufio.NewReader(out)}
}

func (n *nghttp2) command(letter byte, number uint32) {
	n.in.Write(binary.NativeEndian.AppendUint32([]byte{letter}, number))
}

func (n *nghttp2) putString(s []byte) {
	n.in.Write(binary.NativeEndian.AppendUint32(nil, uint32(len(s))))
	n.in.Write(s)
}

// number flushes what was written, and reads a number of the answer.
func (n *nghttp2) number() (int, error) {
	var b [4]byte
	n.in.Flush()
	if _, err := io.ReadFull(n.out, b[:]); err != nil {
		return 0, err
	}
	v := int(int32(binary.NativeEndian.Uint32(b[:])))
	if v < 0 {
		return 0, fmt.Errorf("nghttp2's error %d", v)
	}
	return v, nil
}

func (n *nghttp2) string() ([]byte, error) {
	size, err := n.number()
	if err != nil {
		return nil, err
	}
	s := make([]byte, size)
	_, err = io.ReadFull(n.out, s)
	return s, err
}

func (n *nghttp2) encode(list []HeaderField) (block []byte, err error) {
	n.command('e', uint32(len(list)))
	for _, f := range list {
		n.in.WriteByte(flagOf(f.Sensitive))
		n.putString(f.Name)
		n.putString(f.Value)
	}
	return n.string()
}

func flagOf(sensitive bool) byte {
	if sensitive {
		return 1
	}
	return 0
}

func (n *nghttp2) decode(block []byte) (list []HeaderField, err error) {
	n.command('d', uint32(len(block)))
	n.in.Write(block)
	count, err := n.number()
	for range count {
		var f HeaderField
		flags, err := n.out.ReadByte()
		if err != nil {
			return nil, err
		}
		f.Sensitive = flags&1 != 0
		if f.Name, err = n.string(); err != nil {
			return nil, err
		}
		if f.Value, err = n.string(); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, err
}

// nghttp2Conn is a connection between it and us, in both directions.
type nghttp2Conn struct {
	*nghttp2
	random  *rand.Rand
	words   *vocabulary
	encoder *Encoder
	decoder *Decoder
}

func (c *nghttp2Conn) block() error {
	for c.random.IntN(6) == 0 {
		c.resize()
	}
	list := c.words.list(nil)
	block := c.encoder.AppendBegin(nil)
	for _, f := range list {
		block = c.encoder.AppendField(block, f)
	}
	got, err := c.decode(block)
	if err == nil {
		err = sameList(got, list, true)
	}
	if err != nil {
		return fmt.Errorf("decoded by nghttp2 from %x: %w", block, err)
	}
	if block, err = c.encode(list); err != nil {
		return err
	}
	if _, got, err = c.decoder.Decode(nil, nil, block); err != nil {
		return fmt.Errorf("nghttp2's block %x: %w", block, err)
	}
	for i := range min(len(got), len(list)) { // nghttp2 also has fields that it thinks sensitive
		if list[i].Sensitive = list[i].Sensitive || got[i].Sensitive; list[i].Sensitive != got[i].Sensitive {
			return fmt.Errorf("nghttp2's block %x: field %d is not sensitive", block, i)
		}
	}
	if err := sameList(got, list, false); err != nil {
		return fmt.Errorf("decoded here from nghttp2's %x: %w", block, err)
	}
	return nil
}

// resize changes what one of the two decoders allows.
func (c *nghttp2Conn) resize() {
	size := tableSizes[c.random.IntN(len(tableSizes))]
	switch c.random.IntN(3) {
	case 0:
		c.encoder.SetMaxTableSizeLimit(size)
	case 1:
		c.encoder.SetMaxTableSize(size)
		c.command('D', size)
	case 2:
		c.decoder.SetMaxTableSize(size)
		c.command('E', size)
	}
}
