package goserver

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
)

// A keyLog is the file that the secrets of connections go to. Handshakes do not depend
// on it: a file that takes no more, or that is closed, is logged once.
type keyLog struct {
	file *os.File
	log  *slog.Logger
	told sync.Once
}

func openKeyLog(name string, log *slog.Logger) (*keyLog, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND | syscall.O_NONBLOCK // a pipe that nobody reads is an error
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("TLS key log: %w", err)
	}
	log.Warn("TLS secrets are written to a file: who reads it reads all connections", "file", name)
	return &keyLog{file: f, log: log}, nil
}

// Write is for tls.Config.KeyLogWriter, which calls it one at a time.
func (k *keyLog) Write(line []byte) (int, error) {
	if _, err := k.file.Write(line); err != nil {
		k.told.Do(func() { k.log.Error("TLS key log is incomplete from here on", "error", err.Error()) })
	}
	return len(line), nil
}

func (k *keyLog) Close() error { return k.file.Close() }
