package interop

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/hyperion-server/hyperion/goserver"
)

// A subject is a way to serve a gRPC service.
type subject struct {
	name  string
	serve func(*testing.T, *grpc.Server) site
}

// subjects are grpc-go's own transport, which shows that a test is right, and
// its ServeHTTP on our server.
var subjects = []subject{
	{"grpc-go", serveOwn},
	{"TLS", func(t *testing.T, g *grpc.Server) site { return serveHandler(t, g, true) }},
	{"clear", func(t *testing.T, g *grpc.Server) site { return serveHandler(t, g, false) }},
}

func serveOwn(t *testing.T, g *grpc.Server) site {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(l) }()
	t.Cleanup(func() {
		g.Stop()
		<-ended
	})
	return site{addr: l.Addr().String()}
}

// serveHandler has no limit for bodies, as a server of streams must.
func serveHandler(t *testing.T, g *grpc.Server, secure bool) site {
	t.Cleanup(g.Stop)
	return listen(t, &goserver.Server{Handler: g, MaxBodyBytes: -1, BodyIdleTimeout: -1, MinBodyRate: -1}, secure)
}

// dial connects a client, which has been closed when the test ends.
func (w site) dial(t *testing.T, o ...grpc.DialOption) testgrpc.TestServiceClient {
	t.Helper()
	creds := insecure.NewCredentials()
	if w.cert != nil {
		creds = credentials.NewClientTLSFromCert(w.roots(), "")
	}
	conn, err := grpc.NewClient("passthrough:///"+w.addr, append(o, grpc.WithTransportCredentials(creds))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return testgrpc.NewTestServiceClient(conn)
}

// A service is one whose methods a test gives.
type service struct {
	testgrpc.UnimplementedTestServiceServer
	unary  func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error)
	output func(*testgrpc.StreamingOutputCallRequest, grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error
	input  func(grpc.ClientStreamingServer[testgrpc.StreamingInputCallRequest, testgrpc.StreamingInputCallResponse]) error
	duplex func(grpc.BidiStreamingServer[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse]) error
}

func (s *service) UnaryCall(ctx context.Context, r *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return s.unary(ctx, r)
}

func (s *service) StreamingOutputCall(r *testgrpc.StreamingOutputCallRequest, st grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error {
	return s.output(r, st)
}

func (s *service) StreamingInputCall(st grpc.ClientStreamingServer[testgrpc.StreamingInputCallRequest, testgrpc.StreamingInputCallResponse]) error {
	return s.input(st)
}

func (s *service) FullDuplexCall(st grpc.BidiStreamingServer[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse]) error {
	return s.duplex(st)
}

// each runs a test with a service on every subject, with a client of it.
func each(t *testing.T, s *service, test func(*testing.T, testgrpc.TestServiceClient)) {
	for _, sub := range subjects {
		t.Run(sub.name, func(t *testing.T) {
			g := grpc.NewServer(grpc.MaxRecvMsgSize(8 << 20))
			testgrpc.RegisterTestServiceServer(g, s)
			test(t, sub.serve(t, g).dial(t, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20))))
		})
	}
}

func payload(n int) *testgrpc.Payload {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 31 >> 3)
	}
	return &testgrpc.Payload{Body: b}
}
