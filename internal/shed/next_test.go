package shed

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ordinary() Plan {
	return Plan{Within: 10 * time.Minute, StepEvery: time.Minute, ResumeAfter: 5 * time.Minute}
}

func TestNext(t *testing.T) {
	hot := Threat{At: noon(), Inlet: 30, KMin: 0.3, Lost: true, ToGo: 6.7, Reason: "hot"}
	calm := Threat{At: noon(), Inlet: 24, ToGo: mostMinutes, Reason: "calm"}
	with := func(t Threat, change func(*Threat)) Threat {
		change(&t)
		return t
	}
	waits := func(until time.Duration) Action { return Action{Do: Wait, Until: noon().Add(until)} }
	silence := freshFor + time.Second
	for name, c := range map[string]struct {
		p    Progress
		want Action
	}{
		"the first step": {Progress{Threat: hot, Steps: []string{Waiting, Waiting}}, Action{Do: Take}},
		"the next one waits for the effect of the last": {
			Progress{Threat: hot, Steps: []string{Taken, Waiting}, Moved: noon().Add(-20 * time.Second)}, waits(40 * time.Second),
		},
		"what failed is passed over":      {Progress{Threat: hot, Steps: []string{Failed, Waiting}}, Action{Do: Take, Step: 1}},
		"time enough":                     {Progress{Threat: with(hot, func(t *Threat) { t.ToGo = 11 }), Steps: []string{Waiting}}, waits(silence)},
		"too few sensors":                 {Progress{Threat: with(hot, func(t *Threat) { t.Blind = true }), Steps: []string{Waiting}}, waits(silence)},
		"stopped":                         {Progress{Threat: hot, Steps: []string{Taken, Waiting}, Stopped: true}, waits(silence)},
		"stopped, and nothing is off":     {Progress{Threat: hot, Steps: []string{Waiting}, Stopped: true}, Action{Do: End}},
		"all is given up":                 {Progress{Threat: hot, Steps: []string{Taken, Failed}}, waits(silence)},
		"cool, not for long enough":       {Progress{Threat: calm, Steps: []string{Taken}, Cool: noon().Add(-4*time.Minute - 30*time.Second)}, waits(30 * time.Second)},
		"cool":                            {Progress{Threat: calm, Steps: []string{Taken, Taken, Waiting}, Cool: noon().Add(-5 * time.Minute)}, Action{Do: Restore, Step: 1}},
		"stopped and cool":                {Progress{Threat: calm, Steps: []string{Taken}, Cool: noon().Add(-5 * time.Minute), Stopped: true}, Action{Do: Restore}},
		"brought back, and watched":       {Progress{Threat: calm, Steps: []string{Taken, Restored}, Cool: noon().Add(-time.Hour), Moved: noon().Add(-10 * time.Second)}, waits(50 * time.Second)},
		"all is back":                     {Progress{Threat: calm, Steps: []string{Restored, Left}, Cool: noon().Add(-time.Hour)}, Action{Do: End}},
		"everything back, by a person":    {Progress{Threat: hot, Steps: []string{Taken, Taken}, Restoring: true}, Action{Do: Restore, Step: 1}},
		"back by a person, and over":      {Progress{Threat: hot, Steps: []string{Restored, Waiting}, Restoring: true}, Action{Do: End}},
		"a rehearsal takes":               {Progress{Threat: calm, Steps: []string{Taken, Waiting}, Moved: noon(), Rehearsing: true}, Action{Do: Take, Step: 1}},
		"a rehearsal brings back":         {Progress{Threat: calm, Steps: []string{Taken, Taken}, Moved: noon(), Rehearsing: true}, Action{Do: Restore, Step: 1}},
		"a rehearsal ends":                {Progress{Steps: []string{Restored, Failed}, Rehearsing: true}, Action{Do: End}},
		"an old word takes nothing":       {Progress{Threat: with(hot, func(t *Threat) { t.At = noon().Add(-3 * time.Minute) }), Steps: []string{Taken, Waiting}}, Action{Do: Wait}},
		"an old word brings nothing back": {Progress{Threat: with(calm, func(t *Threat) { t.At = noon().Add(-time.Hour) }), Steps: []string{Taken}, Cool: noon().Add(-2 * time.Hour)}, Action{Do: Wait}},
		"nothing heard, and nothing off":  {Progress{Threat: with(hot, func(t *Threat) { t.At = noon().Add(-time.Hour) }), Steps: []string{Waiting}}, Action{Do: End}},
	} {
		t.Run(name, func(t *testing.T) {
			c.p.Now, c.p.Plan = noon(), ordinary()
			got := Next(c.p)
			got.Why = ""
			require.Equal(t, c.want, got)
		})
	}
}

// In any world: steps are taken in order and only while a fresh threat presses, come back in the reverse order and only
// when the room is cool or a person says so, and waiting never stands still without a time or a message to wait for.
func TestNextInAnyWorld(t *testing.T) {
	states := []string{Waiting, Taken, Failed, Restored, Left}
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 7)) // repeatable
		ago := func(most int) time.Time { return noon().Add(-time.Duration(r.IntN(most)) * time.Second) }
		p := Progress{Now: noon(), Plan: ordinary(), Moved: ago(300), Stopped: r.IntN(5) == 0, Restoring: r.IntN(8) == 0}
		p.Threat = Threat{At: ago(200), Lost: r.IntN(2) == 0, Blind: r.IntN(4) == 0, ToGo: Minutes(r.IntN(20))}
		if r.IntN(2) == 0 {
			p.Cool = ago(900)
		}
		for range 1 + r.IntN(4) {
			p.Steps = append(p.Steps, states[r.IntN(len(states))])
		}
		fresh := noon().Sub(p.Threat.At) <= freshFor
		switch a := Next(p); a.Do {
		case Take:
			require.Equal(t, slices.Index(p.Steps, Waiting), a.Step, "%+v", p)
			require.True(t, fresh && p.Threat.Lost && !p.Threat.Blind && p.Threat.ToGo <= 10 && !p.Stopped && !p.Restoring, "%+v", p)
			require.GreaterOrEqual(t, noon().Sub(p.Moved), p.Plan.StepEvery, "%+v", p)
		case Restore:
			require.Equal(t, Taken, p.Steps[a.Step])
			require.NotContains(t, p.Steps[a.Step+1:], Taken, "%+v", p)
			require.True(t, p.Restoring || fresh && !p.Cool.IsZero() && noon().Sub(p.Cool) >= p.Plan.ResumeAfter, "%+v", p)
		case End:
			require.NotContains(t, p.Steps, Taken, "%+v", p)
		case Wait:
			require.True(t, a.Until.IsZero() || a.Until.After(noon()), "%+v", p)
			// Without a time it waits for the control loop to be heard again, or for a person.
			require.True(t, !a.Until.IsZero() || !fresh, "%+v", p)
		default:
			t.Fatalf("unknown action %q", a.Do)
		}
	}
}
