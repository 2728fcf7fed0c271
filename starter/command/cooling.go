package command

import (
	"context"
	"fmt"
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
		Use:   "override --room ROOM --ac AC --setpoint N --for DURATION --why TEXT [--priority low|normal|high]",
		Short: "Set the setpoint of an air conditioner for a while",
		Long: "Set the setpoint of an air conditioner for a while. The rules take over again by themselves when the time is over,\n" +
			"also when everything was restarted in between. Hard limits and emergencies beat an override, whatever its priority.\n" +
			"Of several for one machine that of the highest priority holds, the newest within one; the others wait and return by\n" +
			"themselves. starter why ROOM says what holds and what waits.",
		Example: "  starter override --room server-room --ac ac1 --setpoint 20 --for 30m --why \"delivery at the door\"\n" +
			"  starter override --room server-room --ac ac1 --setpoint 22 --for 8h --priority high --why \"people at work at rack 2\"",
		Args: words(0, 0),
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
	flags.StringVar(&override.Priority, "priority", "normal", "low, normal or high: the highest one holds, the newest within one")
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
				accepted, err := c.EndOverrides(ctx, service, room, request)
				if err != nil {
					return err
				}
				for _, o := range accepted.Ended {
					fmt.Fprintf(g.system.Out, "override %s of %s (%d °C) has ended: %d °C holds now; starter why %s %s\n",
						o.ID, o.AC, o.Setpoint, o.Desired, room, o.AC)
				}
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

// required marks flags; cobra then names every missing one in one sentence.
func required(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that the lines above did not define
		}
	}
}
