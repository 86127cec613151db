// Package localnet gives tests a port that is nobody else's.
package localnet

import (
	"errors"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// Port returns a free port of 127.0.0.1 that the kernel gives to nobody else before the end of
// the test: what goes on when a server has stopped must not meet another test's. It is bound, not
// listened on, so that a server may listen, which only Linux allows; elsewhere it is 0.
func Port(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		return "0"
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	syscall.CloseOnExec(fd)
	err1 := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	err2 := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	name, err3 := syscall.Getsockname(fd)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
}
