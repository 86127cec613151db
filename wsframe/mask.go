package wsframe

import (
	"encoding/binary"
	"math/bits"
)

// Mask masks data in place with key, or unmasks it, which is the same (RFC 6455
// section 5.3). data is the part of a payload that starts pos octets after the
// payload's first: a payload may come and be unmasked in any pieces.
func Mask(key [4]byte, pos uint64, data []byte) {
	mask(data, rotated(key, pos))
}

// rotated returns the key whose lowest octet is for the octet at pos.
func rotated(key [4]byte, pos uint64) uint32 {
	return bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*int(pos&3))
}
