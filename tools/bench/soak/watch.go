package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// A sample is the server at one time.
type sample struct {
	At          time.Duration // since the start
	Descriptors int64
	Threads     int64
	RSS         int64 // bytes
	Missed      int64 // samples before this one that could not be taken

	// Of a server with /state only.
	Goroutines int64
	Heap       int64 // bytes
	Conns      int64
	Requests   int64
}

// A watch takes samples.
type watch struct {
	client  *http.Client
	url     string // of /state; "": the server has none
	pids    []int
	start   time.Time
	samples []sample
	missed  int64
}

// run takes a sample a second until the context ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s, err := w.take(ctx, false)
		if err != nil {
			w.missed++
			continue
		}
		w.samples = append(w.samples, s)
	}
}

// take asks the kernel and, if it tells, the server; with gc the heap is
// without garbage.
func (w *watch) take(ctx context.Context, gc bool) (s sample, err error) {
	if w.url != "" {
		if err := w.ask(ctx, gc, &s); err != nil {
			return s, err
		}
	}
	rss, err := proc.RSS(w.pids)
	if err != nil {
		return s, err
	}
	threads, err := proc.Threads(w.pids)
	if err != nil {
		return s, err
	}
	fds, err := proc.Descriptors(w.pids)
	s.At, s.Missed, s.RSS, s.Threads, s.Descriptors = time.Since(w.start), w.missed, rss, int64(threads), int64(fds)
	return s, err
}

// ask fills in what only the server knows.
func (w *watch) ask(ctx context.Context, gc bool, s *sample) error {
	url := w.url
	if gc {
		url += "?gc=1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Close = true // the watch's own connection is in every sample alike
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var state struct {
		Goroutines, Heap int64
		Stats            goserver.Stats
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		return err
	}
	s.Goroutines, s.Heap, s.Conns, s.Requests = state.Goroutines, state.Heap, state.Stats.Conns, state.Stats.Requests
	return nil
}

// settled waits until the server is as quiet as in a sample taken before, or
// 30 s, and returns the last sample; the zero sample is quiet at once.
func (w *watch) settled(ctx context.Context, before sample) (sample, error) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		s, err := w.take(ctx, true)
		quiet := before == sample{} || s.Descriptors <= before.Descriptors && s.Goroutines <= before.Goroutines
		if err != nil || quiet || time.Now().After(deadline) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *watch) writeCSV(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	c := csv.NewWriter(f)
	c.Write([]string{"seconds", "descriptors", "threads", "goroutines", "rss_bytes", "heap_bytes", "connections", "requests", "missed_samples"})
	for _, s := range w.samples {
		line := []string{fmt.Sprintf("%.1f", s.At.Seconds())}
		for _, n := range []int64{s.Descriptors, s.Threads, s.Goroutines, s.RSS, s.Heap, s.Conns, s.Requests, s.Missed} {
			line = append(line, strconv.FormatInt(n, 10))
		}
		c.Write(line)
	}
	c.Flush()
	return c.Error()
}
