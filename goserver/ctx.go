package goserver

import "github.com/hyperion-server/hyperion/goserver/internal/direct"

// A Ctx is one request on the direct path and the response to it. It lives
// from the call of its handler until that returns: the Ctx and every slice got
// from it are recycled then, and must be copied to be kept.
type Ctx = direct.Ctx

// A Handler answers one request on the direct path (see Server.Handle).
type Handler = direct.Handler

// A Field is one request header field of a Ctx.
type Field = direct.Field

// Errors of Ctx.AddHeader.
var (
	ErrFieldName  = direct.ErrFieldName
	ErrFieldValue = direct.ErrFieldValue
	ErrFieldOwned = direct.ErrFieldOwned
)

// Errors of the methods that register routes.
var (
	ErrPatternSyntax   = direct.ErrPatternSyntax
	ErrPatternMethod   = direct.ErrPatternMethod
	ErrPatternTaken    = direct.ErrPatternTaken
	ErrPatternConflict = direct.ErrPatternConflict
	ErrPageWildcard    = direct.ErrPageWildcard
	ErrNoAnswer        = direct.ErrNoAnswer
)
