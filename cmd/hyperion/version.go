package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hyperion-server/hyperion/goserver"
	"github.com/hyperion-server/hyperion/native/cpu"
)

// version is that of the next release.
const version = "0.1.0"

// A build is what `version -v` tells of the program and the machine.
type build struct {
	Version  string     `json:"version"`
	Commit   string     `json:"commit,omitempty"`
	Go       string     `json:"go"`
	Platform string     `json:"platform"`
	Kernel   string     `json:"kernel,omitempty"`
	CPUs     int        `json:"cpus"`
	MaxProcs int        `json:"gomaxprocs"`
	Engine   string     `json:"engine"`
	KTLS     string     `json:"kernel_tls,omitempty"` // only looked for when it is asked for
	Opening  string     `json:"file_opening"`
	Rungs    []rungInfo `json:"file_rungs"`
	Units    []unitInfo `json:"units"`
}

// rungInfo is one row of the ways to send a file.
type rungInfo struct {
	Name   string `json:"name"`
	Use    string `json:"use"`
	Reason string `json:"reason,omitempty"` // why it is never used here
}

// unitInfo is one row of the C units and what they depend on.
type unitInfo struct {
	Name    string `json:"name"`
	Variant string `json:"variant"`
	Reason  string `json:"reason,omitempty"`
}

func (a *app) versionCommand() *cobra.Command {
	var verbose, asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version; -v: also what this build and this machine can do",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := readBuild()
			if verbose || asJSON {
				b.KTLS = kernelTLS()
			}
			return ran(writeVersion(a.stdout, b, verbose, asJSON))
		},
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "also Go, kernel, engine, and each C unit with the reason if it is off")
	cmd.Flags().BoolVar(&asJSON, "json", false, "everything, as one JSON object")
	return cmd
}

func readBuild() build {
	b := build{
		Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: kernel(), CPUs: runtime.NumCPU(), MaxProcs: runtime.GOMAXPROCS(0), Engine: engine(),
		Opening: goserver.StaticOpening(),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	for _, r := range goserver.FileRungs() {
		b.Rungs = append(b.Rungs, rungInfo(r))
	}
	for _, u := range cpu.Units() {
		b.Units = append(b.Units, unitInfo(u))
	}
	return b
}

// kernel returns the release of the running Linux, "" elsewhere.
func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return "Linux " + strings.TrimSpace(string(release))
}

// kernelTLS tells whether the kernel can send TLS, and else why it can't.
func kernelTLS() string {
	if why := goserver.KTLSSupported(); why != nil {
		return "no (" + why.Error() + ")"
	}
	return "yes"
}

// engine is how goserver waits for connections on this system.
func engine() string {
	if runtime.GOOS == "linux" {
		return "epoll"
	}
	return "net (idle connections are not parked)"
}

// nativeUnits names the C units in use.
func nativeUnits() string {
	var on []string
	for _, name := range cpu.Names() {
		if enabled, _ := cpu.Enabled(name); enabled {
			on = append(on, name)
		}
	}
	if on == nil {
		return "none"
	}
	return strings.Join(on, "+")
}

func writeVersion(w io.Writer, b build, verbose, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(b)
	}
	_, err := fmt.Fprintf(w, "hyperion %s\n", b.Version)
	if !verbose {
		return err
	}
	row := func(name, value string) {
		if value != "" {
			_, err = fmt.Fprintf(w, "  %-9s %s\n", name, value)
		}
	}
	row("commit", b.Commit)
	row("go", b.Go)
	row("platform", b.Platform)
	row("kernel", b.Kernel)
	row("cpus", fmt.Sprintf("%d, GOMAXPROCS %d", b.CPUs, b.MaxProcs))
	row("engine", b.Engine)
	row("ktls", b.KTLS)
	row("opening", b.Opening)
	for _, r := range b.Rungs {
		state := r.Use
		if r.Reason != "" {
			state = "never (" + r.Reason + ")"
		}
		row("file rung", fmt.Sprintf("%-9s %s", r.Name, state))
	}
	for _, u := range b.Units {
		state := u.Variant
		if u.Reason != "" {
			state += " (" + u.Reason + ")"
		}
		row("unit", fmt.Sprintf("%-9s %s", u.Name, state))
	}
	return err
}
