package wsframe

import (
	"encoding/binary"
	"math/bits"
)

// Mask masks data in place with key, or unmasks it, which is the same (RFC 6455
// section 5.3). data is the part of a payload that starts pos octets after the
// payload's first: a payload may come and be unmasked in any pieces.
func Mask(key [4]byte, pos uint64, data []byte) {
	k := binary.LittleEndian.Uint32(key[:])
	mask(data, bits.RotateLeft32(k, -8*int(pos&3)))
}
