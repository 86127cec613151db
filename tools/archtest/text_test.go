package archtest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// local finds what is true on one machine only: absolute paths of a checkout
// or a home, and hosts of module proxies. It is put together, not to find itself.
var local = regexp.MustCompile(`(^|[^\w./)}\]-])/(` + "work|root" + `)/|` + "proxy" + `\.golang\.` + "org")

func TestText_namesNoMachine(t *testing.T) {
	eachFile(t, func(name string, text []byte) {
		if strings.HasSuffix(name, ".sum") {
			return
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if found := local.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", name, n, strings.TrimSpace(line))
			}
		}
	})
}

func TestText_local(t *testing.T) {
	for _, c := range []struct {
		text  string
		finds bool
	}{
		{"cd /" + "work/main", true},
		{`"/` + `root/.cache"`, true},
		{"/" + "work/x", true},
		{"GOPROXY=https://proxy" + ".golang.org", true},
		{"go test work", false},
		{"GOROOT/src", false},
		{"a/work/b", false},
		{"./root/x", false},
	} {
		if got := local.MatchString(c.text); got != c.finds {
			t.Errorf("%q: found %v, want %v", c.text, got, c.finds)
		}
	}
}

// target matches what a document or script says to make.
var target = regexp.MustCompile("(?m)(?:`|^|&& |\\bsudo )make ([a-z][a-z-]*)")

// A document that tells to make something names a target that there is.
func TestText_targetsExist(t *testing.T) {
	targets := makefileTargets(t)
	eachFile(t, func(name string, text []byte) {
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if _, ok := targets[m[1]]; !ok {
				t.Errorf("%s says \"make %s\", the Makefile has no such target", name, m[1])
			}
		}
	}, ".md", ".ci/run", ".sh")
}

// Go programs in the README must compile.
func TestText_readmePrograms(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("README.md has no Go program")
	}
	for i, b := range blocks {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) { compiles(t, b[1]) })
	}
}
