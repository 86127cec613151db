package goserver_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// connect opens a connection on which nothing was said.
func (a *attacked) connect(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", a.addr.String())
	must(t, err)
	if a.way.secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn, bufio.NewReader(conn)
}

// Each opening handshake has one answer, whatever is in it. What is accepted is a WebSocket; behind what is not, the
// connection is one of HTTP, on which nothing of a body is taken for a request.
func TestWebSocketAttack_handshakes(t *testing.T) {
	good := "GET /ws HTTP/1.1|Host: a|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: " + socketKey
	with := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	key := func(k string) string { return with(socketKey, k) }
	offer := func(values ...string) string {
		return good + strings.Join(append([]string{""}, values...), "|Sec-WebSocket-Extensions: ")
	}
	const deflate = "permessage-deflate"
	offers := func(n int) string { return strings.Repeat(deflate+"; x, ", n) + deflate }
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tc := range []struct {
		name, request string
		status        int
		agreed        string // Sec-WebSocket-Extensions of the answer
	}{
		{"32 offers", offer(offers(31)), 101, deflate},
		{"33 offers", offer(offers(32)), 400, ""},
		{"hundreds of offers", offer(offers(500)), 400, ""},
		{"offers in 33 fields", offer(strings.Split(offers(32), ",")...), 400, ""},
		{"hundreds of fields", offer(strings.Split(offers(500), ",")...), 431, ""},
		{"17 parameters", offer(deflate + strings.Repeat("; x", 17)), 400, ""},
		{"longer than a head may be", offer(deflate + "; x=" + letters(1<<17)), 431, ""},
		{"long and good", offer("x-" + letters(10_000) + ", " + deflate), 101, deflate},
		{"quoted parameter", offer(deflate + `; server_max_window_bits="10"`), 101, deflate + "; server_max_window_bits=10"},
		{"quoted pair", offer(deflate + `; server_max_window_bits="1\0"`), 101, deflate + "; server_max_window_bits=10"},
		{"quotes without end", offer(deflate + `; server_max_window_bits="10`), 400, ""},
		{"quoted comma", offer(deflate + `; x="a,b"`), 400, ""},
		{"backslash at the end", offer(deflate + `; x="a\`), 400, ""},
		{"parameter twice", offer(deflate + "; client_max_window_bits; client_max_window_bits"), 101, ""},
		{"parameter twice, then a good offer", offer(deflate+"; server_no_context_takeover; server_no_context_takeover", deflate), 101, deflate},
		{"the same offer twice", offer(deflate, deflate), 101, deflate},
		{"window of 7", offer(deflate + "; server_max_window_bits=7"), 101, ""},
		{"window of 010", offer(deflate + "; server_max_window_bits=010"), 101, ""},
		{"empty elements", offer(",, " + deflate + " ,,"), 101, deflate},
		{"nothing", offer(""), 101, ""},
		{"NUL in a value", offer(deflate + "\x00"), 400, ""},
		{"DEL in a value", offer(deflate + "\x7f"), 400, ""},
		{"ESC in a value", offer(deflate + "; x=\x1b[2J"), 400, ""},
		{"folded line", offer(deflate + ";|  client_max_window_bits"), 400, ""},
		{"octets beyond ASCII", offer(deflate + "; x=\xff"), 400, ""},

		{"key with a space within", key("dGhlIHNhbXBs ZSBub25jZQ=="), 400, ""},
		{"key with spaces around", key(" \t" + socketKey + "\t "), 101, ""},
		{"key with a comma", key(socketKey + ", " + socketKey), 400, ""},
		{"key in quotes", key(`"` + socketKey + `"`), 400, ""},
		{"key with more behind it", key(socketKey + "AAAA"), 400, ""},
		{"key of NUL", key("\x00"), 400, ""},
		{"long key", key(letters(20_000)), 400, ""},

		{"Upgrade among others", with("Upgrade: websocket", "Upgrade: h2c, WebSocket ,x/1"), 101, ""},
		{"Upgrade in two fields", with("Upgrade: websocket", "Upgrade: h2c|Upgrade: WEBSOCKET"), 101, ""},
		{"Upgrade to a version", with("Upgrade: websocket", "Upgrade: websocket/13"), 426, ""},
		{"Upgrade twice", with("Upgrade: websocket", "Upgrade: websocket, websocket"), 101, ""},
		{"Upgrade to what begins alike", with("Upgrade: websocket", "Upgrade: websockets"), 426, ""},
		{"Connection among others", with("Connection: Upgrade", "Connection: keep-alive,\tUPGRADE"), 101, ""},
		{"Connection in two fields", with("Connection: Upgrade", "Connection: x|Connection: upgrade"), 101, ""},
		{"hundreds of tokens", with("Connection: Upgrade", "Connection: "+strings.Repeat("x, ", 5000)+"upgrade"), 101, ""},

		{"body", good + "|Content-Length: " + fmt.Sprint(len(smuggled)) + "||" + smuggled, 400, ""},
		{"chunked body", good + "|Transfer-Encoding: chunked||" + fmt.Sprintf("%x|%s|0|", len(smuggled), smuggled), 400, ""},
		{"both lengths", good + "|Content-Length: 3|Transfer-Encoding: chunked||0|", 400, ""},
		{"two lengths", good + "|Content-Length: 3|Content-Length: 4||xyz", 400, ""},
		{"no body", good + "|Content-Length: 0", 101, ""},
		{"two Hosts", good + "|Host: b", 400, ""},
	} {
		for _, way := range attackWays[:2] {
			t.Run(way.name+"/"+tc.name, func(t *testing.T) {
				a := &attacked{t: t, way: way, path: "/callback"}
				a.serve(func(o *goserver.WebSocketOptions) { o.Compression = goserver.CompressionTakeover })
				conn, in := a.connect(t)
				request := strings.ReplaceAll(tc.request, "|", "\r\n")
				if !strings.Contains(tc.request, "||") {
					request += "\r\n"
				}
				if !strings.Contains(tc.request, "||") || strings.Contains(tc.request, "chunked") {
					request += "\r\n"
				}
				go io.WriteString(conn, request) // all of it need not be read
				resp, err := http.ReadResponse(in, nil)
				must(t, err)
				io.Copy(io.Discard, resp.Body)
				if got := resp.Header.Get("Sec-WebSocket-Extensions"); resp.StatusCode != tc.status || got != tc.agreed {
					t.Fatalf("answered with %v, %q", resp.Status, got)
				}
				if tc.status == 101 {
					c := &socketClient{t: t, conn: conn, in: in}
					c.echo(wsframe.Text, []byte("hello"))
					c.close(1000)
					c.end(1000)
					return
				}
				io.WriteString(conn, opening("a", "/ws")) // one more, where the connection goes on
				resp, err = http.ReadResponse(in, nil)
				switch {
				case err != nil: // it does not
				case resp.StatusCode != 101:
					t.Errorf("then answered with %v", resp.Status)
				default:
					c := &socketClient{t: t, conn: conn, in: in}
					c.echo(wsframe.Text, []byte("hello"))
				}
			})
		}
	}
}

// What comes with the handshake, before and behind it in one write, has its place: requests are answered before,
// frames after, and all of them.
func TestWebSocketAttack_pipelined(t *testing.T) {
	for _, way := range attackWays[:2] {
		for _, path := range []string{"/callback", "/program"} {
			t.Run(way.name+path, func(t *testing.T) {
				a := &attacked{t: t, way: way, path: path}
				a.serve(nil)
				conn, in := a.connect(t)
				const requests, messages = 50, 2000
				all := []byte(strings.Repeat(ask("GET / HTTP/1.1"), requests) + opening("a", path))
				for i := range messages {
					all = append(all, clientFrame(wsframe.Header{Opcode: wsframe.Text, Fin: true}, fmt.Append(nil, i))...)
				}
				all = append(all, clientFrame(wsframe.Header{Opcode: wsframe.Close, Fin: true}, []byte("\x0f\xa0"))...)
				go conn.Write(all)
				for i := range requests {
					resp, err := http.ReadResponse(in, nil)
					must(t, err)
					io.Copy(io.Discard, resp.Body)
					if resp.StatusCode != http.StatusUpgradeRequired {
						t.Fatalf("request %d: %v", i, resp.Status)
					}
				}
				resp, err := http.ReadResponse(in, nil)
				must(t, err)
				if resp.StatusCode != 101 {
					t.Fatal(resp.Status)
				}
				c := &socketClient{t: t, conn: conn, in: in}
				for i := range messages {
					if _, p, err := c.message(nil); err != nil || !bytes.Equal(p, fmt.Append(nil, i)) {
						t.Fatalf("message %d: %q, %v", i, p, err)
					}
				}
				c.end(4000)
			})
		}
	}
}
