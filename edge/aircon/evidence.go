package aircon

import (
	"fmt"
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
)

// What air and power say of a machine. The numbers are from the project's reference on cooling: a compressor rests
// 3 minutes before it starts again and its air follows within a minute or two (2.2), so an answer may take 5
// minutes; a machine that cools blows at the least 5 K under the air that it draws (1b); thermostats are good for
// ±1 °C (2.2) and cheap sensors for ±0.5 (2.4).
const (
	// answerMost is how long a machine that obeys may take to show it, and for how long what contradicts must last.
	answerMost = 5 * time.Minute
	// coldK and stillK: supply air this far under return air is cooled; less than this is only blown.
	coldK, stillK = 5.0, 2.0
	// needK over its setpoint a machine must cool; amplyK under it it must not. Where inlets stand in for return air
	// (they are up to 4 K warmer: recirculation), standInK more.
	needK, amplyK, standInK = 1.5, 2.0, 1.5
	// movedK is the least change of a room that is none of noise and sampling.
	movedK = 0.5
	// risingK each minute at the inlets is cooling lost: 0.2 to 0.7 in the first quarter of an hour (3.4).
	risingK = 0.1

	// freshMost is the age of an observation that says how it is now; they come each 10 s.
	freshMost = time.Minute
	// calmBefore is what of the time before an order shows how the room swung by itself: a cycle of a machine that
	// only knows on and off.
	calmBefore = 10 * time.Minute
)

// Value is a measured number, or none. Its zero value is none.
type Value struct {
	N     float64
	Known bool
}

// Known is a measured number; none for NaN and infinities.
func Known(n float64) Value {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Value{}
	}
	return Value{N: n, Known: true}
}

// Observation is what was measured near a machine at one moment.
type Observation struct {
	At     time.Time
	Supply Value // °C, the air that it blows out
	Return Value // °C, the air that it draws in
	Inlet  Value // °C, the mean of the room's inlets; stands in for Return
	Inlets int   // that the mean is of: means of other sensors are not compared
	Watts  Value // W, its electric power
}

// Claim is what a machine was told.
type Claim struct {
	State infrared.State
	// Before is what it did until then; nil when that is not known.
	Before *infrared.State
	// At is when it was first told, Last when it was last told.
	At, Last time.Time
	// Owed is since when it has had to cool by everything that it was told, where that is longer than Last: a colder
	// order gives a machine that does not cool no new respite. Zero for Last.
	Owed time.Time
	// Running is the power above which it certainly cools, W.
	Running float64
}

// Verdict is what observations say about a claim.
type Verdict int

// The verdicts.
const (
	// Waiting: it cannot be told yet.
	Waiting Verdict = iota
	// Open: it cannot be told as things are, which is nobody's fault.
	Open
	// Confirmed: the machine does what it was told.
	Confirmed
	// Missing: what the machine was told would show by now, and nothing does.
	Missing
	// Contradicted: the machine does something else.
	Contradicted
)

// String names the verdict.
func (v Verdict) String() string {
	return [...]string{"waiting", "open", "confirmed", "missing", "contradicted"}[v]
}

// Finding is a verdict with its reason: one sentence with numbers.
type Finding struct {
	Verdict Verdict
	Why     string
}

// Judge says what observations, oldest first, tell about a claim. Cold air and power show that a machine cools; they
// confirm a claim when it has to cool (or to rest) for what it was told and did not before. When it would do the same
// under what it was told before, only the room can tell: its air has to move.
func Judge(now time.Time, c Claim, seen []Observation) Finding {
	last := len(seen) - 1
	if last < 0 || now.Sub(seen[last].At) > freshMost || !seen[last].At.After(c.At) {
		return Finding{Waiting, "nothing was measured since it was told"}
	}
	s := c.look(seen[last])
	after := now.Sub(c.At).Round(time.Second)
	switch s.runs {
	case yes:
		return c.judgeRunning(now, s, seen, after)
	case no:
		return c.judgeResting(now, s, seen, after)
	case unclear:
		return c.judgeUnclear(now, s, seen)
	case unknown:
	}
	return c.judgeRoom(now, s, seen, after)
}

