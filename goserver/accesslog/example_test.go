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
