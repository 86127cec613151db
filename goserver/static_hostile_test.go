package goserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hyperion-server/hyperion/goserver"
)

func TestStatic_hostilePaths(t *testing.T) {
	const secret = "TOP-SECRET"
	dir := siteDir(t, map[string]string{"secret.txt": secret, "root/index.html": "home", "root/d/x.txt": "x", "root/.env": secret})
	must(t, os.Symlink("../secret.txt", filepath.Join(dir, "root/link.txt")))
	must(t, os.Symlink("..", filepath.Join(dir, "root/up")))
	srv := &goserver.Server{Handler: http.NotFoundHandler()} // for paths that are not clean
	must(t, srv.Static("/", filepath.Join(dir, "root"), &goserver.StaticOptions{Listing: true, SPA: "index.html"}))
	addr := serve(t, srv)
	targets := []string{"/link.txt", "/up/secret.txt", "/up/root/index.html", "/.env", "/%2eenv", "//evil.example/..", "//evil.example/%2e%2e", "/d//..//../secret.txt", "http://x/../secret.txt", "/secret.txt%00", "*", "secret.txt"}
	for _, dots := range []string{"..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "%c0%ae%c0%ae", "%uff0e%uff0e", "..%00", "....", "..;", ". ."} {
		for _, sep := range []string{"/", "%2f", "\\", "%5c", "%c0%af", "%255c", "//", "%252f"} {
			up := strings.Repeat(dots+sep, 2)
			targets = append(targets, "/"+dots+sep+"secret.txt", "/d/"+up+"secret.txt", "/"+strings.Repeat(up, 4)+"etc/passwd", sep+dots+sep+"secret.txt", "/d"+sep+up+"secret.txt")
		}
	}
	for _, target := range targets {
		for _, version := range []string{"1.0", "1.1"} {
			c, err := net.Dial("tcp", addr)
			must(t, err)
			fmt.Fprintf(c, "GET %s HTTP/%s\r\nHost: x\r\nConnection: close\r\nAccept: application/json\r\n\r\n", target, version)
			answer, err := io.ReadAll(c)
			c.Close()
			status := 0
			fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status)
			if status == 0 {
				fmt.Sscanf(string(answer), "HTTP/1.0 %d", &status)
			}
			if status != 404 && status != 400 || err != nil || bytes.Contains(answer, []byte(secret)) || bytes.Contains(answer, []byte("root:")) {
				t.Errorf("%q: %d %v: %.200q", target, status, err, answer)
			}
		}
	}
	t.Logf("%d targets", len(targets))
}