// judgeRunning is for a machine that certainly cools.
func (c Claim) judgeRunning(now time.Time, s sight, seen []Observation, after time.Duration) Finding {
	need := c.need(c.State, s)
	if need == no {
		if c.lasted(now, seen, func(s sight) bool { return s.runs == yes && c.need(c.State, s) == no }) {
			if !c.State.Power {
				return Finding{Contradicted, fmt.Sprintf("told off, still %s after %s", s.still, after)}
			}
			return Finding{Contradicted, fmt.Sprintf("told %d °C, it still cools at %s: %s after %s", c.State.Setpoint, s.air(), s.how, after)}
		}
		return Finding{Waiting, "it still cools: " + s.how}
	}
	shown := Finding{Confirmed, fmt.Sprintf("%s after %s", s.how, after)}
	if c.Before != nil && *c.Before == c.State && c.atFirst(seen).runs == yes {
		shown.Why += ", as before"
	}
	switch {
	case c.Before == nil && c.atFirst(seen).runs == no:
		return shown // it did not cool, and was told to
	case c.Before != nil && *c.Before == c.State && need == yes:
		return shown
	case c.Before != nil && *c.Before != c.State && c.need(*c.Before, s) == no:
		return shown // it would not cool for what it was told before
	case c.elsewhere() && c.holds(now, seen):
		return Finding{Confirmed, fmt.Sprintf("it cools and holds %s after %s, told %d °C", s.air(), after, c.State.Setpoint)}
	}
	return c.judgeMove(now, seen, after, s.how)
}

// holds says that the machine cools, and keeps the air that it draws where it was told to.
func (c Claim) holds(now time.Time, seen []Observation) bool {
	const under, over, still = 1.0, 1.25, 0.1 // K, K and K a minute: thermostats are good for ±1
	air, moves := swing(seen, now.Add(-answerMost), now), slope(seen, now.Add(-answerMost), now)
	at := air.mean.N - float64(c.State.Setpoint)
	return air.mean.Known && moves.Known && at >= -under && at <= over && math.Abs(moves.N) <= still &&
		c.lasted(now, seen, func(s sight) bool { return s.runs == yes })
}

// elsewhere says that a machine which holds its return air near the setpoint was not told something else near it before.
func (c Claim) elsewhere() bool {
	const far = 3 // °C: two setpoints whose machines cannot be taken for each other
	if c.Before == nil || *c.Before == c.State || !c.Before.Power {
		return c.State.Power
	}
	return c.State.Power && (c.Before.Setpoint-c.State.Setpoint >= far || c.State.Setpoint-c.Before.Setpoint >= far)
}

// judgeResting is for a machine that certainly does not cool.
func (c Claim) judgeResting(now time.Time, s sight, seen []Observation, after time.Duration) Finding {
	need := c.need(c.State, s)
	if need == yes {
		if c.lastedFrom(c.owed(), now, seen, func(s sight) bool { return s.runs == no && c.need(c.State, s) == yes }) {
			return Finding{Contradicted, fmt.Sprintf("told %d °C at %s, but %s after %s", c.State.Setpoint, s.air(), s.how, after)}
		}
		return Finding{Waiting, "it does not cool yet: " + s.how}
	}
	shown := Finding{Confirmed, fmt.Sprintf("%s after %s", s.how, after)}
	first := c.atFirst(seen)
	switch {
	case need == no && c.Before == nil && first.runs == yes:
		return shown
	case !c.State.Power && c.Before != nil && !c.Before.Power:
		return shown
	case c.Before != nil && *c.Before != c.State && c.wouldRun(now, s, first, seen):
		return shown
	case !c.State.Power:
		return Finding{Open, s.how + ", as it would if it were on: that tells nothing"}
	case !s.draws.Known:
		return Finding{Open, s.how + "; without its return air that tells nothing"}
	}
	if moved := c.judgeMove(now, seen, after, s.how); moved.Verdict == Confirmed {
		return moved
	}
	return Finding{Open, fmt.Sprintf("it need not cool: %s, told %d °C", s.air(), c.State.Setpoint)}
}

