package httpcache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hyperion-server/hyperion/pagecache/httpcache"
)

func show(h http.Handler, method, target string) {
	res := httptest.NewRecorder()
	h.ServeHTTP(res, httptest.NewRequest(method, target, nil))
	fmt.Printf("%s: %q, %q\n", method, res.Body, res.Header().Get("Cache-Status"))
}

func Example() {
	price := 5
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			price++
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, price))
		fmt.Fprintf(w, "%d euros", price)
	})
	cache := httpcache.New(httpcache.Options{})
	h := cache.Handler(handler)
	show(h, "GET", "/price")
	show(h, "GET", "/price")
	show(h, "PUT", "/price") // removes what is stored
	show(h, "GET", "/price")
	// Output:
	// GET: "5 euros", "hyperion; fwd=uri-miss; stored; ttl=60"
	// GET: "5 euros", "hyperion; hit; ttl=60"
	// PUT: "", ""
	// GET: "6 euros", "hyperion; fwd=uri-miss; stored; ttl=60"
}

func ExampleCache_Purge() {
	cache := httpcache.New(httpcache.Options{})
	h := cache.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", `"1"`)
	}))
	for _, target := range []string{"/blog/1", "/blog/2", "/blog/2?print"} {
		show(h, "GET", target)
	}
	fmt.Println(cache.Purge("/blog/2"), cache.PurgePrefix("/blog/"), cache.Stats().Entries)
	// Output:
	// GET: "", "hyperion; fwd=uri-miss; stored; ttl=60"
	// GET: "", "hyperion; fwd=uri-miss; stored; ttl=60"
	// GET: "", "hyperion; fwd=uri-miss; stored; ttl=60"
	// 1 2 0
}
