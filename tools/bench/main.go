// Command bench measures Hyperion beside its peers and beside the limit, a
// minimal C server, on the machine that it runs on, and writes what it found
// as CSV and Markdown.
//
//	go run ./tools/bench [-quick] [-rows REGEXP] [-peers LIST] [-publish]
//
// It builds what can be built, and goes on without a peer that is not
// installed. For every row the servers are started afresh and loaded in turn,
// round by round, the server pinned to the first CPU and the load to the last
// one, so that a round's ratios are of one minute of the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	rows     *regexp.Regexp // names of the rows to measure
	peers    []string       // keys of the servers beside ours; nil means all
	rounds   int
	duration time.Duration // of a load
	warm     time.Duration // before it
	settle   time.Duration // of idle connections
	publish  bool
	list     bool
	command  string // this one, as one would type it
}

func parseOptions(args []string) (o options, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := fs.String("rows", "", "measure only rows whose name this regular expression matches")
	peers := fs.String("peers", "", "measure only these beside Hyperion: of epoll,nginx,h2o,caddy,nethttp,fasthttp,grpcgo,gws,gobwas,gorilla,coder,lws")
	quick := fs.Bool("quick", false, "one round of one second: to see that all works, not for figures")
	fs.IntVar(&o.rounds, "rounds", 5, "interleaved rounds")
	fs.DurationVar(&o.duration, "duration", 2*time.Second, "of each load, whole seconds")
	fs.BoolVar(&o.publish, "publish", false, "put the rows measured into docs/bench/peers.csv and docs/BENCHMARKS.md")
	fs.BoolVar(&o.list, "list", false, "print the names of the rows and end")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	o.warm, o.settle = time.Second, 3*time.Second
	if *quick {
		o.rounds, o.duration, o.settle = 1, time.Second, time.Second
	}
	if o.rounds < 1 || o.duration < time.Second || o.duration%time.Second != 0 {
		return o, errors.New("-rounds must be at least 1, -duration whole seconds")
	}
	if *quick && o.publish {
		return o, errors.New("the figures of -quick are not for publishing")
	}
	if *peers != "" {
		o.peers = strings.Split(*peers, ",")
	}
	o.command = "go run ./tools/bench"
	for _, a := range args {
		o.command += " " + quote(a)
	}
	o.rows, err = regexp.Compile(*rows)
	return o, err
}

// quote makes an argument one word of a shell's command line.
func quote(arg string) string {
	if arg != "" && !strings.ContainsAny(arg, " \t\n'\"\\$`&|;<>()*?[]{}#~!") {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

func run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.list {
		for _, r := range rows(0, 0) {
			fmt.Printf("%-16s %s\n", r.Name, r.Title)
		}
		return nil
	}
	if err := proc.RaiseDescriptors(); err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.build(ctx); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	return b.write(os.Stdout)
}