// stopMost is how soon a machine that cooled stops because it was told; later its own thermostat may have done it.
const stopMost = 2 * time.Minute

// wouldRun says that a machine that rests would cool for what it was told before.
func (c Claim) wouldRun(now time.Time, s, first sight, seen []Observation) bool {
	if first.runs == yes && c.need(*c.Before, first) == yes && c.need(*c.Before, s) == yes && now.Sub(c.At) <= stopMost {
		return true
	}
	return c.lasted(now, seen, func(s sight) bool { return s.runs == no && c.need(*c.Before, s) == yes })
}

// judgeUnclear is for air between blown and cooled, or air and power that disagree.
func (c Claim) judgeUnclear(now time.Time, s sight, seen []Observation) Finding {
	switch need := c.need(c.State, s); {
	case need != yes && need != no:
		return Finding{Open, s.how + ": too little to tell"}
	case c.lasted(now, seen, func(s sight) bool { return s.runs == unclear && c.need(c.State, s) == need }):
		return Finding{Missing, fmt.Sprintf("told %s at %s, and %s", c.State, s.air(), s.how)}
	}
	return Finding{Waiting, s.how}
}

// judgeRoom is for a machine that has neither a supply sensor nor a meter.
func (c Claim) judgeRoom(now time.Time, s sight, seen []Observation, after time.Duration) Finding {
	if !s.draws.Known {
		return Finding{Open, "no sensor in its air, no power meter and no reading of its room"}
	}
	if c.State.Power && c.State.Mode == infrared.ModeCool {
		was, is := slope(seen, c.At.Add(-answerMost), c.At), slope(seen, now.Add(-2*time.Minute), now)
		if was.Known && is.Known && was.N >= risingK && is.N <= -risingK && s.draws.N > float64(c.State.Setpoint) {
			return Finding{Confirmed, fmt.Sprintf("%s falls by %.1f K a minute after %s, having risen by %.1f", s.air(), -is.N, after, was.N)}
		}
		all := slope(seen, now.Add(-answerMost), now)
		if all.Known && all.N >= risingK && c.lasted(now, seen, func(s sight) bool { return c.need(c.State, s) == yes }) {
			return Finding{Contradicted, fmt.Sprintf("told %d °C, but %s rises by %.1f K a minute after %s", c.State.Setpoint, s.air(), all.N, after)}
		}
	}
	return c.judgeMove(now, seen, after, "only the room shows what it does")
}

// judgeMove looks whether the room has moved the way it was told to.
func (c Claim) judgeMove(now time.Time, seen []Observation, after time.Duration, otherwise string) Finding {
	if c.Before == nil || *c.Before == c.State {
		return Finding{Open, otherwise + ": that tells nothing about " + c.State.String()}
	}
	colder := c.State.Power && (!c.Before.Power || c.State.Setpoint < c.Before.Setpoint)
	least := movedK
	if c.State.Power && c.Before.Power {
		least = max(movedK, math.Abs(float64(c.State.Setpoint-c.Before.Setpoint))/2)
	}
	was, is := swing(seen, c.At.Add(-calmBefore), c.At), swing(seen, now.Add(-freshMost), now).mean
	if was.mean.Known && is.Known {
		if colder && is.N <= was.mean.N-least && is.N < was.low || !colder && is.N >= was.mean.N+least && is.N > was.high {
			return Finding{Confirmed, fmt.Sprintf("the air that it draws went from %.1f to %.1f °C in %s", was.mean.N, is.N, after)}
		}
	}
	if now.Sub(c.Last) < answerMost {
		return Finding{Waiting, otherwise + ": the room has to move first"}
	}
	return Finding{Open, fmt.Sprintf("%s, as it would for %s, and the room has not moved", otherwise, *c.Before)}
}
