package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/goserver"
)

// look skips the test when a program is missing, and says where Debian has it. With
// HYPERION_REQUIRE_CLIENTS set it fails.
func look(t *testing.T, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("HYPERION_REQUIRE_CLIENTS") != "" {
			t.Fatalf("%s is not installed (Debian: %s)", program, debian)
		}
		t.Skipf("%s is not installed (Debian: %s)", program, debian)
	}
}

// run runs a program, for two minutes at most, and returns what it printed on
// standard output.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s%s", program, err, out.String(), problem.String())
	}
	return out.String()
}

// text returns n bytes of which no two blocks are the same.
func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line number %d\n", i)
	}
	return b.Bytes()[:n]
}

const bigSize = 3 << 20

// newServer has /hello (static route), /proto (handler: the request's protocol), /echo (handler, with a trailer) and /files/big.txt.
func newServer(t *testing.T) *goserver.Server {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big.txt"), text(bigSize), 0o644); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := &goserver.Server{Handler: mux}
	if err := s.HandleStatic("GET /hello", []byte("hello"), "text/plain; charset=utf-8"); err != nil {
		t.Fatal(err)
	}
	if err := s.Static("/files/", dir, nil); err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /proto", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Length")
		n, err := io.Copy(w, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Length", fmt.Sprint(n))
	})
	return s
}

func TestCurl(t *testing.T) {
	look(t, "curl", "curl")
	version := run(t, "curl", "--version")
	if !strings.Contains(version, "HTTP2") {
		t.Skip("this curl has no HTTP/2")
	}
	name := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(name, text(bigSize), 0o644); err != nil {
		t.Fatal(err)
	}
	for transport, secure := range transports {
		t.Run(transport, func(t *testing.T) {
			where := listen(t, newServer(t), secure)
			args := []string{"-sS", "--http2-prior-knowledge"}
			if secure {
				args = []string{"-sS", "--http2", "--cacert", where.certFile(t)}
			}
			const end = "%{http_version} %{response_code} %{num_connects}"
			for _, c := range []struct {
				name string
				args []string
				want string
			}{
				{"static route", []string{where.url("/hello")}, "hello2 200 1"},
				{"handler", []string{where.url("/proto")}, "HTTP/2.02 200 1"},
				{"file", []string{where.url("/files/big.txt")}, string(text(bigSize)) + "2 200 1"},
				{"HEAD", []string{"-o", "/dev/null", "-I", where.url("/files/big.txt")}, "2 200 1"},
				{"body", []string{"--data-binary", "@" + name, where.url("/echo")}, string(text(bigSize)) + "2 200 1"},
				{"not found", []string{"-o", "/dev/null", where.url("/nothing")}, "2 404 1"},
				{"one connection", []string{where.url("/hello"), where.url("/hello")}, "hello2 200 1hello2 200 0"},
			} {
				t.Run(c.name, func(t *testing.T) {
					if c.name == "one connection" && !secure && strings.HasPrefix(version, "curl 7.88.") {
						t.Skip("curl 7.88 cannot use a connection of prior knowledge again, with any server (https://github.com/curl/curl/issues/10634)")
					}
					got := run(t, "curl", slices.Concat(args, []string{"-w", end}, c.args)...)
					if got != c.want {
						t.Errorf("%d bytes, the end %q; want %d bytes, %q", len(got), tail(got), len(c.want), tail(c.want))
					}
				})
			}
		})
	}
}

// Without prior knowledge and TLS curl asks for an upgrade to h2c, which RFC 9113
// has done away with (§3.1): the answer comes over HTTP/1.1.
func TestCurl_upgrade(t *testing.T) {
	look(t, "curl", "curl")
	where := listen(t, newServer(t), false)
	const want = "HTTP/1.11.1 200"
	if got := run(t, "curl", "-sS", "--http2", "-w", "%{http_version} %{response_code}", where.url("/proto")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func tail(s string) string { return s[max(0, len(s)-40):] }

func TestNghttp(t *testing.T) {
	look(t, "nghttp", "nghttp2-client")
	for transport, secure := range transports {
		t.Run(transport, func(t *testing.T) {
			where := listen(t, newServer(t), secure)
			out := run(t, "nghttp", "-nv", where.url("/hello"), where.url("/proto"), where.url("/files/big.txt"))
			if n := strings.Count(out, ":status: 200"); n != 3 {
				t.Errorf("%d answers with 200, want 3:\n%s", n, out)
			}
			if secure && !strings.Contains(out, "The negotiated protocol: h2") {
				t.Errorf("h2 was not negotiated:\n%s", out)
			}
			for _, wrong := range []string{"[ERROR]", "[INVALID", "RST_STREAM"} {
				if strings.Contains(out, wrong) {
					t.Errorf("%s in:\n%s", wrong, out)
				}
			}
			if !strings.Contains(out, "recv SETTINGS frame") || strings.Count(out, "; END_STREAM") < 6 {
				t.Errorf("frames are missing:\n%s", out)
			}
		})
	}
}

// nodeClient makes many requests of each kind at once, on one connection.
const nodeClient = `
const http2 = require('node:http2'), fs = require('node:fs');
const [url, ca] = process.argv.slice(1); // -e: no script among them
const session = http2.connect(url, {ca: ca && fs.readFileSync(ca), maxSessionMemory: 100}); // MB, for all bodies at once
session.on('error', e => { console.error(e); process.exit(1); });
function call(headers, body) {
  return new Promise((resolve, reject) => {
    const st = session.request(headers, {endStream: body === undefined});
    const pieces = []; let status, trailer;
    st.on('response', h => status = h[':status']);
    st.on('trailers', h => trailer = h['length']);
    st.on('data', d => pieces.push(d));
    st.on('error', reject);
    st.on('end', () => resolve({status, trailer, body: Buffer.concat(pieces)}));
    if (body !== undefined) st.end(body);
  });
}
function want(ok, what) { if (!ok) { console.error('wrong: ' + what); process.exit(1); } }
(async () => {
  const body = Buffer.alloc(200000, 'echo of node '), all = [];
  for (let i = 0; i < 100; i++) {
    all.push(call({':path': '/hello'}).then(a => want(a.status === 200 && a.body.toString() === 'hello', 'hello')));
    all.push(call({':path': '/proto'}).then(a => want(a.status === 200 && a.body.toString() === 'HTTP/2.0', 'proto')));
    all.push(call({':path': '/echo', ':method': 'POST'}, body.subarray(i)).then(a =>
      want(a.status === 200 && a.body.equals(body.subarray(i)) && a.trailer === String(body.length - i), 'echo ' + a.status + ' ' + a.trailer)));
  }
  await Promise.all(all);
  for (let i = 0; i < 20; i++) { // given up
    const st = session.request({':path': '/files/big.txt'});
    await new Promise(done => { st.once('data', () => { st.close(http2.constants.NGHTTP2_CANCEL); }); st.on('close', done); });
  }
  const file = await call({':path': '/files/big.txt'});
  want(file.status === 200 && file.body.length === 3 << 20, 'file');
  await new Promise(done => session.ping(done));
  session.close(() => console.log('all right over ' + (session.alpnProtocol || '')));
})();
`

func TestNode(t *testing.T) {
	look(t, "node", "nodejs")
	for transport, secure := range transports {
		t.Run(transport, func(t *testing.T) {
			where := listen(t, newServer(t), secure)
			args, want := []string{"-e", nodeClient, "--", where.url("")}, "all right over h2c\n"
			if secure {
				args, want = append(args, where.certFile(t)), "all right over h2\n"
			}
			if got := run(t, "node", args...); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
