//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// jobEnv names the directory of the job to the guest. The kernel makes words
// of its command line that it does not know the environment of the first process.
const jobEnv = "HYPERION_UML_JOB"

// A job is what the guest is to do. Host and guest share its directory.
type job struct {
	Args    []string
	Dir     string
	Env     []string
	Modules []string
	Limit   time.Duration
}

// A result is what became of it.
type result struct {
	Code  int    // the program's exit code; 128 and the signal's number if one ended it
	Error string // why there is no code
}

const (
	jobFile    = "job.json"
	resultFile = "result.json"
	tmpDir     = "tmp" // where the guest mounts its own memory
)

func save(dir, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync() // a guest's file reaches the host when it is synced
}

func load(dir, name string, v any) error {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
