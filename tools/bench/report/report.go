package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// A Row is one load, and how a report words it.
type Row struct {
	Name    string // in the CSV and in -rows
	Title   string
	Unit    string // of the figure; less is better
	Load    string // what was run against each server
	Targets []Target
}

// A Target is what the first server's figure must be.
type Target struct {
	Than string  // the server that it is compared with; "": the figure itself
	Max  float64 // the greatest ratio to that server's figure, or the greatest figure
	Tail bool    // p99 is compared, with the best one of the peers
}

// A Growth compares one server's figures in two rows.
type Growth struct {
	Title    string
	From, To string  // names of rows
	Max      float64 // greatest To/From for the first server
}

// A Report is all that is in the document.
type Report struct {
	Command string      // that makes it
	Facts   [][2]string // of the machine: name and value
	Servers [][2]string // name, and what it is and does; the first one is ours
	Rows    []Row
	Growths []Growth
	Limit   string // of Servers, the one that is no peer
	Trials  []Trial
}

// WriteMarkdown renders the report: the machine, the targets, a table of
// figures with ratios, and a table for each row. The headings are of level 2 and 3.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	r.head(&b)
	r.targets(&b)
	r.overview(&b)
	r.details(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) names() (names []string) {
	for _, s := range r.Servers {
		names = append(names, s[0])
	}
	return names
}

func (r *Report) head(b *strings.Builder) {
	fmt.Fprintf(b, "Last run: `%s`.\n\n| | |\n|---|---|\n", r.Command)
	for _, f := range r.Facts {
		fmt.Fprintf(b, "| %s | %s |\n", f[0], cell(f[1]))
	}
	b.WriteString("\n| server | what it is and does |\n|---|---|\n")
	for _, s := range r.Servers {
		fmt.Fprintf(b, "| %s | %s |\n", s[0], cell(s[1]))
	}
	b.WriteString("\n")
}

