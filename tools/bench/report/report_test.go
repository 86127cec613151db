package report

import (
	"bytes"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var run = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

func trial(row, server string, round int, figure float64) Trial {
	return Trial{Run: run, Row: row, Server: server, Round: round, State: Measured, Figure: figure,
		Rate: 1e6 / figure, P50: 500 * time.Microsecond, P99: time.Duration(figure*100) * time.Microsecond, RSS: 8 << 20}
}

func sample() *Report {
	return &Report{
		Command: "make bench-peers",
		Facts:   [][2]string{{"CPU", "a | b"}},
		Servers: [][2]string{{"Hyperion", "ours"}, {"C epoll", "the limit"}, {"nginx", "1.22"}, {"Caddy", "not here"}},
		Rows: []Row{
			{Name: "hello", Title: "Hello", Unit: "µs/request", Load: "wrk -t1.", Targets: []Target{{Than: "C epoll", Max: 1.1}, {Than: "nginx", Max: 0.5}, {Than: "Caddy", Max: 1}, {Tail: true, Max: 1}}},
			{Name: "idle", Title: "Idle", Unit: "B/connection", Load: "loader.", Targets: []Target{{Max: 1024}}},
			{Name: "unmeasured", Title: "Unmeasured", Unit: "µs", Targets: []Target{{Max: 1}}},
		},
		Limit:   "C epoll",
		Growths: []Growth{{Title: "Hello to idle", From: "hello", To: "idle", Max: 1.15}},
		Trials: []Trial{
			trial("hello", "Hyperion", 1, 10), trial("hello", "Hyperion", 2, 20), trial("hello", "Hyperion", 3, 12),
			trial("hello", "C epoll", 1, 10), trial("hello", "C epoll", 2, 19), trial("hello", "C epoll", 3, 11),
			trial("hello", "nginx", 1, 20), {Run: run, Row: "hello", Server: "nginx", Round: 2, State: Failed, Note: "did not start"}, trial("hello", "nginx", 3, 20),
			{Run: run, Row: "hello", Server: "Caddy", Round: 1, State: NotInstalled},
			{Run: run, Row: "idle", Server: "Hyperion", Round: 1, State: Measured, Figure: 900, Rate: 12345, RSS: 1 << 20, Errors: 2, Note: "two lost"},
		},
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

func TestRatio_isPaired(t *testing.T) {
	ours, its := map[int]float64{1: 10, 2: 40, 3: 12, 4: 5}, map[int]float64{1: 20, 2: 50, 3: 12}
	if got := ratio(ours, its); got != 0.8 {
		t.Errorf("ratio = %v, want 0.8, the middle of 0.5, 0.8 and 1", got)
	}
	if !math.IsNaN(ratio(ours, nil)) {
		t.Error("a ratio to nothing is a number")
	}
}

func TestCSV_roundTrip(t *testing.T) {
	want := sample().Trials
	want[7].Note = "a, \"b\"\nc"
	var b bytes.Buffer
	if err := WriteCSV(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCSV(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Rate = math.Round(want[i].Rate*1000) / 1000
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestReadCSV_bad(t *testing.T) {
	if _, err := ReadCSV(strings.NewReader("a,b\n")); err != errColumns {
		t.Errorf("err = %v, want errColumns", err)
	}
	if _, err := ReadCSV(strings.NewReader("")); err != errColumns {
		t.Errorf("empty: err = %v, want errColumns", err)
	}
	bad := strings.Join(columns, ",") + "\n2026-11-21T04:00:00Z,hello,nginx,one,ok,1,1,1,1,1,0,\n"
	if _, err := ReadCSV(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("err = %v, want one that names line 2", err)
	}
}

func TestMerge(t *testing.T) {
	old := []Trial{{Row: "a", Server: "x"}, {Row: "b", Server: "x"}, {Row: "a", Server: "y"}}
	got := Merge(old, []Trial{{Row: "a", Server: "z"}})
	if want := []Trial{{Row: "b", Server: "x"}, {Row: "a", Server: "z"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(old) != 3 || old[0].Row != "a" {
		t.Errorf("the old trials were changed: %v", old)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(1.006), "1.01"}, {number(9.876), "9.88"}, {number(12.34), "12.3"}, {number(123.4), "123"}, {number(1234567), "1 234 567"},
		{number(-5), "-5.00"}, {number(math.NaN()), "–"}, {count(0), "–"}, {count(999), "999"}, {count(-123456), "-123 456"},
		{micros(0), "–"}, {micros(650), "650 µs"}, {micros(1234), "1.23 ms"}, {cell("a|b\nc"), `a\|b c`},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestWriteMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/sample.md")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got:\n%s\nwant testdata/sample.md", b.String())
	}
}

func TestInsert(t *testing.T) {
	block := Begin + "\n\ntext\n\n" + End
	for _, c := range []struct{ doc, want string }{
		{"", block + "\n"},
		{"# Title\n", "# Title\n\n" + block + "\n"},
		{"a\n" + Begin + "\nold\n" + End + "\nb\n", "a\n" + block + "\nb\n"},
	} {
		got, err := Insert([]byte(c.doc), []byte("\ntext\n"))
		if string(got) != c.want || err != nil {
			t.Errorf("%q: %q, %v", c.doc, got, err)
		}
		again, _ := Insert(got, []byte("text"))
		if !bytes.Equal(again, got) {
			t.Errorf("%q: a second insertion gives %q", c.doc, again)
		}
	}
	for _, bad := range []string{Begin, End, End + Begin, Begin + End + Begin + End} {
		if _, err := Insert([]byte(bad), nil); !errors.Is(err, errMarkers) {
			t.Errorf("%q: err = %v, want errMarkers", bad, err)
		}
	}
}
