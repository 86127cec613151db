// Package interop has tests of the server with clients of others: gRPC in
// grpc-go and connect-go, curl, nghttp, Node's http2 and Chromium; WebSockets in
// gorilla, coder, gobwas and gws, Node's ws and undici, Python's websockets and
// autobahn, and Chromium. Those that need a program skip when it is not installed, or fail with
// HYPERION_REQUIRE_CLIENTS set; undici's, which needs Node 20, skips with an older one, as Debian 12 has.
package interop
