package static

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// memoryLimit returns the bytes that this process may have at most: the machine's, or
// those of its control group.
func memoryLimit() int64 {
	limit := int64(math.MaxInt64)
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) == nil {
		limit = int64(info.Totalram) * int64(info.Unit)
	}
	groups, _ := os.ReadFile("/proc/self/cgroup") // none: no limit of a group
	return min(limit, groupLimit("/sys/fs/cgroup", string(groups)))
}

// groupLimit returns the least limit for memory of the control groups, of version 1 and
// 2, that a process is in, as its line in /proc/self/cgroup tells them, and of those above.
func groupLimit(mount, groups string) int64 {
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(groups) {
		_, line, _ = strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, group, _ := strings.Cut(line, ":")
		dir, file := mount, "memory.max"
		switch controllers {
		case "":
		case "memory":
			dir, file = mount+"/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			text, _ := os.ReadFile(path.Join(dir, group, file))
			n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil { // not a number: "max", or no such group where this process sees the file system
				limit = min(limit, n)
			}
			if group == "/" {
				break
			}
		}
	}
	return limit
}
