package goserver_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/wsframe"
)

// A refused handshake is answered by the first rule that it breaks.
func TestUpgrade_refusals(t *testing.T) {
	good := "GET /ws HTTP/1.1|Host: a.example|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: " + socketKey
	without := func(prefix string) string {
		return strings.Join(slices.DeleteFunc(strings.Split(good, "|"), func(f string) bool { return strings.HasPrefix(f, prefix) }), "|")
	}
	with := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	lists := &goserver.WebSocketOptions{Origins: []string{"https://b.example"}}
	required := &goserver.WebSocketOptions{Compression: goserver.CompressionRequired}
	for _, tc := range []struct {
		name, request string
		o             *goserver.WebSocketOptions
		status        int
		body          string
	}{
		{"no upgrade", without("Upgrade"), nil, 426, "WebSocket upgrade expected"},
		{"other upgrade", with("Upgrade: websocket", "Upgrade: h2c"), nil, 426, "WebSocket upgrade expected"},
		{"no connection", without("Connection"), nil, 426, "WebSocket upgrade expected"},
		{"other connection", with("Connection: Upgrade", "Connection: keep-alive"), nil, 426, "WebSocket upgrade expected"},
		{"POST", with("GET /ws", "POST /ws"), nil, 400, "WebSocket upgrade requires GET"},
		{"HEAD", with("GET /ws", "HEAD /ws"), nil, 400, ""},
		{"POST before version", strings.Replace(with("GET /ws", "POST /ws"), "Version: 13", "Version: 8", 1), nil, 400, "WebSocket upgrade requires GET"},
		{"HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), nil, 400, "WebSocket upgrade requires HTTP/1.1+"},
		{"HTTP/1.0 before Host", strings.Replace(without("Host"), "HTTP/1.1", "HTTP/1.0", 1), nil, 400, "WebSocket upgrade requires HTTP/1.1+"},
		{"empty Host", with("Host: a.example", "Host:"), nil, 400, "Host header required"},
		{"no version", without("Sec-WebSocket-Version"), nil, 426, "Unsupported Sec-WebSocket-Version (need 13)"},
		{"other version", with("Version: 13", "Version: 8"), nil, 426, "Unsupported Sec-WebSocket-Version (need 13)"},
		{"two versions", with("Version: 13", "Version: 13|Sec-WebSocket-Version: 8"), nil, 426, "Unsupported Sec-WebSocket-Version (need 13)"},
		{"version before key", strings.Replace(without("Sec-WebSocket-Key"), "Version: 13", "Version: 8", 1), nil, 426, "Unsupported Sec-WebSocket-Version (need 13)"},
		{"no key", without("Sec-WebSocket-Key"), nil, 400, "Sec-WebSocket-Key required"},
		{"empty key", with(socketKey, ""), nil, 400, "Sec-WebSocket-Key required"},
		{"two keys", good + "|Sec-WebSocket-Key: " + socketKey, nil, 400, "Sec-WebSocket-Key required"},
		{"short key", with(socketKey, "dGhlIHNhbXBsZQ=="), nil, 400, "Sec-WebSocket-Key must decode to 16 bytes"},
		{"key without padding", with(socketKey, "dGhlIHNhbXBsZSBub25jZQ"), nil, 400, "Sec-WebSocket-Key must decode to 16 bytes"},
		{"key with bits behind its end", with(socketKey, "dGhlIHNhbXBsZSBub25jZR=="), nil, 400, "Sec-WebSocket-Key must decode to 16 bytes"},
		{"key in another alphabet", with(socketKey, "dGhlIHNhbXBsZSBub25j_Q=="), nil, 400, "Sec-WebSocket-Key must decode to 16 bytes"},
		{"key before origin", with(socketKey, "x") + "|Origin: http://evil.example", nil, 400, "Sec-WebSocket-Key must decode to 16 bytes"},
		{"other origin", good + "|Origin: http://evil.example", nil, 400, "Origin not in allow-list"},
		{"other port", good + "|Origin: http://a.example:8080", nil, 400, "Origin not in allow-list"},
		{"host that begins alike", good + "|Origin: http://a.example.evil.example", nil, 400, "Origin not in allow-list"},
		{"null origin", good + "|Origin: null", nil, 400, "Origin not in allow-list"},
		{"two origins", good + "|Origin: http://a.example|Origin: http://evil.example", nil, 400, "Origin not in allow-list"},
		{"not in the list", good + "|Origin: http://b.example", lists, 400, "Origin not in allow-list"},
		{"no origin, with a list", good, lists, 400, "Origin not in allow-list"},
		{"origin before compression", good + "|Origin: http://b.example", &goserver.WebSocketOptions{Compression: goserver.CompressionRequired}, 400, "Origin not in allow-list"},
		{"no compression", good, required, 400, "permessage-deflate required but not offered"},
		{"no compression that is known", good + "|Sec-WebSocket-Extensions: permessage-deflate; what", required, 400, "no acceptable permessage-deflate parameter set"},
		{"extensions are no list", good + "|Sec-WebSocket-Extensions: permessage-deflate; ;", nil, 400, "malformed Sec-WebSocket-Extensions"},
		{"content", good + "|Content-Length: 1||x", nil, 400, "WebSocket upgrade must have no content"},
		{"chunked content", good + "|Transfer-Encoding: chunked||0||", nil, 400, "WebSocket upgrade must have no content"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			failed := make(chan error, 1)
			addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := goserver.Upgrade(w, r, tc.o)
				failed <- err
			})})
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			request := strings.ReplaceAll(tc.request, "|", "\r\n")
			if !strings.Contains(tc.request, "||") {
				request += "\r\n\r\n"
			}
			_, err = io.WriteString(conn, request)
			must(t, err)
			method, _, _ := strings.Cut(request, " ")
			resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			must(t, err)
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			if got := strings.TrimSpace(string(body)); resp.StatusCode != tc.status || got != tc.body {
				t.Errorf("%d %q, want %d %q", resp.StatusCode, got, tc.status, tc.body)
			}
			if resp.StatusCode == http.StatusUpgradeRequired {
				if got := resp.Header.Get("Upgrade"); got != "websocket" || !strings.Contains(strings.ToLower(resp.Header.Get("Connection")), "upgrade") {
					t.Errorf("426 has Upgrade: %q, Connection: %q (RFC 9110 §15.5.22)", got, resp.Header.Get("Connection"))
				}
				if got := resp.Header.Get("Sec-WebSocket-Version"); got != "13" {
					t.Errorf("426 has Sec-WebSocket-Version: %q", got)
				}
			}
			var refused *goserver.HandshakeError
			if err := receive(t, "error", failed); !errors.As(err, &refused) || refused.Status != tc.status {
				t.Errorf("Upgrade: %v", err)
			}
		})
	}
}

