package h2

import (
	"errors"

	"golang.org/x/net/http2"
)

// A connError ends the connection with GOAWAY (RFC 9113 §5.4.1). Each rule that
// a peer can break is one variable, to be compared by identity.
type connError struct {
	code http2.ErrCode
	rule string // also the debug data of GOAWAY
}

func (e *connError) Error() string { return "http2: " + e.code.String() + ": " + e.rule }

func connRule(code http2.ErrCode, rule string) *connError { return &connError{code, rule} }

// Rules of frames and connections.
var (
	errPreface         = connRule(http2.ErrCodeProtocol, "connection does not start with the client preface (RFC 9113 §3.4)")
	errFirstSettings   = connRule(http2.ErrCodeProtocol, "first frame is not SETTINGS (RFC 9113 §3.4)")
	errFrameSize       = connRule(http2.ErrCodeFrameSize, "frame is larger than SETTINGS_MAX_FRAME_SIZE (RFC 9113 §4.2)")
	errFrameLength     = connRule(http2.ErrCodeFrameSize, "frame has a wrong length for its type (RFC 9113 §6)")
	errPadding         = connRule(http2.ErrCodeProtocol, "padding is as long as the payload or longer (RFC 9113 §6.1)")
	errStreamZero      = connRule(http2.ErrCodeProtocol, "frame of a stream on stream 0 (RFC 9113 §6)")
	errStreamNotZero   = connRule(http2.ErrCodeProtocol, "frame of the connection on a stream (RFC 9113 §6)")
	errStreamParity    = connRule(http2.ErrCodeProtocol, "client opens a stream of even number (RFC 9113 §5.1.1)")
	errStreamOrder     = connRule(http2.ErrCodeProtocol, "number of a new stream is below one used before (RFC 9113 §5.1.1)")
	errStreamIdle      = connRule(http2.ErrCodeProtocol, "frame on an idle stream (RFC 9113 §5.1)")
	errStreamClosed    = connRule(http2.ErrCodeStreamClosed, "HEADERS on a closed stream (RFC 9113 §5.1)")
	errContinuation    = connRule(http2.ErrCodeProtocol, "CONTINUATION without HEADERS before it (RFC 9113 §6.10)")
	errInterleaved     = connRule(http2.ErrCodeProtocol, "frame inside of a header block (RFC 9113 §4.3)")
	errPush            = connRule(http2.ErrCodeProtocol, "client sends PUSH_PROMISE (RFC 9113 §8.4)")
	errSettings        = connRule(http2.ErrCodeProtocol, "value of a setting is out of range (RFC 9113 §6.5.2)")
	errSettingWindow   = connRule(http2.ErrCodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE is out of range (RFC 9113 §6.5.2)")
	errSendWindow      = connRule(http2.ErrCodeFlowControl, "window grew beyond 2^31-1 (RFC 9113 §6.9.1)")
	errWindowZero      = connRule(http2.ErrCodeProtocol, "WINDOW_UPDATE of 0 (RFC 9113 §6.9)")
	errReceiveWindow   = connRule(http2.ErrCodeFlowControl, "more DATA than the window of the connection (RFC 9113 §6.9)")
	errCompression     = connRule(http2.ErrCodeCompression, "header block cannot be decoded (RFC 9113 §4.3)")
	errPriorityUpdate  = connRule(http2.ErrCodeProtocol, "PRIORITY_UPDATE without a stream of a client (RFC 9218 §7.1)")
	errHeaderTime      = connRule(http2.ErrCodeEnhanceYourCalm, "frame or header block took too long")
	errPrefaceTime     = connRule(http2.ErrCodeProtocol, "client preface took too long")
	errBlockTooLong    = connRule(http2.ErrCodeEnhanceYourCalm, "header block is too long")
	errBlockFragments  = connRule(http2.ErrCodeEnhanceYourCalm, "header block comes in too many frames")
	errSettingsTooMany = connRule(http2.ErrCodeEnhanceYourCalm, "SETTINGS frame is too long")
	errFlood           = connRule(http2.ErrCodeEnhanceYourCalm, "too many frames that ask for work and bring none")
	errFailed          = connRule(http2.ErrCodeInternal, "the server failed")
	errPingTimeout     = connRule(http2.ErrCodeNo, "no answer to PING")
)

// errGone is what a handler sees of a connection that has ended.
var errGone = errors.New("http2: client disconnected")

// errIdle ends a connection in which nothing happened for IdleTimeout.
var errIdle = connRule(http2.ErrCodeNo, "idle")

// errDrained ends a connection that has told so with GOAWAY, and has no streams left.
var errDrained = errors.New("http2: connection drained")
