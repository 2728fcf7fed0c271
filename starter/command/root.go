// Package command is the operator's command line, one file for each verb. Every verb but up is a client of the
// workflows: it starts, signals, updates or asks, and never acts on a box by itself.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/temporal"
)

// System is what a command touches of the machine.
type System struct {
	Args    []string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Environ []string
}

// The exit codes. Plan and doctor use them as documented in their help.
const (
	exitOK      = 0
	exitFault   = 1
	exitChanges = 2
)

// exit carries an exit code through cobra, with nothing to print.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Execute runs one command line and returns its exit code. An error is one sentence on Err.
func Execute(ctx context.Context, system System) int {
	root := newRoot(system)
	root.SetArgs(system.Args)
	root.SetIn(system.In)
	root.SetOut(system.Out)
	root.SetErr(system.Err)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || strings.HasSuffix(err.Error(), context.Canceled.Error())):
		fmt.Fprintln(system.Err, "starter: interrupted")
		return exitFault
	}
	fmt.Fprintf(system.Err, "starter: %s\n", sentence(err))
	return exitFault
}

// Where Temporal is, unless somebody says otherwise.
const (
	defaultAddress   = "127.0.0.1:7233"
	defaultNamespace = "default"
)

// globals are the flags of every command.
type globals struct {
	system    System
	address   string
	namespace string
}

func newRoot(system System) *cobra.Command {
	g := &globals{system: system}
	root := &cobra.Command{
		Use:   "starter",
		Short: "OverCloud: one specification, placed, stitched, proven and tuned",
		Long: "starter brings OverCloud up on this machine and operates services.\n" +
			"Everything but `up` is a message to a Temporal workflow; the stock `temporal` command can send the same ones.",
		Example: "  starter up\n  starter plan compose.yaml\n  starter apply compose.yaml\n  starter status smart-energy\n" +
			"  starter override --room server-room --ac ac1 --setpoint 20 --for 30m --why \"delivery at the door\"\n  starter down smart-energy",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagFault(cmd, err) })
	env := environment(system.Environ)
	root.PersistentFlags().StringVar(&g.address, "address", first(env["TEMPORAL_ADDRESS"], defaultAddress), "host:port of Temporal (TEMPORAL_ADDRESS)")
	root.PersistentFlags().StringVar(&g.namespace, "namespace", first(env["TEMPORAL_NAMESPACE"], defaultNamespace), "Temporal namespace (TEMPORAL_NAMESPACE)")
	for _, group := range []struct {
		title string
		verbs []*cobra.Command
	}{
		{"On this machine:", []*cobra.Command{newUp(g), newImages(g)}},
		{"Before a deploy:", []*cobra.Command{newRender(g), newDoctor(g), newInstall(g), newPlan(g)}},
		{"A service:", []*cobra.Command{newApply(g), newApprove(g), newStatus(g), newHistory(g), newDown(g)}},
		{"While it runs:", []*cobra.Command{newScale(g), newRollback(g), newRetry(g), newDrain(g), newRebalance(g), newSweep(g)}},
		{"Its rooms:", []*cobra.Command{newWhy(g), newOverride(g), newResume(g), newPolicy(g), newAudit(g), newAcknowledge(g), newShelve(g), newUnshelve(g), newShed(g), newExport(g)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, verb := range group.verbs {
			verb.GroupID = group.title
			root.AddCommand(verb)
		}
	}
	return root
}

// answer bounds one question to Temporal.
const answer = 10 * time.Second

// with connects to Temporal, does one thing and closes.
func (g *globals) with(ctx context.Context, do func(context.Context, *temporal.Client) error) error {
	client, err := temporal.Dial(temporal.Options{Address: g.address, Namespace: g.namespace})
	if err != nil {
		return err
	}
	defer client.Close()
	return do(ctx, client)
}

// quick is with for one short question.
func (g *globals) quick(ctx context.Context, do func(context.Context, *temporal.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	err := g.with(ctx, do)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("temporal on %s gave no answer within %s: %w", g.address, answer, fault.ErrUnreachable)
	}
	return err
}

// elsewhere are the flags that a command line needs which is to reach the same Temporal from another shell.
func (g *globals) elsewhere() string {
	flags := ""
	if g.address != defaultAddress {
		flags += " --address " + g.address
	}
	if g.namespace != defaultNamespace {
		flags += " --namespace " + g.namespace
	}
	return flags
}

func environment(environ []string) map[string]string {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// who is the person at the keyboard, unless they say otherwise.
func (g *globals) who(said string) string {
	env := environment(g.system.Environ)
	login := ""
	if account, err := user.Current(); err == nil {
		login = account.Username
	}
	return first(said, env["OVERCLOUD_WHO"], env["SUDO_USER"], env["USER"], login, "somebody on the command line")
}
