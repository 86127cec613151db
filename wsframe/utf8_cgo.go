//go:build cgo && !purego

package wsframe

import (
	"encoding/binary"

	"github.com/hyperion-server/hyperion/native/cpu"
	"github.com/hyperion-server/hyperion/native/utf8"
)

var utf8Use = cpu.UseOf(utf8.Name)

// minNativeUTF8 is from how many octets on, the first 64 of which are not all
// ASCII, native code is called. On 2 cores of an AMD EPYC, BenchmarkUTF8, ns:
//
//	octets             125    512   1024   4096   65536
//	Greek, Go          107    447    893   3586   57978
//	Greek, AVX2         86     62    104    282    4119
//	JSON, Go            34    129    267    988   15076
//	JSON, AVX2          49     61    102    281    4071
//	ASCII, Go           15     23     32     87    1324
//	ASCII, AVX2         40     39            72
//
// (JSON has a character of two octets in thirty.)
const minNativeUTF8 = 256

func utf8Prefix(p []byte) int {
	if !utf8.Available || len(p) < minNativeUTF8 {
		return utf8PrefixGeneric(p)
	}
	n := asciiPrefix(p)
	if len(p)-n >= minNativeUTF8 {
		utf8Use.Note()
		n += utf8.Prefix(p[n:])
	}
	return n + utf8PrefixGeneric(p[n:])
}

// asciiPrefix returns how many octets p starts with that are surely ASCII.
func asciiPrefix(p []byte) (n int) {
	const notASCII = 0x8080808080808080
	for ; len(p)-n >= 64; n += 64 {
		q := (*[64]byte)(p[n:])
		a := binary.LittleEndian.Uint64(q[0:]) | binary.LittleEndian.Uint64(q[8:])
		b := binary.LittleEndian.Uint64(q[16:]) | binary.LittleEndian.Uint64(q[24:])
		c := binary.LittleEndian.Uint64(q[32:]) | binary.LittleEndian.Uint64(q[40:])
		d := binary.LittleEndian.Uint64(q[48:]) | binary.LittleEndian.Uint64(q[56:])
		if (a|b|c|d)&notASCII != 0 {
			break
		}
	}
	return n
}
