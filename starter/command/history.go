package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// past is what `history` shows of a service.
type past struct {
	Audit     []workflows.AuditEntry `json:"audit"`     // newest last
	Revisions []workflows.Revision   `json:"revisions"` // newest first
}

func newHistory(g *globals) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history SERVICE",
		Short: "Show who did what, when, with which digests, and how it ended",
		Long: "Show who asked for what, when, why and how it ended (the last 50 entries; the workflow's history has them all), then\n" +
			"the revisions that a rollback can bring back with the digests that ran.",
		Example: "  starter history smart-energy\n  starter history smart-energy --json | jq '.revisions[0].images'",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				status, err := c.Status(ctx, args[0])
				if err != nil {
					return err
				}
				revisions, err := c.Revisions(ctx, args[0])
				if err != nil {
					return err
				}
				p := past{Audit: status.Audit, Revisions: revisions}
				if asJSON {
					encoder := json.NewEncoder(g.system.Out)
					encoder.SetIndent("", "  ")
					return encoder.Encode(p)
				}
				return p.write(g.system.Out)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// write draws the history as two tables.
func (p past) write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHEN\tWHO\tREVISION\tWHAT\tOUTCOME (WHY)")
	for _, entry := range p.Audit {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", stamp(entry.At), dash(entry.Who), number(entry.Revision), entry.What, ended(entry))
	}
	fmt.Fprintln(table, "\nREVISION\tPROVEN\tBY\tWHAT\tIMAGE\tDIGEST")
	for _, revision := range p.Revisions {
		name := number(revision.Revision)
		if revision.Running {
			name += " (runs)"
		}
		who, what, at := dash(revision.Who), revision.What, stamp(revision.At)
		for _, image := range revision.Images {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", name, at, who, what, image.Image, image.Digest)
			name, at, who, what = "", "", "", ""
		}
	}
	return table.Flush()
}

// ended is how a change ended and why it was asked for, in one line: for a person, one that was accepted is done.
func ended(entry workflows.AuditEntry) string {
	outcome := oneLine(entry.Outcome)
	if head, fault, failed := strings.Cut(entry.Outcome, ": "); failed {
		outcome = head + ": " + oneLine(fault)
	}
	if entry.Outcome == "accepted" {
		outcome = "done"
	}
	if entry.Why == "" {
		return outcome
	}
	return outcome + " (" + oneLine(entry.Why) + ")"
}

func stamp(at time.Time) string { return at.Local().Format(time.DateTime) }

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func dash(text string) string { return first(text, "-") }
