package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

func newSweep(g *globals) *cobra.Command {
	var s specification
	var in workflows.SweepInput
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "sweep SERVICE|FILE [--all] [--images] [--dry-run]",
		Short: "Remove containers and images of ours that nobody wants any more",
		Long: "Remove containers that carry the service's label and that it does not want. With --all: containers of services that\n" +
			"no longer run, on the boxes of a service or of a file. With --images: images of the service's repositories that no\n" +
			"kept revision of any running service names and no container uses. A container is left alone until it is 5 minutes\n" +
			"old, unless a revision before left it. Nothing without our label is touched. With --dry-run nothing is removed;\n" +
			"exit code 0: nothing to remove; 2: there is something; 1: not everything could be looked at.",
		Example: "  starter sweep smart-energy --dry-run\n  starter sweep --all specs/smart-energy/compose.yaml --dry-run\n  starter sweep smart-energy --images --dry-run",
		Args:    words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				in := in
				if err := g.sweepWhat(ctx, c, s, args[0], all, &in); err != nil {
					return err
				}
				report, err := c.Sweep(ctx, in)
				if err != nil {
					return err
				}
				if asJSON {
					encoder := json.NewEncoder(g.system.Out)
					encoder.SetIndent("", "  ")
					err = encoder.Encode(report)
				} else {
					err = writeSweep(g.system.Out, report, in.DryRun)
				}
				return sweepExit(report, in.DryRun, err)
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "what services that no longer run have left")
	cmd.Flags().BoolVar(&in.Images, "images", false, "images instead of containers")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "show what would go, and why")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// sweepWhat finds out what is meant: a file, whose service need not run, or a service that runs.
func (g *globals) sweepWhat(ctx context.Context, c *temporal.Client, s specification, subject string, all bool, in *workflows.SweepInput) error {
	if _, err := os.Stat(subject); err == nil {
		service, err := s.load(ctx, g, subject)
		if err != nil {
			return err
		}
		if !all && !in.Images {
			in.Service = service.Name
			return nil
		}
		in.Boxes = service.Boxes
		for _, function := range service.Functions {
			if function.Image != "" {
				in.Refs = append(in.Refs, function.Image)
			}
			for _, candidate := range function.Candidates {
				in.Refs = append(in.Refs, candidate.Image)
			}
		}
		return nil
	}
	if !all {
		in.Service = subject
		return nil
	}
	running, err := c.Running(ctx, subject)
	if err != nil {
		return err
	}
	in.Boxes = running.Service.Boxes
	return nil
}

func writeSweep(out io.Writer, report workflows.SweepReport, dryRun bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var bytes int64
	for _, item := range report.Items {
		word := "stays"
		switch {
		case item.Waits:
			word = "waits"
		case item.Gone:
			word = "removed"
		case dryRun:
			word = "would go"
		}
		bytes += item.Bytes
		size := ""
		if item.Bytes > 0 {
			size = fmt.Sprintf("%.1f MB", float64(item.Bytes)/1e6)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", word, item.Box, item.Name, size, item.Reason)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, stayed := range report.Stayed {
		fmt.Fprintf(out, "stayed  %s\n", stayed)
	}
	switch {
	case len(report.Items) == 0 && len(report.Stayed) == 0:
		fmt.Fprintln(out, "nothing is there that nobody wants")
	case bytes > 0:
		fmt.Fprintf(out, "%d images, %.1f MB\n", len(report.Items), float64(bytes)/1e6)
	}
	return nil
}

func sweepExit(report workflows.SweepReport, dryRun bool, err error) error {
	switch {
	case err != nil:
		return err
	case len(report.Stayed) > 0:
		return errors.New("not everything could be looked at or removed; starter sweep again is safe")
	case dryRun && len(report.Items) > 0:
		return exit(exitChanges)
	}
	return nil
}
