package wsframe

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// A CloseCode is the status code of a Close frame (RFC 6455 section 7.4).
type CloseCode uint16

// The codes of section 7.4.1 and of IANA's registry.
const (
	CloseNormal             CloseCode = 1000
	CloseGoingAway          CloseCode = 1001
	CloseProtocolError      CloseCode = 1002
	CloseUnsupportedData    CloseCode = 1003
	CloseNoStatus           CloseCode = 1005 // a Close frame without code; never sent
	CloseAbnormal           CloseCode = 1006 // no Close frame came; never sent
	CloseInvalidPayload     CloseCode = 1007
	ClosePolicyViolation    CloseCode = 1008
	CloseMessageTooBig      CloseCode = 1009
	CloseMandatoryExtension CloseCode = 1010
	CloseInternalError      CloseCode = 1011
	CloseServiceRestart     CloseCode = 1012
	CloseTryAgainLater      CloseCode = 1013
	CloseBadGateway         CloseCode = 1014
	CloseTLSHandshake       CloseCode = 1015 // TLS failed; never sent
)

var closeTexts = map[CloseCode]string{
	CloseNormal:             "normal closure",
	CloseGoingAway:          "going away",
	CloseProtocolError:      "protocol error",
	CloseUnsupportedData:    "unsupported data",
	CloseNoStatus:           "no status received",
	CloseAbnormal:           "abnormal closure",
	CloseInvalidPayload:     "invalid payload data",
	ClosePolicyViolation:    "policy violation",
	CloseMessageTooBig:      "message too big",
	CloseMandatoryExtension: "mandatory extension",
	CloseInternalError:      "internal error",
	CloseServiceRestart:     "service restart",
	CloseTryAgainLater:      "try again later",
	CloseBadGateway:         "bad gateway",
	CloseTLSHandshake:       "TLS handshake failed",
}

// String returns the number, and the meaning if there is one that all share.
func (c CloseCode) String() string {
	if text := closeTexts[c]; text != "" {
		return fmt.Sprintf("%d (%s)", uint16(c), text)
	}
	return fmt.Sprint(uint16(c))
}

// Sendable reports whether the code may be in a Close frame: 1000 to 1003, 1007
// to 1014, and 3000 to 4999 (sections 7.4.1 and 7.4.2).
func (c CloseCode) Sendable() bool {
	return c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
}

// MaxReason is how many octets the reason in a Close frame has at most.
const MaxReason = MaxControl - 2

// AppendClose appends the payload of a Close frame to dst (section 5.5.1). The
// payload of [CloseNoStatus] is empty. A reason over [MaxReason] is cut between
// two characters.
//
// The error is ErrCloseCode if the code is not [CloseCode.Sendable], or ErrUTF8
// if that is not what the reason is; dst is then as it was.
func AppendClose(dst []byte, code CloseCode, reason string) ([]byte, error) {
	switch {
	case code == CloseNoStatus && reason == "":
		return dst, nil
	case !code.Sendable():
		return dst, ErrCloseCode
	case !utf8.ValidString(reason):
		return dst, ErrUTF8
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, cut(reason, MaxReason)...), nil
}

// cut returns as many whole characters of s as n octets have.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// ParseClose reads the payload of a Close frame, unmasked. The reason is a part
// of it. An empty payload has the code [CloseNoStatus].
//
// The error is ErrClosePayload, ErrCloseCode or ErrUTF8.
func ParseClose(payload []byte) (code CloseCode, reason []byte, err error) {
	switch len(payload) {
	case 0:
		return CloseNoStatus, nil, nil
	case 1:
		return 0, nil, ErrClosePayload
	}
	code, reason = CloseCode(binary.BigEndian.Uint16(payload)), payload[2:]
	switch {
	case !code.Sendable():
		return 0, nil, ErrCloseCode
	case !utf8.Valid(reason):
		return 0, nil, ErrUTF8
	}
	return code, reason, nil
}
