package command

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// person is who asks for a change, and why.
type person struct {
	who, why string
	detach   bool
}

func (p *person) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.who, "who", "", "who asks (default: the user)")
	cmd.Flags().StringVar(&p.why, "why", "", "the reason, for starter history")
	cmd.Flags().BoolVar(&p.detach, "detach", false, "do not wait until it is done")
}

// change asks a service for a change and follows it.
func (g *globals) change(ctx context.Context, service string, p person, ask func(context.Context, *temporal.Client) (workflows.ApplyAccepted, error)) error {
	return g.with(ctx, func(ctx context.Context, c *temporal.Client) error {
		accepted, err := ask(ctx, c)
		if err != nil {
			return err
		}
		if p.detach {
			fmt.Fprintf(g.system.Out, "%s: revision %d is being made; starter status %s%s shows it\n", service, accepted.Revision, service, g.elsewhere())
			return nil
		}
		return g.follow(ctx, c, service, accepted.Revision)
	})
}

func newRollback(g *globals) *cobra.Command {
	var p person
	var to int
	cmd := &cobra.Command{
		Use:   "rollback SERVICE [--to REVISION]",
		Short: "Bring back a revision that ran before, with the same digests",
		Long: "Bring back a revision that ran before, with the images as they were resolved then. It becomes a new revision.\n" +
			"The last five that ran are kept, the running one among them: starter history lists them. What people have set\n" +
			"since (a drained box) stays set.",
		Example: "  starter rollback smart-energy --why \"sink drops readings\"\n  starter rollback smart-energy --to 7",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.change(cmd.Context(), args[0], p, func(ctx context.Context, c *temporal.Client) (workflows.ApplyAccepted, error) {
				return c.Rollback(ctx, args[0], workflows.RollbackRequest{Revision: to, Who: g.who(p.who), Why: p.why})
			})
		},
	}
	p.flags(cmd)
	cmd.Flags().IntVar(&to, "to", 0, "the revision (default: the one before the running one)")
	return cmd
}

func newDrain(g *globals) *cobra.Command {
	var p person
	var active bool
	cmd := &cobra.Command{
		Use:   "drain SERVICE BOX [--active]",
		Short: "Move a service's functions off a box, or take the box into use again",
		Long: "Move a service's functions off a box; its engine, its images and its volumes stay. The box stays drained when the\n" +
			"file is applied again, unless the file itself says `availability` of that box. With --active it is used again:\n" +
			"functions come back when they must move anyway, or by starter rebalance. Boxes join by starter apply.",
		Example: "  starter drain smart-energy rack-2 --why \"new fan\"\n  starter drain smart-energy rack-2 --active",
		Args:    words(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.change(cmd.Context(), args[0], p, func(ctx context.Context, c *temporal.Client) (workflows.ApplyAccepted, error) {
				return c.Drain(ctx, args[0], workflows.DrainRequest{Box: args[1], Active: active, Who: g.who(p.who), Why: p.why})
			})
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&active, "active", false, "use the box again")
	return cmd
}

func newRetry(g *globals) *cobra.Command {
	var p person
	cmd := &cobra.Command{
		Use:   "retry SERVICE",
		Short: "Try the revision that failed again, from where it stood",
		Long: "Try the revision that failed again: the same revision, the same digests, the approvals that it has. Images that it\n" +
			"brought to boxes are only verified. For a specification, or a tag, that was corrected since: starter apply.",
		Example: "  starter retry smart-energy --why \"the registry is back\"",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.change(cmd.Context(), args[0], p, func(ctx context.Context, c *temporal.Client) (workflows.ApplyAccepted, error) {
				return c.Retry(ctx, args[0], workflows.RetryRequest{Who: g.who(p.who), Why: p.why})
			})
		},
	}
	p.flags(cmd)
	return cmd
}

func newRebalance(g *globals) *cobra.Command {
	var p person
	var planHash string
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "rebalance SERVICE [--dry-run] [--plan-hash HASH]",
		Short: "Let running functions move to better boxes",
		Long: "Let running functions move to boxes that suit them better, after a box has joined, come back or been drained.\n" +
			"Nothing else moves a function that runs well. With --dry-run it shows the moves and changes nothing; exit code\n" +
			"0: nothing to move; 2: there are moves; 1: it cannot be planned.",
		Example: "  starter rebalance smart-energy --dry-run\n  starter rebalance smart-energy --plan-hash 3f2a…   # only the moves that were shown",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dryRun {
				return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error { return g.moves(ctx, c, args[0], asJSON) })
			}
			return g.change(cmd.Context(), args[0], p, func(ctx context.Context, c *temporal.Client) (workflows.ApplyAccepted, error) {
				return c.Rebalance(ctx, args[0], workflows.RebalanceRequest{PlanHash: planHash, Who: g.who(p.who), Why: p.why})
			})
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show the moves and change nothing")
	cmd.Flags().StringVar(&planHash, "plan-hash", "", "refuse unless the plan has this hash (--dry-run prints it)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the dry run as JSON")
	return cmd
}

// moves shows what a rebalance would move.
func (g *globals) moves(ctx context.Context, c *temporal.Client, service string, asJSON bool) error {
	before, err := c.Running(ctx, service)
	if err != nil {
		return err
	}
	match, err := c.PreviewRebalance(ctx, service)
	if err != nil {
		return err
	}
	moves := movesOf(before.Before, match.Plan)
	if asJSON {
		encoder := json.NewEncoder(g.system.Out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(struct {
			PlanHash string `json:"plan_hash"`
			Moves    []move `json:"moves"`
		}{match.Plan.Hash, moves})
	} else {
		err = writeMoves(g.system.Out, service, match.Plan.Hash, moves)
	}
	if err == nil && len(moves) > 0 {
		return exit(exitChanges)
	}
	return err
}
