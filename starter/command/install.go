package command

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

func newInstall(g *globals) *cobra.Command {
	var s specification
	var yes bool
	var who, why string
	cmd := &cobra.Command{
		Use:   "install FILE [BOX...]",
		Short: "Give boxes without a Docker engine one from their distribution's packages, over SSH",
		Long: "Give boxes without a Docker engine one from their distribution's own packages (Debian, Ubuntu, Raspberry Pi OS,\n" +
			"Alpine, Fedora), over SSH as root or with sudo; start it now and at every boot, and let the SSH user use it.\n" +
			"Without a BOX: all boxes of the specification with SSH access. A box that has an engine is left as it is.\n" +
			"Exit code 0: all have one; 1: one has not.",
		Example: "  starter install compose.yaml\n  starter install compose.yaml pi-1 pi-2 --yes --why \"two new Pis\"",
		Args:    words(1, 1000),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, err := s.load(cmd.Context(), g, args[0])
			if err != nil {
				return err
			}
			boxes, err := choose(service, args[1:])
			if err != nil {
				return err
			}
			if !yes && !g.agreed(boxes) {
				return fmt.Errorf("nothing was installed; say --yes, or answer y")
			}
			request := workflows.InstallRequest{Service: service.Name, Boxes: boxes, Who: g.who(who), Why: why}
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				outcome, err := c.Install(ctx, request, g.installProgress())
				if err != nil {
					return err
				}
				return g.installed(outcome)
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&who, "who", "", "who asks (default: you)")
	cmd.Flags().StringVar(&why, "why", "", "why, for the record")
	return cmd
}

// choose finds the boxes that were named, or all that have SSH access. Errors: ErrInvalid.
func choose(service spec.Service, names []string) ([]spec.Box, error) {
	var all, chosen []spec.Box
	var known []string
	for _, box := range service.Boxes {
		known = append(known, box.Name)
		if _, ok := box.SSHAccess(); ok {
			all = append(all, box)
		}
	}
	if len(names) == 0 {
		if len(all) == 0 {
			return nil, fmt.Errorf("no box of %s has SSH access: write `ssh: user@host` or `engine: ssh://user@host`: %w", service.Name, fault.ErrInvalid)
		}
		return all, nil
	}
	for _, name := range names {
		at := slices.IndexFunc(service.Boxes, func(box spec.Box) bool { return box.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no box %q%s: %w", name, spec.Suggest(name, known), fault.ErrInvalid)
		}
		if _, ok := service.Boxes[at].SSHAccess(); !ok {
			return nil, fmt.Errorf("box %s has no SSH access: write `ssh: user@host` or `engine: ssh://user@host`: %w", name, fault.ErrInvalid)
		}
		chosen = append(chosen, service.Boxes[at])
	}
	return chosen, nil
}

// agreed asks the person at the keyboard; an input that ends is a no.
func (g *globals) agreed(boxes []spec.Box) bool {
	fmt.Fprintln(g.system.Out, "Boxes without a Docker engine get one from their distribution's packages:")
	for _, box := range boxes {
		access, _ := box.SSHAccess()
		fmt.Fprintf(g.system.Out, "  %s (%s)\n", box.Name, access)
	}
	fmt.Fprint(g.system.Out, "Go on? [y/N] ")
	line, _ := bufio.NewReader(g.system.In).ReadString('\n') // the end of the input is an answer too
	reply := strings.ToLower(strings.TrimSpace(line))
	return reply == "y" || reply == "yes"
}

// installProgress prints what each box is doing, a line for each change.
func (g *globals) installProgress() func([]activities.InstallProgress) {
	last := map[string]string{}
	return func(all []activities.InstallProgress) {
		for _, one := range all {
			if one.Line != "" && last[one.Box] != one.Line {
				last[one.Box] = one.Line
				fmt.Fprintf(g.system.Out, "%s: %s\n", one.Box, strings.TrimPrefix(one.Line, "overcloud: "))
			}
		}
	}
}

// installed prints the outcome; an error when a box has no engine now.
func (g *globals) installed(outcome workflows.InstallOutcome) error {
	sheet := newSheet(g.system.Out)
	width, failed := 0, 0
	for _, box := range outcome.Boxes {
		width = max(width, len(box.Box))
	}
	for _, box := range outcome.Boxes {
		check := activities.Check{Name: box.Box, State: activities.CheckPass, Advice: box.Advice}
		switch {
		case box.Fault != "":
			failed++
			check.State, check.Seen = activities.CheckFail, box.Fault
		case box.Already:
			check.Seen = "had an engine already (" + box.Engine + "); nothing was changed"
		default:
			check.Seen = "has Docker " + box.Engine + " now (" + box.Distribution + ")"
		}
		if box.Fault == "" && box.Advice != "" {
			check.State = activities.CheckWarn
		}
		sheet.checks([]activities.Check{check}, width)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d boxes have no engine", failed, len(outcome.Boxes))
	}
	return nil
}
