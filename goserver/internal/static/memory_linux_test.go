package static

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestGroupLimit(t *testing.T) {
	files := map[string]string{
		"app/web/memory.max":                        "max\n",
		"app/memory.max":                            "104857600\n",
		"app/small/memory.max":                      "1048576\n",
		"memory/memory.limit_in_bytes":              "9223372036854771712\n",
		"memory/docker/f00/memory.limit_in_bytes":   "536870912\n",
		"memory/docker/memory.limit_in_bytes":       "1073741824\n",
		"memory/docker/bad/memory.limit_in_bytes":   "many\n",
		"memory/docker/f00/deep/memory.kmem.ignore": "1\n",
	}
	mount := t.TempDir()
	for name, text := range files {
		name = filepath.Join(mount, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		groups string
		want   int64
	}{
		{"", math.MaxInt64},
		{"0::/\n", math.MaxInt64},
		{"0::/app\n", 100 << 20},
		{"0::/app/web\n", 100 << 20},
		{"0::/app/small\n", 1 << 20},
		{"0::/../../app\n", 100 << 20},
		{"9:name=systemd:/app\n4:memory:/docker/f00\n0::/\n", 512 << 20},
		{"4:memory:/docker/bad", 1 << 30},
		{"4:memory:/gone/from/here\n", 9223372036854771712},
		{"garbage\n:::\n", math.MaxInt64},
	}
	for _, c := range cases {
		if got := groupLimit(mount, c.groups); got != c.want {
			t.Errorf("%q: %d, want %d", c.groups, got, c.want)
		}
	}
}

func TestCacheBytesFor(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(80 << 20))
	if got := cacheBytesFor(0); got != 10<<20 {
		t.Errorf("with GOMEMLIMIT of 80 MiB: %d", got)
	}
	if got := cacheBytesFor(64 << 20); got != 64<<20 {
		t.Errorf("as asked: %d", got)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if got := cacheBytesFor(0); got != min(DefaultCacheBytes, memoryLimit()/8) || got <= 0 {
		t.Errorf("by default: %d, memory %d", got, memoryLimit())
	}
}
