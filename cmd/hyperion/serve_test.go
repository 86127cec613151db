package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/native/cpu"
)

func TestBootLine(t *testing.T) {
	dir := directory(t, "index.html", "<p>hello", "a/b.txt", "b")
	s := serve(t, nil, "serve", dir)
	want := bootReport{
		TS: s.boot.TS, Level: "info", Source: "hyperion", Message: "listening", Event: "listening",
		URL: s.boot.URL, Dir: dir, PID: s.cmd.Process.Pid, Version: version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Engine: engine(), Native: units("unmask", "utf8"),
	}
	files, bytes := s.boot.Files, s.boot.Bytes
	s.boot.Files, s.boot.Bytes = nil, nil
	if s.boot != want {
		t.Errorf("got  %+v\nwant %+v", s.boot, want)
	}
	if files != nil && (*files != 2 || *bytes != 9) {
		t.Errorf("%d files, %d bytes, want 2 and 9", *files, *bytes)
	}
	if strings.HasSuffix(s.boot.URL, ":0") {
		t.Error("the URL has port 0, not the real one")
	}
	if status, body := get(t, s.boot.URL+"/"); status != 200 || body != "<p>hello" {
		t.Errorf("GET / = %d, %q", status, body)
	}
	s.stop(t)
}

// units names C units as the boot line does, if the build has them for this processor.
func units(names ...string) string {
	names = slices.DeleteFunc(names, func(name string) bool {
		if on, _ := cpu.Enabled("an unlisted unit"); !on {
			return true
		}
		only := []string{"amd64", "arm64"} // of those that have vectors
		return name != "huffman" && !slices.Contains(only, runtime.GOARCH)
	})
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}

// The C units that a variable turns on, as far as the build has them.
func TestBootLine_native(t *testing.T) {
	s := serve(t, []string{"HYPERION_NATIVE=huffman,pagewrite,-pagewrite"}, "serve", directory(t))
	want := units("huffman", "unmask", "utf8")
	if s.boot.Native != want {
		t.Errorf("C units %q, want %q", s.boot.Native, want)
	}
	s.stop(t)
}

func TestBootLine_demo(t *testing.T) {
	s := serve(t, nil)
	if s.boot.Site == "" || s.boot.Dir != "" {
		t.Errorf("boot line %+v, want a site and no directory", s.boot)
	}
	if status, body := get(t, s.boot.URL+"/"); status != 200 || !strings.Contains(body, "<title>Hyperion") {
		t.Errorf("GET / = %d, %d bytes", status, len(body))
	}
	s.stop(t)
}

func TestVariables(t *testing.T) {
	s := serve(t, []string{"HYPERION_MAX_TARGET_BYTES=64", "HYPERION_LOG_REQUESTS=off", "HYPERION_PORT=1", "HYPERION_HEALTH_PATH=/-/up", "HYPERION_LISTEN=1", "HYPERION_PROT=1", "HYPERION_NATIVE=huffmann"}, "serve", directory(t))
	if status, _ := get(t, s.boot.URL+"/"+strings.Repeat("a", 100)); status != 414 {
		t.Errorf("long target: %d, want 414 by HYPERION_MAX_TARGET_BYTES", status)
	}
	if status, body := get(t, s.boot.URL+"/-/up"); status != 200 || body != "ok\n" {
		t.Errorf("health: %d, %q", status, body)
	}
	s.stop(t)
	if s.out.String() != "" {
		t.Errorf("requests logged with HYPERION_LOG_REQUESTS=off: %s", &s.out)
	}
	warned := map[string]any{}
	for _, m := range s.messages(t) {
		if m["level"] == "warn" {
			warned[m["name"].(string)] = m["did_you_mean"]
		}
	}
	if len(warned) != 3 || warned["HYPERION_PROT"] != "HYPERION_PORT" || warned["HYPERION_LISTEN"] == nil {
		t.Errorf("warnings %v, want of HYPERION_PROT, HYPERION_LISTEN and HYPERION_NATIVE only", warned)
	}
}

// What was answered is in the log when the process has ended.
func TestAccessLog(t *testing.T) {
	s := serve(t, nil)
	const asked = 50
	for i := range asked {
		get(t, fmt.Sprintf("%s/hello?n=%d", s.boot.URL, i))
	}
	get(t, s.boot.URL+`/missing"page`)
	s.stop(t)
	logged := decodeLines(t, s.out.String())
	if len(logged) != asked+1 {
		t.Fatalf("%d lines for %d requests: %s", len(logged), asked+1, &s.out)
	}
	for i, m := range logged[:asked] {
		if m["message"] != "request" || m["path"] != "/hello" || m["query"] != fmt.Sprintf("n=%d", i) || m["status"] != 200.0 || m["remote_addr"] != "127.0.0.1" {
			t.Errorf("line %d: %v", i, m)
		}
	}
	if last := logged[asked]; last["status"] != 404.0 {
		t.Errorf("last line %v, want the 404", last)
	}
	var messages []any
	for _, m := range s.messages(t) {
		messages = append(messages, m["message"])
	}
	if fmt.Sprint(messages) != "[draining stopped]" {
		t.Errorf("messages on stderr %v, want [draining stopped]", messages)
	}
}

func TestAccessLog_text(t *testing.T) {
	s := serve(t, []string{"HYPERION_LOG_FORMAT=json"}, "--log-level", "error")
	get(t, s.boot.URL+"/hello")
	s.stop(t)
	if !strings.HasPrefix(s.out.String(), `{"ts":"`) || s.errOut.String() != "" {
		t.Errorf("stdout %s, stderr %s, want JSON, and silence by --log-level", &s.out, &s.errOut)
	}
	got := run(t, nil, "--log-format=text", "-b", "127.0.0.1:1")
	if !strings.HasPrefix(got.stderr, "hyperion: cannot listen") {
		t.Errorf("--log-format=text wrote %q", got.stderr)
	}
}

// The reader of the logs going away must not end the server.
func TestServe_logReaderGone(t *testing.T) {
	s := serve(t, nil)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, nil, "-p", "0")
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	buf := make([]byte, 4096)
	n, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	boot := decodeLines(t, string(buf[:n]))[0]
	r.Close()
	for range 3 {
		if status, _ := get(t, boot["url"].(string)+"/hello"); status != 200 {
			t.Errorf("status %d", status)
		}
	}
	cmd.Process.Signal(os.Interrupt)
	if code := exitOf(t, cmd.Wait()); code != exitOK {
		t.Errorf("exit code %d, want 0", code)
	}
	s.stop(t)
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:80": "http://127.0.0.1:80", "[::1]:9292": "http://[::1]:9292", "0.0.0.0:1": "http://localhost:1", "[::]:1": "http://localhost:1",
	} {
		at, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		if got := url("http", at); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestInventory(t *testing.T) {
	inv := takeInventory(directory(t, "a", "12345", "b/c", "67"), 1<<62)
	if inv != (inventory{2, 7, true}) {
		t.Errorf("%+v", inv)
	}
	if inv = takeInventory(directory(t, "a", "1"), 0); inv.complete {
		t.Error("the count was not bounded")
	}
	for want, inv := range map[string]inventory{
		"0 files, 0 B":             {0, 0, true},
		"1 file, 1023 B":           {1, 1023, true},
		"1 284 files, 41.2 MiB":    {1284, 43200000, true},
		"1 000 000 files, 1.0 GiB": {1e6, 1 << 30, true},
		"more than 12 000 files":   {12000, 5, false},
	} {
		if got := inv.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
