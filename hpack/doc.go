// Package hpack compresses and decompresses the header blocks of HTTP/2 (RFC 7541).
//
// An [Encoder] and a [Decoder] are the two ends of one direction of a connection.
// Both have a dynamic table, so they must see all blocks, in the order in which
// they are sent:
//
//	block = encoder.AppendBegin(block[:0])
//	block = encoder.AppendString(block, ":status", "200", hpack.Index)
//
//	arena, fields, err = decoder.Decode(arena[:0], fields[:0], block)
//
// Both append to memory of the caller, and allocate nothing once that and
// their tables have grown. An encoder keeps nothing that it is given. What a
// decoder returns is in the caller's arena.
//
// # Limits
//
// A decoder bounds the length of a string, the size of a header list, the size of
// its table and all integers; each rule has an error of its own. A block's work is
// proportional to its octets and to the limit of the list: references to large
// entries of the table are not followed once the list is too long. Only a field
// that goes to the table always costs what it has there, of which two octets of a
// block can make as much as the table's limit: some 50 ns an octet of the block
// with a table of 4096. So what is said of large tables is also said of work.
//
// A decoder's table takes up to three times its limit in memory, an encoder's up
// to four times, or 1.5 and 2 KiB if that is more. They grow when needed; before
// the first entry they take nothing. The arena grows by at most 1.6 times the
// length of a string's codes beyond what is kept of it.
//
// # What is indexed
//
// The encoder puts into its table what is worth it, see [Index]: not what mostly
// varies, and never credentials. Its searches take constant time, by hashes that a
// peer cannot aim at.
//
// # Native code
//
// Long strings can be coded in C. This is off by default, since it gains nothing
// for fields of usual length; the environment variable HYPERION_NATIVE=huffman
// turns it on. Without cgo, or with the build tag purego, it is not there.
package hpack
