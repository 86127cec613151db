package static

import "sync"

// flights are the keys whose pages are being loaded, so that one of the requests
// that come at once reads the file into memory; the others send it from the disk.
// The zero value is ready.
type flights struct {
	mu   sync.Mutex
	keys map[string]struct{}
}

// begin reports whether the caller is to load the pages of key, and then call end.
func (f *flights) begin(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.keys[key]; ok {
		return false
	}
	if f.keys == nil {
		f.keys = make(map[string]struct{})
	}
	f.keys[key] = struct{}{}
	return true
}

func (f *flights) end(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
}
