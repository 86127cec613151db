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
			e = hello(fmt.Sprintf(`"%d"`, stamp.Time), stamp)
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

// hello returns an entry with one representation.
func hello(etag string, stamp pagecache.Stamp) *pagecache.Entry {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "ETag", Value: etag}}, []byte("hello"))
	if err != nil {
		panic(err)
	}
	e := new(pagecache.Entry)
	e.Representations[pagecache.Identity] = pagecache.NewRepresentation(page, stamp)
	return e
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

// A file is read into its page, without a buffer in between.
func ExampleFill() {
	file := strings.NewReader("hello")
	page, err := pagecache.Fill(200, nil, file.Len(), func(body []byte) error {
		_, err := file.ReadAt(body, 0)
		return err
	})
	fmt.Printf("%s %v\n", page.Body(), err)
	// Output: hello <nil>
}

// The head of a response whose body is sent from a file.
func ExampleBuildHead() {
	page, err := pagecache.BuildHead(200, nil, 5<<30)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q", page.Head())
	// Output: "HTTP/1.1 200 OK\r\nContent-Length: 5368709120\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
}

// A sender pastes the Date, and adds what there is to say of the connection.
func ExamplePage() {
	page, err := pagecache.Build(200, nil, []byte("hello"))
	if err != nil {
		panic(err)
	}
	all := page.Bytes()
	head := append([]byte(nil), all[:page.DateOffset()]...)
	head = append(head, "Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n"...)
	body := all[page.TailOffset():] // starts with the blank line
	fmt.Printf("%q\n%q", head, body)
	// Output:
	// "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n"
	// "\r\nhello"
}

func ExamplePage_NotModified() {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "ETag", Value: `"v1"`}}, []byte("hello\n"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q", page.NotModified().Head())
	// Output: "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n"
}

func ExampleField() {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "ETag", Value: `"v1"`}}, nil)
	if err != nil {
		panic(err)
	}
	for f := range page.Fields() {
		fmt.Printf("%s is %s\n", f.Name, f.Value)
	}
	fmt.Println(page.Field("etag"))
	// Output:
	// Content-Type is text/plain
	// ETag is "v1"
	// "v1"
}

func ExampleCoding() {
	for coding := range pagecache.Coding(pagecache.Codings) {
		fmt.Println(coding)
	}
	// Output:
	// identity
	// gzip
	// br
	// zstd
}

func ExampleStamp() {
	before := pagecache.Stamp{Time: time.Unix(1, 0).UnixNano(), Size: 5, Number: 77}
	after := before
	after.Number = 78 // another file was moved to the place of the old
	fmt.Println(before == after)
	// Output: false
}

func ExampleRepresentation() {
	page, err := pagecache.Build(200, []pagecache.Field{{Name: "ETag", Value: `"v1-gzip"`}, {Name: "Content-Encoding", Value: "gzip"}}, nil)
	if err != nil {
		panic(err)
	}
	r := pagecache.NewRepresentation(page, pagecache.Stamp{})
	fmt.Println(r.ETag, r.Page.Status(), r.NotModified.Status())
	// Output: "v1-gzip" 200 304
}

func ExampleEntry() {
	e := hello(`"v1"`, pagecache.Stamp{Size: 5})
	e.Immutable = true
	cache := pagecache.New(pagecache.Options{})
	fmt.Println(cache.Put("/hello", e, 0), cache.Stats().Entries)
	_, state := cache.Get([]byte("/hello"), time.Hour)
	fmt.Println(state)
	// Output:
	// true 1
	// fresh
}

// A source that is missing is remembered for a while.
func ExampleState() {
	cache := pagecache.New(pagecache.Options{NegativeTTL: time.Second})
	key := "/favicon.ico"
	state := func(now time.Duration) pagecache.State { _, s := cache.Get([]byte(key), now); return s }
	fmt.Println(state(0))
	cache.PutAbsent(key, 0)
	fmt.Println(state(0), state(time.Second))
	cache.Put(key, hello(`"v1"`, pagecache.Stamp{}), time.Second)
	fmt.Println(state(time.Second), state(time.Minute), state(time.Minute))
	// Output:
	// miss
	// absent miss
	// fresh stale fresh
}

// Only what is asked for twice gets a place.
func ExampleCache_Admit() {
	cache := pagecache.New(pagecache.Options{AdmitAfter: 2})
	fmt.Println(cache.Admit([]byte("/")), cache.Admit([]byte("/")))
	// Output: false true
}

// A better variant, made in the background, takes the place of the entry that it was made for, and of no other.
func ExampleCache_Replace() {
	cache := pagecache.New(pagecache.Options{})
	first, second := hello(`"1"`, pagecache.Stamp{}), hello(`"2"`, pagecache.Stamp{})
	better := func(e *pagecache.Entry) *pagecache.Entry { b := *e; return &b }
	cache.Put("/", first, 0)
	slow := better(first) // takes its time
	cache.Put("/", second, 0)
	fmt.Println(cache.Replace("/", first, slow, 0), cache.Replace("/", second, better(second), 0))
	// Output: false true
}

func ExampleCache_PurgePrefix() {
	cache := pagecache.New(pagecache.Options{})
	for _, key := range []string{"/a", "/assets/b", "/assets/c"} {
		cache.Put(key, hello(`"v1"`, pagecache.Stamp{}), 0)
	}
	fmt.Println(cache.PurgePrefix("/assets/"), cache.Delete([]byte("/a")), cache.Stats().Entries)
	// Output: 2 true 0
}

func ExampleCache() {
	cache := pagecache.New(pagecache.Options{})
	cache.Put("/hello", hello(`"v1"`, pagecache.Stamp{}), 0)
	e, state := cache.Get([]byte("/hello"), time.Second)
	fmt.Printf("%v %s\n", state, e.Representations[pagecache.Identity].Page.Body())
	// Output: fresh hello
}

func ExampleOptions() {
	cache := pagecache.New(pagecache.Options{MaxBytes: 1 << 30, MaxEntries: 1 << 20})
	fmt.Println(cache.Options().MaxBody, cache.Options().Recheck)
	// Output: 65536 5s
}

func ExampleStats() {
	cache := pagecache.New(pagecache.Options{})
	cache.Put("/", hello(`"v1"`, pagecache.Stamp{}), 0)
	cache.Get([]byte("/"), 0)
	cache.Get([]byte("/other"), 0)
	var sum pagecache.Stats // of several caches
	sum.Add(cache.Stats())
	fmt.Println(sum.Hits, sum.Misses, sum.Entries, sum.Pages[pagecache.Identity])
	// Output: 1 1 1 1
}
