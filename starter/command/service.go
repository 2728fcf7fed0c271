package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/spec/compose"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/starter/follow"
	"github.com/overcloud/overcloud/workflows"
)

// specification is the flags of the commands that read a file.
type specification struct{ profiles []string }

func (s *specification) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.profiles, "profile", []string{"simulated"}, "active Compose profiles")
}

func (s *specification) load(ctx context.Context, g *globals, path string) (spec.Service, error) {
	return compose.Load(ctx, compose.Options{Path: path, Env: environment(g.system.Environ), Profiles: s.profiles})
}

func newRender(g *globals) *cobra.Command {
	var s specification
	cmd := &cobra.Command{
		Use:   "render FILE",
		Short: "Check a specification and write it as the workflow's input",
		Example: "  starter render specs/smart-energy/compose.yaml > rendered.json\n" +
			"  temporal workflow start --type ServiceWorkflow --task-queue overcloud --workflow-id service/smart-energy --input-file rendered.json",
		Args: words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, err := s.load(cmd.Context(), g, args[0])
			if err != nil {
				return err
			}
			_, err = g.system.Out.Write(compose.Render(service))
			return err
		},
	}
	s.flags(cmd)
	return cmd
}

func newApply(g *globals) *cobra.Command {
	var s specification
	var planHash string
	var detach bool
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Start a service, or give a running one a new specification",
		Long:  "Start a service, or give a running one a new specification, and follow it until it runs. What did not change is kept running.",
		Example: "  starter apply specs/smart-energy/compose.yaml\n" +
			"  starter apply --plan-hash 3f2a… compose.yaml   # only if the plan is still the one that was looked at",
		Args: words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, err := s.load(cmd.Context(), g, args[0])
			if err != nil {
				return err
			}
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				accepted, err := c.Apply(ctx, workflows.ApplyRequest{Service: service, PlanHash: planHash, Who: g.who("")})
				if err != nil {
					return err
				}
				if detach {
					fmt.Fprintf(g.system.Out, "%s: revision %d is being made; starter status %s shows it\n", service.Name, accepted.Revision, service.Name)
					return nil
				}
				return g.follow(ctx, c, service.Name, accepted.Revision)
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&planHash, "plan-hash", "", "refuse to change anything unless the plan has this hash (starter plan prints it)")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait until it runs")
	return cmd
}

// follow shows a change until the service runs or failed.
func (g *globals) follow(ctx context.Context, c *temporal.Client, service string, revision int) error {
	display := newScreen(g.system.Out)
	status, err := follow.Until(ctx, c, service, revision, display, func(step string) string {
		return "starter approve " + service + " --step " + step + g.elsewhere()
	})
	display.Freeze()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("no longer watching, but %s goes on by itself: starter status %s%s shows it", service, service, g.elsewhere())
	}
	if err != nil {
		if before := keptRunning(ctx, c, service, status); before != 0 {
			fmt.Fprintf(g.system.Out, "%s: revision %d keeps running\n", service, before)
		}
		return err
	}
	fmt.Fprintf(g.system.Out, "%s runs: revision %d, %s\n", service, status.Revision, runs(status.Functions))
	return nil
}

// runs says how many replicas there are, and which of them are held on boxes that do not answer.
func runs(functions []workflows.FunctionStatus) string {
	var held []string
	for _, f := range functions {
		if f.State == workflows.StateHeld {
			held = append(held, replica(f)+" on "+f.Box)
		}
	}
	if len(held) == 0 {
		return fmt.Sprintf("%d replicas", len(functions))
	}
	return fmt.Sprintf("%d of %d replicas; held, because the box does not answer: %s",
		len(functions)-len(held), len(functions), strings.Join(held, ", "))
}

