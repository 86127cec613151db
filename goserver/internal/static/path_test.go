package static

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const secret = "the secret outside of the root"

// fortress makes a root with files, links and a secret beside it: at ../secret.txt.
func fortress(t testing.TB) (root string) {
	dir := tree(t, map[string]string{
		"secret.txt": secret, "root/a.txt": "open", "root/d/index.html": "d", "root/d/x.txt": "x", "root/.env": secret, "root/d/.git/config": secret,
		"root-beside/secret.txt": secret,
	})
	root = filepath.Join(dir, "root")
	for link, to := range map[string]string{
		"out.txt": "../secret.txt", "absolute.txt": filepath.Join(dir, "secret.txt"), "up": "..", "chain": "d/up", "d/up": "../..",
		"loop": "loop", "in.txt": "d/x.txt", "dangling": "nothing", "beside": "../root-beside",
	} {
		check(t, os.Symlink(to, filepath.Join(root, link)))
	}
	return root
}

// hostile are paths that must not lead anywhere.
var hostile = []string{
	"/../secret.txt", "/../../secret.txt", "/d/../../secret.txt", "/d/../../../../../../etc/passwd", "/..", "/../", "/.", "/./", "/d/..", "/d/../a.txt", "/d/./x.txt", "/./a.txt",
	"/%2e%2e/secret.txt", "/%2E%2E/secret.txt", "/.%2e/secret.txt", "/%2e./secret.txt", "/%2e%2e%2fsecret.txt", "/..%2fsecret.txt", "/..%2Fsecret.txt", "/d/..%2f..%2fsecret.txt", "/%2e/a.txt", "/d%2f..%2f..%2fsecret.txt",
	"/%252e%252e/secret.txt", "/%252e%252e%252fsecret.txt", "/..%252fsecret.txt", "/%25252e%25252e/secret.txt",
	"/..%c0%afsecret.txt", "/%c0%ae%c0%ae/secret.txt", "/%c0%ae%c0%ae%c0%afsecret.txt", "/..%e0%80%afsecret.txt", "/%e0%80%ae%e0%80%ae/secret.txt", "/..%c1%9csecret.txt", "/%uff0e%uff0e/secret.txt", "/%ef%bc%8e%ef%bc%8e/secret.txt", "/\uff0e\uff0e/secret.txt", "/..\u2215secret.txt",
	"/..\\secret.txt", "/..%5csecret.txt", "/..%5Csecret.txt", "/d\\..\\..\\secret.txt", "/d%5c..%5c..%5csecret.txt", "/%5c..%5csecret.txt", "/\\secret.txt", "/c:\\secret.txt", "/a.txt\\", "/..%255csecret.txt",
	"/a.txt%00", "/a.txt%00.html", "/%00", "/../secret.txt%00.txt", "/d%00/../../secret.txt", "/a%00.txt",
	"//secret.txt", "//a.txt", "///a.txt", "/d//x.txt", "/d//", "//", "//etc/passwd", "//evil.example/%2e%2e", "//evil.example/..", "/%2fa.txt", "/%2f%2fevil.example/", "/d/%2fx.txt", "/d%2fx.txt", "/%2e%2e//secret.txt", "/%2fetc%2fpasswd",
	"/out.txt", "/absolute.txt", "/up/secret.txt", "/up", "/chain/secret.txt", "/d/up/secret.txt", "/loop", "/loop/", "/dangling", "/beside/secret.txt", "/beside", "/up/root/a.txt",
	"/.env", "/%2eenv", "/%2Eenv", "/d/.git/config", "/d/%2egit/config", "/.", "/...", "/....//secret.txt", "/..;/secret.txt", "/.%00./secret.txt",
	"/a.txt/", "/a.txt/..", "/a.txt/../../secret.txt", "/%", "/%2", "/%zz", "/a.txt%", "/%2e%2e%", "/a%2", "/~root/", "/secret.txt", "/elsewhere/a.txt", "/" + strings.Repeat("a", 300), "/" + strings.Repeat("d/", 3000), "/" + strings.Repeat("../", 1000) + "etc/passwd",
	"a.txt", "", "*", "../secret.txt", "http://evil.example/secret.txt",
}

