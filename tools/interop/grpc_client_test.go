package interop

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	serviceorca "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/orca"
)

// cases are those of grpc-go's interop client that its own server passes, but
// for those that need credentials of a cloud. It does not pass pick_first_unary,
// which wants an id that it does not give.
var cases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
	"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response",
	"status_code_and_message", "special_status_message", "custom_metadata",
	"unimplemented_method", "unimplemented_service", "orca_per_rpc", "orca_oob",
	"rpc_soak", "channel_soak",
}

// balancer is a client's that hands the reports of orca_per_rpc and orca_oob over.
const balancer = `{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}`

// The interop client of grpc-go passes its cases.
func TestGRPC_interopClient(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the client is a large program to build")
	}
	program := filepath.Join(t.TempDir(), "client")
	if out, err := exec.Command("go", "build", "-o", program, "google.golang.org/grpc/interop/client").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, sub := range subjects {
		t.Run(sub.name, func(t *testing.T) {
			g := grpc.NewServer(orca.CallMetricsServerOption(nil))
			metrics := orca.NewServerMetricsRecorder()
			serviceorca.RegisterOpenRcaServiceServer(g, reports{metrics: metrics})
			testgrpc.RegisterTestServiceServer(g, interop.NewTestServer(interop.NewTestServerOptions{MetricsRecorder: metrics}))
			where := sub.serve(t, g)
			_, port, _ := net.SplitHostPort(where.addr)
			args := []string{"-service_config_json=" + balancer, "-server_host=127.0.0.1", "-server_port=" + port}
			if where.cert != nil {
				args = append(args, "-use_tls", "-use_test_ca", "-ca_file="+where.certFile(t), "-server_host_override=localhost")
			}
			var running sync.WaitGroup
			defer running.Wait()
			places := make(chan struct{}, 2)
			for _, name := range cases {
				running.Go(func() {
					places <- struct{}{}
					defer func() { <-places }()
					ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
					defer cancel()
					if out, err := exec.CommandContext(ctx, program, append(args, "-test_case="+name)...).CombinedOutput(); err != nil {
						t.Errorf("%s: %v: %s", name, err, out)
					}
				})
			}
		})
	}
}
