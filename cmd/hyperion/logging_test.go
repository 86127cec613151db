package main

import (
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/goserver/accesslog"
)

// What ends after the log was closed, as requests do that are cut off, is dropped.
func TestLogs_recordAfterClose(t *testing.T) {
	l := &logs{log: slog.New(slog.DiscardHandler), access: accesslog.New(io.Discard, accesslog.Options{})}
	seen, access := 0, l.access
	record := l.record(func(*goserver.Record) { seen++ })
	l.closeWithin(time.Minute, nil)
	record(&goserver.Record{Start: time.Now(), Method: "GET"})
	if seen != 1 || access.Dropped() != 1 {
		t.Errorf("observed %d, dropped %d, want 1 and 1", seen, access.Dropped())
	}
}

func TestLogs_aSignalEndsTheFlush(t *testing.T) {
	r, w := io.Pipe() // nobody reads
	l := &logs{log: slog.New(slog.DiscardHandler), access: accesslog.New(w, accesslog.Options{})}
	defer r.Close()
	l.access.Log(&goserver.Record{Start: time.Now(), Method: "GET"})
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	l.closeWithin(time.Hour, signals)
}
