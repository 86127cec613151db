package h1

import "net/http"

// An Error is a rule that a peer broke. Each rule is one variable of this
// package, to be compared by identity. After an Error the connection cannot be
// used again: where the next message starts is unknown.
type Error struct {
	Status  int    // of the response
	Rule    string // what was wrong, for the response body and the log
	Section string // where the rule stands, as "RFC 9112 §5.1"
}

// Error returns the rule and its section.
func (e *Error) Error() string { return e.Rule + " (" + e.Section + ")" }

func rule(status int, section, text string) *Error {
	return &Error{Status: status, Rule: text, Section: section}
}

// Rules of lines, anywhere in a message.
var (
	ErrBareLF = rule(http.StatusBadRequest, "RFC 9112 §2.2", "line ends with LF alone")
	ErrBareCR = rule(http.StatusBadRequest, "RFC 9112 §2.2", "CR is not followed by LF")
)

// Rules of the request line.
var (
	ErrTLSHandshake   = rule(http.StatusBadRequest, "RFC 9112 §3", "TLS handshake on a connection without TLS")
	ErrEmptyLines     = rule(http.StatusBadRequest, "RFC 9112 §2.2", "too many empty lines before the request line")
	ErrRequestLine    = rule(http.StatusBadRequest, "RFC 9112 §3", "request line is not method, target and version with one space between")
	ErrMethod         = rule(http.StatusBadRequest, "RFC 9110 §9.1", "method is not a token")
	ErrMethodTooLong  = rule(http.StatusNotImplemented, "RFC 9112 §3", "method is longer than any that is implemented")
	ErrTarget         = rule(http.StatusBadRequest, "RFC 9112 §3.2", "request target holds a byte that must be percent-encoded")
	ErrTargetTooLong  = rule(http.StatusRequestURITooLong, "RFC 9112 §3", "request target is too long")
	ErrVersionMissing = rule(http.StatusBadRequest, "RFC 9112 §3", "request line has no HTTP version")
	ErrVersionSyntax  = rule(http.StatusBadRequest, "RFC 9112 §2.3", "HTTP version is malformed")
	ErrVersion        = rule(http.StatusHTTPVersionNotSupported, "RFC 9110 §15.6.6", "HTTP version is not 1.x")
)

// Rules of the request target's form.
var (
	ErrTargetForm      = rule(http.StatusBadRequest, "RFC 9112 §3.2", "request target is neither a path nor an absolute URI")
	ErrTargetScheme    = rule(http.StatusBadRequest, "RFC 9112 §3.2.2", "scheme of the request target is neither http nor https")
	ErrTargetAuthority = rule(http.StatusBadRequest, "RFC 9110 §4.2", "request target has no valid host, or has user information")
	ErrAuthorityForm   = rule(http.StatusBadRequest, "RFC 9112 §3.2.3", "CONNECT needs host and port, and nothing else, as its target")
	ErrAsteriskForm    = rule(http.StatusBadRequest, "RFC 9112 §3.2.4", "request target * is for OPTIONS only")
)

// Rules of the header section.
var (
	ErrHeadTooLong      = rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 6585 §5", "request head is too long")
	ErrTooManyFields    = rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 6585 §5", "too many header fields")
	ErrSpaceBeforeField = rule(http.StatusBadRequest, "RFC 9112 §2.2", "white space before the first header field")
	ErrObsFold          = rule(http.StatusBadRequest, "RFC 9112 §5.2", "field value is folded over lines")
	ErrSpaceBeforeColon = rule(http.StatusBadRequest, "RFC 9112 §5.1", "white space in a field name or before its colon")
	ErrNoColon          = rule(http.StatusBadRequest, "RFC 9112 §5", "field line has no colon")
	ErrFieldName        = rule(http.StatusBadRequest, "RFC 9110 §5.1", "field name is not a token")
	ErrFieldValue       = rule(http.StatusBadRequest, "RFC 9110 §5.5", "field value holds a control character")
	ErrExpectation      = rule(http.StatusExpectationFailed, "RFC 9110 §10.1.1", "expectation is not 100-continue")
)

// Rules of the Host field.
var (
	ErrHostMissing  = rule(http.StatusBadRequest, "RFC 9112 §3.2", "Host field is missing")
	ErrHostRepeated = rule(http.StatusBadRequest, "RFC 9112 §3.2", "Host field is repeated")
	ErrHostInvalid  = rule(http.StatusBadRequest, "RFC 9112 §3.2", "Host field is not a host and port")
)

// Rules of message framing.
var (
	ErrLengthSyntax      = rule(http.StatusBadRequest, "RFC 9110 §8.6", "Content-Length is not a decimal number")
	ErrLengthRepeated    = rule(http.StatusBadRequest, "RFC 9110 §8.6", "Content-Length is repeated")
	ErrLengthOverflow    = rule(http.StatusRequestEntityTooLarge, "RFC 9110 §8.6", "Content-Length is beyond 63 bits")
	ErrLengthWithCoding  = rule(http.StatusBadRequest, "RFC 9112 §6.1", "both Content-Length and Transfer-Encoding")
	ErrCodingHTTP10      = rule(http.StatusBadRequest, "RFC 9112 §6.1", "Transfer-Encoding in an HTTP/1.0 request")
	ErrCodingRepeated    = rule(http.StatusBadRequest, "RFC 9112 §6.1", "Transfer-Encoding is repeated")
	ErrCodingSyntax      = rule(http.StatusBadRequest, "RFC 9112 §7", "Transfer-Encoding is not a list of coding names")
	ErrCodingNotChunked  = rule(http.StatusBadRequest, "RFC 9112 §6.3", "last transfer coding is not chunked")
	ErrCodingTwice       = rule(http.StatusBadRequest, "RFC 9112 §6.1", "chunked is applied twice")
	ErrCodingUnsupported = rule(http.StatusNotImplemented, "RFC 9112 §6.1", "transfer coding other than chunked")
	ErrBodyTooLarge      = rule(http.StatusRequestEntityTooLarge, "RFC 9110 §15.5.14", "request body is too large")
)

// Rules of the chunked coding.
var (
	ErrChunkSize         = rule(http.StatusBadRequest, "RFC 9112 §7.1", "chunk size is not a hexadecimal number")
	ErrChunkSizeOverflow = rule(http.StatusRequestEntityTooLarge, "RFC 9112 §7.1", "chunk size or the sum of chunks is beyond 63 bits")
	ErrChunkExt          = rule(http.StatusBadRequest, "RFC 9112 §7.1.1", "chunk extension holds a control character")
	ErrChunkExtTooLong   = rule(http.StatusBadRequest, "RFC 9112 §7.1.1", "chunk extension is too long")
	ErrChunkExtTotal     = rule(http.StatusBadRequest, "RFC 9112 §7.1.1", "chunk extensions outweigh the data")
	ErrChunkEnd          = rule(http.StatusBadRequest, "RFC 9112 §7.1", "chunk data is not followed by CRLF")
	ErrTrailerTooLong    = rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 9112 §7.1.2", "trailer section is too long")
	ErrTooManyTrailers   = rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 9112 §7.1.2", "too many trailer fields")
)
