package accesslog_test

import (
	"fmt"
	"os"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/goserver/accesslog"
)

func Example() {
	log := accesslog.New(os.Stdout, accesslog.Options{Format: accesslog.Text})
	srv := &goserver.Server{Addr: "127.0.0.1:0", AccessLog: log.Log}
	_ = srv // srv.ListenAndServe, and in the end srv.Shutdown
	if err := log.Close(); err != nil {
		fmt.Println("access log:", err)
	}
	fmt.Println(log.Dropped(), "lines dropped")
	// Output: 0 lines dropped
}

func ExampleLog() {
	log := accesslog.New(os.Stdout, accesslog.Options{Format: accesslog.Text})
	log.Log(&goserver.Record{
		Start: time.Date(2026, 11, 8, 9, 30, 0, 0, time.UTC), Duration: 1250 * time.Microsecond, FirstByte: time.Millisecond,
		Method: "GET", Path: []byte("/"), Proto: "HTTP/1.1", Status: 200, BytesOut: 161,
	})
	log.Close()
	// Output:
	// 2026-11-08T09:30:00.001Z INFO  [hyperion] message=request method=GET path=/ status=200 duration_ms=1.25 remote_addr=nil http_version=HTTP/1.1 bytes=161 bytes_in=0 ttfb_ms=1.00
}

func ExampleOptions() {
	log := accesslog.New(os.Stdout, accesslog.Options{
		Format:  accesslog.JSON,
		Buffer:  1 << 20,
		OnError: func(err error) { fmt.Println("lines are lost:", err) },
	})
	log.Log(&goserver.Record{Start: time.Unix(1794130200, 0), Method: "GET", Path: []byte(`/a"b`), Proto: "HTTP/1.1", Status: 404})
	log.Close()
	// Output:
	// {"ts":"2026-11-08T09:30:00.000Z","level":"info","source":"hyperion","message":"request","method":"GET","path":"/a\"b","status":404,"duration_ms":0.00,"remote_addr":null,"http_version":"HTTP/1.1","bytes":0,"bytes_in":0,"ttfb_ms":0.00}
}

func ExampleFormat() {
	r := &goserver.Record{Start: time.Unix(0, 0), Method: "GET", Path: []byte("/a b"), Proto: "HTTP/1.1", Status: 200}
	for _, f := range []accesslog.Format{accesslog.JSON, accesslog.Text} {
		log := accesslog.New(os.Stdout, accesslog.Options{Format: f})
		log.Log(r)
		log.Close()
	}
	// Output:
	// {"ts":"1970-01-01T00:00:00.000Z","level":"info","source":"hyperion","message":"request","method":"GET","path":"/a b","status":200,"duration_ms":0.00,"remote_addr":null,"http_version":"HTTP/1.1","bytes":0,"bytes_in":0,"ttfb_ms":0.00}
	// 1970-01-01T00:00:00.000Z INFO  [hyperion] message=request method=GET path="/a b" status=200 duration_ms=0.00 remote_addr=nil http_version=HTTP/1.1 bytes=0 bytes_in=0 ttfb_ms=0.00
}
