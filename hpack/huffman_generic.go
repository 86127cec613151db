package hpack

import "encoding/binary"

// The tables of huffman_table.go:
//
//	huffmanCode  by octet: its code << 8 | bits of the code.
//	huffmanStep  by the next huffmanStepBits bits: the one or two whole codes
//	             they start with, 0 if they are the start of a longer code.
//	             From the lowest byte up: the bits of the codes; those of the
//	             first, and 128 if there are two; the octet; the second octet.
//
// The code is canonical: those of one length are consecutive numbers, in the
// order of length. So a longer code is found by comparing it with the limits
// of each length in huffmanLengths; its octet is in huffmanLongSymbols.
type huffmanLength struct {
	bits  uint
	limit uint64 // above the last code of this length, at the top of 32 bits
	first uint32 // the first code of this length
	base  uint32 // the index of its octet
}

const (
	huffmanMaxBits = 30 // of a code; EOS is the last one of this length
	huffmanSlack   = 8  // octets that an encoder or decoder may write behind the end
)

// huffmanEncodeGeneric writes the codes of s to dst, which has room for len(s)
// and huffmanSlack octets. It gives up when they are not shorter than s.
func huffmanEncodeGeneric(dst []byte, s string) (n int, shorter bool) {
	var x uint64  // codes, the last one lowest
	var bits uint // of x that are not yet in dst; below 8
	most := len(s)
	dst = dst[:most+huffmanSlack]
	for ; len(s) >= 4; s = s[4:] {
		a, b, c, d := huffmanCode[s[0]], huffmanCode[s[1]], huffmanCode[s[2]], huffmanCode[s[3]]
		sum := uint(a+b+c+d) & 0xff
		if sum > 56 {
			if n, x, bits, shorter = huffmanEncodeEach(dst, n, most, x, bits, s[:4]); !shorter {
				return 0, false
			}
			continue
		}
		x = x<<(a&63) | a>>8
		x = x<<(b&63) | b>>8
		x = x<<(c&63) | c>>8
		x = x<<(d&63) | d>>8
		bits += sum
		if n >= most {
			return 0, false
		}
		binary.BigEndian.PutUint64(dst[n:], x<<(64-bits))
		n += int(bits >> 3)
		bits &= 7
	}
	if n, x, bits, shorter = huffmanEncodeEach(dst, n, most, x, bits, s); !shorter {
		return 0, false
	}
	if bits > 0 {
		dst[n] = byte(x<<(8-bits)) | 0xff>>bits
		n++
	}
	return n, n < most
}

// huffmanEncodeEach goes on with the codes of s, one by one, and returns where
// it is then.
func huffmanEncodeEach(dst []byte, n, most int, x uint64, bits uint, s string) (int, uint64, uint, bool) {
	for i := range len(s) {
		c := huffmanCode[s[i]]
		x = x<<(c&63) | c>>8
		bits += uint(c & 63)
		if n >= most {
			return 0, 0, 0, false
		}
		binary.BigEndian.PutUint64(dst[n:], x<<(64-bits))
		n += int(bits >> 3)
		bits &= 7
	}
	return n, x, bits, true
}

// huffmanDecodedMax is how many octets so many octets of codes are at most:
// the shortest code has 5 bits.
func huffmanDecodedMax(n int) int { return n * 8 / 5 }

// huffmanDecodeGeneric writes the octets whose codes are in src to dst, which
// has room for huffmanDecodedMax(len(src)) and huffmanSlack.
func huffmanDecodeGeneric(dst, src []byte) (n int, err error) {
	var x uint64  // bits of src, the next one highest
	var have uint // of x; more than these may be there already
	i := 0        // how much of src they took
	for len(src)-i >= 8 {
		x |= binary.BigEndian.Uint64(src[i:]) >> (have & 63)
		i += int((63 - have) >> 3)
		have |= 56
		if e := huffmanStep[x>>(64-huffmanStepBits)]; e != 0 {
			binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
			n += 1 + int(e>>15&1)
			x <<= e & 63
			have -= uint(e & 63)
			if e := huffmanStep[x>>(64-huffmanStepBits)]; e != 0 {
				binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
				n += 1 + int(e>>15&1)
				x <<= e & 63
				have -= uint(e & 63)
				if e := huffmanStep[x>>(64-huffmanStepBits)]; e != 0 {
					binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
					n += 1 + int(e>>15&1)
					x <<= e & 63
					have -= uint(e & 63)
					if e := huffmanStep[x>>(64-huffmanStepBits)]; e != 0 {
						binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
						n += 1 + int(e>>15&1)
						x <<= e & 63
						have -= uint(e & 63)
						continue
					}
				}
			}
		}
		if have < huffmanMaxBits {
			continue
		}
		c, bits, eos := huffmanLong(x)
		if eos {
			return n, ErrHuffmanEOS
		}
		dst[n] = c
		n++
		x <<= bits & 63
		have -= bits
	}
	return huffmanDecodeEnd(dst, n, x, have, src[i:])
}

// huffmanDecodeEnd goes on where less than 8 octets are left, and looks at the padding.
func huffmanDecodeEnd(dst []byte, n int, x uint64, have uint, src []byte) (int, error) {
	x &^= ^uint64(0) >> have
	for {
		for ; have <= 56 && len(src) > 0; src = src[1:] {
			x |= uint64(src[0]) << (56 - have)
			have += 8
		}
		e := huffmanStep[x>>(64-huffmanStepBits)]
		bits := uint(e & 63)
		switch {
		case e == 0:
			c, bits, eos := huffmanLong(x)
			if bits > have {
				return n, huffmanPadding(x, have)
			}
			if eos {
				return n, ErrHuffmanEOS
			}
			dst[n] = c
			n++
			x <<= bits & 63
			have -= bits
			continue
		case bits <= have:
			binary.LittleEndian.PutUint16(dst[n:], uint16(e>>16))
			n += int(e >> 15 & 1)
		default: // the second code, if there are two, is made of what is not there
			if bits = uint(e >> 8 & 63); bits > have {
				return n, huffmanPadding(x, have)
			}
			dst[n] = byte(e >> 16)
		}
		n++
		x <<= bits & 63
		have -= bits
	}
}

// huffmanPadding judges what is left behind the last whole code.
func huffmanPadding(x uint64, have uint) error {
	switch {
	case have > 7:
		return ErrPaddingTooLong
	case x != ^(^uint64(0) >> have):
		return ErrPaddingNotOnes
	}
	return nil
}

// huffmanLong returns the octet whose code starts x, one longer than a step,
// and its bits, or that it is EOS.
func huffmanLong(x uint64) (c byte, bits uint, eos bool) {
	top := x >> 32
	for i := range huffmanLengths {
		if l := &huffmanLengths[i]; top < l.limit {
			at := l.base + uint32(top>>(32-l.bits)) - l.first
			return huffmanLongSymbols[at], l.bits, int(at) == len(huffmanLongSymbols)-1
		}
	}
	panic("unreachable: the last limit is over all numbers of 32 bits")
}
