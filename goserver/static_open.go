package goserver

import "github.com/hyperion-server/hyperion/goserver/internal/static"

// StaticOpening tells how Server.Static opens files: "openat2", with which Linux walks
// a path below a directory in one system call, or "os.Root", which does so name by name, and in
// brackets why, where the kernel or a filter of system calls refuses openat2.
func StaticOpening() string { return static.Opening() }
