package h1

import (
	"net/http"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
)

// Rules of lines, anywhere in a message.
var (
	ErrBareLF = semantics.Rule(http.StatusBadRequest, "RFC 9112 §2.2", "line ends with LF alone")
	ErrBareCR = semantics.Rule(http.StatusBadRequest, "RFC 9112 §2.2", "CR is not followed by LF")
)

// Rules of the request line.
var (
	ErrTLSHandshake   = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3", "TLS handshake on a connection without TLS")
	ErrEmptyLines     = semantics.Rule(http.StatusBadRequest, "RFC 9112 §2.2", "too many empty lines before the request line")
	ErrRequestLine    = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3", "request line is not method, target and version with one space between")
	ErrMethod         = semantics.Rule(http.StatusBadRequest, "RFC 9110 §9.1", "method is not a token")
	ErrMethodTooLong  = semantics.Rule(http.StatusNotImplemented, "RFC 9112 §3", "method is longer than any that is implemented")
	ErrTarget         = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2", "request target holds a byte that must be percent-encoded")
	ErrVersionMissing = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3", "request line has no HTTP version")
	ErrVersionSyntax  = semantics.Rule(http.StatusBadRequest, "RFC 9112 §2.3", "HTTP version is malformed")
	ErrVersion        = semantics.Rule(http.StatusHTTPVersionNotSupported, "RFC 9110 §15.6.6", "HTTP version is not 1.x")
)

// Rules of the request target's form.
var (
	ErrTargetForm      = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2", "request target is neither a path nor an absolute URI")
	ErrTargetScheme    = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2.2", "scheme of the request target is neither http nor https")
	ErrTargetAuthority = semantics.Rule(http.StatusBadRequest, "RFC 9110 §4.2", "request target has no valid host, or has user information")
	ErrAuthorityForm   = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2.3", "CONNECT needs host and port, and nothing else, as its target")
	ErrAsteriskForm    = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2.4", "request target * is for OPTIONS only")
)

// Rules of the header section.
var (
	ErrSpaceBeforeField = semantics.Rule(http.StatusBadRequest, "RFC 9112 §2.2", "white space before the first header field")
	ErrObsFold          = semantics.Rule(http.StatusBadRequest, "RFC 9112 §5.2", "field value is folded over lines")
	ErrSpaceBeforeColon = semantics.Rule(http.StatusBadRequest, "RFC 9112 §5.1", "white space in a field name or before its colon")
	ErrNoColon          = semantics.Rule(http.StatusBadRequest, "RFC 9112 §5", "field line has no colon")
	ErrFieldName        = semantics.Rule(http.StatusBadRequest, "RFC 9110 §5.1", "field name is not a token")
	ErrFieldValue       = semantics.Rule(http.StatusBadRequest, "RFC 9110 §5.5", "field value holds a control character")
)

// Rules of the Host field.
var (
	ErrHostMissing  = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2", "Host field is missing")
	ErrHostRepeated = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2", "Host field is repeated")
	ErrHostInvalid  = semantics.Rule(http.StatusBadRequest, "RFC 9112 §3.2", "Host field is not a host and port")
)

// Rules of message framing.
var (
	ErrLengthRepeated    = semantics.Rule(http.StatusBadRequest, "RFC 9110 §8.6", "Content-Length is repeated")
	ErrLengthWithCoding  = semantics.Rule(http.StatusBadRequest, "RFC 9112 §6.1", "both Content-Length and Transfer-Encoding")
	ErrCodingHTTP10      = semantics.Rule(http.StatusBadRequest, "RFC 9112 §6.1", "Transfer-Encoding in an HTTP/1.0 request")
	ErrCodingRepeated    = semantics.Rule(http.StatusBadRequest, "RFC 9112 §6.1", "Transfer-Encoding is repeated")
	ErrCodingSyntax      = semantics.Rule(http.StatusBadRequest, "RFC 9112 §7", "Transfer-Encoding is not a list of coding names")
	ErrCodingNotChunked  = semantics.Rule(http.StatusBadRequest, "RFC 9112 §6.3", "last transfer coding is not chunked")
	ErrCodingTwice       = semantics.Rule(http.StatusBadRequest, "RFC 9112 §6.1", "chunked is applied twice")
	ErrCodingUnsupported = semantics.Rule(http.StatusNotImplemented, "RFC 9112 §6.1", "transfer coding other than chunked")
)

// Rules of the chunked coding.
var (
	ErrChunkSize         = semantics.Rule(http.StatusBadRequest, "RFC 9112 §7.1", "chunk size is not a hexadecimal number")
	ErrChunkSizeOverflow = semantics.Rule(http.StatusRequestEntityTooLarge, "RFC 9112 §7.1", "chunk size or the sum of chunks is beyond 63 bits")
	ErrChunkExt          = semantics.Rule(http.StatusBadRequest, "RFC 9112 §7.1.1", "chunk extension holds a control character")
	ErrChunkExtTooLong   = semantics.Rule(http.StatusBadRequest, "RFC 9112 §7.1.1", "chunk extension is too long")
	ErrChunkExtTotal     = semantics.Rule(http.StatusBadRequest, "RFC 9112 §7.1.1", "chunk extensions outweigh the data")
	ErrChunkEnd          = semantics.Rule(http.StatusBadRequest, "RFC 9112 §7.1", "chunk data is not followed by CRLF")
	ErrTrailerTooLong    = semantics.Rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 9112 §7.1.2", "trailer section is too long")
	ErrTooManyTrailers   = semantics.Rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 9112 §7.1.2", "too many trailer fields")
)
