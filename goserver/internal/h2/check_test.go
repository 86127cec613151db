package h2

import (
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver/internal/semantics"
	"github.com/hyperion-server/hyperion/hpack"
)

// lines makes fields of "name value", each behind a bar.
func lines(s string) (fields []hpack.HeaderField) {
	for _, l := range strings.Split(s, "|") {
		if l = strings.TrimPrefix(l, " "); l != "" {
			name, value, _ := strings.Cut(l, " ")
			fields = append(fields, hpack.HeaderField{Name: []byte(name), Value: []byte(strings.TrimSuffix(value, " "))})
		}
	}
	return fields
}

func TestCheck(t *testing.T) {
	const ok = ":method GET | :scheme https | :authority a | :path / "
	lim := &semantics.Limits{HeadBytes: 64 << 10, Fields: 3, TargetBytes: 20, BodyBytes: 100}
	for _, tc := range []struct {
		fields string
		want   error
	}{
		{ok, nil},
		{ok + "| te trailers | x ", nil},
		{ok + "| cookie a | cookie b | cookie c | cookie d | x y", nil}, // one field
		{":method GET | :scheme https | :path / | host a", nil},
		{":method OPTIONS | :scheme https | :authority a | :path *", nil},
		{":method CONNECT | :authority a:443", nil},
		{ok + "| content-length 100", nil},
		{":status 200 | " + ok, errPseudoUnknown},
		{":protocol websocket | " + ok, errPseudoUnknown},
		{ok + "| :path /", errPseudoRepeated},
		{":method GET | x y | :scheme https | :authority a | :path /", errPseudoLate},
		{":scheme https | :authority a | :path /", errMethodMissing},
		{":method GET | :authority a | :path /", errSchemeMissing},
		{":method GET | :scheme https | :authority a", errPathMissing},
		{":method GET | :scheme https | :authority a | :path  ", errPathMissing},
		{":method G(T | :scheme https | :authority a | :path /", errMethod},
		{":method GET | :scheme 1 | :authority a | :path /", errScheme},
		{":method GET | :scheme https | :authority a | :path x", errPath},
		{":method GET | :scheme https | :authority a | :path *", errPath},
		{":method GET | :scheme https | :authority a | :path /\x7f", errPath},
		{":method GET | :scheme https | :authority a@b | :path /", errAuthority},
		{":method GET | :scheme https | :authority  | :path /", errAuthority},
		{":method GET | :scheme https | :path /", errAuthorityNone},
		{ok + "| host a | host a", errHost},
		{ok + "| host b", errHostDiffers},
		{ok + "| host A", nil},
		{":method CONNECT | :authority a", errConnect},
		{":method CONNECT | :authority a:443 | :path /", errConnect},
		{ok + "| X y", errFieldName},
		{ok + "| x\x00 y", errFieldName},
		{ok + "| x a\rb", errFieldValue},
		{ok + "| x a\x00", errFieldValue},
		{ok + "| x  a", errFieldValue},
		{ok + "| x a\t ", errFieldValue},
		{ok + "| connection close", errConnectionField},
		{ok + "| keep-alive 1", errConnectionField},
		{ok + "| proxy-connection x", errConnectionField},
		{ok + "| transfer-encoding chunked", errConnectionField},
		{ok + "| upgrade x", errConnectionField},
		{ok + "| te gzip", errTE},
		{ok + "| content-length x", errLengthField},
		{ok + "| content-length 1 | content-length 1", errLengthField},
		{ok + "| content-length 101", semantics.ErrBodyTooLarge},
		{ok + "| content-length 99999999999999999999", semantics.ErrLengthOverflow},
		{ok + "| expect magic", semantics.ErrExpectation},
		{ok + "| a b | c d | e f | g h", semantics.ErrTooManyFields},
		{":method GET | :scheme https | :authority a | :path /" + strings.Repeat("x", 20), semantics.ErrTargetTooLong},
	} {
		var h head
		if got := h.check(lines(tc.fields), lim, false); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.fields, got, tc.want)
		}
	}
}

// An extended CONNECT, where that was offered (RFC 8441 §4).
func TestCheck_extended(t *testing.T) {
	const ok = ":method CONNECT | :protocol websocket | :scheme https | :authority a | :path / "
	lim := &semantics.Limits{HeadBytes: 64 << 10, Fields: 3, TargetBytes: 20, BodyBytes: 100}
	for _, tc := range []struct {
		fields string
		want   error
	}{
		{ok, nil},
		{ok + "| content-length 7", nil},
		{":method CONNECT | :protocol websocket | :scheme https | :path /a?b | host a", nil},
		{":method CONNECT | :protocol WebSocket | :scheme https | :authority a | :path /", errProtocolUnknown},
		{":method CONNECT | :protocol  | :scheme https | :authority a | :path /", errProtocolUnknown},
		{":method CONNECT | :protocol websocket | :authority a | :path /", errSchemeMissing},
		{":method CONNECT | :protocol websocket | :scheme https | :authority a", errPathMissing},
		{":method CONNECT | :protocol websocket | :scheme https | :authority a | :path *", errPath},
		{":method CONNECT | :protocol websocket | :scheme https | :path /", errAuthorityNone},
		{":method GET | :protocol websocket | :scheme https | :authority a | :path /", errProtocol},
		{ok + "| :protocol websocket", errPseudoRepeated},
		{ok + "| upgrade websocket", errConnectionField},
		{ok + "| a b | c d | e f | g h", semantics.ErrTooManyFields},
		{":method CONNECT | :authority a:443", nil},
		{":method CONNECT | :authority a:443 | :path /", errConnect},
	} {
		var h head
		if got := h.check(lines(tc.fields), lim, true); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.fields, got, tc.want)
			continue
		}
		if protocol := strings.Contains(tc.fields, ":protocol"); tc.want == nil && (h.connect != protocol || protocol && (h.Method != "GET" || h.length != -1)) {
			t.Errorf("%q: extended %v, %s, length %d", tc.fields, h.connect, h.Method, h.length)
		}
	}
}

func TestParsePriority(t *testing.T) {
	for v, want := range map[string]priority{
		"":              {urgency: 3},
		"u=0":           {urgency: 0},
		"u=7, i":        {urgency: 7, incremental: true},
		"i=?1,u=5":      {urgency: 5, incremental: true},
		"i;a=b, u=1;c":  {urgency: 1, incremental: true},
		"u=8":           {urgency: 3},
		"u=-1, i=?0":    {urgency: 3},
		"u=1, u=2":      {urgency: 2},
		"x=y, \"z\", ,": {urgency: 3},
	} {
		if got := parsePriority([]byte(v)); got != want {
			t.Errorf("%q: %+v, want %+v", v, got, want)
		}
	}
}
