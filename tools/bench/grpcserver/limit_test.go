package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
)

// A sink is a response that goes nowhere: what is left is what a call costs that
// grpc-go answers as a handler, whatever server it runs on.
type sink struct {
	header http.Header
	size   int
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) Write(p []byte) (int, error) {
	s.size += len(p)
	return len(p), nil
}
func (s *sink) WriteHeader(int) {}
func (s *sink) Flush()          {}

func BenchmarkServeHTTP(b *testing.B) {
	const payloadSize = 10
	var hundred testgrpc.StreamingOutputCallRequest
	for range 100 {
		hundred.ResponseParameters = append(hundred.ResponseParameters, &testgrpc.ResponseParameters{Size: payloadSize})
	}
	b.Run("unary", func(b *testing.B) {
		call(b, "UnaryCall", &testgrpc.SimpleRequest{ResponseSize: payloadSize, Payload: payload(payloadSize)}, payloadSize)
	})
	b.Run("stream of 100", func(b *testing.B) { call(b, "StreamingOutputCall", &hundred, 100*payloadSize) })
}

// call calls a method again and again; an answer has more than least bytes.
func call(b *testing.B, method string, ask proto.Message, least int) {
	message, err := proto.Marshal(ask)
	if err != nil {
		b.Fatal(err)
	}
	content := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	content = append(content, message...)
	r, err := http.NewRequest("POST", "https://a.test/grpc.testing.TestService/"+method, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	s := newServer()
	b.ReportAllocs()
	for b.Loop() {
		one := *r
		one.Body = io.NopCloser(bytes.NewReader(content))
		w := &sink{header: make(http.Header)}
		if s.ServeHTTP(w, &one); w.size <= least {
			b.Fatal(w.size, " bytes: ", w.header)
		}
	}
}
