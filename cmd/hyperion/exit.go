package main

import "errors"

// Exit codes. 75 and 78 are sysexits' EX_TEMPFAIL and EX_CONFIG.
const (
	exitOK      = 0
	exitFailure = 1  // anything else; also a stop that had to cut requests off
	exitUsage   = 2  // unknown command or flag, bad value of a flag
	exitBusy    = 75 // the port is in use
	exitConfig  = 78 // bad value of a variable, or a directory, file or address that cannot be used
)

// A failure is an error that has an exit code.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// badConfig makes err a failure of configuration, unless it is nil.
func badConfig(err error) error {
	if err == nil {
		return nil
	}
	return &failure{exitConfig, err}
}

// ran gives an error of a command that ran an exit code, if it has none yet:
// what has none afterwards is an error of usage, found before the command ran.
func ran(err error) error {
	if f := (*failure)(nil); err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{exitFailure, err}
}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if f := (*failure)(nil); errors.As(err, &f) {
		return f.code
	}
	return exitUsage
}
