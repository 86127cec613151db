package main

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hyperion-server/hyperion/tools/bench/load"
)

// Names of the servers, as reports have them.
const (
	ours     = "Hyperion"
	epoll    = "C epoll"
	nginx    = "nginx"
	h2o      = "h2o"
	caddy    = "Caddy"
	nethttp  = "net/http"
	fasthttp = "fasthttp"
	grpcgo   = "grpc-go"
	gws      = "gws"
	gobwas   = "gobwas/ws"
	gorilla  = "gorilla/websocket"
	coder    = "coder/websocket"

	libwebsockets = "libwebsockets"
)

// A server is one that is measured.
type server struct {
	name    string
	key     string   // in -peers
	does    string   // for the report, after the version
	program string   // name of an installed one or of the one that is built
	from    []string // command that builds the program; nil: it is installed. see repo.Build
	kinds   []kind
	over    []load.Protocol // besides HTTP/1.1 in clear
	grpc    string          // -serve of grpcServer, which stands for this server in rows about gRPC
	sidecar bool            // it is given compressed files
	config  string          // template in third_party/peers/conf, "" when there is none
	args    func(l launch) []string
	version []string // command whose output's first line with a digit is the version
}

// A launch is what a server is told when it is started; templates of
// configurations see its fields.
type launch struct {
	Addr   netip.AddrPort
	Files  string // directory of the files
	Dir    string // directory for what the server writes itself
	Config string // path of the configuration, rendered
	Cert   string // path of the certificate
	Key    string // path of its key
	row    *row
}

func (l launch) Host() string { return l.Addr.Addr().String() }
func (l launch) Port() int    { return int(l.Addr.Port()) }
func (l launch) TLS() bool    { return l.row.over.TLS() }
func (l launch) HTTP2() bool  { return l.row.over.HTTP2() }

// goArgs are the flags that all servers written for the rows have.
func goArgs(l launch) []string {
	args := []string{"-addr", l.Addr.String(), "-files", l.Files, "-json", filepath.Join(l.Dir, "object.json"), "-list", filepath.Join(l.Dir, "list.json")}
	if l.TLS() {
		args = append(args, "-cert", l.Cert, "-key", l.Key)
	}
	return args
}

// grpcServer is the program of tools/bench/grpcserver.
const grpcServer = "grpcserver"

func (s *server) grpcArgs(l launch) []string {
	return []string{"-serve", s.grpc, "-addr", l.Addr.String(), "-cert", l.Cert, "-key", l.Key}
}

// can tells whether the server can do a row.
func (s *server) can(r *row) bool {
	return slices.Contains(s.kinds, r.kind) && (r.over == load.HTTP1 || slices.Contains(s.over, r.over))
}

// ownArgs are those of ours.
func ownArgs(l launch) []string {
	if l.row.set == nil {
		return goArgs(l)
	}
	return append(goArgs(l), l.row.set(l)...)
}

// What servers can do.
var (
	made  = []kind{hello, object, stream}
	files = []kind{file, large, random, condition, ranged}
	posts = []kind{varied, post}
)

// everything is what servers speak that have TLS and HTTP/2.
var everything = []load.Protocol{load.HTTPS, load.H2, load.H2C}

func kinds(groups ...[]kind) []kind { return slices.Concat(groups...) }

