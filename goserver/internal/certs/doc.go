// Package certs holds the certificates of a server: it loads them from files,
// one pair at a time or a directory of them, chooses one for each client by the
// name that it asks for (SNI, RFC 6066 §3), and loads them anew when they change.
//
// A Store is safe for concurrent use. Choosing takes no lock.
package certs
