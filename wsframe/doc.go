// Package wsframe has what either end of a WebSocket needs below its connection:
// frames (RFC 6455) and their compression (RFC 7692). It does no I/O, knows no
// clock and starts no goroutine.
//
// What a peer sends goes through these, in this order:
//
//	h, n, ok := wsframe.ParseHeader(read)    // or wait for n octets
//	err := wsframe.Check(h, state)           // an *Error knows its close code
//	message, compressed := state.Advance(h)  // what the frame is of
//	wsframe.Mask(h.Key, pos, piece)          // in place, in any pieces
//	err = text.Feed(piece)                   // text that is not compressed
//	err = text.End()                         // behind the last frame
//
// The payload of a compressed message goes to a [Decompressor] instead, as a
// whole or as it comes, and what that returns is what is checked.
//
// What is sent is a [Header] and the payload. [Compressor] makes the payload of a
// compressed message. [PreparedMessage] is a frame for many clients.
//
// # Memory
//
// Frames are parsed, checked and built without an allocation. The tables of
// DEFLATE, 0.8 MiB to compress and 48 KiB to decompress, are taken from pools
// for each message and given back behind it. With context takeover a connection
// keeps of what it sent 4.5 KiB at most, and of what it received as much as the
// peer's window has and an eighth more; without it keeps nothing.
//
// # Limits
//
// [State] bounds what a message's frames have together before any of it is read,
// and [Decompressor] what it inflates to while it does.
//
// # Native code
//
// Long payloads are masked, and long text other than ASCII is checked, by vector
// instructions in C. The environment variable HYPERION_NATIVE=-unmask,-utf8 turns
// that off. Without cgo, or with the build tag purego, it is not there.
package wsframe
