package h2

import (
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// What a flood may cost: memory in bytes, of the heap and of stacks, while it lasts. The
// server answers a frame with one frame, at most.
const floodMemory = 2 << 20

// flood says the frames that frame gives, one for each call, until the server has
// ended the connection. No more than max may be said.
func (s *speaker) flood(max int, frame func(i int) error) {
	s.t.Helper()
	s.hush()
	before := memory()
	most := before
	for i := range max {
		if frame(i) != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			said := 0
			for _, n := range s.count {
				said += n
			}
			s.t.Logf("%d frames, %d said by the server, %d KiB", i, said, (most-before)>>10)
			if said > i+10 {
				s.t.Errorf("the server said %d frames to %d", said, i)
			}
			if most > before+floodMemory {
				s.t.Errorf("the server took %d bytes for it", most-before)
			}
			return
		}
		if i%32 == 31 {
			most = memory(most)
		}
	}
	s.t.Fatalf("the server took %d frames", max)
}

// memory returns the bytes in use once all is quiet, or the most of former ones.
func memory(former ...uint64) uint64 {
	synctest.Wait()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return slices.Max(append(former, m.HeapAlloc+m.StackInuse))
}

// calm checks that the connection was ended with ENHANCE_YOUR_CALM.
func (s *speaker) calm() {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.heard); n < 2 || s.heard[n-1] != "CLOSED" || !strings.HasSuffix(s.heard[n-2], " ENHANCE_YOUR_CALM") {
		s.t.Fatalf("the server said %q", s.heard)
	}
}

// Floods of frames that ask for work and bring none end the connection, before
// they have cost much.
func TestFloods(t *testing.T) {
	request := get("/wait") + " | x y"
	next := func(i int) uint32 { return uint32(2*i + 1) }
	open := func(s *speaker, id uint32, end bool) error {
		return s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: end, EndHeaders: true, BlockFragment: s.block(strings.Split(request, "|")[1:])})
	}
	for _, tc := range []struct {
		name  string
		frame func(s *speaker) func(i int) error
	}{
		{"rapid reset", func(s *speaker) func(int) error {
			return func(i int) error {
				if err := open(s, next(i), true); err != nil {
					return err
				}
				return s.out.WriteRSTStream(next(i), http2.ErrCodeCancel)
			}
		}},
		{"resets that the server is made to send", func(s *speaker) func(int) error {
			return func(i int) error {
				if err := open(s, next(i), true); err != nil {
					return err
				}
				return s.out.WriteWindowUpdate(next(i), 0)
			}
		}},
		{"malformed requests", func(s *speaker) func(int) error {
			return func(i int) error {
				return s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: next(i), EndStream: true, EndHeaders: true, BlockFragment: s.block([]string{":method GET"})})
			}
		}},
		{"streams beyond the limit", func(s *speaker) func(int) error {
			return func(i int) error { return open(s, next(i), false) }
		}},
		{"CONTINUATION", func(s *speaker) func(int) error {
			s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: s.block([]string{":method GET"})})
			return func(i int) error { return s.out.WriteContinuation(1, false, s.block([]string{"x y"})) }
		}},
		{"empty CONTINUATION", func(s *speaker) func(int) error {
			s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: s.block([]string{":method GET"})})
			return func(i int) error { return s.out.WriteContinuation(1, false, nil) }
		}},
		{"SETTINGS", func(s *speaker) func(int) error {
			return func(i int) error {
				return s.out.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(i)})
			}
		}},
		{"PING", func(s *speaker) func(int) error {
			return func(i int) error { return s.out.WritePing(false, [8]byte{}) }
		}},
		{"PING ACK", func(s *speaker) func(int) error {
			return func(i int) error { return s.out.WritePing(true, [8]byte{}) }
		}},
		{"empty DATA", func(s *speaker) func(int) error {
			open(s, 1, false)
			return func(i int) error { return s.out.WriteData(1, false, nil) }
		}},
		{"padding alone", func(s *speaker) func(int) error {
			open(s, 1, false)
			pad := make([]byte, 200)
			return func(i int) error { return s.out.WriteDataPadded(1, false, nil, pad) }
		}},
		{"WINDOW_UPDATE", func(s *speaker) func(int) error {
			return func(i int) error { return s.out.WriteWindowUpdate(0, 1) }
		}},
		{"PRIORITY", func(s *speaker) func(int) error {
			return func(i int) error { return s.out.WritePriority(next(i), http2.PriorityParam{}) }
		}},
		{"PRIORITY_UPDATE", func(s *speaker) func(int) error {
			return func(i int) error { return s.out.WritePriorityUpdate(next(i), "u=1") }
		}},
		{"unknown frames", func(s *speaker) func(int) error {
			return func(i int) error { return s.out.WriteRawFrame(0xfe, 0, 0, nil) }
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var running, most atomic.Int64
			run(t, handler(func(w http.ResponseWriter, r *http.Request) {
				n := running.Add(1)
				defer running.Add(-1)
				for {
					if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
						break
					}
				}
				<-r.Context().Done()
			}), func(b *bench) {
				s := b.greet("")
				s.flood(5000, tc.frame(s))
				s.calm()
				if n := most.Load(); n > DefaultMaxStreams {
					t.Errorf("%d handlers ran at once", n)
				}
				if n := running.Load(); n != 0 {
					t.Errorf("%d handlers still run", n)
				}
			})
		})
	}
}

