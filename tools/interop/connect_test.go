package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/hyperion-server/hyperion/goserver"
)

type (
	simpleAsk    = testgrpc.SimpleRequest
	simpleAnswer = testgrpc.SimpleResponse
	outputAsk    = testgrpc.StreamingOutputCallRequest
	outputAnswer = testgrpc.StreamingOutputCallResponse
	inputAsk     = testgrpc.StreamingInputCallRequest
	inputAnswer  = testgrpc.StreamingInputCallResponse
)

// Paths of the handlers.
const (
	unaryPath  = "/grpc.testing.TestService/UnaryCall"
	outputPath = "/grpc.testing.TestService/StreamingOutputCall"
	inputPath  = "/grpc.testing.TestService/StreamingInputCall"
	duplexPath = "/grpc.testing.TestService/FullDuplexCall"
)

// connectHandlers are connect-go's, of which each answers three protocols.
func connectHandlers() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(unaryPath, connect.NewUnaryHandler(unaryPath, func(ctx context.Context, r *connect.Request[simpleAsk]) (*connect.Response[simpleAnswer], error) {
		switch r.Header().Get("ask") {
		case "fail":
			err := connect.NewError(connect.CodeNotFound, errors.New("no such thing ☺"))
			err.Meta().Set("why", "because")
			return nil, err
		case "wait":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		answer := connect.NewResponse(&simpleAnswer{Payload: r.Msg.GetPayload()})
		answer.Header().Set("early", r.Header().Get("ask"))
		answer.Trailer().Set("late", r.Header().Get("ask"))
		return answer, nil
	}))
	mux.Handle(outputPath, connect.NewServerStreamHandler(outputPath, func(_ context.Context, r *connect.Request[outputAsk], st *connect.ServerStream[outputAnswer]) error {
		for _, p := range r.Msg.GetResponseParameters() {
			if err := st.Send(&outputAnswer{Payload: payload(int(p.GetSize()))}); err != nil {
				return err
			}
		}
		st.ResponseTrailer().Set("late", "end")
		return nil
	}))
	mux.Handle(inputPath, connect.NewClientStreamHandler(inputPath, func(_ context.Context, st *connect.ClientStream[inputAsk]) (*connect.Response[inputAnswer], error) {
		n := 0
		for st.Receive() {
			n += len(st.Msg().GetPayload().GetBody())
		}
		return connect.NewResponse(&inputAnswer{AggregatedPayloadSize: int32(n)}), st.Err()
	}))
	mux.Handle(duplexPath, connect.NewBidiStreamHandler(duplexPath, func(_ context.Context, st *connect.BidiStream[outputAsk, outputAnswer]) error {
		for {
			m, err := st.Receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = st.Send(&outputAnswer{Payload: m.GetPayload()})
			}
			if err != nil {
				return err
			}
		}
	}))
	return mux
}

// eachConnect runs a test over each transport with each protocol of connect-go.
func eachConnect(t *testing.T, test func(*testing.T, site, *http.Client, connect.ClientOption)) {
	for name, secure := range transports {
		where := listen(t, &goserver.Server{Handler: connectHandlers(), MaxBodyBytes: -1, BodyIdleTimeout: -1, MinBodyRate: -1}, secure)
		client := where.client(t)
		for protocol, o := range map[string]connect.ClientOption{"Connect": connect.WithClientOptions(), "gRPC": connect.WithGRPC(), "gRPC-Web": connect.WithGRPCWeb()} {
			t.Run(name+"/"+protocol, func(t *testing.T) { test(t, where, client, o) })
		}
	}
}

