// Package leaktest fails the tests of a package that leave goroutines behind.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end: on a busy machine far longer
// than goleak waits by itself. Only a failure takes as long.
const patience = time.Minute

// Main is the TestMain of a package. It ends the process, with a failure also if
// all tests have passed but goroutines stay.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := Settle(); err != nil {
			fmt.Fprintln(os.Stderr, "leaktest:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Settle returns when no goroutine runs but the caller's and those of the
// runtime and of package testing. Its error names those that stay.
func Settle() error {
	for end := time.Now().Add(patience); ; {
		if err := goleak.Find(); err == nil || time.Now().After(end) {
			return err
		}
	}
}
