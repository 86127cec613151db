// Package report keeps the trials of a measurement as CSV and renders them as
// Markdown. A Trial is one server loaded once; a Row is what a load was; a
// Report puts the rows' medians, spreads and ratios in tables.
package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// States of a Trial.
const (
	Measured     = "ok"
	NotInstalled = "not installed"
	Failed       = "failed" // Note says why
)

// A Trial is one run of one load on one server.
type Trial struct {
	Run      time.Time // when the whole run began: trials with the same Run were interleaved
	Row      string    // name of the Row
	Server   string
	Round    int // from 1
	State    string
	Figure   float64       // in the Row's unit
	Rate     float64       // requests (or events, connections) a second; 0: not measured
	P50, P99 time.Duration // 0: not measured
	RSS      int64         // bytes
	Errors   int64
	Note     string
}

var columns = []string{"run", "row", "server", "round", "state", "figure", "rate_per_s", "p50_us", "p99_us", "rss_bytes", "errors", "note"}

func (t Trial) record() []string {
	float := func(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }
	return []string{
		t.Run.UTC().Format(time.RFC3339), t.Row, t.Server, strconv.Itoa(t.Round), t.State,
		float(t.Figure), float(t.Rate), strconv.FormatInt(t.P50.Microseconds(), 10), strconv.FormatInt(t.P99.Microseconds(), 10),
		strconv.FormatInt(t.RSS, 10), strconv.FormatInt(t.Errors, 10), t.Note,
	}
}

// WriteCSV writes a line of column names and one line a trial.
func WriteCSV(w io.Writer, trials []Trial) error {
	c := csv.NewWriter(w)
	c.Write(columns)
	for _, t := range trials {
		c.Write(t.record())
	}
	c.Flush()
	return c.Error()
}

var errColumns = errors.New("report: the CSV has other columns than a trial")

// ReadCSV reads what WriteCSV wrote.
func ReadCSV(r io.Reader) (trials []Trial, err error) {
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if len(lines) == 0 || !slices.Equal(lines[0], columns) {
		return nil, errColumns
	}
	for i, line := range lines[1:] {
		t, err := parseRecord(line)
		if err != nil {
			return nil, fmt.Errorf("report: line %d: %w", i+2, err)
		}
		trials = append(trials, t)
	}
	return trials, nil
}

func parseRecord(f []string) (t Trial, err error) {
	var errs []error
	integer := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		errs = append(errs, err)
		return n
	}
	float := func(s string) float64 {
		x, err := strconv.ParseFloat(s, 64)
		errs = append(errs, err)
		return x
	}
	t.Run, err = time.Parse(time.RFC3339, f[0])
	errs = append(errs, err)
	t.Row, t.Server, t.Round, t.State = f[1], f[2], int(integer(f[3])), f[4]
	t.Figure, t.Rate = float(f[5]), float(f[6])
	t.P50, t.P99 = time.Duration(integer(f[7]))*time.Microsecond, time.Duration(integer(f[8]))*time.Microsecond
	t.RSS, t.Errors, t.Note = integer(f[9]), integer(f[10]), f[11]
	return t, errors.Join(errs...)
}

// Merge returns old without the rows that fresh has, and then fresh: a row is
// always of one run, so that its ratios are between servers measured in turn.
func Merge(old, fresh []Trial) []Trial {
	again := map[string]bool{}
	for _, t := range fresh {
		again[t.Row] = true
	}
	old = slices.DeleteFunc(slices.Clone(old), func(t Trial) bool { return again[t.Row] })
	return append(old, fresh...)
}