func TestConnect_unary(t *testing.T) {
	eachConnect(t, func(t *testing.T, where site, c *http.Client, o connect.ClientOption) {
		call := connect.NewClient[simpleAsk, simpleAnswer](c, where.url(unaryPath), o)
		for _, n := range []int{0, 10, large} {
			ask := connect.NewRequest(&simpleAsk{Payload: payload(n)})
			ask.Header().Set("ask", "this")
			answer, err := call.CallUnary(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(answer.Msg.GetPayload().GetBody(), payload(n).Body) || answer.Header().Get("early") != "this" || answer.Trailer().Get("late") != "this" {
				t.Errorf("%d bytes: %d bytes, %v, %v", n, len(answer.Msg.GetPayload().GetBody()), answer.Header(), answer.Trailer())
			}
		}
		ask := connect.NewRequest(&simpleAsk{})
		ask.Header().Set("ask", "fail")
		_, err := call.CallUnary(t.Context(), ask)
		var got *connect.Error
		if !errors.As(err, &got) || got.Code() != connect.CodeNotFound || got.Message() != "no such thing ☺" || got.Meta().Get("why") != "because" {
			t.Errorf("error: %v", err)
		}
	})
}

func TestConnect_deadline(t *testing.T) {
	eachConnect(t, func(t *testing.T, where site, c *http.Client, o connect.ClientOption) {
		call := connect.NewClient[simpleAsk, simpleAnswer](c, where.url(unaryPath), o)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		ask := connect.NewRequest(&simpleAsk{})
		ask.Header().Set("ask", "wait")
		if _, err := call.CallUnary(ctx, ask); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Error(err)
		}
	})
}

func TestConnect_serverStream(t *testing.T) {
	eachConnect(t, func(t *testing.T, where site, c *http.Client, o connect.ClientOption) {
		ask := &outputAsk{}
		for i := range 50 {
			ask.ResponseParameters = append(ask.ResponseParameters, &testgrpc.ResponseParameters{Size: int32(i * i * 10)})
		}
		st, err := connect.NewClient[outputAsk, outputAnswer](c, where.url(outputPath), o).CallServerStream(t.Context(), connect.NewRequest(ask))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		n := 0
		for ; st.Receive(); n++ {
			if !bytes.Equal(st.Msg().GetPayload().GetBody(), payload(n*n*10).Body) {
				t.Errorf("message %d has %d bytes", n, len(st.Msg().GetPayload().GetBody()))
			}
		}
		if n != 50 || st.Err() != nil || st.ResponseTrailer().Get("late") != "end" {
			t.Errorf("%d messages, %v, trailer %v", n, st.Err(), st.ResponseTrailer())
		}
	})
}

func TestConnect_clientStream(t *testing.T) {
	eachConnect(t, func(t *testing.T, where site, c *http.Client, o connect.ClientOption) {
		st := connect.NewClient[inputAsk, inputAnswer](c, where.url(inputPath), o).CallClientStream(t.Context())
		for range 5 {
			if err := st.Send(&inputAsk{Payload: payload(1 << 20)}); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := st.CloseAndReceive()
		if err != nil || answer.Msg.GetAggregatedPayloadSize() != 5<<20 {
			t.Errorf("%v, %v", answer, err)
		}
	})
}

func TestConnect_duplex(t *testing.T) {
	eachConnect(t, func(t *testing.T, where site, c *http.Client, o connect.ClientOption) {
		st := connect.NewClient[outputAsk, outputAnswer](c, where.url(duplexPath), o).CallBidiStream(t.Context())
		for i := range 50 {
			if err := st.Send(&outputAsk{Payload: payload(i * 1000)}); err != nil {
				t.Fatal(err)
			}
			m, err := st.Receive()
			if err != nil || len(m.GetPayload().GetBody()) != i*1000 {
				t.Fatalf("message %d: %v", i, err)
			}
		}
		if err := st.CloseRequest(); err != nil {
			t.Error(err)
		}
		if _, err := st.Receive(); !errors.Is(err, io.EOF) {
			t.Errorf("the end: %v", err)
		}
		if err := st.CloseResponse(); err != nil {
			t.Error(err)
		}
	})
}
