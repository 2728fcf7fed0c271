package command

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
)

// findings are all that a doctor saw.
type findings struct {
	// Local are the checks from here: the way to Temporal, and whether a worker is there to look at the boxes.
	Local []activities.Check       `json:"local"`
	Boxes []activities.Examination `json:"boxes,omitempty"`
}

func newDoctor(g *globals) *cobra.Command {
	var s specification
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [FILE]",
		Short: "Check what a service needs: Temporal, a worker, and every box of a specification",
		Long: "Check what a service needs, and print a table: Temporal, its worker, and for each box of the specification its\n" +
			"address, SSH, engine, API version, TLS, disk, clock, and every registry as the box itself reaches it.\n" +
			"Boxes are looked at by the workflows' worker, since that is who has to reach them. What depends on a check\n" +
			"that failed is skipped. Exit code 0: nothing failed (warnings may be there); 1: something failed.",
		Example: "  starter doctor\n  starter doctor specs/smart-energy/compose.yaml\n  starter doctor --json compose.yaml | jq '.boxes[] | select(any(.checks[]; .state==\"fail\")) | .box'",
		Args:    words(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var service spec.Service
			if len(args) == 1 {
				var err error
				if service, err = s.load(cmd.Context(), g, args[0]); err != nil {
					return err
				}
			}
			return g.report(g.examine(cmd.Context(), service), asJSON)
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// examining bounds all of a doctor's work.
const examining = 4 * time.Minute

// examine goes from the ground up and stops where nothing further can be known.
func (g *globals) examine(ctx context.Context, service spec.Service) findings {
	ctx, cancel := context.WithTimeout(ctx, examining)
	defer cancel()
	var found findings
	note := func(name, seen string, err error, advice string) bool {
		check := activities.Check{Name: name, State: activities.CheckPass, Seen: seen}
		if err != nil {
			check.State, check.Seen, check.Advice = activities.CheckFail, sentence(err), advice
		}
		found.Local = append(found.Local, check)
		return err == nil
	}
	dialing, stop := context.WithTimeout(ctx, answer)
	defer stop()
	var dialer net.Dialer
	conn, err := dialer.DialContext(dialing, "tcp", g.address)
	if err != nil {
		err = fmt.Errorf("%s does not answer (%w)", g.address, err)
	}
	if !note("Temporal's port", g.address+" answers", err, "start Temporal, or say where it is: --address HOST:PORT") {
		return found
	}
	conn.Close()
	err = g.with(ctx, func(ctx context.Context, c *temporal.Client) error {
		services, err := c.List(ctx)
		if !note("Temporal", fmt.Sprintf("lists services in namespace %s (%d)", g.namespace, len(services)), err, "see the namespaces: temporal operator namespace list") {
			return nil
		}
		workers, err := c.Workers(ctx)
		if err == nil && workers == 0 {
			err = fmt.Errorf("no worker polls the task queue overcloud")
		}
		if !note("worker", fmt.Sprintf("polls the task queue overcloud (%d)", workers), err, "start one: worker workflows") || len(service.Boxes) == 0 {
			return nil
		}
		result, err := c.Examine(ctx, service)
		if err != nil {
			note("boxes", "", err, "look at the worker's log")
		}
		found.Boxes = result.Boxes
		return nil
	})
	if err != nil {
		note("Temporal", "", err, "")
	}
	return found
}

// report prints what was found; an error when something failed.
func (g *globals) report(found findings, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(g.system.Out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(found); err != nil {
			return err
		}
	} else {
		newSheet(g.system.Out).findings(found)
	}
	failed, all := 0, 0
	count := func(checks []activities.Check) {
		for _, check := range checks {
			all++
			if check.State == activities.CheckFail {
				failed++
			}
		}
	}
	count(found.Local)
	for _, box := range found.Boxes {
		count(box.Checks)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, all)
	}
	return nil
}