// targets has a line for each target of a row that was measured.
func (r *Report) targets(b *strings.Builder) {
	var lines []string
	for _, row := range r.Rows {
		all := summarize(r.Trials, row.Name, r.names())
		if len(all) == 0 {
			continue
		}
		for _, t := range row.Targets {
			lines = append(lines, r.target(row, t, all))
		}
	}
	for _, g := range r.Growths {
		from, to := r.find(g.From, r.Servers[0][0]), r.find(g.To, r.Servers[0][0])
		if from == nil || to == nil {
			continue
		}
		got := ratio(to.byRound, from.byRound)
		lines = append(lines, fmt.Sprintf("| %s | ≤ %s × | %s | %s |\n", g.Title, number(g.Max), number(got), verdict(got, g.Max)))
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("## Targets\n\n| row | target | measured | |\n|---|---|---|---|\n")
	b.WriteString(strings.Join(lines, ""))
	b.WriteString("\n")
}

func (r *Report) target(row Row, t Target, all []summary) string {
	ours, its := pick(all, r.Servers[0][0]), pick(all, t.Than)
	want, got := fmt.Sprintf("≤ %s × %s", number(t.Max), t.Than), math.NaN()
	switch {
	case t.Tail:
		best := r.bestTail(all)
		want = fmt.Sprintf("p99 ≤ %s × the best peer's", number(t.Max))
		if ours != nil && best != nil {
			want += " (" + best.server + ")"
			got = ratio(ours.p99ByRound, best.p99ByRound)
		}
	case t.Than == "":
		want = fmt.Sprintf("≤ %s %s", number(t.Max), row.Unit)
		if ours != nil {
			got = ours.figure
		}
	case ours != nil && its != nil:
		got = ratio(ours.byRound, its.byRound)
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", row.Title, want, number(got), verdict(got, t.Max))
}

// bestTail returns the peer with the least p99, nil when there is none.
func (r *Report) bestTail(all []summary) (best *summary) {
	for i := range all {
		s := &all[i]
		peer := s.server != r.Servers[0][0] && s.server != r.Limit
		if peer && s.p99 > 0 && (best == nil || s.p99 < best.p99) {
			best = s
		}
	}
	return best
}

func verdict(got, most float64) string {
	switch {
	case math.IsNaN(got):
		return "not measured"
	case got <= most:
		return "held"
	}
	return "**missed**"
}

// find returns one server's summary of a row, nil when there is none.
func (r *Report) find(row, server string) *summary {
	return pick(summarize(r.Trials, row, r.names()), server)
}

func pick(all []summary, server string) *summary {
	if i := slices.IndexFunc(all, func(s summary) bool { return s.server == server }); i >= 0 {
		return &all[i]
	}
	return nil
}

// overview is one line a row: each server's median, and in brackets ours
// divided by it.
func (r *Report) overview(b *strings.Builder) {
	fmt.Fprintf(b, "## Overview\n\nMedians; in brackets %s ÷ that server, the median over the rounds of each round's ratio (below 1: %[1]s needs less). Further down, \"of the lows\" is the ratio of the lowest figures: other programs on the machine only add to a figure.\n\n| row | unit |", r.Servers[0][0])
	for _, name := range r.names() {
		fmt.Fprintf(b, " %s |", name)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(r.Servers)) + "\n")
	for _, row := range r.Rows {
		all := summarize(r.Trials, row.Name, r.names())
		if len(all) == 0 {
			continue
		}
		fmt.Fprintf(b, "| %s | %s |", row.Title, row.Unit)
		ours := pick(all, r.Servers[0][0])
		for i, name := range r.names() {
			s := pick(all, name)
			switch {
			case s == nil:
				b.WriteString(" – |")
			case len(s.byRound) == 0:
				fmt.Fprintf(b, " %s |", s.state)
			case i == 0 || ours == nil:
				fmt.Fprintf(b, " **%s**%s |", number(s.figure), flag(s))
			default:
				fmt.Fprintf(b, " %s (%s)%s |", number(s.figure), number(ratio(ours.byRound, s.byRound)), flag(s))
			}
		}
		b.WriteString("\n")
	}
	for _, g := range r.Growths {
		r.growth(b, g)
	}
	b.WriteString("\n")
}

// growth is a line of the overview with each server's own growth.
func (r *Report) growth(b *strings.Builder, g Growth) {
	var cells strings.Builder
	measured := false
	for _, name := range r.names() {
		x := math.NaN()
		if from, to := r.find(g.From, name), r.find(g.To, name); from != nil && to != nil {
			x = ratio(to.byRound, from.byRound)
		}
		measured = measured || !math.IsNaN(x)
		fmt.Fprintf(&cells, " %s |", number(x))
	}
	if measured {
		fmt.Fprintf(b, "| %s | × |%s\n", g.Title, cells.String())
	}
}

// flag marks a figure that is not to be trusted.
func flag(s *summary) string {
	if s.errors > 0 {
		return fmt.Sprintf(" ⚠ %d errors", s.errors)
	}
	return ""
}

func (r *Report) details(b *strings.Builder) {
	for _, row := range r.Rows {
		all := summarize(r.Trials, row.Name, r.names())
		if len(all) == 0 {
			continue
		}
		run, rounds := r.run(row.Name)
		fmt.Fprintf(b, "### %s\n\n%s Rounds: %d, on %s.\n\n", row.Title, row.Load, rounds, run.UTC().Format("2006-01-02 15:04 MST"))
		fmt.Fprintf(b, "| server | %s: median (low–high) | ours ÷ it | of the lows | a second | p50 | p99 | p99: ours ÷ its | RSS MiB | |\n|---|---|---|---|---|---|---|---|---|---|\n", row.Unit)
		ours := pick(all, r.Servers[0][0])
		for i := range all {
			b.WriteString(detail(&all[i], ours))
		}
		b.WriteString("\n")
	}
}

func detail(s, ours *summary) string {
	if len(s.byRound) == 0 {
		return fmt.Sprintf("| %s | – | – | – | – | – | – | – | – | %s |\n", s.server, s.remark())
	}
	of, lows, tail := math.NaN(), math.NaN(), math.NaN()
	if ours != nil && ours != s {
		lows = ours.low / s.low
		of, tail = ratio(ours.byRound, s.byRound), ratio(ours.p99ByRound, s.p99ByRound)
	}
	return fmt.Sprintf("| %s | %s (%s–%s) | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.server,
		number(s.figure), number(s.low), number(s.high), number(of), number(lows), count(s.rate),
		micros(s.p50), micros(s.p99), number(tail), number(s.rss/(1<<20)), s.remark())
}

// remark is what makes a server's figures of a row doubtful or missing.
func (s *summary) remark() string {
	words := strings.TrimSpace(flag(s))
	if s.state != Measured {
		words += " " + s.state
	}
	if words != "" && s.note != "" {
		words += ":"
	}
	return cell(strings.TrimSpace(words + " " + s.note))
}

// run returns when the row was measured and in how many rounds.
func (r *Report) run(row string) (run time.Time, rounds int) {
	for _, t := range r.Trials {
		if t.Row == row {
			run, rounds = t.Run, max(rounds, t.Round)
		}
	}
	return run, rounds
}

// cell makes a text fit for a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

// number writes three significant digits, and whole numbers from 100 on.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case math.Abs(x) >= 100:
		return count(x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// count writes a whole number in groups of three.
func count(x float64) string {
	if math.IsNaN(x) || x == 0 {
		return "–"
	}
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

func micros(x float64) string {
	switch {
	case math.IsNaN(x) || x == 0:
		return "–"
	case x < 1000:
		return fmt.Sprintf("%.0f µs", x)
	}
	return number(x/1000) + " ms"
}
