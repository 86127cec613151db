// Package tickets keeps the keys of TLS session tickets (RFC 8446 §4.6.1, RFC
// 5077): which one encrypts, which older ones still decrypt, and when a new one
// takes their place. A tls.Config that has them, and each clone of it, uses
// the keys of the moment: nothing is cloned or set for a connection.
//
// Processes that share a file of keys resume each other's sessions. The first that
// finds the newest key too old writes a new one, the others hear of it.
package tickets
