package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/starter/follow"
	"github.com/overcloud/overcloud/workflows"
)

// overview is what `status` shows of one service. Its status holds the steps with their attempts.
type overview struct {
	Status workflows.Status           `json:"status"`
	Rooms  []workflows.TuneState      `json:"rooms"`
	Edges  []workflows.StepEdge       `json:"edges"` // between the steps
	Links  []workflows.Link           `json:"links"` // between the functions
	Tuned  []workflows.FunctionTuning `json:"tuned"`
	graph  workflows.Graph
	kept   int // the revision that runs although a newer one has failed; zero: none
}

// statusEvery is the pace of `status --watch`.
const statusEvery = time.Second

func newStatus(g *globals) *cobra.Command {
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use:   "status [SERVICE]",
		Short: "Show a service: phase, steps, functions, boxes, rooms",
		Long: "Show a service: its phase, the steps of its newest change as a tree (each below the one that let it begin, with start,\n" +
			"duration, tries and result), functions with their connections, boxes, tuned functions, rooms and overrides.",
		Example: "  starter status\n  starter status smart-energy --watch\n  starter status smart-energy --json | jq '.status.steps[] | select(.attempts > 1)'",
		Args:    words(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if watch && (asJSON || len(args) == 0) {
				return errors.New("--watch shows one service as text: write starter status SERVICE --watch")
			}
			if watch {
				return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error { return g.watchStatus(ctx, c, args[0]) })
			}
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error { return g.showAll(ctx, c, args, asJSON) })
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again each second until interrupted")
	return cmd
}

