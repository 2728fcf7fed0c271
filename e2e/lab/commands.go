package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/embedded/child"
	"github.com/overcloud/overcloud/internal/lab"
)

// defaultName is the lab that the verbs mean when none is named.
const defaultName = "lab"

func newRoot(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "lab",
		Short: "Real Docker engines as boxes on this machine, for integration tests and trying things out",
		Long: `lab runs Docker engines, each in namespaces of its own with its own address on a bridge, and beside them the
project's registry in four variants: open, locked (user and password), plain HTTP, and a pull-through mirror.
It needs root and the Debian packages docker.io, iproute2, iptables and util-linux. See docs/lab.md.`,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
	}
	root.SetOut(out)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newUp(), newDown(), newStatus(), newSweep(), newExec())
	return root
}

func newDown() *cobra.Command {
	all := false
	down := &cobra.Command{
		Use:     "down [NAME]",
		Short:   "Take a lab down without a trace, also one whose process was killed",
		Example: "  go run ./e2e/lab down\n  go run ./e2e/lab down mine\n  go run ./e2e/lab down --all",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if all {
				return downAll(c.Context())
			}
			return lab.Down(c.Context(), nameOf(args))
		},
	}
	down.Flags().BoolVar(&all, "all", false, "every lab on this machine")
	return down
}

func nameOf(args []string) string {
	if len(args) == 0 {
		return defaultName
	}
	return args[0]
}

func downAll(ctx context.Context) error {
	labs, err := lab.List()
	if err != nil {
		return err
	}
	var faults []error
	for _, one := range labs {
		if one.Alive {
			faults = append(faults, lab.Down(ctx, one.Name))
		}
	}
	return errors.Join(append(faults, lab.Sweep(ctx))...)
}

func newSweep() *cobra.Command {
	return &cobra.Command{
		Use:     "sweep",
		Short:   "Remove what labs have left whose process was killed; others stay",
		Example: "  go run ./e2e/lab sweep",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return lab.Sweep(c.Context()) },
	}
}

func newStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status [NAME]",
		Short:   "Show the labs of this machine",
		Example: "  go run ./e2e/lab status",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return show(c.OutOrStdout(), name)
		},
	}
}

func newExec() *cobra.Command {
	name := ""
	run := &cobra.Command{
		Use:     "exec BOX COMMAND [ARGUMENT...]",
		Short:   "Run a command inside a box: in its network, with its /run, beside its processes",
		Example: "  go run ./e2e/lab exec box1 ip address\n  go run ./e2e/lab exec box1 docker ps",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			init, err := initOf(name, args[0])
			if err != nil {
				return err
			}
			nsenter := []string{"-t", strconv.Itoa(init.PID), "--mount", "--uts", "--ipc", "--net", "--pid", "--"}
			command := exec.CommandContext(c.Context(), "nsenter", append(nsenter, args[1:]...)...)
			command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
			return command.Run()
		},
	}
	run.Flags().StringVar(&name, "name", defaultName, "name of the lab")
	run.Flags().SetInterspersed(false)
	return run
}

func initOf(labName, boxName string) (child.Identity, error) {
	labs, err := lab.List()
	if err != nil {
		return child.Identity{}, err
	}
	for _, one := range labs {
		if one.Name != labName {
			continue
		}
		for _, box := range one.Boxes {
			if box.Name == boxName && box.Init.Alive() {
				return box.Init, nil
			}
		}
	}
	return child.Identity{}, fmt.Errorf("there is no running box %s in a lab %s", boxName, labName)
}