// Small messages are not a flood: they may be as short as a byte.
func TestSmallMessages(t *testing.T) {
	run(t, handler(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }), func(b *bench) {
		s := b.greet("")
		s.hush()
		s.talk("> HEADERS 1 | :method POST | :scheme http | :authority a | :path /")
		for range 3000 {
			must(t, s.out.WriteData(1, false, []byte("x")))
		}
		s.talk("> DATA 1 END_STREAM")
		s.silent()
		if s.count["HEADERS"] != 1 {
			t.Errorf("the server said %v", s.count)
		}
	})
}

// What a client had sent before it knew that its streams are reset is no flood, though
// it has as many of them as it may.
func TestLateData(t *testing.T) {
	run(t, handler(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), func(b *bench) {
		s := b.greet("")
		s.hush()
		block := []string{":method POST", ":scheme http", ":authority a", ":path /", "content-length 1000000"}
		for i := range uint32(DefaultMaxStreams) {
			must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, EndHeaders: true, BlockFragment: s.block(block)}))
		}
		synctest.Wait()
		for range 20 { // in all, as much as the window of the connection lets
			for i := range uint32(DefaultMaxStreams) {
				must(t, s.out.WriteData(2*i+1, false, make([]byte, 800)))
			}
		}
		s.silent()
		if n := s.count["RST_STREAM"]; n != DefaultMaxStreams {
			t.Errorf("the server sent %d times RST_STREAM", n)
		}
	})
}

// A window that is opened byte by byte makes as many frames, which bring nothing.
func TestDribble(t *testing.T) {
	run(t, site, func(b *bench) {
		s := b.greet("INITIAL_WINDOW_SIZE=0")
		s.talk("> HEADERS 1 END_STREAM " + get("/long"))
		s.flood(5000, func(int) error { return s.out.WriteWindowUpdate(1, 1) })
		s.calm()
	})
}

// A handler that runs on behind a reset holds the stream's place.
func TestResetHoldsPlace(t *testing.T) {
	release := make(chan struct{})
	var running atomic.Int64
	run(t, func(b *bench) {
		b.cfg.MaxStreams = 2
		release = make(chan struct{})
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			<-release
		})
	}, func(b *bench) {
		s := b.dial()
		s.talk("> PREFACE\n> SETTINGS")
		s.talk("> HEADERS 1 END_STREAM " + get("/") + "\n> RST_STREAM 1 8\n> HEADERS 3 END_STREAM " + get("/") + "\n> RST_STREAM 3 8\n> HEADERS 5 END_STREAM " + get("/"))
		s.talk("< SETTINGS MAX_CONCURRENT_STREAMS=2 INITIAL_WINDOW_SIZE=1048576 MAX_FRAME_SIZE=1048576 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1")
		s.talk("< WINDOW_UPDATE 0 2031617\n< SETTINGS ACK\n< RST_STREAM 5 REFUSED_STREAM")
		if n := running.Load(); n != 2 {
			t.Errorf("%d handlers run", n)
		}
		close(release)
		synctest.Wait()
		s.talk("> HEADERS 7 END_STREAM " + get("/") + "\n< HEADERS 7 END_STREAM | :status 200 | content-length 0")
	})
}

// The places of MaxTotalStreams are given back: ten times as many streams as
// there are places are served, one after the other.
func TestTotalStreams(t *testing.T) {
	run(t, func(b *bench) { site(b); b.cfg.MaxTotalStreams = 3 }, func(b *bench) {
		s := b.greet("")
		for i := range 30 {
			id := uint32(2*i + 1)
			must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: true, EndHeaders: true, BlockFragment: s.block(strings.Split(get("/page"), "|")[1:])}))
		}
		synctest.Wait()
		if n := s.count["RST_STREAM"]; n != 0 || s.count["DATA"] != 30 {
			t.Errorf("%d streams were refused, %d answered", n, s.count["DATA"])
		}
		for i := range 4 { // these stay open
			must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(101 + 2*i), EndHeaders: true, BlockFragment: s.block(
				[]string{":method POST", ":scheme http", ":authority a", ":path /echo"})}))
		}
		synctest.Wait()
		if n := b.engine.StreamsRefused(); n != 1 {
			t.Errorf("%d streams were refused", n)
		}
	})
}

