// Command mirror crawls a site of thousands of real files with wget --mirror
// through Hyperion, from the disk and then from its cache, and through nginx, and
// compares the mirrors with the site and with each other, byte for byte.
//
//	go run ./tools/mirror [-hyperion ./bin/hyperion] [-files 5000] [TREE...]
//
// The site is a copy of directory trees of this machine and one page with a link
// to every file. The exit code is 1 when a mirror lacks a file, has another one
// or has one that the other mirror does not have. It needs wget and nginx.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// trees are copied in this order until there are files enough.
var trees = []string{"/usr/share/doc", "/usr/share/javascript", "/usr/share/vim", "/usr/share/perl", "/usr/share/zoneinfo", "/usr/share/icons", "/usr/share/man"}

func main() {
	hyperion := flag.String("hyperion", "./bin/hyperion", "the program that is tested")
	files := flag.Int("files", 5000, "the least number of files that the site must have")
	limit := flag.Duration("limit", 8*time.Minute, "for all of it")
	flag.Parse()
	if flag.NArg() > 0 {
		trees = flag.Args()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	if err := run(ctx, *hyperion, *files); err != nil {
		fmt.Fprintln(os.Stderr, "mirror:", err)
		os.Exit(1)
	}
}

var errDiffer = errors.New("the mirrors are not equal to the site and to each other")

func run(ctx context.Context, hyperion string, least int) error {
	dir, err := os.MkdirTemp("", "hyperion-mirror-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // for a worker that has dropped its rights
		return err
	}
	site := filepath.Join(dir, "site")
	size, err := makeSite(site, trees, least)
	if err != nil {
		return err
	}
	fmt.Printf("site: %d files, %.1f MB\n", size.files, float64(size.bytes)/1e6)

	var ours []string
	for i := range passes {
		ours = append(ours, filepath.Join(dir, fmt.Sprintf("hyperion-%d", i+1)))
	}
	theirs := filepath.Join(dir, "nginx")
	if err := crawl(ctx, "hyperion", startHyperion(hyperion, site), ours...); err != nil {
		return err
	}
	if err := crawl(ctx, "nginx", startNginx(dir, site), theirs); err != nil {
		return err
	}
	return judge(site, theirs, ours)
}

// passes is how often Hyperion is crawled: a file is put into its cache by the
// second request and sent from it to the third one.
const passes = 3

// judge compares the mirrors and prints what it finds. A mirror may have more
// than the site: pages may refer to one file by several queries.
func judge(site, theirs string, ours []string) error {
	equal := true
	look := func(what, want, got string, more bool) error {
		d, err := compare(want, got)
		fmt.Printf("%s: %s\n", what, d)
		equal = equal && len(d.missing) == 0 && len(d.different) == 0 && (more || len(d.more) == 0)
		return err
	}
	err := look("nginx's mirror and the site", site, theirs, true)
	for i, dir := range ours {
		name := fmt.Sprintf("hyperion's mirror %d and ", i+1)
		err = errors.Join(err, look(name+"the site", site, dir, true), look(name+"nginx's", theirs, dir, false))
	}
	if err != nil {
		return err
	}
	if !equal {
		return errDiffer
	}
	fmt.Println("equal, byte for byte")
	return nil
}
