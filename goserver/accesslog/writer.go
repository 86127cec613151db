package accesslog

import (
	"bytes"
	"io"
	"time"
)

// A writer is the state of the goroutine that writes; no lock guards it.
type writer struct {
	log     *Log
	dst     io.Writer
	onError func(error)

	report   encoder
	reported uint64    // dropped lines that the log already tells of
	nextTell time.Time // earliest time of the next line about dropped ones
	nextErr  time.Time // earliest time of the next call of onError
	torn     bool      // the last write ended inside a line
}

// run writes until Close: what waits is written flushAfter its first line
// came, or as soon as a shard is half full.
func (w *writer) run() {
	l := w.log
	defer close(l.done)
	timer := time.NewTimer(0)
	<-timer.C
	for {
		var tell <-chan time.Time // when a count that waits may be told
		if l.Dropped() != w.reported {
			timer.Reset(time.Until(w.nextTell))
			tell = timer.C
		}
		select {
		case <-l.wake:
			timer.Reset(flushAfter)
			select {
			case <-timer.C:
			case <-l.urgent:
			case <-l.quit:
			}
		case <-tell:
		case <-l.quit:
			w.flush()
			w.tellDropped()
			return
		}
		timer.Stop()
		w.flush()
		if !time.Now().Before(w.nextTell) {
			w.tellDropped()
		}
	}
}

// flush writes what waits in each shard.
func (w *writer) flush() {
	for i := range w.log.shards {
		s := &w.log.shards[i]
		if lines := s.take(); lines != nil {
			w.log.lost.Add(w.write(lines))
			s.giveBack(lines)
		}
	}
}

// tellDropped writes how many lines are missing, if any are untold.
func (w *writer) tellDropped() {
	total := w.log.Dropped()
	if total == w.reported {
		return
	}
	now := time.Now()
	w.nextTell = now.Add(reportEvery)
	w.report.buf = w.report.buf[:0]
	w.report.droppedLine(now, total-w.reported, total)
	if w.write(w.report.buf) == 0 {
		w.reported = total
	}
}

var newline = []byte{'\n'}

// write writes whole lines and returns how many were not, or not wholly,
// taken. A line that an earlier error tore is ended first.
func (w *writer) write(lines []byte) (lost uint64) {
	n, err := 0, error(nil)
	if w.torn {
		n, err = w.dst.Write(newline)
		w.torn, n = n == 0, 0
	}
	if err == nil {
		n, err = w.dst.Write(lines)
		w.torn = n > 0 && lines[n-1] != '\n'
	}
	if err != nil {
		w.failed(err)
		lost = uint64(bytes.Count(lines[n:], newline))
	}
	return lost
}

// failed keeps the first error for Close and passes on one in reportEvery.
func (w *writer) failed(err error) {
	if w.log.err == nil {
		w.log.err = err
	}
	if now := time.Now(); w.onError != nil && !now.Before(w.nextErr) {
		w.nextErr = now.Add(reportEvery)
		w.onError(err)
	}
}
