package command

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/overcloud/overcloud/internal/plan"
)

// move is one replica that a rebalance would put elsewhere.
type move struct {
	Container string `json:"container"`
	From      string `json:"from"`
	To        string `json:"to"`
	// Gain is by how much the score of the new box is above that of the old one; absent when the old one no longer
	// fits at all.
	Gain *float64 `json:"gain,omitempty"`
	// Why says why the old box no longer fits.
	Why string `json:"why,omitempty"`
}

// movesOf compares where replicas are with where a plan puts them.
func movesOf(before []plan.Placement, made plan.Plan) []move {
	where := map[string]string{}
	for _, placement := range before {
		where[placement.Container] = placement.Box
	}
	moves := []move{}
	for _, placement := range made.Placements {
		from, ran := where[placement.Container]
		if !ran || from == placement.Box {
			continue
		}
		one := move{Container: placement.Container, From: from, To: placement.Box}
		old, next := choice(made, placement, from), choice(made, placement, placement.Box)
		switch {
		case old != nil && len(old.Reasons) > 0:
			one.Why = old.Reasons[0]
		case old != nil && next != nil:
			gain := next.Score - old.Score
			one.Gain = &gain
		}
		moves = append(moves, one)
	}
	return moves
}

func choice(made plan.Plan, placement plan.Placement, box string) *plan.Choice {
	for i, one := range made.Choices {
		if one.Function == placement.Function && one.Replica == placement.Replica && one.Box == box {
			return &made.Choices[i]
		}
	}
	return nil
}

func writeMoves(out io.Writer, service, hash string, moves []move) error {
	if len(moves) == 0 {
		fmt.Fprintf(out, "%s: every function is where it is best; plan %s moves nothing\n", service, hash)
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MOVES\tFROM\tTO\tGAIN")
	for _, one := range moves {
		gain := one.Why
		if one.Gain != nil {
			gain = fmt.Sprintf("%+.2f", *one.Gain)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", one.Container, one.From, one.To, gain)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "plan %s; carry it out with: starter rebalance %s --plan-hash %s\n", hash, service, hash)
	return nil
}
