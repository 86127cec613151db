package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyRotate asks for the signal that rotates the keys of session tickets.
func notifyRotate(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR2) }
