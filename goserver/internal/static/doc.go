// Package static serves the files below one directory on the direct path.
//
// A Site turns a request's path into the name of a file (path.go), opens what
// it leads to (find.go), and makes the response: from a pagecache.Entry when
// the file is small (load.go), else from the open file (send.go), after
// content negotiation (encoding.go), preconditions (condition.go) and ranges
// (ranges.go). The first request for a small file costs all of that; later ones a
// lookup by the path as it was sent, and nothing on the heap.
//
// Three things hold a path inside the root, each by itself: segments "." and
// "..", empty ones, and any with a NUL, slash or backslash after decoding lead
// to 404; a path is decoded once; and os.Root opens no file outside, whatever
// links there are on the way.
package static
