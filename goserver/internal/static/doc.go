// Package static serves the files below one directory on the direct path.
//
// A Site turns a request's path into the name of a file (path.go), opens what
// it leads to (find.go), and makes the response: from a pagecache.Entry when
// the file is small (load.go), else from the open file (send.go), after
// content negotiation (encoding.go), preconditions (condition.go) and ranges
// (ranges.go). Files on the disk stay open for a while (openfiles.go). A file that is
// asked for again is loaded into the cache (serve.go); from then on a request
// is a lookup by the path as it was sent, and nothing on the heap.
//
// Three things happen beside the requests. A worker, one for the process, makes
// compressed variants of what is in the cache (compress.go, worker.go, encode.go).
// Directories are loaded at start when the options say so (preload.go). And
// the system may tell of changes (watch.go), so that files need not be looked at.
//
// Three things hold a path inside the root, each by itself: segments "." and
// "..", empty ones, and any with a NUL, slash or backslash after decoding lead
// to 404; a path is decoded once; and the kernel, or os.Root, opens no file outside, whatever
// links there are on the way.
package static
