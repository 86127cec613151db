package accesslog

import (
	"io"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// DefaultBuffer is the memory of a Log in bytes, unless Options say otherwise.
const DefaultBuffer = 4 << 20

const (
	flushAfter  = 100 * time.Millisecond // age of the oldest line when the queue is written
	reportEvery = 10 * time.Second       // between lines about dropped ones, and between error reports

	maxShards = 16
	minHalf   = 128 << 10 // bytes; must hold the longest line, see lineBound
)

// A Format is the shape of a line.
type Format int

const (
	JSON Format = iota // one JSON object a line
	Text               // time, level, source, then key=value; values are quoted where needed
)

// Options are the choices of New. The zero value is ready to use.
type Options struct {
	Format Format

	// Buffer bounds the memory for lines that wait or are being written, in
	// bytes. 0 means DefaultBuffer; less than 256 KiB is taken as 256 KiB.
	Buffer int

	// OnError, unless nil, is called by the writing goroutine when a write
	// failed, at most once in ten seconds. The lines are lost and counted.
	OnError func(error)
}

// A Log writes access log lines. Its methods may be called by any number of
// goroutines at once. Lines of one client connection keep their order.
type Log struct {
	shards  []shard       // length is a power of two
	lost    atomic.Uint64 // lines that the writer could not write
	wake    chan struct{} // a shard got its first line
	urgent  chan struct{} // a shard is half full
	quit    chan struct{}
	done    chan struct{}
	closing sync.Once
	err     error // first write error; read after done
}

// New returns a Log that writes to w from one goroutine, until Close. Each
// call of w.Write gets whole lines. The caller keeps w and closes it after the Log.
func New(w io.Writer, o Options) *Log {
	half, n := layout(o.Buffer, runtime.GOMAXPROCS(0))
	l := &Log{
		shards: make([]shard, n),
		wake:   make(chan struct{}, 1),
		urgent: make(chan struct{}, 1),
		quit:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	for i := range l.shards {
		l.shards[i].init(o.Format, half)
	}
	wr := &writer{log: l, dst: w, onError: o.OnError, report: encoder{format: o.Format}}
	go wr.run()
	return l
}

// layout divides buffer bytes into n shards of two halves each.
func layout(buffer, procs int) (half, n int) {
	if buffer <= 0 {
		buffer = DefaultBuffer
	}
	n = 1 << bits.Len(uint(procs-1))
	for n > 1 && (n > maxShards || buffer/(2*n) < minHalf) {
		n /= 2
	}
	return max(buffer/(2*n), minHalf), n
}

// Log adds the line of r. It never blocks on the writer and keeps nothing of r:
// it is made to be a goserver.Server's AccessLog.
func (l *Log) Log(r *goserver.Record) {
	first, halfFull := l.shard(r).add(r)
	if first {
		notify(l.wake)
	}
	if halfFull {
		notify(l.urgent)
	}
}

// shard returns the part of the queue that a record's connection uses. The
// lowest bit of its port tells little: Linux gives those who connect even ones.
func (l *Log) shard(r *goserver.Record) *shard {
	return &l.shards[int(r.Remote.Port()>>1)&(len(l.shards)-1)]
}

// Dropped returns how many lines were not written: no room was left for them,
// the write failed, or the Log was closed.
func (l *Log) Dropped() uint64 {
	n := l.lost.Load()
	for i := range l.shards {
		n += l.shards[i].droppedLines()
	}
	return n
}

// Close writes what waits and ends the goroutine. Lines that were logged
// before are written when it returns; later ones are dropped. It returns the
// first error of a write, also of earlier ones; further calls return the same.
func (l *Log) Close() error {
	l.closing.Do(func() {
		for i := range l.shards {
			l.shards[i].close()
		}
		close(l.quit)
	})
	<-l.done
	return l.err
}

// notify leaves a token in c, which has room for one, unless one is there.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
