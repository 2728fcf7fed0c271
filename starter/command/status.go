package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/starter/follow"
	"github.com/overcloud/overcloud/workflows"
)

// overview is what `status` shows of one service.
type overview struct {
	Status workflows.Status      `json:"status"`
	Rooms  []workflows.TuneState `json:"rooms"`
}

func newStatus(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status [SERVICE]",
		Short:   "Show a service: phase, functions, rooms, overrides",
		Example: "  starter status\n  starter status smart-energy --json | jq .rooms",
		Args:    words(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				services := args
				if len(args) == 0 {
					all, err := c.List(ctx)
					if err != nil {
						return err
					}
					for _, s := range all {
						services = append(services, s.Service)
					}
				}
				if len(services) == 0 {
					fmt.Fprintln(g.system.Out, "no service runs; starter apply FILE starts one")
					return nil
				}
				for _, service := range services {
					if err := g.show(ctx, c, service, asJSON); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (g *globals) show(ctx context.Context, c *temporal.Client, service string, asJSON bool) error {
	status, err := c.Status(ctx, service)
	if err != nil {
		return err
	}
	o := overview{Status: status}
	for _, room := range status.Rooms {
		state, err := c.TuneState(ctx, service, room)
		if errors.Is(err, fault.ErrNotFound) {
			continue // not tuned yet
		}
		if err != nil {
			return err
		}
		o.Rooms = append(o.Rooms, state)
	}
	if asJSON {
		encoder := json.NewEncoder(g.system.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(o)
	}
	return o.write(g.system.Out, time.Now())
}

// write draws the overview as tables.
func (o overview) write(out io.Writer, now time.Time) error {
	s := o.Status
	fmt.Fprintf(out, "%s  %s  revision %d  since %s\n", s.Service, s.Phase, s.Revision, ago(now, s.Since))
	if s.Fault != "" {
		fmt.Fprintf(out, "  %s: %s\n", s.FaultType, strings.ReplaceAll(follow.Brief(s.Fault), "\n", "\n  "))
	}
	if s.Waiting != "" {
		fmt.Fprintf(out, "  waits for: starter approve %s --step %s\n", s.Service, s.Waiting)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(s.Functions) > 0 {
		fmt.Fprintln(table, "\nFUNCTION\tBOX\tSTATE\tADDRESS\tCONNECTED TO")
		for _, f := range s.Functions {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", replica(f), f.Box, f.State, strings.Join(f.Addresses, " "), probes(f.Probes))
		}
	}
	for _, room := range o.Rooms {
		fmt.Fprintf(table, "\nROOM %s (%s)\tDESIRED\tSENT\tCONFIRMED\tWHY\n", room.Room, room.Mode)
		for _, ac := range room.ACs {
			fmt.Fprintf(table, "%s\t%d °C\t%s\t%s\t%s\n", ac.Name, ac.Desired, degrees(ac.Sent), degrees(ac.Confirmed), ac.Reason)
			for _, override := range ac.Overrides {
				fmt.Fprintf(table, "  override %s\t%d °C\t\t\t%s by %s, %s left%s\n", override.ID, override.Setpoint, override.Why, override.Who,
					override.Until.Sub(now).Round(time.Second), suspended(override.Suspended))
			}
		}
		for _, alert := range room.Alerts {
			fmt.Fprintf(table, "  alert\t%s\t%s\t\t%s\n", alert.Severity, alert.Kind, alert.Evidence)
		}
	}
	return table.Flush()
}

// replica names one replica; a function that runs elsewhere has none.
func replica(f workflows.FunctionStatus) string {
	if f.Replica == 0 {
		return f.Function
	}
	return fmt.Sprintf("%s/%d", f.Function, f.Replica)
}

func probes(all []workflows.ProbeStatus) string {
	var words []string
	for _, p := range all {
		word := p.Provider
		if !p.Connected {
			word += " (NOT: " + p.Fault + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func degrees(setpoint *int) string {
	if setpoint == nil {
		return "-"
	}
	return fmt.Sprintf("%d °C", *setpoint)
}

func suspended(reason string) string {
	if reason == "" {
		return ""
	}
	return " (suspended: " + reason + ")"
}

func ago(now, then time.Time) string {
	if then.IsZero() {
		return "ever"
	}
	return now.Sub(then).Round(time.Second).String()
}
