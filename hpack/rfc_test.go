package hpack

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is a list as the RFC prints it: a field a line.
func text(fields []HeaderField) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}

// dump is the dynamic table, newest entry first, and its size.
func (t *table) dump() string {
	var b strings.Builder
	for n := t.inserted; t.live(n); n-- {
		k, both := t.entry(n)
		fmt.Fprintf(&b, "%s: %s\n", both[:k], both[k:])
	}
	fmt.Fprintf(&b, "%d\n", t.size)
	return b.String()
}

// RFC 7541, appendix C.1.
func TestInteger_C1(t *testing.T) {
	for _, c := range []struct {
		section string
		v       uint32
		prefix  uint
		octets  string
	}{
		{"C.1.1", 10, 5, "0a"},
		{"C.1.2", 1337, 5, "1f9a0a"},
		{"C.1.3", 42, 8, "2a"},
	} {
		b := unhex(t, c.octets)
		if got := appendInteger(nil, 0, c.prefix, uint64(c.v)); !bytes.Equal(got, b) {
			t.Errorf("%s: encoded as %x, want %x", c.section, got, b)
		}
		if v, n, err := readInteger(b, c.prefix); v != c.v || n != len(b) || err != nil {
			t.Errorf("%s: decoded as %d of %d octets, %v; want %d", c.section, v, n, err, c.v)
		}
	}
}

// example is an example of appendix C: the blocks of one connection.
type example struct {
	section string
	max     uint32
	blocks  []exampleBlock
}

type exampleBlock struct{ octets, list, table string }

// Both tables are those after the block.
const (
	table31 = ":authority: www.example.com\n57\n"
	table32 = "cache-control: no-cache\n:authority: www.example.com\n110\n"
	table33 = "custom-key: custom-value\ncache-control: no-cache\n:authority: www.example.com\n164\n"
	table51 = "location: https://www.example.com\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n" +
		"cache-control: private\n:status: 302\n222\n"
	table52 = ":status: 307\nlocation: https://www.example.com\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n" +
		"cache-control: private\n222\n"
	table53 = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\ncontent-encoding: gzip\n" +
		"date: Mon, 21 Oct 2013 20:13:22 GMT\n215\n"

	list31 = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
	list32 = list31 + "cache-control: no-cache\n"
	list33 = ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value\n"
	list51 = ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n"
	list52 = ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n"
	list53 = ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\n" +
		"content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
)

var examples = []example{
	{"C.2.1", 4096, []exampleBlock{{"400a637573746f6d2d6b65790d637573746f6d2d686561646572",
		"custom-key: custom-header\n", "custom-key: custom-header\n55\n"}}},
	{"C.2.2", 4096, []exampleBlock{{"040c2f73616d706c652f70617468", ":path: /sample/path\n", "0\n"}}},
	{"C.2.3", 4096, []exampleBlock{{"100870617373776f726406736563726574", "password: secret\n", "0\n"}}},
	{"C.2.4", 4096, []exampleBlock{{"82", ":method: GET\n", "0\n"}}},
	{"C.3", 4096, []exampleBlock{
		{"828684410f7777772e6578616d706c652e636f6d", list31, table31},
		{"828684be58086e6f2d6361636865", list32, table32},
		{"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", list33, table33},
	}},
	{"C.4", 4096, []exampleBlock{
		{"828684418cf1e3c2e5f23a6ba0ab90f4ff", list31, table31},
		{"828684be5886a8eb10649cbf", list32, table32},
		{"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", list33, table33},
	}},
	{"C.5", 256, []exampleBlock{
		{"4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
			"6e1768747470733a2f2f7777772e6578616d706c652e636f6d", list51, table51},
		{"4803333037c1c0bf", list52, table52},
		{"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b" +
			"425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31", list53, table53},
	}},
	{"C.6", 256, []exampleBlock{
		{"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3", list51, table51},
		{"4883640effc1c0bf", list52, table52},
		{"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af2708" +
			"7f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007", list53, table53},
	}},
}

func TestDecode_appendixC(t *testing.T) {
	for _, ex := range examples {
		t.Run(ex.section, func(t *testing.T) {
			d := NewDecoder(ex.max)
			for i, block := range ex.blocks {
				_, fields, err := d.Decode(nil, nil, unhex(t, block.octets))
				if err != nil {
					t.Fatalf("block %d: %v", i+1, err)
				}
				if got := text(fields); got != block.list {
					t.Errorf("block %d: list\n%swant\n%s", i+1, got, block.list)
				}
				if got := d.table.dump(); got != block.table {
					t.Errorf("block %d: table\n%swant\n%s", i+1, got, block.table)
				}
				if sensitive := ex.section == "C.2.3"; fields[0].Sensitive != sensitive {
					t.Errorf("block %d: sensitive %v, want %v", i+1, fields[0].Sensitive, sensitive)
				}
			}
		})
	}
}

// The encoder makes the octets of C.4, where it decides as the RFC's does.
func TestEncode_appendixC4(t *testing.T) {
	e := NewEncoder()
	for i, block := range examples[5].blocks {
		out := e.AppendBegin(nil)
		for line := range strings.Lines(block.list) {
			at := strings.LastIndex(line, ": ")
			out = e.AppendString(out, line[:at], line[at+2:len(line)-1], Index)
		}
		if want := unhex(t, block.octets); !bytes.Equal(out, want) {
			t.Errorf("block %d: %x, want %x", i+1, out, want)
		}
		if got := e.table.dump(); got != block.table {
			t.Errorf("block %d: table\n%swant\n%s", i+1, got, block.table)
		}
	}
}

// Appendix A and B, by their first and last entries and by EOS's place.
func TestTables_appendixAB(t *testing.T) {
	if e := staticTable[1]; e.name != ":authority" {
		t.Errorf("entry 1 is %q", e.name)
	}
	if e := staticTable[61]; e.name != "www-authenticate" || len(staticTable) != 62 {
		t.Errorf("entry 61 is %q of %d", e.name, len(staticTable)-1)
	}
	for i := 1; i <= staticLen; i++ {
		e := staticTable[i]
		if first := staticIndex(e.name); staticTable[first].name != e.name || first > i || staticTable[first-1].name == e.name {
			t.Errorf("%q has the first index %d", e.name, first)
		}
		if got := staticMatch(staticIndex(e.name), e.name, e.value); got != i {
			t.Errorf("%q: %q has the index %d, want %d", e.name, e.value, got, i)
		}
	}
	for _, name := range []string{"", "x", ":", ":methoe", "www-authenticatf", "connection"} {
		if i := staticIndex(name); i != 0 {
			t.Errorf("%q has the index %d", name, i)
		}
	}
	if huffmanCode['a'] != 0x3<<8|5 || huffmanCode[255] != 0x3ffffee<<8|26 {
		t.Errorf("codes %x, %x", huffmanCode['a'], huffmanCode[255])
	}
}
