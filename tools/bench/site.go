package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"

	"github.com/hyperion-server/hyperion/tools/bench/load"
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

// An item is one of the list of the row tls-json-50k.
type item struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	On    bool   `json:"on"`
}

// newList makes 600 items, of 50 KB when encoded.
func newList() []item {
	all := make([]item, 600)
	for i := range all {
		all[i] = item{10_000 + i, fmt.Sprintf("Name number %05d", i), fmt.Sprintf("human%05d@example.com", i), i%3 == 0}
	}
	return all
}

// marshal returns the list as the servers send it.
func marshal(list []item) []byte {
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // of a type that can be encoded
	}
	return b
}

// writeSite makes what all servers serve: files/ and two of JSON in dir, all
// readable by a worker that has dropped its rights.
func writeSite(dir string) error {
	for name, body := range map[string][]byte{
		"files/hello.txt": []byte("hello"),
		"files/1k.txt":    text(1 << 10),
		"files/8k.txt":    text(8 << 10),
		"files/64k.txt":   text(64 << 10),
		"files/100k.txt":  text(100 << 10),
		"files/1m.txt":    text(1 << 20),
		"files/script.js": script(scriptSize),
		"object.json":     encode(newObject()),
		"list.json":       marshal(newList()),
		"post.txt":        text(postSize),
	} {
		if err := write(dir, name, body); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// write makes a file, and the directories above it, below dir.
func write(dir, name string, body []byte) error {
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, body, 0o644)
}

// writeLarge makes the file of the row file-100m.
func writeLarge(dir string) error { return write(dir, "files/100m.txt", text(largeSize)) }

// writeTenMiB makes the file of the row h2-file-10m.
func writeTenMiB(dir string) error { return write(dir, "files/10m.txt", text(tenMiB)) }

// writeRandom makes the files of load.RandomSite.
func writeRandom(dir string) error {
	for _, f := range load.RandomSite() {
		if err := write(dir, "files/random/"+f.Name, titled(f.Name, int(f.Size))); err != nil {
			return err
		}
	}
	return nil
}

// writePreload makes the files of the preload rows.
func writePreload(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "preload")); err == nil {
		return nil
	}
	for i := range preloadFiles {
		name := preloadName(i)
		if err := write(dir, "preload/"+name, titled(name, int(preloadSize(i)))); err != nil {
			return err
		}
	}
	return nil
}

// writeSidecars makes a copy of the script, compressed at the best level beside it.
func writeSidecars(dir string) error {
	body := script(scriptSize)
	var gz, br bytes.Buffer
	z, err := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err != nil {
		return err
	}
	b := brotli.NewWriterLevel(&br, brotli.BestCompression)
	for _, w := range []io.WriteCloser{z, b} {
		w.Write(body) // into memory
		w.Close()
	}
	return errors.Join(
		write(dir, "files/sidecars/script.js", body),
		write(dir, "files/sidecars/script.js.gz", gz.Bytes()),
		write(dir, "files/sidecars/script.js.br", br.Bytes()))
}

// titled returns n bytes of lines that begin with a title, so that no two files are the same.
func titled(title string, n int) []byte {
	return append([]byte(title+"\n"), text(n)...)[:n]
}

// script returns n bytes that look, and compress, like a program in JavaScript.
func script(n int) []byte {
	words := strings.Fields("value index result node list item callback options element event target parent child render update state handler request response buffer length offset config context")
	r := rand.New(rand.NewPCG(3, 3))
	word := func() string { return words[r.IntN(len(words))] }
	var b bytes.Buffer
	for b.Len() < n {
		f, a := fmt.Sprintf("%s%s%d", word(), strings.ToUpper(word()[:1]), r.IntN(1000)), word()
		fmt.Fprintf(&b, "function %s(%s, %s) {\n  if (%s.%s === %d) {\n    return %s(%q);\n  }\n  const %s = %s.%s + %d;\n  return this.%s[%s];\n}\n\n",
			f, a, word(), a, word(), r.IntN(5000), word(), word()+" "+word(), word(), a, word(), r.IntN(100), word(), word())
	}
	return b.Bytes()[:n]
}

// text returns n bytes of lines.
func text(n int) []byte {
	line := []byte("The quick brown fox jumps over the lazy dog, and so on to the end.\n")
	return bytes.Repeat(line, n/len(line)+1)[:n]
}
