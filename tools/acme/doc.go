// Package acme tests that hyperion gets certificates from an ACME authority:
// pebble, which runs in the test, on loopback only.
package acme
