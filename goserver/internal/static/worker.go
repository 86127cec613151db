package static

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
	weakly "weak"

	"github.com/hyperion-server/hyperion/pagecache"
)

// compressor makes the variants for all sites of the process.
var compressor worker

const (
	maxJobs = 1 << 17 // that wait at once, of all sites; some 100 bytes each
	share   = 4       // the worker takes one of so many parts of a CPU's time
)

// A job asks for the variants of the file that a path of a site leads to.
type job struct {
	site *Site
	key  string
	old  weakly.Pointer[pagecache.Entry] // what the cache had; the queue does not keep it alive
	// later says that nobody has asked for the file yet: others go first, and its
	// variants drive nothing out of the cache.
	later bool
}

type jobID struct {
	site *Site
	key  string
}

// A worker does jobs one after the other, on a goroutine that lives while there are some.
// The zero value is ready.
type worker struct {
	mu      sync.Mutex
	asked   []job              // wait in order
	later   []job              // wait until none is asked for
	ids     map[jobID]struct{} // of those that wait or are done now
	running bool

	rest time.Time // until then it does nothing; owned by the goroutine
}

// add queues a job unless it is there already, and returns false when the queue is full.
func (w *worker) add(j job) bool {
	id := jobID{j.site, j.key}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.ids[id]; ok {
		return true
	}
	if len(w.ids) >= maxJobs {
		return false
	}
	if w.ids == nil {
		w.ids = make(map[jobID]struct{})
	}
	w.ids[id] = struct{}{}
	if j.later {
		w.later = append(w.later, j)
	} else {
		w.asked = append(w.asked, j)
	}
	if !w.running {
		w.running = true
		go w.run()
	}
	return true
}

// forget drops the jobs of a site that was closed. One that is being done ends soon.
func (w *worker) forget(s *Site) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := func(j job) bool {
		if j.site == s {
			delete(w.ids, jobID{s, j.key})
		}
		return j.site == s
	}
	w.asked = slices.DeleteFunc(w.asked, of)
	w.later = slices.DeleteFunc(w.later, of)
}

// run does all jobs that there are.
func (w *worker) run() {
	runtime.LockOSThread() // whose time is counted
	defer runtime.UnlockOSThread()
	enc := new(encoders)
	for {
		j, ok := w.take()
		if !ok {
			return
		}
		w.do(&j, enc)
		w.mu.Lock()
		delete(w.ids, jobID{j.site, j.key})
		w.mu.Unlock()
	}
}

// take returns the next job. When there is none, what they have left behind is freed.
func (w *worker) take() (j job, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range []*[]job{&w.asked, &w.later} {
		if len(*q) > 0 {
			j, (*q)[0], *q = (*q)[0], job{}, (*q)[1:]
			return j, true
		}
	}
	w.asked, w.later, w.ids, w.running = nil, nil, nil, false
	return job{}, false
}

// do does one job. An encoder that panics costs its file's variants, not the server.
func (w *worker) do(j *job, enc *encoders) {
	defer func() {
		if p := recover(); p != nil {
			*enc = encoders{}
			j.site.compression.failed.Add(1)
			j.site.options.Logger.Error("static compression failed", "path", j.key, "panic", fmt.Sprint(p))
		}
	}()
	j.site.compress(j, enc, func(part func()) bool { return w.step(j.site, part) })
}

// step runs a part of a job for a site after the rest that the last part has
// cost. It returns false, and does not run it, when the site was closed.
func (w *worker) step(s *Site, part func()) bool {
	rest := time.NewTimer(time.Until(w.rest))
	defer rest.Stop()
	select {
	case <-s.done:
		return false
	default:
	}
	select {
	case <-s.done:
		return false
	case <-rest.C:
	}
	start, before := time.Now(), threadTime()
	defer func() {
		spent := threadTime() - before
		s.compression.cpu.Add(int64(spent))
		w.rest = start.Add(share * spent)
	}()
	part()
	return true
}