func TestSite_hostilePaths(t *testing.T) {
	root := fortress(t)
	s, _ := site(t, root, Options{Listing: true})
	ask(t, s, "GET /in.txt").expect(t, "a link inside", 200, "x")
	ask(t, s, "GET /a.txt").expect(t, "a file", 200, "open")
	for _, p := range hostile {
		for _, request := range []string{"GET ", "HEAD "} {
			a := ask(t, s, request+p)
			if a.status != 404 || strings.Contains(a.body, secret) {
				t.Errorf("%s%q: %d %q, Location %q", request, p, a.status, a.body, a.header.Get("Location"))
			}
		}
	}
	if n := len(hostile); n < 60 {
		t.Errorf("%d paths", n)
	}
	list := ask(t, s, "GET /").body
	for _, name := range []string{"out.txt", "absolute.txt", "up", "chain", "loop", "dangling", "beside", ".env"} {
		if strings.Contains(list, `"`+name) {
			t.Errorf("the listing has %s", name)
		}
	}
	if !strings.Contains(list, `"in.txt"`) {
		t.Error("the listing has no in.txt")
	}
}

// A file must not be found, by way of the cache, under a path that is written like
// its decoded name.
func TestSite_cacheKeysAreDecodedOnce(t *testing.T) {
	s, _ := site(t, tree(t, map[string]string{"a%20b": "percent", "a b": "space"}), Options{})
	for range 2 {
		ask(t, s, "GET /a%2520b").expect(t, "escaped percent", 200, "percent")
		ask(t, s, "GET /a%20b").expect(t, "escaped space", 200, "space")
		ask(t, s, "GET /%61%20%62").expect(t, "all escaped", 200, "space")
	}
	if n := s.Stats().Entries; n != 2 {
		t.Errorf("%d entries", n)
	}
}

func TestDecode(t *testing.T) {
	for _, p := range append([]string{"/a%2Fb%", "/%41%7a%C3%a9", "%", "%4", "%4g", "%G4", "plain"}, hostile...) {
		got, ok := decode([]byte(p))
		want, err := url.PathUnescape(p)
		if strings.Contains(strings.ToLower(p), "%2f") {
			err = errors.New("a slash in disguise")
		}
		if ok != (err == nil) || ok && string(got) != want {
			t.Errorf("%q: %q %v, want %q %v", p, got, ok, want, err)
		}
	}
}

func TestAppendEscaped(t *testing.T) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	escaped := appendEscaped(nil, string(all))
	if back, err := url.PathUnescape(string(escaped)); err != nil || back != string(all) {
		t.Errorf("%q comes back as %q", escaped, back)
	}
	if bytes.ContainsAny(escaped, "\"'<>&:?#+ \\\r\n") {
		t.Errorf("%q", escaped)
	}
}

// Whatever the path, nothing outside is sent, nothing but a file of the root is, and
// redirects stay on this host.
func FuzzSite_path(f *testing.F) {
	for _, p := range hostile {
		f.Add(p, "")
	}
	f.Add("/d", "x=1")
	f.Add("/%64", "\r\nSet-Cookie: a")
	root := fortress(f)
	s, err := New("/", root, Options{Listing: true}, new(clock).read)
	check(f, err)
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, path, query string) {
		if strings.ContainsAny(path+query, " ?") || len(path) > 1000 {
			return
		}
		a := ask(t, s, "GET "+path+"?"+query)
		if strings.Contains(a.body, secret) {
			t.Fatalf("%q gives away the secret", path)
		}
		switch a.status {
		case 200, 404:
		case 301:
			to := a.header.Get("Location")
			if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
				t.Fatalf("%q leads to %q", path, to)
			}
		default:
			t.Fatalf("%q: %d", path, a.status)
		}
	})
}

func TestSite_rootIsALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	dir := tree(t, map[string]string{"real/a.txt": "a"})
	check(t, os.Symlink("real", filepath.Join(dir, "link")))
	s, _ := site(t, filepath.Join(dir, "link"), Options{})
	ask(t, s, "GET /a.txt").expect(t, "through a link to the root", 200, "a")
}
