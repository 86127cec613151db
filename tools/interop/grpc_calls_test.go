package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type (
	outputStream = grpc.ServerStreamingServer[testgrpc.StreamingOutputCallResponse]
	inputStream  = grpc.ClientStreamingServer[testgrpc.StreamingInputCallRequest, testgrpc.StreamingInputCallResponse]
	duplexStream = grpc.BidiStreamingServer[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse]
)

// large is the size of the largest message that the issue of gRPC asks for.
const large = 4 << 20

func TestGRPC_unary(t *testing.T) {
	s := &service{unary: func(_ context.Context, r *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		return &testgrpc.SimpleResponse{Payload: r.GetPayload()}, nil
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		for _, n := range []int{0, 1, 16<<10 - 1, 16 << 10, 64<<10 + 1, large} {
			r, err := c.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: payload(n)})
			if err != nil || !bytes.Equal(r.GetPayload().GetBody(), payload(n).Body) {
				t.Errorf("%d bytes: %d bytes, %v", n, len(r.GetPayload().GetBody()), err)
			}
		}
	})
}

// Metadata goes both ways, as fields before and after the messages, text and
// bytes, and several values of a name.
func TestGRPC_metadata(t *testing.T) {
	raw := "\x00\x01\xff binary"
	s := &service{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		in, _ := metadata.FromIncomingContext(ctx)
		grpc.SetHeader(ctx, metadata.Pairs("early", "one", "early", "two", "early-bin", in.Get("ask-bin")[0]))
		grpc.SetTrailer(ctx, metadata.MD{"late": in.Get("ask"), "late-bin": {raw}})
		return &testgrpc.SimpleResponse{}, nil
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "ask", "x", "ask", "y", "ask-bin", raw)
		var head, tail metadata.MD
		if _, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{}, grpc.Header(&head), grpc.Trailer(&tail)); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			md   metadata.MD
			name string
			want []string
		}{{head, "early", []string{"one", "two"}}, {head, "early-bin", []string{raw}}, {tail, "late", []string{"x", "y"}}, {tail, "late-bin", []string{raw}}} {
			if got := x.md.Get(x.name); !slices.Equal(got, x.want) {
				t.Errorf("%s: %q, want %q", x.name, got, x.want)
			}
		}
	})
}

// An error is in the trailers, with or without messages before it.
func TestGRPC_status(t *testing.T) {
	const words = "no such thing: \t☺ 100 %"
	s := &service{
		unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return nil, status.Error(codes.NotFound, words)
		},
		output: func(_ *testgrpc.StreamingOutputCallRequest, st outputStream) error {
			st.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload(10)})
			return status.Error(codes.DataLoss, words)
		},
	}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		_, err := c.UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
		if got := status.Convert(err); got.Code() != codes.NotFound || got.Message() != words {
			t.Errorf("unary: %v", err)
		}
		st, err := c.StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := st.Recv(); err != nil || !bytes.Equal(m.GetPayload().GetBody(), payload(10).Body) {
			t.Errorf("message: %v", err)
		}
		_, err = st.Recv()
		if got := status.Convert(err); got.Code() != codes.DataLoss || got.Message() != words {
			t.Errorf("stream: %v", err)
		}
	})
}

func TestGRPC_serverStream(t *testing.T) {
	sizes := []int{1, 100_000, 0, large, 7}
	s := &service{output: func(r *testgrpc.StreamingOutputCallRequest, st outputStream) error {
		for _, p := range r.GetResponseParameters() {
			if err := st.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload(int(p.GetSize()))}); err != nil {
				return err
			}
		}
		return nil
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		ask := &testgrpc.StreamingOutputCallRequest{}
		for _, n := range sizes {
			ask.ResponseParameters = append(ask.ResponseParameters, &testgrpc.ResponseParameters{Size: int32(n)})
		}
		st, err := c.StreamingOutputCall(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range sizes {
			if m, err := st.Recv(); err != nil || !bytes.Equal(m.GetPayload().GetBody(), payload(n).Body) {
				t.Fatalf("%d bytes: %v", n, err)
			}
		}
		if _, err := st.Recv(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	})
}