var servers = append([]*server{
	{
		name: ours, key: "hyperion", program: "server", kinds: kinds(made, files, posts, sockets, []kind{gzipped, brotlied, preload, rpc}), over: everything, grpc: "hyperion", args: ownArgs,
		from:    []string{"go", "build", "-o", "OUT", "./tools/bench/server"},
		version: []string{"git", "describe", "--always", "--dirty"},
		does:    "tools/bench/server. hello: a static route, a direct route or a handler, as the row says; JSON: `encoding/json` of a map in a handler; files: Server.Static, with its defaults unless the row says what is set; WebSockets: OnMessage unless the row says otherwise",
	},
	{
		name: epoll, key: "epoll", program: "epoll", kinds: kinds(made, []kind{file, webSocket}),
		from: []string{"gcc", "-O2", "-o", "OUT", "tools/bench/limit/epoll.c"},
		args: func(l launch) []string {
			return append([]string{strconv.Itoa(l.Port()), strconv.FormatInt(l.row.size, 10)}, l.row.limit...)
		},
		version: []string{"gcc", "-dumpfullversion"},
		does:    "the limit: one thread of C that looks for the end of a request and writes as many canned bytes from memory as the row's body has; no router, no parser, no Date, no files, no JSON. WebSockets: tools/bench/limit/ws.c, which reads, unmasks and writes",
	},
	{
		name: nginx, key: "nginx", program: "nginx", sidecar: true, kinds: kinds([]kind{hello, gzipped, varied}, files), over: everything, config: "nginx.conf.tmpl",
		args:    func(l launch) []string { return []string{"-c", l.Config, "-e", "stderr"} },
		version: []string{"nginx", "-v"},
		does:    "one worker; hello: `return 200`; files: sendfile, tcp_nopush, open_file_cache, gzip_static; it has no br; fields: add_header, with variables",
	},
	{
		name: h2o, key: "h2o", program: "h2o", sidecar: true, kinds: kinds([]kind{hello, gzipped, brotlied}, files, posts), over: everything, config: "h2o.yaml.tmpl",
		args:    func(l launch) []string { return []string{"-c", l.Config} },
		version: []string{"h2o", "--version"},
		does:    "one thread; hello: a file of five bytes, for it has no canned answer; files: file.dir, file.send-compressed; fields and POST: a handler in mruby",
	},
	{
		name: caddy, key: "caddy", program: "caddy", sidecar: true, kinds: kinds([]kind{hello, gzipped, brotlied}, files, posts), over: everything, config: "Caddyfile.tmpl",
		args:    func(l launch) []string { return []string{"run", "--config", l.Config, "--adapter", "caddyfile"} },
		version: []string{"caddy", "version"},
		does:    "hello: respond; files: file_server, precompressed; fields: header, with placeholders",
	},
	{
		name: nethttp, key: "nethttp", program: "nethttp", kinds: kinds(made, files, posts, []kind{rpc}), over: everything, grpc: "net/http", args: goArgs,
		from:    []string{"go", "build", "-o", "OUT", "./third_party/peers/nethttp"},
		version: []string{"go", "env", "GOVERSION"},
		does:    "http.Server with a ServeMux; hello and JSON: handlers, as ours; files: http.FileServer, which compresses nothing",
	},
	{
		name: fasthttp, key: "fasthttp", program: "fasthttp", kinds: kinds(made, files, []kind{gzipped, brotlied}), over: []load.Protocol{load.HTTPS}, args: goArgs,
		from:    []string{"go", "build", "-o", "OUT", "./third_party/peers/fasthttp"},
		version: []string{"go", "list", "-m", "-f", "{{.Version}}", "github.com/valyala/fasthttp"},
		does:    "fasthttp.Server with a switch over paths; hello and JSON: handlers; files: fasthttp.FS, Compress; events: a body stream of one event a read; it has no HTTP/2",
	},
	{
		name: grpcgo, key: "grpcgo", program: grpcServer, kinds: []kind{rpc}, over: []load.Protocol{load.H2}, grpc: "grpc-go",
		from:    []string{"go", "build", "-o", "OUT", "./tools/bench/grpcserver"},
		version: []string{"go", "list", "-m", "-f", "{{.Version}}", "google.golang.org/grpc"},
		does:    "its own server over its own transport, of the same service as ours and net/http have",
	},
}, socketPeers...)

// firstVersion returns the first word with a digit in what a command printed,
// without the name before a slash; h2o and h2load are names.
func firstVersion(output string) string {
	for _, w := range strings.Fields(output) {
		if strings.ContainsAny(w, "0123456789") && w != "h2o" && w != "h2load" {
			if _, v, ok := strings.Cut(w, "/"); ok {
				return v
			}
			return w
		}
	}
	return "of unknown version"
}
