// Package semantics holds what HTTP means whatever its version is (RFC 9110):
// what both protocol engines share, so that one code path decides each.
//
// Config is what the connections of one server have in common, with Counters.
// A Head is a request as both parsers see it; Request makes an http.Request of
// it. Response is what a handler's response comes to before it has a wire form,
// Config.Run calls the handler, and an Error is a rule that a peer broke, with
// the response that tells so. How any of it is written is the engines' business.
package semantics