// showAll shows the services asked for; without any, all that run.
func (g *globals) showAll(ctx context.Context, c *temporal.Client, services []string, asJSON bool) error {
	if len(services) == 0 {
		all, err := c.List(ctx)
		if err != nil {
			return err
		}
		for _, s := range all {
			services = append(services, s.Service)
		}
	}
	if len(services) == 0 && !asJSON {
		fmt.Fprintln(g.system.Out, "no service runs; starter apply FILE starts one")
		return nil
	}
	for _, service := range services {
		o, err := look(ctx, c, service)
		if err != nil {
			return err
		}
		if asJSON {
			encoder := json.NewEncoder(g.system.Out)
			encoder.SetIndent("", "  ")
			err = encoder.Encode(o)
		} else {
			err = o.write(g.system.Out, time.Now())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// watchStatus shows a service again and again: in place on a terminal, and elsewhere once for each change of a step.
// A server that does not answer for a while is waited for.
func (g *globals) watchStatus(ctx context.Context, c *temporal.Client, service string) error {
	file, isFile := g.system.Out.(*os.File)
	live := isFile && term.IsTerminal(int(file.Fd()))
	shown := ""
	for {
		o, err := look(ctx, c, service)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the person has seen enough
		}
		if err != nil && !errors.Is(err, fault.ErrUnreachable) {
			return err
		}
		var page strings.Builder
		if err != nil {
			fmt.Fprintln(&page, sentence(err))
		} else if err := o.write(&page, time.Now()); err != nil {
			return err
		}
		states := o.states() + fmt.Sprint(err)
		switch {
		case live: // home, each line over the old one, nothing below
			width, height, err := term.GetSize(int(file.Fd()))
			if err != nil {
				width, height = 80, 24
			}
			text := strings.Join(fit(page.String(), width, height), "\x1b[K\n")
			fmt.Fprintf(g.system.Out, "\x1b[H%s\x1b[K\x1b[J", text)
		case states != shown:
			fmt.Fprintln(g.system.Out, page.String())
		}
		shown = states
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(statusEvery):
		}
	}
}

// fit cuts a page to a terminal: its rows are clipped, and what is too much goes from below the head, since the
// newest steps, the functions and the boxes stand last.
func fit(page string, width, height int) []string {
	rows := strings.Split(strings.TrimRight(page, "\n"), "\n")
	if len(rows) > height && height > 1 {
		head := min(max(slices.Index(rows, ""), 1), height/2)
		rest := height - head - 1
		more := fmt.Sprintf("… %d more lines: a taller terminal shows them", len(rows)-head-rest)
		rows = append(append(slices.Clone(rows[:head]), more), rows[len(rows)-rest:]...)
	}
	for i, row := range rows {
		if letters := []rune(row); len(letters) > width && width > 0 {
			rows[i] = string(letters[:width-1]) + "…"
		}
	}
	return rows
}

// states is what changes when something has happened, unlike times that only pass.
func (o overview) states() string {
	var text strings.Builder
	fmt.Fprint(&text, o.Status.Revision, o.Status.Phase, o.Status.Fault, o.Status.Waiting)
	for _, step := range o.Status.Steps {
		fmt.Fprint(&text, step.ID, step.State, step.Attempts)
	}
	for _, f := range o.Status.Functions {
		fmt.Fprint(&text, f.Function, f.Replica, f.Box, f.State)
	}
	return text.String()
}

func look(ctx context.Context, c *temporal.Client, service string) (overview, error) {
	status, err := c.Status(ctx, service)
	if err != nil {
		return overview{}, err
	}
	o := overview{Status: status}
	o.kept = keptRunning(ctx, c, service, status)
	if o.graph, err = c.Graph(ctx, service); err != nil {
		return overview{}, err
	}
	o.Edges, o.Links, o.Tuned, o.Status.Steps = o.graph.Edges, o.graph.Links, o.graph.Tuned, nil
	for _, step := range o.graph.Steps {
		o.Status.Steps = append(o.Status.Steps, step.Step)
	}
	for _, room := range status.Rooms {
		state, err := c.TuneState(ctx, service, room)
		if errors.Is(err, fault.ErrNotFound) {
			continue // not tuned yet
		}
		if err != nil {
			return overview{}, err
		}
		o.Rooms = append(o.Rooms, state)
	}
	return o, nil
}

// write draws the overview as tables.
func (o overview) write(out io.Writer, now time.Time) error {
	s := o.Status
	fmt.Fprintf(out, "%s  %s  revision %d  since %s\n", s.Service, s.Phase, s.Revision, ago(now, s.Since))
	for _, held := range s.Held { // nothing is looked at meanwhile: what follows is how it stood before
		fmt.Fprintf(out, "heat is shed in room %s since %s: repairs rest, and functions and boxes below may be off (starter shed %s)\n",
			held.Room, ago(now, held.Since), held.Room)
	}
	if s.Fault != "" {
		fmt.Fprintf(out, "  %s: %s\n", s.FaultType, strings.ReplaceAll(follow.Brief(s.Fault), "\n", "\n  "))
	}
	if o.kept != 0 && s.Phase == workflows.PhaseFailed {
		fmt.Fprintf(out, "  revision %d keeps running\n", o.kept)
	}
	if s.Waiting != "" {
		fmt.Fprintf(out, "  waits for: starter approve %s --step %s\n", s.Service, s.Waiting)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	writeSteps(table, o.graph)
	o.writeFunctions(table)
	o.writeRooms(table, now)
	return table.Flush()
}

func (o overview) writeFunctions(table io.Writer) {
	s := o.Status
	if len(s.Functions) > 0 {
		fmt.Fprintln(table, "\nFUNCTION\tBOX\tSTATE\tADDRESS\tCONNECTED TO")
	}
	for _, f := range s.Functions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", replica(f), f.Box, f.State, strings.Join(f.Addresses, " "), probes(f.Probes))
	}
	if len(s.Boxes) > 0 {
		fmt.Fprintln(table, "\nBOX\tENGINE\tPLATFORM\tSTATE")
	}
	for _, b := range s.Boxes {
		state := "answers"
		if b.Drained {
			state = "answers, drained"
		}
		if !b.Reachable {
			state = "does not answer: " + strings.TrimSuffix(strings.TrimPrefix(b.Fault, "engine "+b.Engine+": "), ": "+fault.ErrUnreachable.Error())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", b.Name, b.Engine, dash(b.Platform), state)
	}
	if len(o.Tuned) > 0 {
		fmt.Fprintln(table, "\nTUNED\tREPLICAS\tMEASURED\tLAST ASKED FOR")
	}
	for _, t := range o.Tuned {
		fmt.Fprintf(table, "%s\t%d (%d to %d)\t%s\t%s\n", t.Function, t.Replicas, t.Tune.Least, t.Tune.Most, measured(t), asked(t.Last))
	}
}

func (o overview) writeRooms(table io.Writer, now time.Time) {
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
