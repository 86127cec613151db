package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// groupHelp makes the command's help show its settings in groups: the usual
// ones on one screen, all of them with --help-all.
func groupHelp(cmd *cobra.Command, groups []flagGroup) {
	all := cmd.Flags().Bool("help-all", false, "this help, with all settings")
	cmd.Flags().Lookup("help-all").Hidden = true
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *all {
			writeHelp(cmd.OutOrStdout(), cmd, groups, true)
			return nil
		}
		return run(cmd, args)
	}
	cmd.SetHelpFunc(func(c *cobra.Command, _ []string) {
		if c != cmd { // inherited by commands without settings
			fmt.Fprintf(c.OutOrStdout(), "%s\n\n%s", c.Short, c.UsageString())
			return
		}
		writeHelp(c.OutOrStdout(), c, groups, false)
	})
}

// helpCommand returns `hyperion help COMMAND`, for which a command that is not
// there is a mistake as it is without "help".
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = fmt.Errorf("unknown command %q for %q", rest[0], about.CommandPath())
			}
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, c := range about.Commands() {
					if c.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func writeHelp(w io.Writer, cmd *cobra.Command, groups []flagGroup, all bool) {
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", cmd.Short, cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(w, "\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
	}
	hidden := false
	for _, g := range groups {
		if g.advanced && !all {
			hidden = true
			continue
		}
		fmt.Fprintf(w, "\n%s:\n%s", g.title, g.FlagUsages())
	}
	fmt.Fprintln(w)
	if hidden {
		fmt.Fprintln(w, "Limits and tuning: --help-all.")
	}
	if all {
		fmt.Fprintln(w, "SIZE is a number of bytes or has a unit (KiB, MiB, GiB); TIME has one (ms, s, m, h). \"none\" switches a limit off.")
	}
	fmt.Fprintln(w, "Each flag is also a variable: --max-conns is HYPERION_MAX_CONNS; the flag wins.")
	if all {
		fmt.Fprintln(w, "Signals: SIGTERM and SIGINT stop in good order, a second one at once; SIGHUP reads the certificates again,")
		fmt.Fprintln(w, "or stops when it comes because the terminal has gone; SIGUSR2 replaces the key of session tickets.")
		fmt.Fprintln(w, "Exit codes: 0 stopped as asked, 1 failed or cut requests off, 2 usage, 75 port in use, 78 bad configuration.")
	}
}
