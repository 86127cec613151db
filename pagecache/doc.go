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
//	if state == pagecache.Stale && changed(entry) || state == pagecache.Miss {
//		entry = load(path)
//		cache.Put(string(path), entry, now)
//	}
//
// now is the time since any fixed moment, from a clock that does not go back.
//
// A lookup takes no lock and allocates nothing. A full cache evicts by use, with
// the second-chance rule: what was not asked for since the hand last passed goes.
// An entry starts without that mark, so that those asked for once go first.
package pagecache
