package accesslog

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

func sample() *goserver.Record {
	return &goserver.Record{
		Start:     time.Date(2026, 11, 8, 9, 30, 0, 120_000_000, time.FixedZone("", 3600)),
		Duration:  5346 * time.Microsecond,
		FirstByte: 5 * time.Millisecond,
		Remote:    netip.MustParseAddrPort("[::ffff:192.0.2.7]:40000"),
		Method:    "GET",
		Path:      []byte("/a b"),
		Query:     []byte("x=1&y=2"),
		Host:      []byte("example.test"),
		Proto:     "HTTP/1.1",
		Status:    200,
		BytesIn:   3,
		BytesOut:  1234,
		RequestID: []byte("r-1"),
		UserAgent: []byte(`curl "8"`),
		Referer:   []byte("http://example.test/"),
	}
}

func encode(f Format, r *goserver.Record) string {
	e := encoder{format: f}
	e.line(r)
	return string(e.buf)
}

func TestLine(t *testing.T) {
	bare := &goserver.Record{Start: time.Unix(0, 0), Method: "-", Status: 400, Proto: "HTTP/1.0"}
	v6 := sample()
	v6.Remote = netip.MustParseAddrPort("[fe80::1%eth0]:1")
	v6.Query, v6.Host, v6.Referer, v6.RequestID = nil, nil, nil, nil
	cases := []struct {
		name   string
		format Format
		record *goserver.Record
		want   string
	}{
		{"json", JSON, sample(), `{"ts":"2026-11-08T08:30:00.125Z","level":"info","source":"hyperion","message":"request",` +
			`"method":"GET","path":"/a b","query":"x=1&y=2","status":200,"duration_ms":5.35,"remote_addr":"192.0.2.7",` +
			`"http_version":"HTTP/1.1","bytes":1234,"bytes_in":3,"ttfb_ms":5.00,"request_id":"r-1","host":"example.test",` +
			`"user_agent":"curl \"8\"","referer":"http://example.test/"}`},
		{"json with nothing known", JSON, bare, `{"ts":"1970-01-01T00:00:00.000Z","level":"info","source":"hyperion","message":"request",` +
			`"method":"-","path":"","status":400,"duration_ms":0.00,"remote_addr":null,` +
			`"http_version":"HTTP/1.0","bytes":0,"bytes_in":0,"ttfb_ms":0.00}`},
		{"text", Text, sample(), `2026-11-08T08:30:00.125Z INFO  [hyperion] message=request method=GET path="/a b" query="x=1&y=2" ` +
			`status=200 duration_ms=5.35 remote_addr=192.0.2.7 http_version=HTTP/1.1 bytes=1234 bytes_in=3 ttfb_ms=5.00 ` +
			`request_id=r-1 host=example.test user_agent="curl \"8\"" referer=http://example.test/`},
		{"text with nothing known", Text, bare, `1970-01-01T00:00:00.000Z INFO  [hyperion] message=request method=- path="" ` +
			`status=400 duration_ms=0.00 remote_addr=nil http_version=HTTP/1.0 bytes=0 bytes_in=0 ttfb_ms=0.00`},
		{"IPv6 without its zone", Text, v6, `2026-11-08T08:30:00.125Z INFO  [hyperion] message=request method=GET path="/a b" ` +
			`status=200 duration_ms=5.35 remote_addr=fe80::1 http_version=HTTP/1.1 bytes=1234 bytes_in=3 ttfb_ms=5.00 user_agent="curl \"8\""`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := encode(c.format, c.record); got != c.want+"\n" {
				t.Errorf("got  %swant %s", got, c.want)
			}
		})
	}
}

func TestLine_longField(t *testing.T) {
	r := sample()
	r.Path = []byte(strings.Repeat("a", maxField-1) + "éé")
	var got struct{ Path string }
	if err := json.Unmarshal([]byte(encode(JSON, r)), &got); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("a", maxField-1) + "…"; got.Path != want {
		t.Errorf("path ends in %q, want %q: cut before the rune that does not fit", got.Path[maxField-3:], want[maxField-3:])
	}
}

// The worst value of every field must stay within the bound, since a shard's
// buffer must never grow.
func TestLineBound(t *testing.T) {
	for _, worst := range []string{"\x01", "\xff", "\"", "\u0080", "\U000e0001", "…"} {
		v := []byte(strings.Repeat(worst, 2*maxField))
		r := &goserver.Record{
			Start: time.Unix(1<<36, 0), Duration: 1 << 62, FirstByte: 1 << 62, Status: -1 << 62, BytesIn: -1 << 62, BytesOut: -1 << 62,
			Remote: netip.MustParseAddrPort("[1111:2222:3333:4444:5555:6666:7777:8888]:65535"),
			Method: string(v), Proto: string(v), Path: v, Query: v, Host: v, RequestID: v, UserAgent: v, Referer: v,
		}
		for _, f := range []Format{JSON, Text} {
			line, bound := encode(f, r), lineBound(r)
			if len(line) > bound || bound > minHalf {
				t.Errorf("%q: line %d, bound %d, buffer %d bytes", worst, len(line), bound, minHalf)
			}
		}
	}
}

// FuzzLine sends a client's bytes through both formats: JSON must decode to
// what was sent, and no control character may reach the log.
func FuzzLine(f *testing.F) {
	f.Add([]byte("/index.html"), []byte("a=1"))
	f.Add([]byte("/\r\n2026-11-08T08:30:00.125Z INFO  [hyperion] message=forged"), []byte("\x1b[2J"))
	f.Add([]byte("\"\\\u2028\u202e\xff\xc3\x28"), []byte("\u0085\x7f\x00"))
	f.Add([]byte("\U000e0001\U0010ffff"), bytes.Repeat([]byte("é"), maxField))
	f.Fuzz(func(t *testing.T, path, agent []byte) {
		r := sample()
		r.Path, r.UserAgent, r.Method = path, agent, string(agent)
		var got struct {
			Method, Path string
			UserAgent    string `json:"user_agent"`
		}
		line := encode(JSON, r)
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if got.Path != decoded(path) || got.Method != decoded(agent) || got.UserAgent != decoded(agent) {
			t.Errorf("decoded to %q and %q, want %q and %q", got.Path, got.UserAgent, decoded(path), decoded(agent))
		}
		for _, line := range []string{line, encode(Text, r)} {
			if i := strings.IndexFunc(line, isControl); i != len(line)-1 {
				t.Errorf("control character at %d of %q", i, line)
			}
		}
	})
}

// decoded is what a JSON decoder must make of a value.
func decoded(v []byte) string {
	v, cut := shorten(v)
	s := string([]rune(string(v)))
	if cut {
		s += "…"
	}
	return s
}

// isControl reports C0, DEL and C1, and what turns or breaks lines.
func isControl(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
