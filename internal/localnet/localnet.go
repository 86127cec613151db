// Package localnet gives tests an address whose ports are nobody else's.
package localnet

import (
	"fmt"
	"os"
	"runtime"
)

// Host returns an address of this machine that no other process uses which asks this package:
// a port of it stays free when a server there has ended, and nobody else answers on it. Only Linux has
// so many; elsewhere it is 127.0.0.1.
func Host() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid() // below 1<<22
	return fmt.Sprintf("127.%d.%d.%d", 64+pid>>16&63, pid>>8&255, pid&255)
}
