package pagecache

import "time"

// Defaults of Options.
const (
	DefaultMaxBytes    = 64 << 20
	DefaultMaxEntries  = 1 << 16
	DefaultMaxBody     = 64 << 10
	DefaultRecheck     = 5 * time.Second
	DefaultAdmitAfter  = 2
	DefaultNegativeTTL = time.Second
)

// Options of a Cache. The zero value has the defaults.
type Options struct {
	MaxBytes    int64         // of memory that entries take, with their place in the table; 0: DefaultMaxBytes
	MaxEntries  int           // 0: DefaultMaxEntries; negative, as with the others of its kind: nothing is kept
	MaxBody     int           // bytes of the largest body; 0: DefaultMaxBody
	Recheck     time.Duration // until an entry is stale; 0: DefaultRecheck; negative: each time it is asked for
	AdmitAfter  int           // requests for a key until Admit says yes, at most 15, or twice as many where there is no room; 0: DefaultAdmitAfter; 1: at once
	NegativeTTL time.Duration // for which a missing source is remembered; 0: DefaultNegativeTTL; negative: not at all
}

func (o Options) filled() Options {
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.MaxEntries, DefaultMaxEntries)
	setDefault(&o.MaxBody, DefaultMaxBody)
	setDefault(&o.Recheck, DefaultRecheck)
	setDefault(&o.AdmitAfter, DefaultAdmitAfter)
	setDefault(&o.NegativeTTL, DefaultNegativeTTL)
	o.AdmitAfter = min(o.AdmitAfter, maxAdmitAfter)
	return o
}

func setDefault[T comparable](v *T, to T) {
	if *v == *new(T) {
		*v = to
	}
}

const (
	maxShards       = 16
	minShardEntries = 256
	minShardBytes   = 1 << 20
	minShardBodies  = 16 // of the largest size
)

// shards returns how many shards a cache has: a power of two, few enough that each is
// large against the largest entry, so that its policy has something to choose from.
func (o Options) shards() int {
	n := 1
	for n < maxShards && o.MaxEntries/(2*n) >= minShardEntries &&
		o.MaxBytes/int64(2*n) >= max(minShardBytes, minShardBodies*int64(o.MaxBody)) {
		n *= 2
	}
	return n
}

// absences returns how many missing keys are remembered in all: one for each 16
// entries that there may be, and no more than have room in a 64th of MaxBytes.
func (o Options) absences() int {
	if o.NegativeTTL < 0 {
		return 0
	}
	return max(absenceWays, min(o.MaxEntries/16, int(o.MaxBytes/64/absenceSize)))
}
