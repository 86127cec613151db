package filewatch

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// abandoned is the age of a half-written file whose writer is taken for dead.
const abandoned = time.Minute

// Replace writes a file and puts it in place of name in one step, so that readers
// see the old content or the new one, whole. It belongs to its owner alone.
//
// The file is called name + ".new" while it is written, which serves as a lock:
// content is called under it, and when another process has it, the error is an
// fs.ErrExist. One that is older than a minute is left over, and is replaced.
func Replace(name string, content func() ([]byte, error)) error {
	temp := name + ".new"
	f, err := create(temp)
	if err != nil {
		return err
	}
	defer os.Remove(temp) // of what has failed
	defer f.Close()
	b, err := content()
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// create makes a file that must not be there, unless it is abandoned.
func create(name string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(name, flags, 0o600)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if info, statErr := os.Stat(name); statErr == nil && time.Since(info.ModTime()) > abandoned {
		os.Remove(name)
		return os.OpenFile(name, flags, 0o600)
	}
	return nil, err
}
