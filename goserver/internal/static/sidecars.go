package static

import (
	"path"
	"strings"
	"sync"
	"time"
)

// Bounds of what is known of directories: how many, how many names are read of one, and how
// many names of sidecars are remembered of all.
const (
	maxSurveyed      = 1024
	maxSurvey        = 1 << 14
	maxSidecarsKnown = 1 << 16
)

// A surveyor knows the names of sidecars in the directories that files were opened
// in lately, so that the first request for a file does not cost a look for each coding.
// What it knows is as old as Options.Recheck at most. The zero value is ready, and
// safe for any number of goroutines.
type surveyor struct {
	mu    sync.Mutex
	dirs  map[string]*survey
	names int // of all surveys
}

// A survey is of one directory. The surveyor's lock guards it.
type survey struct {
	at      time.Duration
	started bool
	known   bool // sidecars is complete
	names   map[string]bool
}

// sidecarsBeside returns the names that end like those of sidecars in the directory of
// a file, without a directory; known is false when they have to be looked for one by
// one. A directory is read at the second question: for one file it would not pay.
func (s *Site) sidecarsBeside(name string) (names map[string]bool, known bool) {
	if s.recheck <= 0 {
		return nil, false
	}
	dir, now := path.Dir(name), s.now()
	y := &s.surveyor
	y.mu.Lock()
	v := y.dirs[dir]
	if v == nil || now-v.at >= s.recheck {
		y.begin(dir, v, now)
		y.mu.Unlock()
		return nil, false
	}
	if v.started {
		names, known = v.names, v.known
		y.mu.Unlock()
		return names, known
	}
	v.started = true
	y.mu.Unlock()

	names, known = s.survey(dir)

	y.mu.Lock()
	defer y.mu.Unlock()
	if y.dirs[dir] != v || y.names+len(names) > maxSidecarsKnown {
		return names, known
	}
	v.names, v.known = names, known
	y.names += len(names)
	return names, known
}

// begin notes a first question, in the place of an old survey. mu is held.
func (y *surveyor) begin(dir string, old *survey, now time.Duration) {
	switch {
	case old != nil:
		y.names -= len(old.names)
	case y.dirs == nil || len(y.dirs) >= maxSurveyed: // those in demand are soon there again
		y.dirs, y.names = make(map[string]*survey), 0
	}
	y.dirs[dir] = &survey{at: now}
}

// forget forgets the survey of a directory, which has changed.
func (y *surveyor) forget(dir string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if v := y.dirs[dir]; v != nil {
		y.names -= len(v.names)
		delete(y.dirs, dir)
	}
}

// survey reads the names of sidecars in a directory.
func (s *Site) survey(dir string) (sides map[string]bool, ok bool) {
	f, err := s.tree.open(dir)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	names, err := f.names(maxSurvey + 1)
	if err != nil || len(names) > maxSurvey {
		return nil, false
	}
	for _, name := range names {
		for _, suffix := range sidecars {
			if suffix != "" && strings.HasSuffix(name, suffix) {
				if sides == nil {
					sides = make(map[string]bool)
				}
				sides[name] = true
			}
		}
	}
	return sides, true
}
