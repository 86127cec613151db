package wsframe

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseClose(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		code          CloseCode
		reason        string
		err           error
	}{
		{"empty", "", CloseNoStatus, "", nil},
		{"one octet", "\x03", 0, "", ErrClosePayload},
		{"1000", "\x03\xe8", CloseNormal, "", nil},
		{"reason", "\x03\xe9bye", CloseGoingAway, "bye", nil},
		{"reason of many octets", "\x03\xe8" + strings.Repeat("é", 61), CloseNormal, strings.Repeat("é", 61), nil},
		{"4999", "\x13\x87x", 4999, "x", nil},
		{"reason not UTF-8", "\x03\xe8a\xff", 0, "", ErrUTF8},
		{"reason cut within a character", "\x03\xe8a\xc3", 0, "", ErrUTF8},
		{"1005", "\x03\xed", 0, "", ErrCloseCode},
		{"code before reason", "\x00\x00\xff", 0, "", ErrCloseCode},
	} {
		code, reason, err := ParseClose([]byte(c.payload))
		if code != c.code || string(reason) != c.reason || err != c.err {
			t.Errorf("%s: %v, %q, %v; want %v, %q, %v", c.name, code, reason, err, c.code, c.reason, c.err)
		}
	}
}

// Each code, there and back: which may be sent is section 7.4's to say.
func TestCloseCode(t *testing.T) {
	for n := range 1 << 16 {
		code := CloseCode(n)
		want := n >= 1000 && n <= 1014 && n != 1004 && n != 1005 && n != 1006 || n >= 3000 && n <= 4999
		payload, err := AppendClose([]byte("kept"), code, "why")
		switch {
		case code.Sendable() != want:
			t.Errorf("%v: sendable %v", code, !want)
		case !want && (err != ErrCloseCode || string(payload) != "kept"):
			t.Errorf("%v: appended %q, %v", code, payload, err)
		case want && (err != nil || string(payload) != "kept"+string([]byte{byte(n >> 8), byte(n)})+"why"):
			t.Errorf("%v: appended %q, %v", code, payload, err)
		}
		got, _, err := ParseClose([]byte{byte(n >> 8), byte(n)})
		if want && (got != code || err != nil) || !want && err != ErrCloseCode {
			t.Errorf("%v: parsed as %v, %v", code, got, err)
		}
	}
}

func TestAppendClose(t *testing.T) {
	for _, c := range []struct {
		name, reason, want string
		code               CloseCode
		err                error
	}{
		{"empty", "", "", CloseNoStatus, nil},
		{"reason without status", "x", "", CloseNoStatus, ErrCloseCode},
		{"short", "bye", "\x03\xe8bye", CloseNormal, nil},
		{"123 octets", strings.Repeat("x", 123), "\x03\xe8" + strings.Repeat("x", 123), CloseNormal, nil},
		{"124 octets", strings.Repeat("x", 124), "\x03\xe8" + strings.Repeat("x", 123), CloseNormal, nil},
		{"cut before é", strings.Repeat("é", 100), "\x03\xe8" + strings.Repeat("é", 61), CloseNormal, nil},
		{"cut before 日", "x" + strings.Repeat("日", 100), "\x03\xe8x" + strings.Repeat("日", 40), CloseNormal, nil},
		{"cut before an emoji", strings.Repeat("\U0001f600", 31), "\x03\xe8" + strings.Repeat("\U0001f600", 30), CloseNormal, nil},
		{"not UTF-8", "\xff", "", CloseNormal, ErrUTF8},
		{"not UTF-8 behind the cut", strings.Repeat("x", 200) + "\xff", "", CloseNormal, ErrUTF8},
	} {
		got, err := AppendClose(nil, c.code, c.reason)
		if string(got) != c.want || err != c.err {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, got, err, c.want, c.err)
		}
		if len(got) > MaxControl || len(got) > 2 && !utf8.Valid(got[2:]) {
			t.Errorf("%s: cannot be sent", c.name)
		}
	}
}

func TestCloseCode_string(t *testing.T) {
	for code, want := range map[CloseCode]string{1000: "1000 (normal closure)", 1009: "1009 (message too big)", 4711: "4711"} {
		if got := code.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
