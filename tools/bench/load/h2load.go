package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// An H2load is one run of h2load: one thread, closed loop, HTTP/2.
type H2load struct {
	Target   Target
	Conns    int
	Streams  int           // requests under way on each connection
	Duration time.Duration // whole seconds, at least one
	Content  string        // path of a file that each request posts; "": GET
	Log      string        // path for h2load's log of requests; removed at the end
	OpenSSL  string        // path of a file with ClientTLS
	CPU      int           // the CPU that h2load is pinned to
}

// Args are the arguments of the h2load command.
func (h H2load) Args() []string {
	args := []string{"-t1", fmt.Sprintf("-c%d", h.Conns), fmt.Sprintf("-m%d", h.Streams),
		fmt.Sprintf("-D%d", max(1, int(h.Duration.Seconds()))), "--log-file=" + h.Log}
	for _, f := range h.Target.Fields {
		args = append(args, "-H", f)
	}
	if h.Content != "" {
		args = append(args, "-d", h.Content)
	}
	return append(args, h.Target.URL())
}

// Run loads the server for the duration and measures its processes meanwhile.
func (h H2load) Run(ctx context.Context, pids []int) (Result, error) {
	cmd := proc.Command(h.CPU, "h2load", h.Args()...)
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+h.OpenSSL)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	defer os.Remove(h.Log)
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	if err := RunCommand(ctx, cmd); err != nil {
		return Result{}, fmt.Errorf("h2load: %w: %s", err, firstLine(out.Bytes()))
	}
	r := Result{}
	if err := m.stop(&r); err != nil {
		return Result{}, err
	}
	said, err := parseH2load(out.Bytes())
	if err != nil {
		return Result{}, err
	}
	if err := said.check(h.Target); err != nil {
		return Result{}, err
	}
	r.Requests, r.Errors, r.Bytes, r.Problem = said.succeeded, said.failed, said.bytes, said.problem
	r.Elapsed = h.Duration
	taken, err := readH2loadLog(h.Log)
	if err != nil {
		return Result{}, err
	}
	taken.percentiles(&r)
	return r, nil
}

// h2loadSaid is what h2load printed.
type h2loadSaid struct {
	succeeded int64 // requests answered 2xx
	failed    int64 // further ones
	problem   string
	bytes     int64 // received
	data      int64 // of them, of bodies
	protocol  string
	tls       string
}

var errH2load = errors.New("load: output is not that of h2load")

var (
	h2loadRequests = regexp.MustCompile(`^requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2loadStatus   = regexp.MustCompile(`^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx`)
	h2loadTraffic  = regexp.MustCompile(`^traffic: \S+ \((\d+)\) total, .*\((\d+)\) data`)
	h2loadSay      = regexp.MustCompile(`^(Application protocol|TLS Protocol): (\S+)`)
)

// parseH2load reads what h2load printed. A failed request and one with a
// status other than 2xx is failed. Requests that were under way when the time was
// over are neither.
func parseH2load(out []byte) (said h2loadSaid, err error) {
	seen := 0
	s := bufio.NewScanner(bytes.NewReader(out))
	for s.Scan() {
		line := s.Text()
		if m := h2loadRequests.FindStringSubmatch(line); m != nil {
			seen++
			said.succeeded += sum(m[1:2])
			if failed := sum(m[2:]); failed > 0 {
				said.failed += failed
				said.problem = "h2load: " + line
			}
		} else if m := h2loadStatus.FindStringSubmatch(line); m != nil {
			seen++
			if others := sum(m[2:3]); others > 0 { // 3xx, which h2load takes for success
				said.succeeded -= others
				said.failed += others
				said.problem = "h2load: " + line
			}
		} else if m := h2loadTraffic.FindStringSubmatch(line); m != nil {
			seen++
			said.bytes, said.data = sum(m[1:2]), sum(m[2:])
		} else if m := h2loadSay.FindStringSubmatch(line); m != nil && m[1] == "TLS Protocol" {
			said.tls = m[2]
		} else if m != nil {
			said.protocol = m[2]
		}
	}
	if seen != 3 {
		return said, fmt.Errorf("%w: %s", errH2load, firstLine(out))
	}
	return said, nil
}

// sum adds numbers of digits only.
func sum(numbers []string) (n int64) {
	for _, s := range numbers {
		k, _ := strconv.ParseInt(s, 10, 64)
		n += k
	}
	return n
}

// ErrShort is how it shows, with wrk and h2load, that bodies under load are not
// whole; the own clients look at each answer.
var ErrShort = errors.New("load: fewer bytes came than the bodies of the answers have")

// check makes sure that the load was what the target says.
func (said *h2loadSaid) check(t Target) error {
	if said.protocol != string(t.Over) || t.Over.TLS() != (said.tls == "TLSv1.3") {
		return fmt.Errorf("%w: %s %s", errProtocol, said.protocol, said.tls)
	}
	if float64(said.data) < 0.99*float64(said.succeeded*t.Size) {
		return ErrShort
	}
	return nil
}

// readH2loadLog reads the latencies of the requests that were answered 2xx.
func readH2loadLog(name string) (taken latencies, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		column := strings.Split(s.Text(), "\t")
		if len(column) < 3 {
			return nil, fmt.Errorf("%w: a line of its log has %d columns", errH2load, len(column))
		}
		if !strings.HasPrefix(column[1], "2") {
			continue
		}
		micros, err := strconv.ParseUint(column[2], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: its log: %w", errH2load, err)
		}
		taken = append(taken, uint32(micros))
	}
	return taken, s.Err()
}
