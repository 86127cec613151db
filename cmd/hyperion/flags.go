package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hyperion-server/hyperion/cmd/hyperion/internal/setting"
	"github.com/hyperion-server/hyperion/goserver"
)

// A flagGroup is a part of the settings as help shows them. Every flag in it
// has a variable.
type flagGroup struct {
	title    string
	advanced bool // shown by --help-all only
	*pflag.FlagSet
}

func newGroup(title string, advanced bool) flagGroup {
	fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
	fs.SortFlags = false
	return flagGroup{title, advanced, fs}
}

// serverFlags are the settings of every serving command.
type serverFlags struct {
	bind       string
	port       setting.Port
	healthPath string
	graceful   setting.Span

	logRequests bool
	logLevel    setting.Choice
	logFormat   setting.Choice

	headerTimeout, idleTimeout, bodyIdle, writeIdle setting.Span
	maxHeader, maxTarget, maxBody, minBodyRate      setting.Size
	maxHeaderCount, maxConns                        setting.Count

	fileRung setting.Choice

	tls   tlsFlags
	http2 http2Flags

	groups []flagGroup
}

// toggle defines a flag that needs no value to be switched on.
func toggle(fs *pflag.FlagSet, target *bool, name, usage string) {
	fs.VarPF(&setting.Switch{Target: target}, name, "", usage).NoOptDefVal = "true"
}

// newServerFlags returns the settings with their defaults.
func newServerFlags() *serverFlags {
	f := &serverFlags{
		port:        9292,
		logRequests: true,
		logLevel:    setting.Choice{Word: "info", Words: []string{"debug", "info", "warn", "error"}},
		logFormat:   setting.Choice{Word: "auto", Words: []string{"auto", "text", "json"}},
		graceful:    setting.Span{D: defaultGraceful},

		headerTimeout:  setting.Span{D: goserver.DefaultHeaderTimeout, Optional: true},
		idleTimeout:    setting.Span{D: goserver.DefaultIdleTimeout, Optional: true},
		bodyIdle:       setting.Span{D: goserver.DefaultBodyIdleTimeout, Optional: true},
		writeIdle:      setting.Span{D: goserver.DefaultWriteIdleTimeout, Optional: true},
		maxHeader:      setting.Size{Bytes: goserver.DefaultMaxHeaderBytes, Max: 1 << 30},
		maxTarget:      setting.Size{Bytes: goserver.DefaultMaxTargetBytes, Max: 1 << 30},
		maxBody:        setting.Size{Bytes: goserver.DefaultMaxBodyBytes, Optional: true},
		minBodyRate:    setting.Size{Bytes: goserver.DefaultMinBodyRate, Optional: true, Max: 1 << 30},
		maxHeaderCount: setting.Count{N: goserver.DefaultMaxHeaderCount},
		maxConns:       setting.Count{N: goserver.DefaultMaxConns, Optional: true},

		fileRung: setting.Choice{Word: "auto", Words: fileRungs()},
	}
	f.tls, f.http2 = newTLSFlags(), newHTTP2Flags()
	listen, logging, limits, tuning := newGroup("Server", false), newGroup("Logs", false), newGroup("Limits", true), newGroup("Tuning", true)
	secure, secureMore, second := newGroup("TLS", false), newGroup("TLS, in detail", true), newGroup("HTTP/2", true)
	f.defineListen(listen.FlagSet)
	f.defineLogging(logging.FlagSet)
	f.defineLimits(limits.FlagSet)
	f.defineTuning(tuning.FlagSet)
	f.tls.defineTLS(secure.FlagSet)
	f.tls.defineTLSMore(secureMore.FlagSet)
	f.http2.define(second.FlagSet)
	f.groups = []flagGroup{listen, secure, logging, secureMore, second, limits, tuning}
	return f
}

