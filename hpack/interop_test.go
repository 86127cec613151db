package hpack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestInterop_nghttp2 speaks with nghttp, whose HPACK is nghttp2's: its encoder
// with our decoder, ours with its decoder, many requests on one connection, with
// tables of all sizes on both sides.
func TestInterop_nghttp2(t *testing.T) {
	nghttp, err := exec.LookPath("nghttp")
	if err != nil {
		t.Skip("needs nghttp, of Debian's nghttp2-client")
	}
	for _, c := range []struct {
		name  string
		table uint32 // our SETTINGS_HEADER_TABLE_SIZE
		limit uint32 // of our encoder
		args  []string
	}{
		{"usual sizes", 4096, 4096, nil},
		{"no tables", 0, 0, []string{"--header-table-size=0"}},
		{"small tables", 100, 4096, []string{"--header-table-size=150", "--encoder-header-table-size=65536"}},
		{"large tables", 65536, 65536, []string{"--header-table-size=65536", "--encoder-header-table-size=65536"}},
		{"to nothing and back", 4096, 4096, []string{"--header-table-size=0", "--header-table-size=4096"}},
		{"larger than nghttp uses", 65536, 100, []string{"--encoder-header-table-size=200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newInteropServer(t, c.table, c.limit)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			args := append([]string{"-v", "-n", "--no-dep", "-m", fmt.Sprint(interopRequests), "-H", "x-first: the value of the first",
				"-H", "x-second: \x7f~|^", "-H", "cookie: id=0123456789abcdef0123456789abcdef"}, c.args...)
			out, err := exec.CommandContext(ctx, nghttp, append(args, "http://"+s.listener.Addr().String()+"/a?b=c")...).CombinedOutput()
			if serveErr := <-s.done; err != nil || serveErr != nil {
				t.Fatalf("%v, %v\n%s", err, serveErr, out)
			}
			s.check(t, out)
		})
	}
}

const interopRequests = 20

// interopServer serves one connection of HTTP/2, as far as nghttp needs it.
type interopServer struct {
	listener net.Listener
	table    uint32
	encoder  *Encoder
	decoder  *Decoder
	requests []string            // lists, as text
	answers  map[uint32][]string // lines by stream
	done     chan error
}

func newInteropServer(t *testing.T, table, limit uint32) *interopServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &interopServer{listener: l, table: table, encoder: NewEncoder(), decoder: NewDecoder(DefaultTableSize),
		answers: make(map[uint32][]string), done: make(chan error, 1)}
	s.encoder.SetMaxTableSizeLimit(limit)
	t.Cleanup(func() { l.Close() })
	go func() { s.done <- s.serve() }()
	return s
}

func (s *interopServer) serve() error {
	conn, err := s.listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	if _, err := io.ReadFull(in, make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	framer := http2.NewFramer(conn, in)
	framer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: s.table},
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100})
	var block []byte
	for {
		frame, err := framer.ReadFrame()
		if errors.Is(err, io.EOF) || len(s.answers) == interopRequests && err != nil {
			return nil
		}
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if f.IsAck() {
				s.decoder.SetMaxTableSize(s.table)
				continue
			}
			f.ForeachSetting(func(v http2.Setting) error {
				if v.ID == http2.SettingHeaderTableSize {
					s.encoder.SetMaxTableSize(v.Val)
				}
				return nil
			})
			framer.WriteSettingsAck()
		case *http2.HeadersFrame:
			block = append(block[:0], f.HeaderBlockFragment()...)
			if !f.HeadersEnded() {
				return errors.New("a block of several frames")
			}
			_, fields, err := s.decoder.Decode(nil, nil, block)
			if err != nil {
				return fmt.Errorf("block %x: %w", block, err)
			}
			s.requests = append(s.requests, text(fields))
			framer.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: s.answer(f.StreamID), EndHeaders: true, EndStream: true})
		}
	}
}

// answer encodes a response with fields that stay and fields that vary.
func (s *interopServer) answer(stream uint32) []byte {
	r := newResponse()
	r.turn(int(stream / 2))
	b := s.encoder.AppendBegin(nil)
	for i, f := range r.fields {
		ix := Index
		if i%9 == int(stream/2)%9 && f.name != ":status" {
			ix = Indexing(stream / 2 % 3)
		}
		b = s.encoder.AppendString(b, f.name, f.value, ix)
		s.answers[stream] = append(s.answers[stream], f.name+": "+f.value)
	}
	return b
}

// check compares what nghttp printed with what was sent, and what it sent.
func (s *interopServer) check(t *testing.T, out []byte) {
	t.Helper()
	got := make(map[uint32][]string)
	for _, m := range regexp.MustCompile(`(?m)\] recv \(stream_id=(\d+)(?:, sensitive)?\) (.*)$`).FindAllSubmatch(out, -1) {
		var stream uint32
		fmt.Sscan(string(m[1]), &stream)
		got[stream] = append(got[stream], string(bytes.TrimRight(m[2], "\r")))
	}
	if len(s.answers) != interopRequests || len(got) != interopRequests {
		t.Fatalf("%d requests, %d answers seen, want %d\n%s", len(s.answers), len(got), interopRequests, out)
	}
	for stream, want := range s.answers {
		if !slices.Equal(got[stream], want) {
			t.Errorf("stream %d: nghttp decoded %q, want %q", stream, got[stream], want)
		}
	}
	for _, want := range []string{":method: GET\n", ":path: /a?b=c\n", "x-first: the value of the first\n", "x-second: \x7f~|^\n",
		"cookie: id=0123456789abcdef0123456789abcdef\n", "user-agent: nghttp2/"} {
		for _, r := range s.requests {
			if !strings.Contains(r, want) {
				t.Errorf("decoded request has no %q:\n%s", want, r)
			}
		}
	}
}
