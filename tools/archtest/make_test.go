package archtest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const maxTargets = 14

// makefileTargets returns the Makefile's targets with what `make help` says of them.
func makefileTargets(t *testing.T) map[string]string {
	t.Helper()
	targets := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^([a-z][\w-]*):[^=\n#]*(?:## (.*))?$`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = m[2]
	}
	return targets
}

func TestMakefile(t *testing.T) {
	targets := makefileTargets(t)
	if len(targets) > maxTargets {
		t.Errorf("%d targets, want at most %d: %q", len(targets), maxTargets, slices.Sorted(maps.Keys(targets)))
	}
	for name, help := range targets {
		if help == "" {
			t.Errorf("target %s has no \"## help\"", name)
		}
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("needs make")
	}
	out, err := exec.Command("make", "-s", "-C", root, "help").CombinedOutput()
	if err != nil {
		t.Fatalf("make help: %v\n%s", err, out)
	}
	for name := range targets {
		if !regexp.MustCompile(`(?m)^` + name + `\s`).Match(out) {
			t.Errorf("make help does not list %s", name)
		}
	}
	phony := regexp.MustCompile(`(?m)^\.PHONY:(.*)$`).FindStringSubmatch(read(t, "Makefile"))
	if phony == nil || !slices.Equal(slices.Sorted(slices.Values(strings.Fields(phony[1]))), slices.Sorted(maps.Keys(targets))) {
		t.Errorf(".PHONY is %q, want all targets", phony)
	}
}

// People and CI run the same commands: each stage of .ci/run is a target.
func TestCIStages(t *testing.T) {
	targets := makefileTargets(t)
	stages := regexp.MustCompile(`(?m)^\t?stage \S+ (\S+)`).FindAllStringSubmatch(read(t, ".ci/run"), -1)
	seen := make(map[string]bool)
	for _, s := range stages {
		if seen[s[1]] = true; targets[s[1]] == "" {
			t.Errorf(".ci/run makes %s, the Makefile has no such target", s[1])
		}
	}
	for _, name := range []string{"all", "test", "lint", "variants", "race", "conform", "test-ktls", "fuzz", "bench"} {
		if !seen[name] {
			t.Errorf(".ci/run does not make %s", name)
		}
	}
}

// What a test looks for on the PATH is there with Go and gcc, or is one of
// TEST_DEPS, which `make test` installs, or of UML_DEPS, which `make test-ktls` does.
func TestTestDeps(t *testing.T) {
	have := []string{"go", "gcc", "cc", "make", "sh"}
	lists := regexp.MustCompile(`(?m)^(?:TEST|UML)_DEPS\s*:=(.*)$`).FindAllStringSubmatch(read(t, "Makefile"), -1)
	if len(lists) != 2 {
		t.Fatal("the Makefile has no TEST_DEPS, or no UML_DEPS")
	}
	for _, list := range lists {
		have = append(have, strings.Fields(list[1])...)
	}
	for program, pkg := range map[string]string{"nghttp": "nghttp2-client", "linux.uml": "user-mode-linux"} {
		if slices.Contains(have, pkg) {
			have = append(have, program)
		}
	}
	lookPath := regexp.MustCompile(`exec\.LookPath\("([^"]+)"\)`)
	eachFile(t, func(name string, text []byte) {
		for _, m := range lookPath.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(have, m[1]) {
				t.Errorf("%s runs %s, which is not in TEST_DEPS", name, m[1])
			}
		}
	}, "_test.go")
}

// compiles checks a whole Go program that is not part of the tree.
func compiles(t *testing.T, program string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	vet := exec.Command("go", "vet", file)
	vet.Dir = root
	vet.Env = append(os.Environ(), "GOWORK=off")
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
