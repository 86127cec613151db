package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// fields is how many keys the object of the JSON row has.
const fields = 50

// newObject makes it: strings, numbers and booleans in turn. Encoded it stays
// below the 2 KiB up to which net/http sets Content-Length itself.
func newObject() map[string]any {
	o := make(map[string]any, fields)
	for i := range fields {
		key := fmt.Sprintf("field_%02d", i)
		switch i % 4 {
		case 0:
			o[key] = fmt.Sprintf("value number %d", i)
		case 1:
			o[key] = float64(i * 1001)
		case 2:
			o[key] = float64(i) + 0.25
		case 3:
			o[key] = i%8 == 3
		}
	}
	return o
}

// encode returns the object as the servers send it.
func encode(o map[string]any) []byte {
	var b bytes.Buffer
	json.NewEncoder(&b).Encode(o)
	return b.Bytes()
}

// writeSite makes what all servers serve: files/ and object.json in dir, both
// readable by a worker that has dropped its rights.
func writeSite(dir string) error {
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		return err
	}
	for name, body := range map[string][]byte{
		"files/hello.txt": []byte("hello"),
		"files/1k.txt":    text(1 << 10),
		"files/8k.txt":    text(8 << 10),
		"files/1m.txt":    text(1 << 20),
		"object.json":     encode(newObject()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// text returns n bytes of lines.
func text(n int) []byte {
	line := []byte("The quick brown fox jumps over the lazy dog, and so on to the end.\n")
	return bytes.Repeat(line, n/len(line)+1)[:n]
}