// The error for a refused Origin, and not the answer, says what was compared.
func TestUpgrade_refusedOrigin(t *testing.T) {
	long := "http://" + strings.Repeat("x", 5000)
	for _, tc := range []struct {
		fields []string
		o      *goserver.WebSocketOptions
		want   string
	}{
		{[]string{"Origin: http://b.example"}, nil, `Origin "http://b.example", Host "backend.internal:8080"`},
		{[]string{"Origin: http://b.example\x80"}, nil, `Origin "http://b.example\x80", Host "backend.internal:8080"`},
		{[]string{"Origin: " + long}, nil, `Origin "` + long[:200] + `", Host "backend.internal:8080"`},
		{[]string{"Origin: http://b.example", "Origin: http://c.example"}, nil, `2 fields Origin, Host "backend.internal:8080"`},
		{nil, &goserver.WebSocketOptions{Origins: []string{"https://b.example"}}, `0 fields Origin, Host "backend.internal:8080"`},
	} {
		errs := make(chan error, 1)
		addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := goserver.Upgrade(w, r, tc.o)
			errs <- err
		})})
		status, body := shake(t, addr, "backend.internal:8080", "/ws", tc.fields...)
		if status != 400 || body != "Origin not in allow-list" {
			t.Errorf("%d %q", status, body)
		}
		err := receive(t, "error", errs)
		var refused *goserver.HandshakeError
		if !errors.As(err, &refused) || refused.Detail != tc.want || err.Error() != "websocket: Origin not in allow-list: "+tc.want {
			t.Errorf("%v, want %s", err, tc.want)
		}
	}
}

