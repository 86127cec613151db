package tickets

import (
	"crypto/tls"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/hyperion-server/hyperion/goserver/internal/certs/certtest"
)

// threadTime returns the processor time of the calling thread.
func threadTime() time.Duration {
	const clockThread = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThread, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

// What a handshake costs the server: the processor time of the thread that does
// nothing else. The client verifies the certificate.
func BenchmarkHandshake(b *testing.B) {
	k, err := Open(Options{Every: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	ca := certtest.NewAuthority(b)
	server := &tls.Config{Certificates: []tls.Certificate{ca.Issue(b, []string{"a.example"}).Certificate}}
	k.Install(server)
	for _, c := range []struct {
		name    string
		version uint16
		curves  []tls.CurveID // nil: those of Go, with ML-KEM
	}{{"TLS 1.2", tls.VersionTLS12, nil}, {"TLS 1.3", tls.VersionTLS13, nil}, {"TLS 1.3 P-256", tls.VersionTLS13, []tls.CurveID{tls.CurveP256}}} {
		for _, kind := range []string{"full", "resumed"} {
			b.Run(c.name+"/"+kind, func(b *testing.B) {
				client := &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example", MaxVersion: c.version, CurvePreferences: c.curves, ClientSessionCache: &wallet{}}
				conns, spent := make(chan net.Conn), make(chan time.Duration)
				go func() {
					runtime.LockOSThread()
					start := threadTime()
					for conn := range conns {
						tls.Server(conn, server).Write([]byte("x"))
					}
					spent <- threadTime() - start
				}()
				for b.Loop() {
					if kind == "full" {
						client.ClientSessionCache = &wallet{}
					}
					near, far := net.Pipe()
					conns <- far
					conn := tls.Client(near, client)
					if _, err := conn.Read(make([]byte, 1)); err != nil {
						b.Fatal(err)
					}
					near.Close()
				}
				close(conns)
				b.ReportMetric(float64((<-spent).Nanoseconds())/1e3/float64(b.N), "server-µs/op")
			})
		}
	}
}
