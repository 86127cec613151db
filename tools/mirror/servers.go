package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/hyperion-server/hyperion/tools/bench/proc"
)

// A start returns the command of a server for an address.
type start func(addr netip.AddrPort) ([]string, error)

func startHyperion(program, site string) start {
	return func(addr netip.AddrPort) ([]string, error) {
		return []string{program, "serve", site, "--bind", addr.Addr().String(), "--port", fmt.Sprint(addr.Port()), "--dotfiles", "--no-log-requests"}, nil
	}
}

var nginxConf = template.Must(template.New("").Parse(`daemon off;
worker_processes 1;
pid {{.Dir}}/nginx.pid;
error_log stderr crit;
events {}
http {
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    client_body_temp_path {{.Dir}}/body;
    proxy_temp_path {{.Dir}}/proxy;
    fastcgi_temp_path {{.Dir}}/fastcgi;
    uwsgi_temp_path {{.Dir}}/uwsgi;
    scgi_temp_path {{.Dir}}/scgi;
    server {
        listen {{.Addr}};
        root {{.Site}};
    }
}
`))

func startNginx(dir, site string) start {
	return func(addr netip.AddrPort) ([]string, error) {
		var conf bytes.Buffer
		if err := nginxConf.Execute(&conf, struct{ Dir, Site, Addr any }{dir, site, addr}); err != nil {
			return nil, err
		}
		name := filepath.Join(dir, "nginx.conf")
		return []string{"nginx", "-c", name, "-e", "stderr"}, os.WriteFile(name, conf.Bytes(), 0o644)
	}
}

// crawl runs a server and mirrors it into each of the directories in turn.
func crawl(ctx context.Context, name string, command start, dirs ...string) error {
	cpus, err := proc.CPUs()
	if err != nil {
		return err
	}
	addr, err := proc.FreeAddr()
	if err != nil {
		return err
	}
	args, err := command(addr)
	if err != nil {
		return err
	}
	p, err := proc.StartServer(ctx, cpus[0], addr, args[0], args[1:]...)
	if err != nil {
		return err
	}
	defer p.Stop()
	for _, dir := range dirs {
		began := time.Now()
		if err := mirror(ctx, fmt.Sprintf("http://%s/%s", addr, indexName), dir); err != nil {
			return err
		}
		fmt.Printf("%s: mirrored in %.1f s\n", name, time.Since(began).Seconds())
	}
	return nil
}

// serverErrors is wget's exit code when a response was an error: pages of the
// site have links to files that are not there. What lacks, the comparison shows.
const serverErrors = 8

func mirror(ctx context.Context, url, dir string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "wget", "--mirror", "--no-host-directories", "--no-verbose", "--execute", "robots=off",
		"--restrict-file-names=nocontrol", "--no-proxy", "--tries=1", "--timeout=20", "--directory-prefix", dir, url)
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == serverErrors {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wget: %w: %s", err, lastLine(said.String()))
	}
	return nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