// What is good is accepted, with what was agreed.
func TestUpgrade_accepted(t *testing.T) {
	protocols := &goserver.WebSocketOptions{Subprotocols: []string{"b", "a"}}
	selects := func(name string) *goserver.WebSocketOptions {
		return &goserver.WebSocketOptions{SelectSubprotocol: func([]string) string { return name }}
	}
	host := func(f string) string { return f }
	for _, tc := range []struct {
		name   string
		o      *goserver.WebSocketOptions
		fields []string
		want   string // "field: value" of the answer, or "-field" for none
	}{
		{"own origin", nil, []string{"Origin: http://HOST"}, "Upgrade: websocket"},
		{"own origin by https", nil, []string{"Origin: https://HOST"}, "Connection: Upgrade"},
		{"listed origin", &goserver.WebSocketOptions{Origins: []string{"https://b.example"}}, []string{"Origin: https://b.example"}, "Upgrade: websocket"},
		{"any origin", &goserver.WebSocketOptions{Origins: []string{"*"}}, []string{"Origin: null"}, "Upgrade: websocket"},
		{"best subprotocol", protocols, []string{"Sec-WebSocket-Protocol: a, b"}, "Sec-Websocket-Protocol: b"},
		{"subprotocols in two fields", protocols, []string{"Sec-WebSocket-Protocol: x", "Sec-WebSocket-Protocol: a,,"}, "Sec-Websocket-Protocol: a"},
		{"no subprotocol in common", protocols, []string{"Sec-WebSocket-Protocol: c"}, "-Sec-Websocket-Protocol"},
		{"no subprotocol offered", protocols, nil, "-Sec-Websocket-Protocol"},
		{"chosen subprotocol", selects("a"), []string{"Sec-WebSocket-Protocol: c, a"}, "Sec-Websocket-Protocol: a"},
		{"chosen and not offered", selects("z"), []string{"Sec-WebSocket-Protocol: c, a"}, "-Sec-Websocket-Protocol"},
		{"compression", nil, []string{"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"}, "Sec-Websocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"compression off", &goserver.WebSocketOptions{Compression: goserver.CompressionOff}, []string{"Sec-WebSocket-Extensions: permessage-deflate"}, "-Sec-Websocket-Extensions"},
		{"unknown extension", nil, []string{"Sec-WebSocket-Extensions: x-other"}, "-Sec-Websocket-Extensions"},
		{"the handler's field", nil, nil, "X-Own: value"},
		{"the handler's field for compression", nil, nil, "-Sec-Websocket-Extensions"},
		{"the handler's field for a subprotocol", nil, nil, "-Sec-Websocket-Protocol"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sub := make(chan string, 1)
			addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Own", "value")
				w.Header().Set("Sec-WebSocket-Extensions", "permessage-deflate") // what is agreed goes in their place
				w.Header().Set("Sec-WebSocket-Protocol", "own")
				s, err := goserver.Upgrade(w, r, tc.o)
				if err != nil {
					t.Error(err)
					return
				}
				sub <- s.Subprotocol()
				echoMessages(s)
			})})
			var fields []string
			for _, f := range tc.fields {
				fields = append(fields, host(strings.ReplaceAll(f, "HOST", addr)))
			}
			c := dialSocket(t, "ws://"+addr+"/ws", fields...)
			name, value, _ := strings.Cut(tc.want, ": ")
			if none, ok := strings.CutPrefix(name, "-"); ok {
				name, value = none, ""
			}
			if got := strings.Join(c.resp.Header[name], "|"); got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
			if got := <-sub; name == "Sec-Websocket-Protocol" && got != value {
				t.Errorf("Subprotocol is %q", got)
			}
			c.echo(wsframe.Text, []byte("hello"))
		})
	}
}

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type opaque struct{ http.ResponseWriter }

// Upgrade works through what unwraps, and only once.
func TestUpgrade_writers(t *testing.T) {
	errs := make(chan error, 1)
	addr := serve(t, &goserver.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := goserver.Upgrade(wrapped{wrapped{w}}, r, nil)
		errs <- err
		_, err = goserver.Upgrade(w, r, nil)
		errs <- err
		if n, err := w.Write([]byte("x")); err == nil {
			t.Errorf("Write after Upgrade: %d", n)
		}
		echoMessages(s)
	})})
	c := dialSocket(t, "ws://"+addr+"/wrapped")
	must(t, receive(t, "Upgrade", errs))
	if err := receive(t, "second Upgrade", errs); err == nil {
		t.Error("a response was upgraded twice")
	}
	c.echo(wsframe.Text, []byte("hello"))
}

// Frames that come with the handshake, in one packet, are the first.
func TestUpgrade_ahead(t *testing.T) {
	eachSocketStyle(t, 0, func(t *testing.T, o *goserver.WebSocketOptions, f func(*goserver.WebSocket)) {
		conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(socketServer(t, o, f), "ws://"), "/ws"))
		must(t, err)
		defer conn.Close()
		all := []byte(opening("x", "/ws"))
		all = append(all, 0x81, 0x85, 0, 0, 0, 0)
		all = append(all, "hello"...)
		_, err = conn.Write(append(all, 0x81, 0x85, 0, 0)) // and a part of the next
		must(t, err)
		c := &socketClient{t: t, conn: conn, in: bufio.NewReader(conn)}
		c.resp, err = http.ReadResponse(c.in, nil)
		must(t, err)
		if _, p, err := c.message(nil); string(p) != "hello" || err != nil {
			t.Errorf("%q, %v", p, err)
		}
		_, err = conn.Write([]byte("\x00\x00again"))
		must(t, err)
		if _, p, err := c.message(nil); string(p) != "again" || err != nil {
			t.Errorf("%q, %v", p, err)
		}
	})
}
