package command

import (
	"context"
	"fmt"
	"net"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
)

// result is one row of the doctor's table.
type result struct {
	what  string
	where string
	fault error
}

func newDoctor(g *globals) *cobra.Command {
	var s specification
	cmd := &cobra.Command{
		Use:   "doctor [FILE]",
		Short: "Check what a service needs: Temporal, a worker, the boxes of a specification",
		Long: "Check what a service needs, and print a table. Exit code 0: all passed; 1: something failed.\n" +
			"Boxes are looked at by the workflows' worker, since that is who has to reach them.",
		Example: "  starter doctor\n  starter doctor specs/smart-energy/compose.yaml",
		Args:    words(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var service spec.Service
			if len(args) == 1 {
				var err error
				if service, err = s.load(cmd.Context(), g, args[0]); err != nil {
					return err
				}
			}
			return g.print(g.examine(cmd.Context(), service))
		},
	}
	s.flags(cmd)
	return cmd
}

// examine goes from the ground up and stops where nothing further can be known.
func (g *globals) examine(ctx context.Context, service spec.Service) []result {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", g.address)
	results := []result{{"Temporal's port answers", g.address, err}}
	if err != nil {
		return results
	}
	conn.Close()
	err = g.with(ctx, func(ctx context.Context, c *temporal.Client) error {
		services, err := c.List(ctx)
		results = append(results, result{fmt.Sprintf("Temporal lists services (%d)", len(services)), g.namespace, err})
		workers, err := c.Workers(ctx)
		if err == nil && workers == 0 {
			err = fmt.Errorf("no worker polls the task queue: start one with `worker workflows`")
		}
		results = append(results, result{"a worker polls", "task queue overcloud", err})
		if err != nil || len(service.Boxes) == 0 {
			return nil
		}
		preview, err := c.Preview(ctx, service)
		if err != nil {
			results = append(results, result{"the service can be matched", service.Name, err})
			return nil
		}
		for _, b := range preview.Boxes {
			r := result{what: "engine of box " + b.Name + " answers", where: b.Engine}
			if !b.Reachable {
				r.fault = fmt.Errorf("%s", b.Fault)
			}
			results = append(results, r)
		}
		return nil
	})
	if err != nil {
		results = append(results, result{"Temporal takes a client", g.address, err})
	}
	return results
}

func (g *globals) print(results []result) error {
	table := tabwriter.NewWriter(g.system.Out, 0, 0, 2, ' ', 0)
	failed := 0
	for _, r := range results {
		if r.fault != nil {
			failed++
			fmt.Fprintf(table, "FAIL\t%s\t%s\t%s\n", r.what, r.where, sentence(r.fault))
			continue
		}
		fmt.Fprintf(table, "pass\t%s\t%s\n", r.what, r.where)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(results))
	}
	return nil
}