// keptRunning is the revision that runs although a newer one has failed; zero when none does or nobody can say.
func keptRunning(ctx context.Context, c *temporal.Client, service string, status workflows.Status) int {
	if status.Failed == nil {
		return 0
	}
	revisions, err := c.Revisions(ctx, service)
	if err != nil {
		return 0
	}
	for _, one := range revisions {
		if one.Running {
			return one.Revision
		}
	}
	return 0
}

func newScale(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "scale SERVICE FUNCTION=REPLICAS",
		Short:   "Change the number of replicas of a function",
		Example: "  starter scale smart-energy sink=2",
		Args:    words(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			function, replicas, err := parseScale(args[1])
			if err != nil {
				return err
			}
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				accepted, err := c.Scale(ctx, args[0], workflows.ScaleRequest{Function: function, Replicas: replicas, Who: g.who("")})
				if err != nil {
					return err
				}
				return g.follow(ctx, c, args[0], accepted.Revision)
			})
		},
	}
	return cmd
}

func parseScale(text string) (function string, replicas int, err error) {
	function, count, found := strings.Cut(text, "=")
	if found {
		_, err = fmt.Sscanf(count+"\n", "%d\n", &replicas)
	}
	if !found || err != nil || replicas < 0 {
		return "", 0, fmt.Errorf("%q is no scale: write FUNCTION=REPLICAS, as in sink=2", text)
	}
	return function, replicas, nil
}

func newApprove(g *globals) *cobra.Command {
	var request workflows.ApproveRequest
	cmd := &cobra.Command{
		Use:     "approve SERVICE [--step STEP]",
		Short:   "Let a step that waits for a person go on",
		Example: "  starter approve smart-energy --step stitch --why \"maintenance window is open\"",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Who = g.who(request.Who)
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				status, err := c.Status(ctx, args[0])
				if err != nil {
					return err
				}
				if status.Waiting == "" {
					return fmt.Errorf("nothing waits for an approval in %s (it is %s)", args[0], status.Phase)
				}
				if request.Step != "" && request.Step != status.Waiting {
					return fmt.Errorf("%s waits for an approval of %q, not of %q", args[0], status.Waiting, request.Step)
				}
				if err := c.Approve(ctx, args[0], request); err != nil {
					return err
				}
				fmt.Fprintf(g.system.Out, "approved: %s\n", status.Waiting)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&request.Step, "step", "", "place, stitch or start/FUNCTION (default: whatever waits)")
	cmd.Flags().StringVar(&request.Who, "who", "", "who approves (default: the user)")
	cmd.Flags().StringVar(&request.Why, "why", "", "the reason")
	return cmd
}

func newDown(g *globals) *cobra.Command {
	var request workflows.DownRequest
	cmd := &cobra.Command{
		Use:     "down SERVICE",
		Short:   "Take a service down; works at any moment, also in the middle of a deploy",
		Example: "  starter down smart-energy\n  starter down smart-energy --volumes   # its data too",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Who = g.who(request.Who)
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				fmt.Fprintf(g.system.Out, "taking %s down …\n", args[0])
				report, err := c.Down(ctx, args[0], request)
				if err != nil && ctx.Err() != nil {
					return fmt.Errorf("no longer waiting, but if %s was asked to go down, it does so by itself: starter status shows it", args[0])
				}
				if err != nil {
					return err
				}
				for _, removed := range report.Removed {
					fmt.Fprintf(g.system.Out, "  removed %s\n", removed)
				}
				for _, stayed := range report.Stayed {
					fmt.Fprintf(g.system.Out, "  stayed  %s\n", stayed)
				}
				if len(report.Stayed) > 0 {
					return errors.New("not everything could be removed; once the boxes answer, starter sweep --all FILE removes the containers that are left")
				}
				fmt.Fprintf(g.system.Out, "%s is down\n", args[0])
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&request.Volumes, "volumes", false, "remove its data too")
	cmd.Flags().StringVar(&request.Who, "who", "", "who asks (default: the user)")
	cmd.Flags().StringVar(&request.Why, "why", "", "the reason")
	return cmd
}
