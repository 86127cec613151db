// Command grpcserver is a gRPC server of the TestService of grpc-go's interop
// tests, as far as the bench rows call it, in one of three ways: over grpc-go's
// own transport, or as a handler (grpc.Server.ServeHTTP) on Hyperion or on net/http.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/hyperion-server/hyperion/goserver"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	cert := flag.String("cert", "", "certificate; with -key: TLS")
	key := flag.String("key", "", "its key")
	serve := flag.String("serve", "hyperion", "hyperion, net/http or grpc-go")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	way, found := ways[*serve]
	if !found {
		log.Fatal("no -serve ", *serve)
	}
	if err := way(ctx, *addr, *cert, *key); err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// ways serve until the context ends.
var ways = map[string]func(ctx context.Context, addr, cert, key string) error{
	"hyperion": func(ctx context.Context, addr, cert, key string) error {
		s := &goserver.Server{Addr: addr, Handler: newServer()}
		context.AfterFunc(ctx, func() { s.Close() })
		return s.ListenAndServeTLS(cert, key)
	},
	"net/http": func(ctx context.Context, addr, cert, key string) error {
		s := &http.Server{Addr: addr, Handler: newServer()}
		context.AfterFunc(ctx, func() { s.Close() })
		return s.ListenAndServeTLS(cert, key)
	},
	"grpc-go": func(ctx context.Context, addr, cert, key string) error {
		creds, err := credentials.NewServerTLSFromFile(cert, key)
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		s := newServer(grpc.Creds(creds))
		context.AfterFunc(ctx, s.Stop)
		return s.Serve(l)
	},
}

func newServer(o ...grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(o...)
	testgrpc.RegisterTestServiceServer(s, service{})
	return s
}

type service struct {
	testgrpc.UnimplementedTestServiceServer
}

func (service) UnaryCall(_ context.Context, ask *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Payload: payload(ask.GetResponseSize())}, nil
}

func (service) StreamingOutputCall(ask *testgrpc.StreamingOutputCallRequest, s grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]) error {
	for _, p := range ask.GetResponseParameters() {
		if err := s.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload(p.GetSize())}); err != nil {
			return err
		}
	}
	return nil
}

// maxPayload bounds what a client may ask for.
const maxPayload = 4 << 20

func payload(size int32) *testgrpc.Payload {
	return &testgrpc.Payload{Body: make([]byte, min(max(size, 0), maxPayload))}
}
