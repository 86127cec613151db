package semantics

import "net/http"

// An Error is a rule that a peer broke. Each rule is one variable, to be
// compared by identity.
type Error struct {
	Status  int    // of the response
	Rule    string // what was wrong, for the response body and the log
	Section string // where the rule stands, as "RFC 9112 §5.1"
}

// Error returns the rule and its section.
func (e *Error) Error() string { return e.Rule + " (" + e.Section + ")" }

// Rule returns a new rule that is answered with status.
func Rule(status int, section, text string) *Error {
	return &Error{Status: status, Rule: text, Section: section}
}

// Rules of the request head.
var (
	ErrTargetTooLong  = Rule(http.StatusRequestURITooLong, "RFC 9112 §3", "request target is too long")
	ErrTargetURL      = Rule(http.StatusBadRequest, "RFC 3986 §2.1", "request target is not a valid URL")
	ErrHeadTooLong    = Rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 6585 §5", "request head is too long")
	ErrTooManyFields  = Rule(http.StatusRequestHeaderFieldsTooLarge, "RFC 6585 §5", "too many header fields")
	ErrExpectation    = Rule(http.StatusExpectationFailed, "RFC 9110 §10.1.1", "expectation is not 100-continue")
	ErrLengthSyntax   = Rule(http.StatusBadRequest, "RFC 9110 §8.6", "Content-Length is not a decimal number")
	ErrLengthOverflow = Rule(http.StatusRequestEntityTooLarge, "RFC 9110 §8.6", "Content-Length is beyond 63 bits")
)

// Rules of the content and of time.
var (
	ErrBodyTooLarge  = Rule(http.StatusRequestEntityTooLarge, "RFC 9110 §15.5.14", "request body is too large")
	ErrHeaderTimeout = Rule(http.StatusRequestTimeout, "RFC 9110 §15.5.9", "request head took too long")
	ErrBodyTimeout   = Rule(http.StatusRequestTimeout, "RFC 9110 §15.5.9", "request body stopped arriving")
	ErrBodyTooSlow   = Rule(http.StatusRequestTimeout, "RFC 9110 §15.5.9", "request body arrives too slowly")
)

// Failures of the server's own.
var (
	ErrOverload = Rule(http.StatusServiceUnavailable, "RFC 9110 §15.6.4", "server is at its limit of requests in flight")
	ErrPanic    = Rule(http.StatusInternalServerError, "RFC 9110 §15.6.1", "internal server error")
)

// A Field is one field of a response.
type Field struct{ Name, Value string }

var (
	refusalFields  = []Field{{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}}
	overloadFields = append(refusalFields[:len(refusalFields):len(refusalFields)], Field{"Retry-After", "1"})
)

// Fields returns the fields of the response that tells of e, without its length
// and date. They must not be changed.
func (e *Error) Fields() []Field {
	if e == ErrOverload {
		return overloadFields
	}
	return refusalFields
}

// AppendBody appends the content of the response that tells of e: one line that
// names the rule.
func (e *Error) AppendBody(b []byte) []byte { return append(append(b, e.Rule...), '\n') }

// BodyLen is the length of that content in bytes.
func (e *Error) BodyLen() int64 { return int64(len(e.Rule) + 1) }

// CountRefused counts a request that was refused for e.
func (c *Counters) CountRefused(e *Error) {
	c.Refused.Add(1)
	if e == ErrBodyTimeout || e == ErrBodyTooSlow {
		c.TimedOut.Add(1)
	}
}
