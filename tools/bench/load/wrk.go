package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// A Wrk is one run of wrk: one thread, closed loop.
type Wrk struct {
	URL      string
	Conns    int
	Duration time.Duration // whole seconds, at least one
	Fields   []string      // further fields of the request, "Name: value"
	Script   string        // path of a Lua script
	OpenSSL  string        // path of a file with ClientTLS, for https
	CPU      int           // the CPU that wrk is pinned to
}

// Args are the arguments of the wrk command.
func (w Wrk) Args() []string {
	args := []string{"-t1", fmt.Sprintf("-c%d", w.Conns), fmt.Sprintf("-d%ds", max(1, int(w.Duration.Seconds()))), "--timeout", "10s", "--latency"}
	for _, f := range w.Fields {
		args = append(args, "-H", f)
	}
	if w.Script != "" {
		args = append(args, "-s", w.Script)
	}
	return append(args, w.URL)
}

// Run loads the server for the duration and measures its processes meanwhile.
func (w Wrk) Run(ctx context.Context, pids []int) (Result, error) {
	cmd := proc.Command(w.CPU, "wrk", w.Args()...)
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+w.OpenSSL)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	m, err := startMeter(pids)
	if err != nil {
		return Result{}, err
	}
	if err := RunCommand(ctx, cmd); err != nil {
		return Result{}, fmt.Errorf("wrk: %w: %s", err, firstLine(out.Bytes()))
	}
	r, err := parseWrk(out.Bytes())
	if err != nil {
		return Result{}, err
	}
	elapsed := r.Elapsed
	err = m.stop(&r)
	r.Elapsed = elapsed
	return r, err
}

// RunCommand runs a command to its end, or interrupts it when the context is done.
func RunCommand(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(os.Interrupt) })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

var errWrk = errors.New("load: output is not that of wrk --latency")

var (
	wrkTotal   = regexp.MustCompile(`^\s*(\d+) requests in ([\d.]+[a-z]+), ([\d.]+)([KMGT]?)B read`)
	wrkPercent = regexp.MustCompile(`^\s*(50|99)%\s+([\d.]+[a-z]+)\s*$`)
	wrkSocket  = regexp.MustCompile(`^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus  = regexp.MustCompile(`^\s*Non-2xx or 3xx responses: (\d+)`)
)

// parseWrk reads what wrk --latency printed. Its errors of sockets and of
// statuses become Errors; the latter are taken off Requests.
func parseWrk(out []byte) (r Result, err error) {
	seen := 0
	s := bufio.NewScanner(bytes.NewReader(out))
	for s.Scan() {
		line := s.Text()
		if m := wrkTotal.FindStringSubmatch(line); m != nil {
			seen++
			r.Requests, err = strconv.ParseInt(m[1], 10, 64)
			if err == nil {
				r.Elapsed, err = parseWrkTime(m[2])
			}
			if err == nil {
				r.Bytes, err = parseWrkBytes(m[3], m[4])
			}
		} else if m := wrkPercent.FindStringSubmatch(line); m != nil {
			seen++
			if m[1] == "50" {
				r.P50, err = parseWrkTime(m[2])
			} else {
				r.P99, err = parseWrkTime(m[2])
			}
		} else if m := wrkSocket.FindStringSubmatch(line); m != nil {
			for _, n := range m[1:] {
				k, _ := strconv.ParseInt(n, 10, 64)
				r.Errors += k
			}
			r.Problem = "wrk: " + strings.TrimSpace(line)
		} else if m := wrkStatus.FindStringSubmatch(line); m != nil {
			k, _ := strconv.ParseInt(m[1], 10, 64)
			r.Errors += k
			r.Requests -= k
			r.Problem = "wrk: " + strings.TrimSpace(line)
		}
		if err != nil {
			return Result{}, err
		}
	}
	if seen != 3 {
		return Result{}, errWrk
	}
	return r, nil
}

// parseWrkTime reads a duration as wrk writes it: "650.00us", "1.23ms",
// "2.01s", "1.50m", "1.02h".
func parseWrkTime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%w: time %q", errWrk, s)
	}
	return d, nil
}

// parseWrkBytes reads a number of bytes as wrk writes it: "950.00", "47.30" and M.
func parseWrkBytes(number, unit string) (int64, error) {
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: bytes %q", errWrk, number)
	}
	for range strings.Index("KMGT", unit) + min(1, len(unit)) {
		x *= 1 << 10
	}
	return int64(x), nil
}
