package wsframe

import "encoding/binary"

// maskGeneric masks data with key, whose lowest octet is for the first one.
func maskGeneric(data []byte, key uint32) {
	k := uint64(key)<<32 | uint64(key)
	for len(data) >= 64 {
		p := (*[64]byte)(data)
		xor64(p[0:8], k)
		xor64(p[8:16], k)
		xor64(p[16:24], k)
		xor64(p[24:32], k)
		xor64(p[32:40], k)
		xor64(p[40:48], k)
		xor64(p[48:56], k)
		xor64(p[56:64], k)
		data = data[64:]
	}
	for len(data) >= 8 {
		xor64(data, k)
		data = data[8:]
	}
	if len(data) >= 4 {
		binary.LittleEndian.PutUint32(data, binary.LittleEndian.Uint32(data)^key)
		data = data[4:]
	}
	for i := range data {
		data[i] ^= byte(key >> (8 * i))
	}
}

func xor64(p []byte, k uint64) {
	binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
}
