package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
)

func healthCommand(getenv func(string) string) *cobra.Command {
	return &cobra.Command{
		Use:     "health [role]",
		Short:   "exit 0 when the running role is well",
		Long:    "health asks /healthz of the role that runs here (by default whichever it is) and exits 0 when it answers 200.",
		Example: "  worker health\n  worker health sink",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return askHealth(getenv, args)
		},
	}
}

func askHealth(getenv func(string) string, args []string) error {
	ports, err := healthPorts(getenv, args)
	if err != nil {
		return err
	}
	ctx, stop := fn.Signals(context.Background())
	defer stop()
	var faults []error
	for _, port := range ports {
		err := fn.ProbeHealth(ctx, fn.Listen(getenv, port))
		if err == nil {
			return nil
		}
		if !errors.Is(err, fault.ErrUnreachable) {
			return unwell{err} // this is the one that runs
		}
		faults = append(faults, err)
	}
	return unwell{fmt.Errorf("no role answers: %w", faults[0])}
}

// unwell is a probe that came back bad: no mistake in how it was asked.
type unwell struct{ error }

// Unwrap is the cause.
func (u unwell) Unwrap() error { return u.error }

// healthPorts are the ports to ask: of the named role, else of all.
func healthPorts(getenv func(string) string, args []string) ([]string, error) {
	env := fn.NewEnv(getenv)
	moved := env.Port("HEALTH_PORT", "")
	if err := env.Err(); err != nil {
		return nil, err
	}
	var ports []string
	for _, role := range roles() {
		if len(args) == 0 || args[0] == role.name {
			ports = append(ports, role.port)
		}
	}
	switch {
	case len(ports) == 0:
		return nil, fmt.Errorf("%w: there is no role %q", fault.ErrInvalid, args[0])
	case moved != "":
		return []string{moved}, nil
	}
	return ports, nil
}
