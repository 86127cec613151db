//go:build !linux

package main

import "os"

// notifyRotate does nothing: not all systems have the signal. Keys rotate by time.
func notifyRotate(chan<- os.Signal) {}
