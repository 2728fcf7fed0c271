// Command worker does OverCloud's work behind the scenes. One binary, one role a process: the Temporal worker,
// the sink, the control loop, the notifier.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fn"
)

func main() {
	os.Exit(execute(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// ran is the exit code of a role that ran and has already said how it went.
type ran struct{ code int }

// Error is never shown.
func (r ran) Error() string { return fmt.Sprintf("exit code %d", r.code) }

func execute(args []string, getenv func(string) string, out, errs io.Writer) int {
	root := &cobra.Command{
		Use:   "worker",
		Short: "OverCloud's worker: workflows, sink, control loop, notifier",
		Long: "worker runs one role until SIGTERM. Its configuration comes from environment variables; every role\n" +
			"says which in its own --help. All log JSON lines to stderr (LOG_LEVEL: debug, info, warn or error).",
		Example: "  worker workflows\n  KAFKA_BROKERS=10.0.0.7:9092 INFLUX_URL=http://10.0.0.7:8086 worker sink\n  worker health sink",
		Args:    cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	for _, role := range roles() {
		command := &cobra.Command{
			Use: role.name, Short: role.short, Long: role.long, Example: role.example, Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				code := fn.Main("worker "+role.name, getenv, errs, func(ctx context.Context) error { return role.run(ctx, getenv) })
				return ran{code}
			},
		}
		if role.name == "notify" {
			command.AddCommand(notifyTestCommand(getenv))
		}
		root.AddCommand(command)
	}
	root.AddCommand(healthCommand(getenv))
	err := root.Execute()
	var done ran
	var bad unwell
	switch {
	case err == nil:
		return 0
	case errors.As(err, &done):
		return done.code
	case errors.As(err, &bad):
		fmt.Fprintf(errs, "worker: %v\n", err)
		return 1
	}
	fmt.Fprintf(errs, "worker: %v (try worker --help)\n", err)
	return 2
}

// role is one thing that a worker does.
type role struct {
	name, short, long, example string
	// port is the container port of its /healthz.
	port string
	run  func(ctx context.Context, getenv func(string) string) error
}

// The ports of /healthz, one for each role: they may run on one host.
const (
	portSink      = "9101"
	portControl   = "9102"
	portNotify    = "9103"
	portWorkflows = "9104"
)

// healthAddress is where a role serves /healthz: HEALTH_PORT moves it.
func healthAddress(env *fn.Env, getenv func(string) string, port string) string {
	return fn.Listen(getenv, env.Port("HEALTH_PORT", port))
}
