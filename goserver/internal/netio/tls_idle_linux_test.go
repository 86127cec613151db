package netio

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
)

// bytesIdle is what an idle TLS connection may cost, of all memory of the server:
// its struct, what crypto/tls keeps, and the slot. The kernel's is not counted.
const bytesIdle = 8 << 10

// An idle TLS connection has no goroutine and holds at most bytesIdle. What the clients
// hold is measured when the server's side is gone, and subtracted.
func TestTLS_idleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	const n = 5000
	raiseFiles(t, 2*n+200)
	te := run(t, kinds[2], Config{}, echo)
	clients := make([]net.Conn, n)
	goroutines := runtime.NumGoroutine()
	empty := heap()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < n; i += 4 {
				nc, err := net.Dial("tcp", te.addr)
				if err != nil {
					t.Error(err)
					return
				}
				clients[i] = nc
				tc := tls.Client(nc, testClientTLS())
				tc.Write([]byte("GET / HTTP/1.1\r\nHost: test\r\nUser-Agent: as long as most requests are, or so\r\n\r\n"))
				if _, err := tc.Read(make([]byte, 100)); err != nil {
					t.Error(err)
				}
				// tc is garbage from here on; the socket stays.
			}
		})
	}
	wg.Wait()
	eventually(t, "all to be parked", func() bool { return te.Parked() == n })
	full := heap()
	fewGoroutines(t, goroutines+50)
	// What the clients' sockets cost in the heap stays when the server's connections are gone.
	te.CloseIdle(0)
	eventually(t, "all to be closed", func() bool { return te.Conns() == 0 })
	rest := heap()
	each := (int64(full) - int64(rest)) / n
	t.Logf("%d idle TLS connections: %d bytes each (heap before %d, with %d, after %d)", n, each, empty, full, rest)
	if each > bytesIdle {
		t.Errorf("an idle TLS connection costs %d bytes, want %d at most", each, bytesIdle)
	}
	for _, c := range clients {
		if b, err := io.ReadAll(c); err != nil || len(b) > 100 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		c.Close()
	}
}

func heap() uint64 {
	var m runtime.MemStats
	for range 3 { // pools take two to forget
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
