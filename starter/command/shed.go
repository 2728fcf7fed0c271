package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// shedFlags are what is asked of a room's heat shedding: at most one of the first three.
type shedFlags struct {
	rehearse, stop, restore bool
	json                    bool
	service                 string
	person                  workflows.ShedWord
}

func newShed(g *globals) *cobra.Command {
	var f shedFlags
	cmd := &cobra.Command{
		Use:   "shed ROOM [--rehearse | --stop | --restore]",
		Short: "Show, rehearse or stop the shedding of heat in a room",
		Long: "When cooling is lost and a room would soon be too hot, OverCloud gives up what the room's `shed` names, the least\n" +
			"important first: it stops functions and shuts boxes down, and brings them back once the room is cool. That begins by\n" +
			"itself, and only in rooms whose specification states it. This shows where it stands.\n\n" +
			"A rehearsal looks whether every step could be taken, and takes none: do one after each change of the list.",
		Example: "  starter shed server-room --rehearse\n" +
			"  starter shed server-room\n" +
			"  starter shed server-room --stop --why \"the air conditioner runs again\"\n" +
			"  starter shed server-room --restore --why \"the door is open\"",
		Args: words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.person.Who = g.who(f.person.Who)
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error { return g.shed(ctx, c, args[0], f) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.rehearse, "rehearse", false, "look whether each step could be taken; nothing is switched off")
	flags.BoolVar(&f.stop, "stop", false, "take no further step; what is off comes back once the room is cool")
	flags.BoolVar(&f.restore, "restore", false, "bring everything back now")
	flags.BoolVar(&f.json, "json", false, "as JSON")
	flags.StringVar(&f.service, "service", defaultService, "name of the service")
	flags.StringVar(&f.person.Why, "why", "", "the reason, for the others")
	flags.StringVar(&f.person.Who, "who", "", "who asks (default: the user)")
	cmd.MarkFlagsMutuallyExclusive("rehearse", "stop", "restore")
	return cmd
}

func (g *globals) shed(ctx context.Context, c *temporal.Client, room string, f shedFlags) error {
	switch {
	case f.rehearse:
		return g.rehearse(ctx, c, room, f)
	case f.stop, f.restore:
		name, done := workflows.SignalStop, "no further step is taken; what is off comes back once the room is cool"
		if f.restore {
			name, done = workflows.SignalRestore, "everything is brought back now"
		}
		if err := c.ShedWord(ctx, f.service, room, name, f.person); err != nil {
			return err
		}
		fmt.Fprintln(g.system.Out, done)
		return nil
	}
	state, err := c.ShedState(ctx, workflows.ShedID(f.service, room))
	if errors.Is(err, fault.ErrNotFound) {
		if _, err := c.TuneState(ctx, f.service, room); err != nil {
			return err // perhaps there is no such room
		}
		fmt.Fprintf(g.system.Out, "no heat has been shed in %s\n", room)
		return nil
	}
	if err != nil {
		return err
	}
	return g.showShed(state, f.json)
}

// rehearse waits for the end of a rehearsal. A step that could not be taken makes it fail.
func (g *globals) rehearse(ctx context.Context, c *temporal.Client, room string, f shedFlags) error {
	accepted, err := c.Rehearse(ctx, f.service, workflows.ShedRequest{Room: room, Who: f.person.Who, Why: f.person.Why})
	if err != nil {
		return err
	}
	fmt.Fprintf(g.system.Err, "rehearsing (%s); nothing is switched off\n", accepted.Workflow)
	for {
		state, err := c.ShedState(ctx, accepted.Workflow)
		if err != nil {
			return err
		}
		if state.Now == workflows.ShedOver {
			if err := g.showShed(state, f.json); err != nil {
				return err
			}
			failed := func(s workflows.ShedProgress) bool { return s.State == shed.Failed }
			if slices.ContainsFunc(state.Steps, failed) {
				return errors.New("a step could not be taken: see above")
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (g *globals) showShed(state workflows.ShedState, asJSON bool) error {
	if asJSON {
		return g.json(state)
	}
	out := g.system.Out
	mode := ""
	if state.DryRun {
		mode = " (nothing is switched off: it only says what it would do)"
	}
	fmt.Fprintf(out, "room %s since %s%s: %s\n", state.Room, state.Since.Local().Format("2006-01-02 15:04:05"), mode, state.Now)
	if state.Threat.Reason != "" {
		fmt.Fprintf(out, "%s (%s)\n", state.Threat.Reason, state.Threat.At.Local().Format("15:04:05"))
	}
	for i, step := range state.Steps {
		at := ""
		if moved := cmp.Or(step.BackAt, step.At); !moved.IsZero() {
			at = moved.Local().Format("15:04:05") + " "
		}
		fmt.Fprintf(out, "%3d  %-24s %-9s %s%s\n", i+1, step.What, stateOf(step, state.DryRun), at, step.Words)
	}
	told := func(word string, said *workflows.ShedWord) {
		if said != nil {
			fmt.Fprintf(out, "%s by %s: %s\n", word, said.Who, said.Why)
		}
	}
	told("stopped", state.Stopped)
	told("to be brought back", state.Restoring)
	return nil
}

// stateOf is a step's state in a word. What a dry run could take it has neither taken nor brought back.
func stateOf(step workflows.ShedProgress, dryRun bool) string {
	if dryRun && (step.State == shed.Taken || step.State == shed.Restored) {
		return "possible"
	}
	return step.State
}
