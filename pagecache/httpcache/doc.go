// Package httpcache is a shared HTTP cache (RFC 9111) in front of a http.Handler:
//
//	cache := httpcache.New(httpcache.Options{})
//	http.ListenAndServe(":8080", cache.Handler(mux))
//
// It stores what a handler declares to be storable, answers from the store while that
// is fresh, and has the handler validate it when it is stale. Requests that
// miss the same response at once call the handler once. It works with
// any server of net/http's interfaces, and keeps whole responses as pages of package
// pagecache.
//
// # What is stored
//
// A response to GET of status 200, when all of this holds:
//
//   - Cache-Control is well-formed and has none of no-store, private and no-cache. The RFC lets a
//     cache store under no-cache and validate each time; this one does not store.
//   - It states how long it is fresh: s-maxage, max-age or Expires, in this order. Nothing
//     is guessed from Last-Modified.
//   - It has an ETag or a Last-Modified.
//   - It has no Set-Cookie, Content-Range or trailers.
//   - The request had neither Authorization nor Cookie, or Cache-Control has public, s-maxage
//     or must-revalidate. Only such responses answer requests that have one of the two. (RFC 9111
//     §3.5 says so of storing, and of Authorization.)
//   - Vary is not "*", and names at most 8 fields.
//   - It is complete, at most Options.MaxBody bytes long, and was not flushed before its end.
//   - Its URI was not invalidated while the handler worked.
//
// Such a response is held until the handler returns, so that a slow client keeps nobody
// waiting. Any other reaches the client as it is written, with io.ReaderFrom, http.Flusher,
// http.Hijacker and http.ResponseController at work. The bytes of a response that
// is flushed or too long are passed on from there.
//
// # What is answered
//
// GET and HEAD, with If-None-Match, If-Modified-Since, Range and If-Range evaluated on
// the stored response. The directives max-age, min-fresh, max-stale, no-cache, no-store
// and only-if-cached of requests are heeded. Stale responses are used as stale-while-revalidate and
// stale-if-error (RFC 5861) allow, unless must-revalidate, proxy-revalidate or s-maxage
// forbid it (RFC 9111 §4.2.4). Each answer says in Cache-Status (RFC 9211) how it came about.
//
// A request is passed on untouched, and nothing of it is stored, when it has a body, Upgrade,
// If-Match, If-Unmodified-Since, no-store or a malformed Cache-Control.
//
// # Whose response it is
//
// A cache that gives one client what was made for another is worse than none. What a handler
// may see differently has a key of its own: the key is the request target and the Host
// to the byte, the scheme by which the request came, and the URL if a middleware has changed it.
// Paths are not normalised, and parameters not sorted. What a handler takes from other fields
// it must list in Vary. For the fields by which proxies override a URI, such as
// X-Forwarded-Host, handlers rarely do so: a request with one of them is passed
// on, unless Options.KeyFields has it.
//
// Fields that a middleware around the cache sets before are not stored, unless they describe the
// response itself, such as Cache-Control. A middleware that makes a response personal, by a
// nonce in the body, say, belongs around the cache only if it does not touch the body.
//
// # Bounds
//
// Stored responses are bounded in bytes and number, and the least used go. In flight, each call of
// the handler holds at most Options.MaxBody bytes. Requests wait for another's call
// until their context ends, and get 504 then. At most 64 calls validate in
// the background, each with a context of 30 s; they are not waited for when a server shuts down.
package httpcache
