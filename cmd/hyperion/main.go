// Command hyperion is a web server: alone it serves an embedded site that shows
// it at work, `hyperion serve DIR` serves a directory. See `hyperion --help`.
package main

import (
	"os"
)

func main() {
	a := &app{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	os.Exit(a.execute(os.Args[1:]))
}
