package hpack

import "slices"

// appendStringLiteral appends a string literal (RFC 7541 section 5.2): by Huffman
// codes if that is shorter, otherwise as it is.
func appendStringLiteral(dst []byte, s string) []byte {
	const huffman = 0x80
	start := len(dst)
	dst = slices.Grow(dst, 1+len(s)+huffmanSlack)
	n, shorter := huffmanEncode(dst[start+1:cap(dst)], s)
	if !shorter {
		return append(appendInteger(dst, 0, 7, uint64(len(s))), s...)
	}
	if n < 0x7f {
		dst = dst[:start+1+n]
		dst[start] = huffman | byte(n)
		return dst
	}
	// The prefix takes more than the octet left for it: the codes move up. There
	// is room, since they are shorter than s and a prefix than the slack.
	var prefix [1 + maxIntegerOctets]byte
	head := appendInteger(prefix[:0], huffman, 7, uint64(n))
	dst = dst[:start+len(head)+n]
	copy(dst[start+len(head):], dst[start+1:])
	copy(dst[start:], head)
	return dst
}
