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

func newAcknowledge(g *globals) *cobra.Command {
	return g.answer(&cobra.Command{
		Use:   "acknowledge ROOM ALERT [--why TEXT]",
		Short: "Say that somebody deals with an alert",
		Long: "Say that somebody deals with an alert: it is not said again until it has ended. Should it begin once more after that,\n" +
			"it is told like any other. starter status names the alerts that last.",
		Example: "  starter acknowledge server-room server-room/unconfirmed/ac1 --why \"on my way\"",
	}, workflows.UpdateAcknowledge)
}

func newShelve(g *globals) *cobra.Command {
	return g.answer(&cobra.Command{
		Use:   "shelve ROOM ALERT --for DURATION [--why TEXT]",
		Short: "Be told nothing of an alert for a while",
		Long: "Be told nothing of an alert for a while, whether it ends and begins again or not: before work on a sensor, say.\n" +
			"It need not last now. At most 14 days.",
		Example: "  starter shelve server-room server-room/sensor/3 --for 2h --why \"the sensor is being replaced\"",
	}, workflows.UpdateShelve)
}

func newUnshelve(g *globals) *cobra.Command {
	return g.answer(&cobra.Command{
		Use:     "unshelve ROOM ALERT [--why TEXT]",
		Short:   "Be told of an alert again that is shelved or acknowledged",
		Example: "  starter unshelve server-room server-room/sensor/3",
	}, workflows.UpdateUnshelve)
}

// answer completes a verb that says something to an alert.
func (g *globals) answer(cmd *cobra.Command, name string) *cobra.Command {
	var service string
	var request workflows.AnswerRequest
	var last time.Duration
	cmd.Args = words(2, 2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request.Alert, request.For, request.Who = args[1], spec.Duration(last), g.who(request.Who)
		return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
			accepted, err := c.Answer(ctx, service, args[0], name, request)
			if err != nil {
				return err
			}
			fmt.Fprintln(g.system.Out, answered(accepted))
			return nil
		})
	}
	flags := cmd.Flags()
	flags.StringVar(&service, "service", defaultService, "name of the service")
	flags.StringVar(&request.Why, "why", "", "the reason, for the others")
	flags.StringVar(&request.Who, "who", "", "who asks (default: the user)")
	if name == workflows.UpdateShelve {
		flags.DurationVar(&last, "for", time.Hour, "how long")
	}
	return cmd
}

// answered says what has become of an alert.
func answered(a workflows.AnswerAccepted) string {
	said := ""
	switch a.Kind {
	case workflows.UpdateAcknowledge:
		said = fmt.Sprintf("alert %s is acknowledged until it ends", a.Alert)
	case workflows.UpdateShelve:
		said = fmt.Sprintf("alert %s is shelved until %s", a.Alert, stamp(a.Until))
		if !a.Lasts {
			said += " (it does not last now)"
		}
	default:
		said = fmt.Sprintf("alert %s is told again", a.Alert)
		if !a.Lasts {
			said += " when it begins (it does not last now)"
		}
	}
	switch {
	case a.Kind == workflows.UpdateUnshelve || a.Instead == "" || a.Instead == a.Kind:
	case a.Instead == workflows.UpdateShelve:
		said += "; it is no longer shelved"
	default:
		said += "; it is no longer acknowledged"
	}
	return said
}
