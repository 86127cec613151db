// Package ktls hands the sending half of a TLS 1.3 connection to the Linux
// kernel after crypto/tls has done the handshake: mechanism only.
//
// What the kernel has to know comes from two observations of the handshake, by a
// Handshake. Secrets, a tls.Config's KeyLogWriter, yields the server's application
// traffic secret. The records that were sent yield the sequence number: the last
// of them is opened with the keys of that secret.
//
// Enable gives both to the kernel. From then on what is written to the descriptor
// is plain: the kernel makes records of it. SendRecord sends records of the other
// types. crypto/tls keeps decrypting what is received, and knows nothing of the
// switch: the records that it still makes (alerts, its answer to a KeyUpdate) must
// not leave as they are. A Sealed opens them, so that their content can be sent.
package ktls