func (f *serverFlags) defineListen(fs *pflag.FlagSet) {
	fs.StringVarP(&f.bind, "bind", "b", "127.0.0.1", "listen on this `HOST`; 0.0.0.0 or :: for every address")
	fs.VarP(&f.port, "port", "p", "listen on this port; 0 lets the system choose")
	fs.StringVar(&f.healthPath, "health-path", "", "answer 200 on this `PATH`, and 503 while the server stops")
	fs.Var(&f.graceful, "graceful-timeout", "how long a stop waits for running requests")
}

func (f *serverFlags) defineLogging(fs *pflag.FlagSet) {
	toggle(fs, &f.logRequests, "log-requests", "one line for each request on stdout (off: --no-log-requests)")
	setting.Negate(fs, "log-requests", &f.logRequests)
	fs.Var(&f.logFormat, "log-format", "auto is text on a terminal, else json")
	fs.Var(&f.logLevel, "log-level", "least level of the messages on stderr")
}

func (f *serverFlags) defineLimits(fs *pflag.FlagSet) {
	fs.Var(&f.headerTimeout, "header-timeout", "for a request's head to arrive; then 408")
	fs.Var(&f.idleTimeout, "idle-timeout", "for the next request on a connection; then it is closed")
	fs.Var(&f.bodyIdle, "body-idle-timeout", "for the next byte of a request's body; then 408")
	fs.Var(&f.minBodyRate, "min-body-rate", "bytes a second of a request's body, on average; below: 408")
	fs.Var(&f.writeIdle, "write-idle-timeout", "in which a client takes no byte of a response; then it is cut off")
	fs.Var(&f.maxHeader, "max-header-bytes", "of a request's head; above: 431")
	fs.Var(&f.maxHeaderCount, "max-header-count", "fields of a request's head; above: 431")
	fs.Var(&f.maxTarget, "max-target-bytes", "of a request's path and query; above: 414")
	fs.Var(&f.maxBody, "max-body-bytes", "of a request's body; above: 413")
	fs.Var(&f.maxConns, "max-conns", "connections at once; others wait to be accepted")
}

func (f *serverFlags) defineTuning(fs *pflag.FlagSet) {
	fs.Var(&f.fileRung, "file-rung", "how files on the disk are sent; hyperion version -v tells what this system has")
}

// fileRungs returns the words for --file-rung: auto, and the ways to send a file
// that is not in memory.
func fileRungs() []string {
	words := []string{"auto"}
	for _, r := range goserver.FileRungs() {
		if r.Name != "page" {
			words = append(words, r.Name)
		}
	}
	return words
}

// attach gives the command the flags and the help that shows them in groups.
func (f *serverFlags) attach(cmd *cobra.Command) {
	for _, g := range f.groups {
		cmd.Flags().AddFlagSet(g.FlagSet)
	}
	groupHelp(cmd, f.groups)
}

// flag returns the flag of that name, which there is.
func (f *serverFlags) flag(name string) *pflag.Flag {
	for _, g := range f.groups {
		if found := g.Lookup(name); found != nil {
			return found
		}
	}
	return nil
}

// apply sets what was not given by flag from the environment.
func (f *serverFlags) apply(environ []string) error {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, g := range f.groups {
		all.AddFlagSet(g.FlagSet)
	}
	return setting.Apply(all, environ)
}

// server returns a Server with the limits.
func (f *serverFlags) server() *goserver.Server {
	srv := &goserver.Server{
		ReadHeaderTimeout: f.headerTimeout.D,
		IdleTimeout:       f.idleTimeout.D,
		BodyIdleTimeout:   f.bodyIdle.D,
		WriteIdleTimeout:  f.writeIdle.D,
		MinBodyRate:       int(f.minBodyRate.Bytes),
		MaxHeaderBytes:    int(f.maxHeader.Bytes),
		MaxHeaderCount:    f.maxHeaderCount.N,
		MaxTargetBytes:    int(f.maxTarget.Bytes),
		MaxBodyBytes:      f.maxBody.Bytes,
		MaxConns:          f.maxConns.N,
		FileRung:          f.fileRung.Word,
		TLSHandshakeRate:  f.tls.handshakeRate.N,
	}
	f.http2.configure(srv)
	return srv
}
