// Package h1 speaks HTTP/1.1 (RFC 9112) to one peer.
//
// Its protocol core is pure: bytes in, facts out, no input or output and no
// clock. Head is a request head and Parse reads one, Framing says where its
// body ends, Chunked decodes a chunked body, Limits bounds all of it, and
// Error names the rule that a peer broke: one variable for each rule, with the
// status that answers it. The core is strict: what RFC 9112 lets a recipient
// tolerate is refused, since two recipients that tolerate differently can be
// played against each other (RFC 9112 §11.2).
package h1