// More than MaxBodyBytes' default in one stream.
func TestGRPC_clientStream(t *testing.T) {
	s := &service{input: func(st inputStream) error {
		n := 0
		for {
			m, err := st.Recv()
			if err == io.EOF {
				return st.SendAndClose(&testgrpc.StreamingInputCallResponse{AggregatedPayloadSize: int32(n)})
			}
			if err != nil {
				return err
			}
			n += len(m.GetPayload().GetBody())
		}
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		st, err := c.StreamingInputCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, n := range []int{10, large, large, 0, large, large, large} {
			if err := st.Send(&testgrpc.StreamingInputCallRequest{Payload: payload(n)}); err != nil {
				t.Fatal(err)
			}
			want += n
		}
		if r, err := st.CloseAndRecv(); err != nil || int(r.GetAggregatedPayloadSize()) != want {
			t.Errorf("%d bytes, %v; want %d", r.GetAggregatedPayloadSize(), err, want)
		}
	})
}

// Each message is answered before the next one is sent.
func TestGRPC_duplex(t *testing.T) {
	s := &service{duplex: func(st duplexStream) error {
		for {
			m, err := st.Recv()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := st.Send(&testgrpc.StreamingOutputCallResponse{Payload: m.GetPayload()}); err != nil {
				return err
			}
		}
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		st, err := c.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			n := i * i * 20
			if err := st.Send(&testgrpc.StreamingOutputCallRequest{Payload: payload(n)}); err != nil {
				t.Fatal(err)
			}
			if m, err := st.Recv(); err != nil || !bytes.Equal(m.GetPayload().GetBody(), payload(n).Body) {
				t.Fatalf("message %d: %v", i, err)
			}
		}
		st.CloseSend()
		if _, err := st.Recv(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	})
}

// The client's deadline is the handler's, and passes on both sides.
func TestGRPC_deadline(t *testing.T) {
	ended := make(chan error, 20)
	s := &service{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		if _, ok := ctx.Deadline(); !ok {
			ended <- errors.New("no deadline")
			return nil, nil
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		for limit := 100 * time.Millisecond; limit < time.Minute; limit *= 4 {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			_, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{})
			cancel()
			if status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("client: %v", err)
			}
			select {
			case err := <-ended:
				// Canceled when the client's RST_STREAM comes before the handler's own timer.
				if err != context.DeadlineExceeded && err != context.Canceled {
					t.Errorf("handler: %v", err)
				}
				return
			case <-time.After(5 * time.Second): // on a busy machine the time is over before the request has left
			}
		}
		t.Error("the handler has not ended")
	})
}

// The handler learns that the client gave up, and the connection goes on.
func TestGRPC_cancel(t *testing.T) {
	ended := make(chan error, 1)
	s := &service{
		duplex: func(st duplexStream) error {
			st.Send(&testgrpc.StreamingOutputCallResponse{})
			<-st.Context().Done()
			ended <- st.Context().Err()
			return st.Context().Err()
		},
		unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			return &testgrpc.SimpleResponse{}, nil
		},
	}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			st, err := c.FullDuplexCall(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := st.Recv(); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := <-ended; err != context.Canceled {
				t.Errorf("handler: %v", err)
			}
			if _, err := st.Recv(); status.Code(err) != codes.Canceled {
				t.Errorf("client: %v", err)
			}
		}
		if _, err := c.UnaryCall(t.Context(), &testgrpc.SimpleRequest{}); err != nil {
			t.Error(err)
		}
	})
}

// Many streams of one connection, more than the server takes at once, all
// in handlers together as far as they may be.
func TestGRPC_manyStreams(t *testing.T) {
	s := &service{duplex: func(st duplexStream) error {
		m, err := st.Recv()
		if err != nil {
			return err
		}
		return st.Send(&testgrpc.StreamingOutputCallResponse{Payload: m.GetPayload()})
	}}
	each(t, s, func(t *testing.T, c testgrpc.TestServiceClient) {
		var running sync.WaitGroup
		for i := range 500 {
			running.Go(func() {
				st, err := c.FullDuplexCall(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				err = st.Send(&testgrpc.StreamingOutputCallRequest{Payload: payload(i)})
				m, rerr := st.Recv()
				if err != nil || rerr != nil || len(m.GetPayload().GetBody()) != i {
					t.Errorf("stream %d: %v, %v", i, err, rerr)
				}
				st.CloseSend()
				if _, err := st.Recv(); err != io.EOF {
					t.Errorf("stream %d, the end: %v", i, err)
				}
			})
		}
		running.Wait()
	})
}
