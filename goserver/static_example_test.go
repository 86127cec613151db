package goserver_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hyperion-server/hyperion/goserver"
)

// exampleSite makes a directory with an index file and another one.
func exampleSite() (dir string) {
	dir, err := os.MkdirTemp("", "site")
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string]string{"index.html": "<h1>Hello</h1>\n", "app.js": "start()\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	return dir
}

func ExampleServer_Static() {
	public := exampleSite()
	defer os.RemoveAll(public)
	srv := new(goserver.Server)
	if err := srv.Static("/", public, nil); err != nil {
		log.Fatal(err)
	}
	printGet(srv, "/app.js")
	// Output:
	// 200 OK
	// start()
}

// A single-page application: paths that are no files show its page.
func ExampleStaticOptions() {
	public := exampleSite()
	defer os.RemoveAll(public)
	srv := new(goserver.Server)
	err := srv.Static("/", public, &goserver.StaticOptions{
		SPA: "index.html",
		CacheControl: func(name string) string {
			if filepath.Ext(name) == ".js" {
				return "public, max-age=60"
			}
			return goserver.StaticCacheControl(name)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	printGet(srv, "/users/7")
	fmt.Println(srv.Static("/", public, nil) != nil) // the prefix is taken
	// Output:
	// 200 OK
	// <h1>Hello</h1>
	// true
}

// What is wrong with an option is told with its field and value.
func ExampleStaticOptionError() {
	public := exampleSite()
	defer os.RemoveAll(public)
	err := new(goserver.Server).Static("/", public, &goserver.StaticOptions{SPA: "app.html"})
	if wrong := (*goserver.StaticOptionError)(nil); errors.As(err, &wrong) {
		fmt.Println(wrong.Option, wrong.Value)
	}
	// Output: SPA app.html
}
