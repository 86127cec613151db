package hpack

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// The full million takes some 15 s: go test ./hpack -run Diff -lists 1000000
var lists = flag.Int("lists", 10_000, "random header lists that the differential tests encode")

// TestDiff_lists encodes random header lists here and with the oracle, and
// decodes each with both. Connections are short, so that all table sizes and
// many states of the tables come up.
func TestDiff_lists(t *testing.T) {
	workers := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for done, seed := 0, uint64(w); done < *lists && !t.Failed(); seed += uint64(workers) {
				c := newDiffConn(seed)
				for range c.blocks {
					if err := c.block(); err != nil {
						t.Errorf("connection %d, block %d: %v", seed, c.done, err)
						return
					}
				}
				done += c.blocks * workers
			}
		})
	}
	all.Wait()
}

// diffConn is one connection's encoders and decoders, here and in the oracle.
type diffConn struct {
	random       *rand.Rand
	words        *vocabulary
	blocks, done int

	encoder     *Encoder
	decoder     [2]*Decoder // of what encoder and xencoder made
	arena       []byte
	fields      []HeaderField
	out         []byte
	xout        bytes.Buffer
	xencoder    *xhpack.Encoder
	xdecoder    [2]*xhpack.Decoder
	xfields     []xhpack.HeaderField
	list        []HeaderField
	peer, limit uint32
}

func newDiffConn(seed uint64) *diffConn {
	c := &diffConn{random: rand.New(rand.NewPCG(seed, 7541)), encoder: NewEncoder()}
	c.words = newVocabulary(c.random)
	c.blocks = 1 + c.random.IntN(40)
	c.xencoder = xhpack.NewEncoder(&c.xout)
	c.encoder.SetIndexVarying(c.random.IntN(2) == 0)
	c.peer, c.limit = DefaultTableSize, DefaultTableSize
	for i := range c.decoder {
		c.decoder[i] = NewDecoder(DefaultTableSize)
		c.decoder[i].SetMaxListSize(1 << 30)
		c.xdecoder[i] = xhpack.NewDecoder(DefaultTableSize, func(f xhpack.HeaderField) { c.xfields = append(c.xfields, f) })
		c.xdecoder[i].SetAllowedMaxDynamicTableSize(1 << 16)
	}
	return c
}

// block sends one random list through all four pairs.
func (c *diffConn) block() error {
	c.done++
	for c.random.IntN(8) == 0 {
		c.resize()
	}
	c.list = c.words.list(c.list[:0])
	c.out = c.encoder.AppendBegin(c.out[:0])
	c.xout.Reset()
	for _, f := range c.list {
		c.out = c.encoder.AppendField(c.out, f)
		if err := c.xencoder.WriteField(xhpack.HeaderField{Name: string(f.Name), Value: string(f.Value), Sensitive: f.Sensitive}); err != nil {
			return err
		}
	}
	for i, block := range [][]byte{c.out, c.xout.Bytes()} {
		var err error
		c.arena, c.fields, err = c.decoder[i].Decode(c.arena[:0], c.fields[:0], block)
		if err != nil {
			return fmt.Errorf("block %x of %s: %v", block, [2]string{"ours", "the oracle"}[i], err)
		}
		if err := c.same(i, c.fields); err != nil {
			return fmt.Errorf("decoded here from %x: %v", block, err)
		}
		c.xfields = c.xfields[:0]
		if err := xdecode(c.xdecoder[i], block); err != nil {
			return fmt.Errorf("the oracle on %x: %v", block, err)
		}
		c.fields = c.fields[:0]
		for _, f := range c.xfields {
			c.fields = append(c.fields, HeaderField{[]byte(f.Name), []byte(f.Value), f.Sensitive})
		}
		if err := c.same(i, c.fields); err != nil {
			return fmt.Errorf("decoded by the oracle from %x: %v", block, err)
		}
	}
	return nil
}

