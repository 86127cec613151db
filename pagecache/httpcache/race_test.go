package httpcache

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Many goroutines read, change, purge and evict. Nobody is given what is not his, or
// what was changed before he asked.
func TestCache_concurrent(t *testing.T) {
	var versions, committed [8]atomic.Int64 // committed: known to a client
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		fmt.Sscanf(r.URL.Path, "/%d", &i)
		if r.Method == http.MethodPost {
			fmt.Fprint(w, versions[i].Add(1))
			return
		}
		v := versions[i].Load()
		setFields(w.Header(), fmt.Sprintf("Cache-Control: max-age=60\nETag: \"%d\"\nVary: X", v))
		fmt.Fprintf(w, "%s %s %d ", r.URL.Path, r.Header.Get("X"), v)
		w.Write(make([]byte, 1000*i))
	})
	c := New(Options{MaxBytes: 40 << 10, MaxVariants: 3})
	h := c.Handler(handler)
	stop := time.Now().Add(300 * time.Millisecond)
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for n := 0; n < 2000 && time.Now().Before(stop); n++ {
				i, x := (n*7+g)%len(versions), (n+g)%5
				switch {
				case n%50 == 0:
					var v int64
					fmt.Sscan(get(h, fmt.Sprintf("POST /%d", i)).Body.String(), &v)
					for old := committed[i].Load(); old < v && !committed[i].CompareAndSwap(old, v); old = committed[i].Load() {
					}
				case n%97 == 0:
					c.PurgePrefix(fmt.Sprintf("/%d", i))
				default:
					oldest := committed[i].Load()
					res := httptest.NewRecorder()
					r := httptest.NewRequest("GET", fmt.Sprintf("/%d", i), nil)
					r.Header.Set("X", fmt.Sprint(x))
					h.ServeHTTP(res, r)
					body := res.Body.String()
					var v int64
					if !strings.HasPrefix(body, fmt.Sprintf("/%d %d ", i, x)) {
						t.Errorf("asked for /%d %d, got %.20q", i, x, body)
					}
					fmt.Sscanf(strings.Fields(body)[2], "%d", &v)
					if v < oldest {
						t.Errorf("version %d, %d was there before", v, oldest)
					}
				}
			}
		})
	}
	wg.Wait()
	if s := c.Stats(); s.Bytes > 40<<10 || s.Hits == 0 || s.Evictions == 0 || s.Invalidations == 0 {
		t.Errorf("%+v", s)
	}
	if n := len(c.flights.byKey); n != 0 {
		t.Errorf("%d flights left", n)
	}
}
