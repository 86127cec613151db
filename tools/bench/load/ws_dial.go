package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/hyperion-server/hyperion/wsframe"
	"golang.org/x/sys/unix"
)

// The key that all opening handshakes have, and what accepts it: the example of
// RFC 6455 §1.3.
const (
	socketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	socketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// alone is how messages are compressed: each by itself, which all servers know.
var alone = wsframe.Deflate{
	Server: wsframe.Window{NoContextTakeover: true},
	Client: wsframe.Window{NoContextTakeover: true},
}

var (
	errUpgrade    = errors.New("load: the server does not upgrade")
	errDeflate    = errors.New("load: the server did not agree to the compression that was asked for")
	errHandshake  = errors.New("load: the handshake's answer is malformed, or has bytes behind it")
	errAnswerHead = errors.New("load: the handshake's answer is longer than 4 KiB")
)

// socketRequest is the opening handshake.
func socketRequest(t Target, deflate bool) []byte {
	t.Fields = append([]string{
		"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + socketKey,
	}, t.Fields...)
	if deflate {
		t.Fields = append(t.Fields, "Sec-WebSocket-Extensions: "+alone.Offer())
	}
	return t.request()
}

// upgrade makes the opening handshake on a blocking connection.
func upgrade(c io.ReadWriter, request []byte, deflate bool) error {
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("load: write: %w", err)
	}
	var buf [4096]byte
	for n := 0; n < len(buf); {
		k, err := c.Read(buf[n:])
		if err != nil {
			return fmt.Errorf("load: read: %w", err)
		}
		n += k
		if end := bytes.Index(buf[:n], headEnd); end >= 0 {
			err := checkUpgrade(string(buf[:end]), deflate)
			if err == nil && end+len(headEnd) != n {
				err = errHandshake
			}
			return err
		}
	}
	return errAnswerHead
}

// checkUpgrade checks the answer to socketRequest.
func checkUpgrade(head string, deflate bool) error {
	lines := strings.Split(head, "\r\n")
	if !strings.HasPrefix(lines[0], "HTTP/1.1 101 ") {
		return fmt.Errorf("%w: %q", errUpgrade, lines[0])
	}
	fields := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		fields.Add(name, strings.TrimSpace(value))
	}
	if fields.Get("Sec-WebSocket-Accept") != socketAccept {
		return errHandshake
	}
	agreed, ok, err := alone.Accept(fields["Sec-Websocket-Extensions"])
	if err != nil || ok != deflate || ok && !agreed.Server.NoContextTakeover {
		return fmt.Errorf("%w: %q", errDeflate, fields["Sec-Websocket-Extensions"])
	}
	return nil
}

// A blocking descriptor, to be read and written.
type blocking int

func (fd blocking) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errClosed
		}
		return n, nil
	}
}

func (fd blocking) Write(p []byte) (int, error) { return unix.Write(int(fd), p) }

// dialSocket opens WebSocket number i. The caller closes the descriptor.
func dialSocket(t Target, i int, request []byte, deflate bool) (fd int, err error) {
	fd, err = dial(t, i)
	if err != nil {
		return -1, err
	}
	if err := upgrade(blocking(fd), request, deflate); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
