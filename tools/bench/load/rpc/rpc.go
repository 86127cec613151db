// Package rpc loads gRPC servers of the TestService of grpc-go's interop tests
// (google.golang.org/grpc/interop/grpc_testing) over TLS. Every answer's payload
// is compared byte for byte.
package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/hyperion-server/hyperion/tools/bench/load"
)

// What a call sends and wants.
const (
	PayloadSize = 10  // bytes, of a message both ways
	Messages    = 100 // of a stream
)

// A Call makes one call and checks its answer.
type Call func(context.Context, testgrpc.TestServiceClient) error

// Calls by the names of the loader's modes.
var Calls = map[string]Call{"grpc-unary": Unary, "grpc-stream": Stream}

var (
	errPayload  = errors.New("rpc: the payload is not what was asked for")
	errMessages = errors.New("rpc: the stream has another number of messages")
)

// Unary makes a UnaryCall.
func Unary(ctx context.Context, c testgrpc.TestServiceClient) error {
	answer, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{
		ResponseSize: PayloadSize, Payload: &testgrpc.Payload{Body: make([]byte, PayloadSize)},
	})
	if err != nil {
		return err
	}
	return check(answer.GetPayload())
}

// Stream makes a StreamingOutputCall.
func Stream(ctx context.Context, c testgrpc.TestServiceClient) error {
	ask := &testgrpc.StreamingOutputCallRequest{}
	for range Messages {
		ask.ResponseParameters = append(ask.ResponseParameters, &testgrpc.ResponseParameters{Size: PayloadSize})
	}
	stream, err := c.StreamingOutputCall(ctx, ask)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		answer, err := stream.Recv()
		if err == io.EOF && n == Messages {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("%w: %d", errMessages, n)
		}
		if err != nil {
			return err
		}
		if err := check(answer.GetPayload()); err != nil {
			return err
		}
	}
}

func check(p *testgrpc.Payload) error {
	if !bytes.Equal(p.GetBody(), make([]byte, PayloadSize)) {
		return errPayload
	}
	return nil
}

// Run opens n connections with one call each, and then has a call under way on
// every one of them, for the duration after a warm-up. A request is a call.
func Run(ctx context.Context, t load.Target, call Call, n int, warm, duration time.Duration, pids []int) (load.Result, error) {
	clients := make([]testgrpc.TestServiceClient, n)
	for i := range clients {
		conn, err := dial(t)
		if err != nil {
			return load.Result{}, err
		}
		defer conn.Close()
		clients[i] = testgrpc.NewTestServiceClient(conn)
		if err := withTimeout(ctx, clients[i], call); err != nil {
			return load.Result{}, fmt.Errorf("rpc: first call on a connection: %w", err)
		}
	}
	return load.Repeat(ctx, n, warm, duration, pids, func(ctx context.Context, i int) error {
		return withTimeout(ctx, clients[i], call)
	})
}

// withTimeout gives a call the deadline that it has in use.
func withTimeout(ctx context.Context, c testgrpc.TestServiceClient, call Call) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return call(ctx, c)
}

func dial(t load.Target) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if t.Over.TLS() {
		creds = credentials.NewTLS(t.TLS()) // refuses a server that does not choose h2
	}
	return grpc.NewClient("passthrough:///"+t.Addr.String(), grpc.WithTransportCredentials(creds))
}
