package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/load"
	"github.com/hyperion-server/hyperion/tools/bench/repo"
	"github.com/hyperion-server/hyperion/tools/bench/report"
)

func TestParseOptions(t *testing.T) {
	o, err := parseOptions([]string{"-rows", "^(hello)", "-peers", "nginx,caddy", "-rounds", "7"})
	if err != nil || !o.rows.MatchString("hello-static") || o.rows.MatchString("json") || !slices.Equal(o.peers, []string{"nginx", "caddy"}) || o.rounds != 7 || o.duration != 2*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
	if o.command != "go run ./tools/bench -rows '^(hello)' -peers nginx,caddy -rounds 7" {
		t.Errorf("command %q", o.command)
	}
	if o, err := parseOptions([]string{"-quick"}); o.rounds != 1 || o.duration != time.Second || err != nil {
		t.Errorf("-quick: %+v, %v", o, err)
	}
	for _, bad := range [][]string{{"-rounds", "0"}, {"-duration", "1500ms"}, {"-duration", "0s"}, {"-rows", "("}, {"-quick", "-publish"}, {"extra"}} {
		if _, err := parseOptions(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestPickServers(t *testing.T) {
	picked, err := pickServers([]string{"caddy", "epoll"})
	var names []string
	for _, s := range picked {
		names = append(names, s.name)
	}
	if want := []string{ours, epoll, caddy}; !slices.Equal(names, want) || err != nil {
		t.Errorf("got %q, %v; want %q", names, err, want)
	}
	if _, err := pickServers([]string{"apache"}); err == nil {
		t.Error("no error for an unknown server")
	}
}

// What rows and servers say of each other must be true.
func TestRows(t *testing.T) {
	sizeless := map[kind]bool{stream: true, random: true, condition: true, varied: true, rpc: true}
	names := map[string]bool{}
	serverNames := map[string]bool{"": true}
	for _, s := range servers {
		serverNames[s.name] = true
	}
	for _, r := range rows(1234, 5678) {
		if names[r.Name] {
			t.Errorf("two rows are named %s", r.Name)
		}
		names[r.Name] = true
		if r.drive == nil || r.path == "" || r.Unit == "" || r.Title == "" || r.Load == "" || r.size == 0 && !sizeless[r.kind] {
			t.Errorf("%s: not whole: %+v", r.Name, r)
		}
		for _, target := range r.Targets {
			if !serverNames[target.Than] || target.Max <= 0 {
				t.Errorf("%s: target %+v", r.Name, target)
			}
		}
	}
	for _, g := range growths {
		if !names[g.From] || !names[g.To] {
			t.Errorf("growth %q is of rows that do not exist", g.Title)
		}
	}
}

func TestFigure(t *testing.T) {
	m := load.Result{Requests: 1000, CPU: 12 * time.Millisecond, Growth: 512_000, Bytes: 4_000_000}
	for want, r := range map[float64]*row{12: {}, 512: {measure: growthPerRequest}, 6: {measure: cpuPerBody, size: 2000}} {
		if got := r.figure(m); got != want {
			t.Errorf("figure %v, want %v", got, want)
		}
	}
}

func TestTurn(t *testing.T) {
	a, z := &server{}, &server{}
	b := &bench{servers: []*server{a, z}}
	for round, first := range map[int]*server{1: a, 2: z, 3: a} {
		if got := b.turn(round); len(got) != 2 || got[0] != first {
			t.Errorf("round %d begins with the wrong server", round)
		}
	}
}

func TestSite(t *testing.T) {
	dir := t.TempDir()
	if err := writeSite(dir); err != nil {
		t.Fatal(err)
	}
	body, list := encode(newObject()), marshal(newList())
	if len(newObject()) != 50 || len(body) > 2048 {
		t.Errorf("object of %d keys, %d bytes; want 50 keys in at most 2048 bytes", len(newObject()), len(body))
	}
	if n := len(list); n < 50_000 || n > 51_200 {
		t.Errorf("list of %d bytes, want 50 KB", n)
	}
	for _, r := range rows(int64(len(body)), int64(len(list))) {
		name, size := filepath.Join(dir, r.path), r.size
		switch r.kind {
		case object:
			name = filepath.Join(dir, "object.json")
			if r.path == "/list" {
				name = filepath.Join(dir, "list.json")
			}
		case hello, post:
			name = filepath.Join(dir, "files", "hello.txt")
		case condition:
			size = 8 << 10
		case ranged:
			size = 1 << 20
		case stream, large, random, preload, varied, rpc, webSocket, deflated: // made by the rows
			continue
		}
		if fi, err := os.Stat(name); err != nil || fi.Size() != size {
			t.Errorf("%s: %v, %v; want %d bytes", r.Name, fi, err, size)
		}
	}
}

func TestSite_sidecars(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(writeSite(dir), writeSidecars(dir)); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "files", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain, gz, br := read("sidecars/script.js"), read("sidecars/script.js.gz"), read("sidecars/script.js.br")
	if !bytes.Equal(plain, read("script.js")) || len(plain) != scriptSize {
		t.Error("the copy is not the script")
	}
	if len(gz) < scriptSize/20 || len(gz) > scriptSize/2 || len(br) >= len(gz) {
		t.Errorf("gzip %d bytes, br %d: does not compress like a program", len(gz), len(br))
	}
}

func TestTitled(t *testing.T) {
	if a, b := titled("00/0001.txt", 1024), titled("00/0002.txt", 1024); len(a) != 1024 || bytes.Equal(a, b) {
		t.Error("files are alike, or of another length")
	}
	sizes := map[int64]bool{}
	for i := range preloadFiles {
		sizes[preloadSize(i)] = true
	}
	if len(sizes) != 3<<10+1 || !sizes[1<<10] || !sizes[4<<10] {
		t.Errorf("%d sizes of preloaded files, want all from 1 to 4 KiB", len(sizes))
	}
}

func TestConfigs(t *testing.T) {
	r, err := repo.Find()
	if err != nil {
		t.Skip("not in the workspace: ", err)
	}
	b := &bench{Repo: r, dir: t.TempDir()}
	for _, s := range servers {
		if s.config == "" {
			continue
		}
		tr := &trial{bench: b, server: s, row: rows(0, 0)[0], target: load.Target{Addr: netip.MustParseAddrPort("127.0.0.1:18123")}}
		args, err := tr.args()
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		i := slices.IndexFunc(args, func(a string) bool { return filepath.Dir(a) == b.dir })
		if i < 0 {
			t.Errorf("%s: no configuration in %q", s.name, args)
			continue
		}
		conf, err := os.ReadFile(args[i])
		if err != nil || strings.Contains(string(conf), "{{") || !strings.Contains(string(conf), "18123") || !strings.Contains(string(conf), filepath.Join(b.dir, "files")) {
			t.Errorf("%s: %v:\n%s", s.name, err, conf)
		}
	}
}

func TestVersions(t *testing.T) {
	for said, want := range map[string]string{
		"nginx version: nginx/1.22.1":                  "1.22.1",
		"h2o version 2.2.5\nOpenSSL: OpenSSL 3.0.19":   "2.2.5",
		"h2load nghttp2/1.52.0":                        "1.52.0",
		"wrk debian/4.1.0-3+b2 [epoll] Copyright 2012": "4.1.0-3+b2",
		"go1.26.8\n": "go1.26.8",
		"2.6.2":      "2.6.2",
		"":           "of unknown version",
	} {
		if got := firstVersion(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
	if got := cpuModel([]byte("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n")); got != "AMD EPYC" {
		t.Errorf("cpuModel = %q", got)
	}
}

// A server that is missing is said to be, and the others are measured.
func TestTrial_notInstalled(t *testing.T) {
	s := &server{name: "Apache", program: "no-such-program-anywhere"}
	b := &bench{servers: []*server{s}, missing: map[*server]string{s: "apt-get install it"}}
	got := b.trial(context.Background(), rows(0, 0)[0], s, 1)
	if got.State != report.NotInstalled || got.Server != "Apache" || got.Note != "apt-get install it" {
		t.Errorf("%+v", got)
	}
	if b.program(s) != "" {
		t.Errorf("program = %q, want none", b.program(s))
	}
}

func TestPublish(t *testing.T) {
	root := t.TempDir()
	b := &bench{Repo: repo.Repo{Root: root}, options: options{publish: true}, started: time.Unix(1_800_000_000, 0), missing: map[*server]string{}}
	os.Mkdir(filepath.Join(root, "docs"), 0o755)
	doc := filepath.Join(root, "docs", "BENCHMARKS.md")
	publish := func(trials ...report.Trial) string {
		b.trials = trials
		if err := b.write(nil); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	of := func(row string, figure float64) report.Trial {
		return report.Trial{Run: b.started, Row: row, Server: ours, Round: 1, State: report.Measured, Figure: figure}
	}
	publish(of("json", 33.3), of("file-1k", 44.4))
	text := publish(of("json", 55.5))
	if !strings.HasPrefix(text, "# Benchmarks\n") || strings.Contains(text, "33.3") || !strings.Contains(text, "44.4") || !strings.Contains(text, "55.5") {
		t.Errorf("the second run must replace its row and keep the other:\n%s", text)
	}
	if n := strings.Count(text, report.Begin); n != 1 {
		t.Errorf("%d begin lines, want 1", n)
	}
}

func TestAnonymous(t *testing.T) {
	b := &bench{Repo: repo.Repo{Root: "/home/me/hyperion"}, dir: "/tmp/run1"}
	if got := b.anonymous("/home/me/hyperion/x: /tmp/run1/y: no"); got != "./x: DIR/y: no" {
		t.Errorf("got %q", got)
	}
}
