// Package pagecache keeps whole prebuilt HTTP responses in memory.
//
// A Page is one response in one contiguous buffer with a slot for the Date. A
// Representation is a resource in one content coding: the page for 200, the
// page for 304, the entity-tag, and a Stamp of the source that both were made
// from. An Entry has the representations of one resource, and a Cache maps keys
// to entries.
//
// The package does no input or output and starts no goroutine: the caller
// loads what is missing, tells the time, and checks the source of an entry when
// Get says that it is due:
//
//	entry, state := cache.Get(path, now)
//	switch state {
//	case pagecache.Absent:
//		return notFound
//	case pagecache.Stale:
//		if unchanged(entry) {
//			return entry
//		}
//		fallthrough
//	case pagecache.Miss:
//		if !exists(path) {
//			cache.PutAbsent(string(path), now)
//			return notFound
//		}
//		if state == pagecache.Miss && !cache.Admit(path) {
//			return sendWithoutCache(path)
//		}
//		entry = load(path)
//		cache.Put(string(path), entry, now)
//	}
//	return entry
//
// # Units
//
// Sizes are bytes. now is the time since any fixed moment, from a clock that does not
// go back; it may be coarse. Keys are any bytes: use a Cache for each space of
// keys, so that a file and a route of the same name stay apart.
//
// # Limits
//
// A Cache holds at most Options.MaxEntries entries, which take at most Options.MaxBytes
// of memory: their pages as the allocator rounds them, the key, and all that belongs to them. That
// is about 350 bytes for an entry with one representation, beside its response and the
// head for 304. Beyond the bounds it has 4 bytes for each possible entry that Admit counts
// with, and the keys of absent sources, one for each 16 entries.
//
// # Eviction
//
// A full cache evicts by use, as S3-FIFO does. Entries that are asked for once, or twice in a row,
// pass through a tenth of the cache and never push out what is in the rest. So a
// crawler that goes through everything does no harm.
//
// # Ownership
//
// Pages, representations and entries are never changed and never recycled: what Get
// returned, and every slice and string of it, stays as it is for as long as it is
// held, evicted or not. The garbage collector frees it after that. It finds no pointers
// in the bytes of pages and does not scan them.
//
// # Concurrency
//
// All methods may be called by any number of goroutines. A lookup takes no lock, waits for
// nobody and allocates nothing, whether it finds an entry or not. Changes lock one of up to 16 shards.
// Whoever puts a key is seen by all lookups that start later.
package pagecache
