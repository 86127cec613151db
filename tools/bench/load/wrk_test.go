package load

import (
	"errors"
	"slices"
	"testing"
	"time"
)

const wrkPlain = `Running 4s test @ http://127.0.0.1:8080/hello
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   650.12us  113.45us   5.02ms   91.23%
    Req/Sec    98.11k     2.34k  101.90k    75.00%
  Latency Distribution
     50%  632.00us
     75%  680.00us
     90%  741.00us
     99%    1.10ms
  390512 requests in 4.00s, 47.30MB read
Requests/sec:  97620.88
Transfer/sec:     11.82MB
`

func TestParseWrk(t *testing.T) {
	got, err := parseWrk([]byte(wrkPlain))
	want := Result{Requests: 390512, Elapsed: 4 * time.Second, P50: 632 * time.Microsecond, P99: 1100 * time.Microsecond, Bytes: 49597644}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestParseWrk_errors(t *testing.T) {
	got, err := parseWrk([]byte(wrkPlain +
		"  Socket errors: connect 1, read 20, write 300, timeout 4000\n" +
		"  Non-2xx or 3xx responses: 512\n"))
	if err != nil || got.Errors != 4321+512 || got.Requests != 390000 {
		t.Errorf("errors %d, requests %d, %v; want 4833, 390000", got.Errors, got.Requests, err)
	}
	if got.Problem == "" {
		t.Error("no words for the errors")
	}
}

func TestParseWrk_otherOutput(t *testing.T) {
	for _, out := range []string{
		"",
		"unable to connect to 127.0.0.1:1 Connection refused\n",
		"  390512 requests in 4.00s, 47.30MB read\n", // without --latency
	} {
		if _, err := parseWrk([]byte(out)); !errors.Is(err, errWrk) {
			t.Errorf("%q: err = %v, want errWrk", out, err)
		}
	}
}

func TestParseWrkTime(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"650.00us": 650 * time.Microsecond, "1.23ms": 1230 * time.Microsecond,
		"2.01s": 2010 * time.Millisecond, "1.50m": 90 * time.Second, "0.00us": 0,
	} {
		if got, err := parseWrkTime(s); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", s, got, err, want)
		}
	}
	if _, err := parseWrkTime("1.23parsec"); !errors.Is(err, errWrk) {
		t.Errorf("err = %v, want errWrk", err)
	}
}

func TestParseWrkBytes(t *testing.T) {
	for _, c := range []struct {
		number, unit string
		want         int64
	}{{"950.00", "", 950}, {"1.50", "K", 1536}, {"1.00", "M", 1 << 20}, {"2.25", "G", 9 << 28}, {"1.00", "T", 1 << 40}} {
		if got, err := parseWrkBytes(c.number, c.unit); got != c.want || err != nil {
			t.Errorf("%s%sB: %d, %v; want %d", c.number, c.unit, got, err, c.want)
		}
	}
}

func TestWrkArgs(t *testing.T) {
	got := Wrk{URL: "u", Conns: 64, Duration: 2500 * time.Millisecond, Fields: []string{"A: b"}, Script: "x.lua"}.Args()
	want := []string{"-t1", "-c64", "-d2s", "--timeout", "10s", "--latency", "-H", "A: b", "-s", "x.lua", "u"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
