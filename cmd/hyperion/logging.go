package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"github.com/hyperion-server/hyperion/goserver/accesslog"
)

// logs are the two logs of a server: messages on stderr, requests on stdout.
type logs struct {
	log    *slog.Logger
	json   bool           // the form of log
	access *accesslog.Log // nil when requests are not logged
}

// openLogs makes the logs in the formats that suit their streams.
func (a *app) openLogs(f *serverFlags) *logs {
	l := &logs{json: a.wantsJSON(f, a.stderr)}
	level := slog.LevelInfo
	level.UnmarshalText([]byte(f.logLevel.Word)) // one of slog's own words
	if l.json {
		l.log = slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: ownKeys})).With("source", "hyperion")
	} else {
		l.log = slog.New(tint.NewTextHandler(a.stderr, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !a.colours(a.stderr)}))
	}
	if f.logRequests {
		format := accesslog.Text
		if a.wantsJSON(f, a.stdout) {
			format = accesslog.JSON
		}
		l.access = accesslog.New(a.stdout, accesslog.Options{Format: format, OnError: func(err error) {
			l.log.Error("access log cannot be written", "error", err.Error())
		}})
	}
	return l
}

// ownKeys names the keys of a message as those of the access log.
func ownKeys(groups []string, at slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return at
	}
	switch at.Key {
	case slog.TimeKey:
		return slog.String("ts", at.Value.Time().UTC().Format(stampLayout))
	case slog.LevelKey:
		return slog.String("level", strings.ToLower(at.Value.String()))
	case slog.MessageKey:
		at.Key = "message"
	}
	return at
}

const stampLayout = "2006-01-02T15:04:05.000Z"

// closeWithin flushes and ends the access log, once. A reader of stdout that takes nothing
// must not keep the process, so it waits for a limited time, and not after a signal.
func (l *logs) closeWithin(d time.Duration, signals <-chan os.Signal) {
	if l.access == nil {
		return
	}
	access, done := l.access, make(chan error, 1)
	l.access = nil
	go func() { done <- access.Close() }()
	select {
	case err := <-done:
		if err != nil {
			l.log.Error("access log is incomplete", "error", err.Error(), "dropped", access.Dropped())
		}
	case <-time.After(d):
		l.log.Error("access log could not be flushed", "waited", d.String())
	case s := <-signals:
		l.log.Error("access log could not be flushed", "signal", s.String())
	}
}

// wantsJSON resolves --log-format for a stream.
func (a *app) wantsJSON(f *serverFlags, stream *os.File) bool {
	return f.logFormat.Word == "json" || f.logFormat.Word == "auto" && !isTerminal(stream)
}

// colours reports whether a stream may be coloured (no-color.org).
func (a *app) colours(stream *os.File) bool {
	return a.variable("NO_COLOR") == "" && a.variable("TERM") != "dumb" && isTerminal(stream)
}

// variable returns the value of an environment variable, "" if it is not set.
func (a *app) variable(name string) string {
	for _, line := range a.environ {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
