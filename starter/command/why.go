package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

func newWhy(g *globals) *cobra.Command {
	var service string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "why ROOM [AC]",
		Short: "Say in one sentence why an air conditioner is told what it is told",
		Long: "Say in one sentence for each air conditioner why it is told what it is told: since when, by whom, what the rules would\n" +
			"do, what the limits are, which overrides wait and what for, and whether the machine obeys.",
		Example: "  starter why server-room\n  starter why server-room ac1 --json | jq '.[0].rules'",
		Args:    words(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				state, err := c.TuneState(ctx, service, args[0])
				if err != nil {
					return err
				}
				ac := ""
				if len(args) > 1 {
					ac = args[1]
				}
				reasons, err := state.Explain(ac, time.Now())
				if err != nil {
					return err
				}
				if asJSON {
					return g.json(reasons)
				}
				for _, why := range reasons {
					fmt.Fprintln(g.system.Out, why.Sentence)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&service, "service", defaultService, "name of the service")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// trail is what `audit` shows of a room.
type trail struct {
	Audit    []workflows.AuditEntry      `json:"audit"`    // newest last
	Rejected []workflows.RejectedMessage `json:"rejected"` // newest last
	Answers  []workflows.ActiveAnswer    `json:"answers"`  // those that hold
	Taken    workflows.Taken             `json:"taken"`
}

func newAudit(g *globals) *cobra.Command {
	var service string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit ROOM",
		Short: "Show who did what in a room, why, until when, and how it ended",
		Long: "Show who asked for what in a room (overrides and their ends, policies, answers to alerts), when, why and until when, what\n" +
			"was refused and for which reason: the last 100 entries. The workflow's history has them all.",
		Example: "  starter audit server-room\n  starter audit server-room --json | jq '.audit[] | select(.who == \"ann\")'",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				state, err := c.TuneState(ctx, service, args[0])
				if err != nil {
					return err
				}
				found := trail{Audit: state.Audit, Rejected: state.Rejected, Answers: state.Answers, Taken: state.Taken}
				if asJSON {
					return g.json(found)
				}
				return found.write(g.system.Out)
			})
		},
	}
	cmd.Flags().StringVar(&service, "service", defaultService, "name of the service")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// write draws the trail as tables.
func (t trail) write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHEN\tWHO\tWHAT\tUNTIL\tOUTCOME (WHY)")
	for _, entry := range t.Audit {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", stamp(entry.At), dash(entry.Who), oneLine(entry.What), until(entry.Until), ended(entry))
	}
	if len(t.Answers) > 0 {
		fmt.Fprintln(table, "\nALERT\tANSWER\tBY\tUNTIL\tWHY")
	}
	for _, a := range t.Answers {
		end := until(a.Until)
		if a.Until.IsZero() {
			end = "it ends"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", a.Alert, a.Kind, a.Who, end, dash(oneLine(a.Why)))
	}
	return table.Flush()
}

func until(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return stamp(t)
}

// json writes a value as indented JSON.
func (g *globals) json(value any) error {
	encoder := json.NewEncoder(g.system.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