// xdecode decodes a block with the oracle. That takes the second of two table
// size updates (RFC 7541 section 4.2) for one in the middle of the block, when
// the first leaves entries in the table: it is given each as a block.
func xdecode(d *xhpack.Decoder, block []byte) error {
	for len(block) > 0 && block[0]&0xe0 == sizeUpdateBits {
		_, n, err := readInteger(block, 5)
		if err != nil {
			break
		}
		if _, err := d.Write(block[:n]); err != nil {
			return err
		}
		d.Close()
		block = block[n:]
	}
	if _, err := d.Write(block); err != nil {
		return err
	}
	return d.Close()
}

func (c *diffConn) resize() {
	size := []uint32{0, 40, 100, 500, 4096, 8192, 65536}[c.random.IntN(7)]
	if c.random.IntN(2) == 0 {
		c.peer = size
	} else {
		c.limit = size
	}
	c.encoder.SetMaxTableSize(c.peer)
	c.encoder.SetMaxTableSizeLimit(c.limit)
	c.xencoder.SetMaxDynamicTableSizeLimit(c.limit)
	c.xencoder.SetMaxDynamicTableSize(c.peer)
	for _, d := range c.decoder {
		d.SetMaxTableSize(max(c.peer, d.allowed))
	}
}

// same compares a decoded list with the one that was encoded. What we encode
// may be sensitive where the list is not.
func (c *diffConn) same(encodedBy int, got []HeaderField) error {
	return sameList(got, c.list, encodedBy == 0)
}

func sameList(got, want []HeaderField, sensitiveToo bool) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d fields, want %d", len(got), len(want))
	}
	for i, f := range want {
		g := got[i]
		sensitive := f.Sensitive || sensitiveToo && never(staticIndex(string(f.Name)), string(f.Value))
		if !bytes.Equal(g.Name, f.Name) || !bytes.Equal(g.Value, f.Value) || g.Sensitive != sensitive {
			return fmt.Errorf("field %d is %q: %q (%v), want %q: %q (%v)", i, g.Name, g.Value, g.Sensitive, f.Name, f.Value, sensitive)
		}
	}
	return nil
}

// vocabulary makes random lists whose names and values come again.
type vocabulary struct {
	random *rand.Rand
	values [][]byte
	names  [][]byte
}

func newVocabulary(r *rand.Rand) *vocabulary {
	v := &vocabulary{random: r}
	for range 1 + r.IntN(20) {
		v.names = append(v.names, v.string(24))
		v.values = append(v.values, v.string(80))
	}
	for range r.IntN(30) {
		e := staticTable[1+r.IntN(staticLen)]
		v.names = append(v.names, []byte(e.name))
		v.values = append(v.values, []byte(e.value))
	}
	return v
}

// string returns a random string: of text, of any octets, or seldom a long one.
func (v *vocabulary) string(most int) []byte {
	const text = "abcdefghijklmnopqrstuvwxyz0123456789-/=;, etaoinsETAOIN"
	if v.random.IntN(200) == 0 {
		most *= 100
	}
	s := make([]byte, v.random.IntN(most))
	octets := v.random.IntN(6) == 0
	for i := range s {
		if octets {
			s[i] = byte(v.random.Uint32())
		} else {
			s[i] = text[v.random.IntN(len(text))]
		}
	}
	return s
}

func (v *vocabulary) list(list []HeaderField) []HeaderField {
	for range v.random.IntN(20) {
		f := HeaderField{Name: v.names[v.random.IntN(len(v.names))], Sensitive: v.random.IntN(30) == 0}
		switch v.random.IntN(8) {
		case 0:
			f.Value = v.string(60)
		case 1:
			f.Name = slices.Concat(f.Name, v.string(5))
			fallthrough
		default:
			f.Value = v.values[v.random.IntN(len(v.values))]
		}
		list = append(list, f)
	}
	return list
}
