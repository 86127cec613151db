package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/demo"
	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

// An app is one run of the program.
type app struct {
	stdout, stderr *os.File
	environ        []string
	logs           *logs // of a serving command; nil before it runs
}

// execute runs the command line and returns the exit code.
func (a *app) execute(args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.Execute()
	code := exitCode(err)
	switch {
	case err == nil:
	case a.logs != nil && a.logs.json:
		a.logs.log.Error(err.Error(), "exit_code", code)
	default:
		fmt.Fprintf(a.stderr, "hyperion: %v\n", strings.TrimSpace(err.Error()))
		if code == exitUsage {
			fmt.Fprintln(a.stderr, hint(args))
		}
	}
	return code
}

// hint is what to do after a mistake of usage.
func hint(args []string) string {
	if len(args) > 0 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			return "To serve that directory: hyperion serve " + args[0]
		}
	}
	return "See hyperion --help."
}

func (a *app) rootCommand() *cobra.Command {
	f := newServerFlags()
	root := &cobra.Command{
		Use:   "hyperion",
		Short: "A web server. Alone it serves a page that shows it at work.",
		Example: `  hyperion                           the embedded site on http://127.0.0.1:9292
  hyperion serve ./public            a directory
  hyperion serve -b 0.0.0.0 -p 80    the current one, for everybody`,
		Version: version,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ran(a.serve(f, a.demoSite))
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	serve := a.serveCommand()
	root.AddCommand(serve, a.versionCommand())
	root.SetHelpCommand(helpCommand())
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetVersionTemplate("hyperion {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	f.attach(root)
	return root
}

// demoSite registers the embedded site.
func (a *app) demoSite(srv *goserver.Server) (site, error) {
	d := demo.New(demo.About{
		Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
	})
	err := d.Attach(srv)
	return site{name: "the embedded demonstration", observe: d.Observe}, err
}

// flagError adds the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := setting.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}
