package cpu

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"testing"
)

// The kernel's own list is the oracle: it sees the same CPU.
func TestBits_cpuinfo(t *testing.T) {
	if runtime.GOOS != "linux" || whyNotBuilt == "built with -tags purego" {
		t.Skip("needs /proc/cpuinfo, and bits that are not constants")
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip(err)
	}
	flags := bytes.Fields(info)
	listed := func(name string) bool {
		return slices.ContainsFunc(flags, func(f []byte) bool { return string(f) == name })
	}
	for _, c := range []struct {
		arch, name string
		has        bool
	}{
		{"amd64", "sse4_2", X86HasSSE42},
		{"amd64", "avx2", X86HasAVX2},
		{"amd64", "avx512bw", X86HasAVX512},
		{"arm64", "asimd", ARM64HasNEON},
	} {
		if want := c.arch == runtime.GOARCH && listed(c.name); c.has != want {
			t.Errorf("%s is %v, /proc/cpuinfo says %v", c.name, c.has, want)
		}
	}
}
