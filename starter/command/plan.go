package command

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/temporal"
)

func newPlan(g *globals) *cobra.Command {
	var s specification
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what apply would do, and change nothing",
		Long: "Show what apply would do: the box of every function with its score, every reason against every other box,\n" +
			"and each step with its cause. Exit code 0: nothing to do; 2: changes; 1: it cannot be planned.",
		Example: "  starter plan specs/smart-energy/compose.yaml",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, err := s.load(cmd.Context(), g, args[0])
			if err != nil {
				return err
			}
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				preview, err := c.Preview(ctx, service)
				if err != nil {
					return err
				}
				plan := preview.Plan
				if asJSON {
					encoder := json.NewEncoder(g.system.Out)
					encoder.SetIndent("", "  ")
					err = encoder.Encode(plan)
				} else {
					_, err = fmt.Fprint(g.system.Out, plan.String())
				}
				if err == nil && plan.Changes() > 0 {
					return exit(exitChanges)
				}
				return err
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}