// Streams whose window stays closed cost no goroutine, and are ended in time.
func TestZeroWindowStall(t *testing.T) {
	const memoryEach = 2 << 10 // bytes of a stream, its response and its part of the connection
	run(t, site, func(b *bench) {
		before, goroutines := memory(), runtime.NumGoroutine()
		for range 20 {
			s := b.greet("INITIAL_WINDOW_SIZE=0")
			s.hush()
			for i := range DefaultMaxStreams {
				must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), EndStream: true, EndHeaders: true,
					BlockFragment: s.block(strings.Split(get("/long"), "|")[1:])}))
			}
			defer func() {
				if n := s.count["RST_STREAM"]; n != DefaultMaxStreams {
					t.Errorf("%d of the streams were ended", n)
				}
			}()
		}
		synctest.Wait()
		if n := b.engine.Streams(); n != 20*DefaultMaxStreams {
			t.Errorf("%d streams are open", n)
		}
		if each := (memory(before) - before) / (20 * DefaultMaxStreams); each > memoryEach {
			t.Errorf("a stream that waits costs %d bytes", each)
		} else {
			t.Logf("%d bytes a stream", each)
		}
		if n := runtime.NumGoroutine() - goroutines; n > 20*3 { // the client's, and the reader's
			t.Errorf("%d goroutines", n)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := b.engine.Streams(); n != 0 {
			t.Errorf("%d streams are open after the time", n)
		}
	})
}

// A block that names one long entry of the table many times does not grow
// beyond the limit of a header list.
func TestHPACKBomb(t *testing.T) {
	run(t, site, func(b *bench) {
		s := b.greet("")
		bomb := s.block(append(strings.Split(get("/page"), "|")[1:], "x-bomb "+strings.Repeat("b", 3900)))
		for range 16000 {
			bomb = append(bomb, 0x80|62) // the newest entry
		}
		before := memory()
		must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, EndHeaders: true, BlockFragment: bomb}))
		s.talk(`
			< HEADERS 1 | :status 431 | content-type text/plain; charset=utf-8 | x-content-type-options nosniff | content-length 25
			< DATA 1 END_STREAM | request head is too long`)
		if n := memory(before) - before; n > 256<<10 { // of the 60 MB that the block stands for
			t.Errorf("the block took %d bytes", n)
		}
	})
}

// What handlers do not read fills the windows and no more.
func TestReceiveWindows(t *testing.T) {
	run(t, func(b *bench) {
		b.cfg.StreamWindow, b.cfg.ConnWindow = 100_000, 150_000
		b.cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	}, func(b *bench) {
		s := b.dial()
		s.hush()
		s.talk("> PREFACE\n> SETTINGS")
		for _, id := range []uint32{1, 3} {
			must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: s.block(strings.Split(strings.Replace(get("/"), "GET", "POST", 1), "|")[1:])}))
		}
		piece := make([]byte, 10_000)
		for range 10 {
			must(t, s.out.WriteData(1, false, piece))
		}
		must(t, s.out.WriteData(1, false, piece[:1])) // one byte too many
		synctest.Wait()
		if s.count["RST_STREAM"] != 1 {
			t.Errorf("the server said %v", s.count)
		}
		for range 10 { // the window of the first stream is free again, those of both are not
			must(t, s.out.WriteData(3, false, piece))
		}
		synctest.Wait()
		for i := range 6 {
			if s.out.WriteData(1, false, piece) != nil {
				t.Fatalf("ended after %d frames", i)
			}
		}
		synctest.Wait()
	})
}

// A client that resets each stream when it has the whole response, because it has no more to
// say (as gRPC's do), is no flood.
func TestResetsBehindResponses(t *testing.T) {
	run(t, site, func(b *bench) {
		s := b.greet("")
		s.hush()
		for i := range 600 {
			id := uint32(2*i + 1)
			must(t, s.out.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true,
				BlockFragment: s.block([]string{":method POST", ":scheme http", ":authority a", ":path /none"})}))
			synctest.Wait()
			must(t, s.out.WriteRSTStream(id, http2.ErrCodeNo))
		}
		s.silent()
	})
}
