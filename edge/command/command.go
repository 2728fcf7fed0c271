// Package command owns the command line of the edge daemon: what its sub-commands are called, what they print and with
// which exit code they end. The daemon itself is package agent's, its settings package config's.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/overcloud/overcloud/edge/config"
	"github.com/overcloud/overcloud/internal/fn"
)

// Exit codes: done, could not or found faults, was asked for nonsense or is configured with nonsense.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

// Call is how the program was called.
type Call struct {
	Args   []string // without the program's name
	Getenv func(string) string
	In     io.Reader
	Out    io.Writer
	Errs   io.Writer
}

// command is one sub-command. Help is all that --help prints before the flags; its first line says what it does.
type command struct {
	name, help string
	run        func(ctx context.Context, c Call, flags *flag.FlagSet) int
	// flags adds the command's own flags; --help is everybody's. Nil for none.
	flags func(*flag.FlagSet)
	bare  bool // a command without settings, hence without --config
	// whole is a command that reads its own flags and needs no settings; then run and flags are nil.
	whole func(ctx context.Context, c Call) error
}

func commands() []command {
	return []command{
		runCommand(), checkCommand(), configCommand(), statusCommand(), healthCommand(),
		learnCommand(), lircdConfCommand(), simulateCommand(), versionCommand(),
	}
}

// Main runs the sub-command that the arguments name, `run` when they name none, and returns the exit code.
func Main(c Call) int {
	name := "run"
	if len(c.Args) > 0 && !strings.HasPrefix(c.Args[0], "-") {
		name, c.Args = c.Args[0], c.Args[1:]
	} else if len(c.Args) > 0 && isHelp(c.Args[0]) {
		name = "help"
	}
	if name == "help" {
		fmt.Fprint(c.Out, overview())
		return exitOK
	}
	for _, one := range commands() {
		if one.name == name {
			return one.call(c)
		}
	}
	fmt.Fprintf(c.Errs, "edge: unknown argument %q%s (try edge --help)\n", name, suggest(name))
	return exitUsage
}

func isHelp(arg string) bool {
	return arg == "-h" || arg == "-help" || arg == "--help"
}

func (one command) call(c Call) int {
	if one.whole != nil {
		ctx, stop := fn.Signals(context.Background())
		defer stop()
		return c.ended(one.whole(ctx, c))
	}
	flags := flag.NewFlagSet("edge "+one.name, flag.ContinueOnError)
	flags.SetOutput(c.Errs)
	flags.Usage = func() {}
	if !one.bare {
		flags.String("config", "", "the `file` with the settings (default $"+config.EnvFile+", else "+config.DefaultFile+" if it is there)")
	}
	if one.flags != nil {
		one.flags(flags)
	}
	err := flags.Parse(c.Args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		for line := range strings.Lines(strings.TrimSpace(one.help)) {
			fmt.Fprintln(c.Out, lastFolded(strings.TrimRight(line, "\n"), widthOf(c.Out)))
		}
		if one.flags != nil || !one.bare {
			fmt.Fprintln(c.Out, "\nFlags:")
			printFlags(c.Out, flags)
		}
		return exitOK
	case err != nil:
		fmt.Fprintf(c.Errs, "edge %s: see edge %s --help\n", one.name, one.name)
		return exitUsage
	}
	ctx, stop := fn.Signals(context.Background())
	defer stop()
	c.Args = flags.Args()
	return one.run(ctx, c, flags)
}

// none refuses arguments where a command takes none.
func (c Call) none(name string) bool {
	if len(c.Args) == 0 {
		return true
	}
	fmt.Fprintf(c.Errs, "edge %s: %q: too many arguments (try edge %s --help)\n", name, strings.Join(c.Args, " "), name)
	return false
}

// load reads the configuration that the flags name, and prints what is wrong with it.
func (c Call) load(flags *flag.FlagSet) (config.Loaded, bool) {
	l, err := config.Load(config.File(value(flags, "config"), c.Getenv), c.Getenv)
	if err != nil {
		for _, line := range config.Problems(err) {
			fmt.Fprintf(c.Errs, "edge: %s\n", line)
		}
	}
	return l, err == nil
}

func value(flags *flag.FlagSet, name string) string { return flags.Lookup(name).Value.String() }

// get is what a flag that is no text holds.
func get[T any](flags *flag.FlagSet, name string) T {
	var zero T
	if getter, ok := flags.Lookup(name).Value.(flag.Getter); ok {
		if v, ok := getter.Get().(T); ok {
			return v
		}
	}
	return zero
}

func overview() string {
	var b strings.Builder
	b.WriteString("edge: sensors in, infrared out, and a safe room when nobody orders\n\n")
	for _, one := range commands() {
		first, _, _ := strings.Cut(one.help, "\n")
		_, about, _ := strings.Cut(first, ": ")
		fmt.Fprintf(&b, "  edge %-11s %s\n", one.name, about)
	}
	b.WriteString(`
Settings come from ` + config.DefaultFile + ` (--config or $` + config.EnvFile + ` name
another) and from environment variables, which win. edge config prints them all,
each with its default. Every command has --help with examples.
`)
	return b.String()
}
