// Command conform runs h2spec, strict, against the server of package goserver,
// over TLS and in clear, and prints how each section of the specifications went.
//
//	go run ./tools/conform [SPEC...]
//
// A SPEC is a section as h2spec names it, like http2/6.8; without one all cases
// run. The exit code is 1 when a case failed that is not in exclusions, when an
// excluded one passed, and when fewer cases ran than there are.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/tools/internal/selfsigned"
)

// allCases is how many cases h2spec has, strict ones too, over each transport.
const allCases = 146

// frameSize is the server's SETTINGS_MAX_FRAME_SIZE, in bytes: the least that there
// is. A case about HEADERS above it (http2/4.2) does not read what the server said.
const frameSize = 16 << 10

// answerTime is for how many seconds h2spec waits for what has to come. Only a case that fails takes as long.
const answerTime = "20"

// exclusions are the cases that may fail.
var exclusions = []exclusion{}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "conform:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, specs []string) error {
	dir, err := os.MkdirTemp("", "hyperion-conform-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "h2spec")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/summerwind/h2spec/cmd/h2spec")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building h2spec: %w: %s", err, said)
	}
	var reports []report
	for _, transport := range []transport{{"TLS", true}, {"clear", false}} {
		cases, err := transport.test(ctx, program, filepath.Join(dir, transport.name+".xml"), specs)
		if err != nil {
			return fmt.Errorf("%s: %w", transport.name, err)
		}
		reports = append(reports, report{transport.name, cases})
	}
	fmt.Print(table(reports))
	least := allCases
	if len(specs) > 0 {
		least = 1
	}
	return judge(reports, exclusions, least)
}

// A transport is what the server is tested over.
type transport struct {
	name string
	tls  bool
}

// test starts a server and has h2spec test it.
func (t transport) test(ctx context.Context, program, name string, specs []string) ([]result, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &goserver.Server{Handler: http.HandlerFunc(answer), WebSockets: true, HTTP2: &http.HTTP2Config{MaxReadFrameSize: frameSize}}
	args := []string{"-S", "-o", answerTime, "-h", "127.0.0.1", "-p", strconv.Itoa(l.Addr().(*net.TCPAddr).Port), "-j", name}
	serve := s.Serve
	if t.tls {
		if s.TLSConfig, _, err = selfsigned.Server(); err != nil {
			return nil, err
		}
		serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
		args = append(args, "-t", "-k")
	} else { // one that speaks HTTP/1.1 as well takes a wrong preface for that
		s.Protocols = new(http.Protocols)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	defer func() {
		s.Close()
		<-ended
	}()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, program, append(args, specs...)...).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && (!errors.As(err, &failed) || ctx.Err() != nil) {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil { // it made no report
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	defer f.Close()
	return parse(f)
}

// answer reads the request to its end before it answers: cases are about
// requests of which more comes. The body is one that a small window holds back.
func answer(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("An answer of some bytes, that a window of one byte holds back.\n"))
}
