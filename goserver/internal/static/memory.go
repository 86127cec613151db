package static

import "runtime/debug"

// DefaultCacheBytes is the memory for a site's cache, or an eighth of what the process may
// have, if that is less: of the machine's, its control group's, or GOMEMLIMIT.
const DefaultCacheBytes = 256 << 20

// cacheBytesFor returns the bytes of the cache for Options.CacheBytes.
func cacheBytesFor(option int64) int64 {
	if option != 0 {
		return option
	}
	return min(DefaultCacheBytes, memoryLimit()/8, debug.SetMemoryLimit(-1)/8)
}
