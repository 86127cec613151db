package interop

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// A client of many calls keeps to SETTINGS_MAX_CONCURRENT_STREAMS, and all are
// answered in the end.
func TestGRPC_maxStreams(t *testing.T) {
	const most, calls = 4, 32
	for name, secure := range transports {
		t.Run(name, func(t *testing.T) {
			var at, peak atomic.Int64
			full := make(chan struct{})
			open := sync.OnceFunc(func() { close(full) })
			g := grpc.NewServer()
			testgrpc.RegisterTestServiceServer(g, &service{unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				n := at.Add(1)
				defer at.Add(-1)
				for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
				}
				if n == most {
					open()
				}
				<-full // nobody leaves before so many are here as may be
				return &testgrpc.SimpleResponse{}, nil
			}})
			t.Cleanup(g.Stop)
			c := listen(t, &goserver.Server{Handler: g, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: most}}, secure).dial(t)
			var running sync.WaitGroup
			for range calls {
				running.Go(func() {
					if _, err := c.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}); err != nil {
						t.Error(err)
					}
				})
			}
			running.Wait()
			if n := peak.Load(); n != most {
				t.Errorf("%d handlers at once, want %d", n, most)
			}
		})
	}
}
