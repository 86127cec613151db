package pagecache_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hyperion-server/hyperion/pagecache"
)

// A file is read when it is missing and when it has changed, which is looked at
// every five seconds.
func Example() {
	cache := pagecache.New(pagecache.Options{Recheck: 5 * time.Second})
	reads := 0
	stamp := pagecache.Stamp{Time: 1, Size: 5} // of the file, as stat has it
	get := func(key string, now time.Duration) string {
		e, state := cache.Get([]byte(key), now)
		if state == pagecache.Stale && e.Representations[pagecache.Identity].Stamp != stamp || state == pagecache.Miss {
			reads++
			page, err := pagecache.Build(200, []pagecache.Field{{Name: "ETag", Value: fmt.Sprintf(`"%d"`, stamp.Time)}}, []byte("hello"))
			if err != nil {
				panic(err)
			}
			e = new(pagecache.Entry)
			e.Representations[pagecache.Identity] = pagecache.NewRepresentation(page, stamp)
			cache.Put(key, e, now)
		}
		return e.Representations[pagecache.Identity].ETag
	}
	fmt.Println(get("/a", 0), get("/a", time.Second))
	stamp.Time = 2 // somebody writes the file
	fmt.Println(get("/a", 2*time.Second), get("/a", 6*time.Second))
	fmt.Println(reads, "reads")
	// Output:
	// "1" "1"
	// "1" "2"
	// 2 reads
}

func ExampleBuild() {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte("hello\n"))
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(strings.ReplaceAll(string(page.Bytes()), "\r", ""))
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/plain
	// Content-Length: 6
	// Date: Thu, 01 Jan 1970 00:00:00 GMT
	//
	// hello
}

func ExamplePage_NotModified() {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "ETag", Value: `"v1"`}}, []byte("hello\n"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q", page.NotModified().Head())
	// Output: "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
}

func ExampleEntry() {
	hello := []byte("hello")
	page, err := pagecache.Build(200, nil, hello)
	if err != nil {
		panic(err)
	}
	e := &pagecache.Entry{Immutable: true}
	e.Representations[pagecache.Identity] = pagecache.NewRepresentation(page, pagecache.Stamp{Size: 5})
	cache := pagecache.New(pagecache.Options{})
	fmt.Println(cache.Put("/hello", e, 0), cache.Stats().Entries)
	_, state := cache.Get([]byte("/hello"), time.Hour)
	fmt.Println(state)
	// Output:
	// true 1
	// fresh
}
