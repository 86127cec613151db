package hpack

import "math"

// maxIntegerOctets is how many octets an integer of 32 bits takes behind its prefix.
const maxIntegerOctets = 5

// readInteger reads an integer with a prefix of so many bits (RFC 7541 section
// 5.1) at the start of b, and returns how many octets it has.
func readInteger(b []byte, prefix uint) (v uint32, n int, err error) {
	if len(b) == 0 {
		return 0, 0, ErrTruncated
	}
	most := uint32(1)<<prefix - 1
	v = uint32(b[0]) & most
	if v < most {
		return v, 1, nil
	}
	return readIntegerRest(b[1:], v)
}

// readIntegerRest reads the octets behind a prefix of all ones.
func readIntegerRest(b []byte, prefix uint32) (v uint32, n int, err error) {
	sum := uint64(prefix)
	for i, c := range b {
		if i == maxIntegerOctets {
			return 0, 0, ErrInteger
		}
		sum += uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if sum > math.MaxUint32 {
				return 0, 0, ErrInteger
			}
			return uint32(sum), i + 2, nil
		}
	}
	if len(b) >= maxIntegerOctets {
		return 0, 0, ErrInteger
	}
	return 0, 0, ErrTruncated
}

// appendInteger appends v with a prefix of so many bits. The bits of the first
// octet above the prefix are those of high.
func appendInteger(dst []byte, high byte, prefix uint, v uint64) []byte {
	most := uint64(1)<<prefix - 1
	if v < most {
		return append(dst, high|byte(v))
	}
	dst = append(dst, high|byte(most))
	for v -= most; v >= 0x80; v >>= 7 {
		dst = append(dst, byte(v)|0x80)
	}
	return append(dst, byte(v))
}
