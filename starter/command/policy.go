package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// policyFlags are those of `policy`.
type policyFlags struct {
	service  string
	settings []string
	request  workflows.PolicyRequest
	dryRun   bool
	show     bool
	asJSON   bool
}

func newPolicy(g *globals) *cobra.Command {
	var f policyFlags
	cmd := &cobra.Command{
		Use:   "policy ROOM [--set KEY=VALUE …] [--reset] [--dry-run] --why TEXT",
		Short: "Show the numbers that a room is cooled by, or change some of them",
		Long: "Show the numbers that a room is cooled by, as they are at this hour, or change some of them. Keys and values are those of\n" +
			"the specification (docs/policy.md). What changes is shown first, and what the room's tuning then goes by after it. A\n" +
			"policy set here holds until somebody sets another one, resets it, or applies a specification with another policy.\n" +
			"--set schedule=none takes the schedule away.",
		Example: "  starter policy server-room\n  starter policy server-room --set setpoint-max=25 --set up-every=20m --why \"heat wave\"\n" +
			"  starter policy server-room --reset --why \"back to the specification\"",
		Args: words(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			f.request.Who = g.who(f.request.Who)
			return g.quick(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				state, err := c.TuneState(ctx, f.service, args[0])
				switch {
				case err != nil:
					return err
				case f.changes():
					return g.setPolicy(ctx, c, f, state)
				}
				return g.showPolicy(state, f.asJSON, time.Now())
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.service, "service", defaultService, "name of the service")
	flags.StringArrayVar(&f.settings, "set", nil, "a number to change, KEY=VALUE; may be repeated")
	flags.BoolVar(&f.request.Reset, "reset", false, "take the specification's policy first")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what would change")
	flags.BoolVar(&f.show, "show", false, "show the policy; so it does without --set and --reset")
	flags.BoolVar(&f.asJSON, "json", false, "show it as JSON")
	flags.StringVar(&f.request.Why, "why", "", "the reason, for the others")
	flags.StringVar(&f.request.Who, "who", "", "who asks (default: the user)")
	return cmd
}

func (f policyFlags) changes() bool { return len(f.settings) > 0 || f.request.Reset }

// check refuses flags that do not go together, before anybody is asked.
func (f policyFlags) check() error {
	for _, setting := range f.settings {
		if key, _, found := strings.Cut(setting, "="); !found || key == "" {
			return fmt.Errorf("%q is no setting: write KEY=VALUE, as in setpoint-max=26", setting)
		}
	}
	switch {
	case f.changes() && (f.asJSON || f.show):
		return errors.New("--json shows the policy: write it without --set and --reset")
	case f.changes() && !f.dryRun && strings.TrimSpace(f.request.Why) == "":
		return errors.New("--why must be given: a policy is changed for a reason")
	}
	return nil
}

// setPolicy shows what changes, changes it, and says what then holds.
func (g *globals) setPolicy(ctx context.Context, c *temporal.Client, f policyFlags, state workflows.TuneState) error {
	patch, err := settings(state.Policy, f.settings)
	if err != nil {
		return err
	}
	f.request.Policy = patch
	if !f.request.Reset { // the specification's is not known here
		next := state.Policy
		if err := json.Unmarshal(patch, &next); err != nil {
			return err
		}
		if err := next.Validate(); err != nil {
			return err
		}
		changes := workflows.PolicyChanges(state.Policy, next)
		if len(changes) == 0 {
			fmt.Fprintf(g.system.Out, "nothing changes: the policy of %s is so already\n", state.Room)
			return nil
		}
		writeChanges(g.system.Out, "changes in the policy of "+state.Room+":", changes)
	}
	if f.dryRun {
		return nil
	}
	accepted, err := c.SetPolicy(ctx, f.service, state.Room, f.request)
	if err != nil {
		return err
	}
	if len(accepted.Changed) == 0 {
		fmt.Fprintf(g.system.Out, "nothing has changed: the policy of %s was so already\n", state.Room)
		return nil
	}
	writeChanges(g.system.Out, "the tuning of "+state.Room+" has taken them:", accepted.Changed)
	return nil
}

// settings turns KEY=VALUE into the part of a policy that they change.
func settings(p spec.Policy, pairs []string) (json.RawMessage, error) {
	next, patch := p, map[string]any{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		key = strings.ReplaceAll(strings.TrimSpace(key), "_", "-")
		if key == "schedule" {
			if strings.TrimSpace(value) != "none" {
				return nil, errors.New("a schedule is written in the specification; --set schedule=none takes it away")
			}
			patch["schedule"] = []spec.ScheduleEntry{}
			continue
		}
		if err := next.Set(key, value); err != nil {
			return nil, err
		}
		if key == "time-zone" {
			patch["time_zone"] = next.TimeZone
		}
		fields := next.Fields()
		if at := slices.IndexFunc(fields, func(field spec.Field) bool { return field.Key == key }); at >= 0 {
			patch[fields[at].JSON()] = fields[at].To
		}
	}
	return json.Marshal(patch)
}

func writeChanges(out io.Writer, title string, changes []workflows.PolicyChange) {
	fmt.Fprintln(out, title)
	for _, change := range changes {
		fmt.Fprintf(out, "  %s\n", change)
	}
}

// policyShown is what `policy --json` shows.
type policyShown struct {
	Room    string      `json:"room"`
	Policy  spec.Policy `json:"policy"` // with its schedule
	InForce spec.Policy `json:"in_force"`
	// NextChange is when the schedule brings another one; zero: never.
	NextChange time.Time `json:"next_change,omitzero"`
}

// showPolicy draws the policy in force, and where this hour's differs from what is stated.
func (g *globals) showPolicy(state workflows.TuneState, asJSON bool, now time.Time) error {
	shown := policyShown{Room: state.Room, Policy: state.Policy, InForce: state.Policy.At(now)}
	shown.NextChange, _ = state.Policy.NextChange(now)
	if asJSON {
		return g.json(shown)
	}
	out := g.system.Out
	fmt.Fprintf(out, "policy of room %s at %s\n", state.Room, stamp(now))
	if len(state.Policy.Schedule) > 0 {
		next := ""
		if !shown.NextChange.IsZero() {
			next = ", next change " + stamp(shown.NextChange)
		}
		fmt.Fprintf(out, "schedule (%s)%s: %s\n", first(state.Policy.TimeZone, "UTC"), next, workflows.Scheduled(state.Policy))
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tNOW\tMAY BE\tMEANS")
	stated := shown.Policy.Fields()
	for i, field := range shown.InForce.Fields() {
		value := field.String()
		if other := stated[i].String(); other != value {
			value += " (otherwise " + other + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", field.Key, value, field.Range(), field.Means)
	}
	return table.Flush()
}
