package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// defaultService is the service of the embedded defaults.
const defaultService = "smart-energy"

func newOverride(g *globals) *cobra.Command {
	var service, room string
	var override workflows.Override
	var last time.Duration
	cmd := &cobra.Command{
		Use:   "override --room ROOM --ac AC --setpoint N --for DURATION --why TEXT",
		Short: "Set the setpoint of an air conditioner for a while",
		Long: "Set the setpoint of an air conditioner for a while. The rules take over again by themselves when the time is over,\n" +
			"also when everything was restarted in between. Hard limits and emergencies beat an override.",
		Example: "  starter override --room server-room --ac ac1 --setpoint 20 --for 30m --why \"delivery at the door\"",
		Args:    words(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			override.For = spec.Duration(last)
			override.Who = g.who(override.Who)
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				accepted, err := c.Override(ctx, service, room, override)
				if err != nil {
					return err
				}
				fmt.Fprintf(g.system.Out, "override %s: %s at %d °C until %s\n", accepted.ID, override.AC, override.Setpoint,
					accepted.Until.Local().Format("2006-01-02 15:04:05"))
				if accepted.Suspended != "" {
					fmt.Fprintf(g.system.Out, "it is suspended: %s; %d °C holds until then\n", accepted.Suspended, accepted.Desired)
				}
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&service, "service", defaultService, "name of the service")
	flags.StringVar(&room, "room", "", "room of the air conditioner")
	flags.StringVar(&override.AC, "ac", "", "the air conditioner")
	flags.IntVar(&override.Setpoint, "setpoint", 0, "setpoint, °C")
	flags.DurationVar(&last, "for", 30*time.Minute, "how long it holds")
	flags.StringVar(&override.Why, "why", "", "the reason, for the others")
	flags.StringVar(&override.Who, "who", "", "who asks (default: the user)")
	flags.StringVar(&override.ID, "id", "", "makes a repeated call harmless")
	required(cmd, "room", "ac", "setpoint", "why")
	return cmd
}

func newResume(g *globals) *cobra.Command {
	var service, room string
	var request workflows.ResumeRequest
	cmd := &cobra.Command{
		Use:     "resume --room ROOM [--ac AC | --id ID]",
		Short:   "End overrides before their time",
		Example: "  starter resume --room server-room --ac ac1",
		Args:    words(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			request.Who = g.who(request.Who)
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				state, err := c.TuneState(ctx, service, room)
				if err != nil {
					return err
				}
				ends, err := ending(state, request)
				if err != nil {
					return err
				}
				if err := c.Resume(ctx, service, room, request); err != nil {
					return err
				}
				fmt.Fprintf(g.system.Out, "asked to end %s: the rules take over again; starter status shows it\n", strings.Join(ends, ", "))
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&service, "service", defaultService, "name of the service")
	flags.StringVar(&room, "room", "", "the room")
	flags.StringVar(&request.AC, "ac", "", "only of this air conditioner")
	flags.StringVar(&request.ID, "id", "", "only this override")
	flags.StringVar(&request.Why, "why", "", "the reason")
	flags.StringVar(&request.Who, "who", "", "who asks (default: the user)")
	required(cmd, "room")
	return cmd
}

// ending names the overrides that a request ends, or says why it ends none.
func ending(state workflows.TuneState, request workflows.ResumeRequest) ([]string, error) {
	var ends, overrides, machines []string
	for _, ac := range state.ACs {
		machines = append(machines, ac.Name)
		for _, o := range ac.Overrides {
			named := "override " + o.ID + " of " + ac.Name
			overrides = append(overrides, named)
			if (request.AC == "" || request.AC == ac.Name) && (request.ID == "" || request.ID == o.ID) {
				ends = append(ends, named)
			}
		}
	}
	switch {
	case len(ends) > 0:
		return ends, nil
	case request.AC != "" && !slices.Contains(machines, request.AC):
		return nil, fmt.Errorf("there is no air conditioner %q in room %s (there are %s)", request.AC, state.Room, strings.Join(machines, ", "))
	case len(overrides) == 0:
		return nil, fmt.Errorf("no override holds in room %s", state.Room)
	}
	return nil, fmt.Errorf("no such override holds in room %s (there is %s)", state.Room, strings.Join(overrides, ", "))
}

// required marks flags; cobra then names every missing one in one sentence.
func required(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that the lines above did not define
		}
	}
}
