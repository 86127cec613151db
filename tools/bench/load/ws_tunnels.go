package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	dataMax     = 16 << 10   // bytes of a DATA frame that every server takes
	firstWindow = 64<<10 - 1 // of a connection, and of a stream unless SETTINGS say otherwise (RFC 9113 §6.9.2)
	ownWindow   = 1 << 20    // of each stream and the connection, towards the client; given back when half is used
)

var (
	errNoConnect = errors.New("load: the server does not offer extended CONNECT")
	errEnded     = errors.New("load: the server ended the stream")
)

// tunnels are the WebSockets on one connection of HTTP/2, a stream each (RFC 8441). One goroutine uses them.
type tunnels struct {
	r       *bufio.Reader
	w       *bufio.Writer
	framer  *http2.Framer
	streams []tunnel
	first   int64 // window of a new stream, towards the server
	window  int64 // of the connection, towards the server
	taken   int   // bytes that have come and were not given back to the connection's window
}

// tunnel is one stream.
type tunnel struct {
	id     uint32
	window int64    // towards the server
	out    [][]byte // what waits for it
	taken  int
}

// openTunnels opens n WebSockets on a new connection.
func openTunnels(t Target, c io.ReadWriter, n int) (*tunnels, error) {
	h := &tunnels{r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriterSize(c, 64<<10), first: firstWindow, window: firstWindow}
	h.framer = http2.NewFramer(h.w, h.r)
	h.framer.SetReuseFrames()
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return h, h.open(t, n)
}

func (h *tunnels) open(t Target, n int) error {
	h.w.WriteString(http2.ClientPreface)
	h.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: ownWindow})
	h.framer.WriteWindowUpdate(0, ownWindow-firstWindow)
	if err := h.flush(); err != nil {
		return err
	}
	if err := h.settled(); err != nil {
		return err
	}
	var block bytes.Buffer
	fields := hpack.NewEncoder(&block)
	fields.SetMaxDynamicTableSize(0) // whatever the server's SETTINGS allow
	for i := range n {
		for _, f := range connectFields(t) {
			fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		s := tunnel{id: uint32(2*i + 1), window: h.first}
		h.streams = append(h.streams, s)
		h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: block.Bytes(), EndHeaders: true})
		block.Reset()
	}
	if err := h.flush(); err != nil {
		return err
	}
	for opened := 0; opened < n; {
		f, err := h.next()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if status := f.PseudoValue("status"); status != "200" || f.StreamEnded() {
				return fmt.Errorf("%w: %s", errUpgrade, status)
			}
			opened++
		case *http2.DataFrame:
			return errHandshake
		}
	}
	return nil
}

// connectFields are those of an opening handshake (RFC 8441 §5).
func connectFields(t Target) [][2]string {
	scheme := "http"
	if t.Over.TLS() {
		scheme = "https"
	}
	return [][2]string{
		{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", scheme}, {":path", t.Path}, {":authority", t.Addr.String()},
		{"sec-websocket-version", "13"},
	}
}

// settled waits for the server's SETTINGS, which are to allow extended CONNECT.
func (h *tunnels) settled() error {
	for {
		f, err := h.next()
		if err != nil {
			return err
		}
		if f, ok := f.(*http2.SettingsFrame); ok && !f.IsAck() {
			if v, ok := f.Value(http2.SettingEnableConnectProtocol); !ok || v != 1 {
				return errNoConnect
			}
			return nil
		}
	}
}

// frameHead is the length of a frame's header.
const frameHead = 9

// next reads a frame, and does what it asks of the connection. It fails with errLater while the frame is not
// whole.
func (h *tunnels) next() (http2.Frame, error) {
	head, err := h.r.Peek(frameHead)
	if err == nil {
		_, err = h.r.Peek(frameHead + (int(head[0])<<16 | int(head[1])<<8 | int(head[2])))
	}
	if err != nil {
		return nil, err
	}
	f, err := h.framer.ReadFrame()
	if err != nil {
		return nil, fmt.Errorf("load: read: %w", err)
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		err = h.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			err = h.framer.WritePing(true, f.Data)
		}
	case *http2.WindowUpdateFrame:
		err = h.allowed(f)
	case *http2.GoAwayFrame:
		err = fmt.Errorf("%w: %s", errGoAway, f.ErrCode)
	case *http2.RSTStreamFrame:
		err = fmt.Errorf("%w: %s", errReset, f.ErrCode)
	}
	return f, err
}

// settings takes the server's. Streams that are open have their windows changed, too (RFC 9113 §6.9.2).
func (h *tunnels) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		for i := range h.streams {
			h.streams[i].window += int64(v) - h.first
		}
		h.first = int64(v)
	}
	return h.framer.WriteSettingsAck()
}

// allowed adds to a window, and sends what waited for it.
func (h *tunnels) allowed(f *http2.WindowUpdateFrame) error {
	if i := streamIndex(f.StreamID); f.StreamID == 0 {
		h.window += int64(f.Increment)
	} else if i < len(h.streams) {
		h.streams[i].window += int64(f.Increment)
	}
	for i := range h.streams {
		if err := h.drain(&h.streams[i]); err != nil {
			return err
		}
	}
	return nil
}

// streamIndex is the place of a stream in tunnels.streams.
func streamIndex(id uint32) int { return int(id-1) / 2 }

// receive waits for bytes on one of the WebSockets. p is valid until the next call.
func (h *tunnels) receive() (i int, p []byte, err error) {
	for {
		f, err := h.next()
		if err != nil {
			return 0, nil, err
		}
		d, ok := f.(*http2.DataFrame)
		if !ok {
			continue
		}
		i := streamIndex(d.StreamID)
		switch {
		case i >= len(h.streams):
			return 0, nil, errFrame
		case d.StreamEnded():
			return 0, nil, errEnded
		}
		h.giveBack(&h.streams[i], int(d.Length))
		return i, d.Data(), nil
	}
}

// giveBack opens the windows again of which the server has used half.
func (h *tunnels) giveBack(s *tunnel, n int) {
	if s.taken += n; s.taken >= ownWindow/2 {
		h.framer.WriteWindowUpdate(s.id, uint32(s.taken))
		s.taken = 0
	}
	if h.taken += n; h.taken >= ownWindow/2 {
		h.framer.WriteWindowUpdate(0, uint32(h.taken))
		h.taken = 0
	}
}

// send sends p, which must stay as it is, on a WebSocket, as soon as the windows allow it.
func (h *tunnels) send(i int, p []byte) error {
	s := &h.streams[i]
	s.out = append(s.out, p)
	return h.drain(s)
}

func (h *tunnels) drain(s *tunnel) error {
	for len(s.out) > 0 {
		p := s.out[0]
		n := min(int64(len(p)), dataMax, s.window, h.window)
		if n <= 0 {
			return nil
		}
		if err := h.framer.WriteData(s.id, false, p[:n]); err != nil {
			return fmt.Errorf("load: write: %w", err)
		}
		s.window -= n
		h.window -= n
		if s.out[0] = p[n:]; int(n) == len(p) {
			s.out = s.out[:copy(s.out, s.out[1:])]
		}
	}
	return nil
}

func (h *tunnels) flush() error {
	if err := h.w.Flush(); err != nil {
		return fmt.Errorf("load: write: %w", err)
	}
	return nil
}
